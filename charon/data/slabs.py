"""Slabs of an array's rows: converted by threads in their order, and checked."""

from collections.abc import Callable, Iterator, Sized
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from charon.data.parallel import call_in_order
from charon.errors import DataError

Result = TypeVar("Result")
Rows = TypeVar("Rows", bound=Sized)

_LARGEST = 1e9
"""Of a position, in any unit; it can be subtracted and squared in float32."""


def map_slabs(
    function: Callable[[int, Rows], Result], slabs: Iterator[Rows], workers: int
) -> Iterator[Result]:
    """Yield ``function(first row, slab)`` in order, computed in up to ``workers`` threads.

    There are at most 4, and another that reads ahead; with ``t`` threads, at most ``t + 3`` slabs
    and their results are held at any time.
    """
    workers = min(workers, 4)  # more would wait for the thread that reads, and hold memory

    def read_ahead(reader: Executor) -> Iterator[tuple[int, Rows]]:
        row = 0
        following = reader.submit(next, slabs, None)
        while (slab := following.result()) is not None:
            following = reader.submit(next, slabs, None)
            yield row, slab
            row += len(slab)

    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(workers) as threads:
        try:
            yield from call_in_order(threads, function, read_ahead(reader), ahead=workers + 1)
        finally:
            threads.shutdown(cancel_futures=True)


def are_finite(x: NDArray[Any]) -> bool:
    """Return whether all values are numbers of which a difference has a float32."""
    # Two passes without a copy; a NaN is in both and makes them False.
    return not x.size or (float(x.max()) <= _LARGEST and float(x.min()) >= -_LARGEST)


def check_finite(slab: NDArray[Any], first_row: int, where: str) -> None:
    """Raise a :class:`DataError` that names the first row with a value that no position has."""
    if not are_finite(slab):
        usable = np.abs(slab.astype(np.float64)) <= _LARGEST
        bad = np.flatnonzero(~usable.all(axis=tuple(range(1, slab.ndim))))
        raise DataError(
            f"{where}: row {first_row + int(bad[0])} has a value that is NaN or infinite, or "
            "beyond 1e9; repair or remove that clip."
        )
