"""A reader of .npz arrays, the large ones a slab of rows at a time.

Nothing is ever unpickled: arrays of Python objects are refused.
"""

import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from charon.errors import DataError

Result = TypeVar("Result")

SLAB_BYTES = 32 * 2**20
"""Large enough for the disk, small enough to hold a few in memory."""

_PIECE_BYTES = 2**20
"""Bytes unpacked at once: they stay in the processor's cache until they are copied."""

_MAX_BYTES_AT_ONCE = 2**30

MAX_THREADS = 4
"""Threads that convert slabs: more would wait for the thread that reads, and hold memory."""


@dataclass(frozen=True)
class ArrayHeader:
    """Shape and type of an array in the file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool


class NpzReader:
    """An open .npz.

    Raises:
        DataError: from every method: the file is truncated or no .npz, the array is missing,
            or it holds Python objects. The message names the file and the array.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise DataError(
                f"{path} is not an .npz, or it is truncated; copy or make it again."
            ) from error
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from error
        self.keys = {n.removesuffix(".npy") for n in self._zip.namelist() if n.endswith(".npy")}

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def header(self, key: str) -> ArrayHeader:
        """Return shape and type of an array."""
        with self._opened(key) as member:
            return self._read_header(key, member)

    def wrong(self, key: str, wanted: str) -> DataError:
        """Return the error for an array that has not the type or shape wanted."""
        header = self.header(key)
        return DataError(
            f"{self.path}: `{key}` must be {wanted}, but it is {header.dtype} {header.shape}."
        )

    def read(self, key: str) -> NDArray[Any]:
        """Return a whole array; for ids, labels and names, at most 1 GiB."""
        header = self.header(key)
        if prod(header.shape) * header.dtype.itemsize > _MAX_BYTES_AT_ONCE:
            raise DataError(f"{self.path}: `{key}` has shape {header.shape}, which is too large.")
        with self._opened(key) as member:
            return np.asarray(np.lib.format.read_array(member, allow_pickle=False))

    def slabs(self, key: str) -> Iterator[NDArray[Any]]:
        """Yield the array's rows in order, about ``SLAB_BYTES`` at a time."""
        with self._opened(key) as member:
            header = self._read_header(key, member)
            if header.is_fortran:
                raise DataError(
                    f"{self.path}: `{key}` is stored column by column; save it again with "
                    "numpy.ascontiguousarray."
                )
            num_rows, *row = header.shape
            step = max(1, SLAB_BYTES // max(1, prod(row) * header.dtype.itemsize))
            for start in range(0, num_rows, step):
                slab = np.empty((min(step, num_rows - start), *row), header.dtype)
                _fill(slab, member)
                yield slab

    @contextmanager
    def _opened(self, key: str) -> Iterator[IO[bytes]]:
        if key not in self.keys:
            known = ", ".join(sorted(self.keys)) or "nothing"
            raise DataError(f"{self.path} has no array `{key}`; it has: {known}.")
        try:
            with self._zip.open(f"{key}.npy") as member:
                yield member
        except (EOFError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            raise DataError(
                f"{self.path}: `{key}` is truncated or damaged ({error or 'it ends too early'}); "
                "copy or make the file again."
            ) from error

    def _read_header(self, key: str, member: IO[bytes]) -> ArrayHeader:
        version = np.lib.format.read_magic(member)
        if version == (1, 0):
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(member)
        elif version == (2, 0):
            shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(member)
        else:
            raise ValueError(f"its format {version} is not known")
        if dtype.hasobject:
            raise DataError(
                f"{self.path}: `{key}` holds Python objects, which can carry code and are not "
                "read; save it as a plain array of numbers or text."
            )
        return ArrayHeader(shape, dtype, is_fortran)


def _fill(slab: NDArray[Any], member: IO[bytes]) -> None:
    view = memoryview(slab.reshape(-1).view(np.uint8).data)
    while view:
        data = member.read(min(len(view), _PIECE_BYTES))
        if not data:
            raise EOFError
        view[: len(data)] = data
        view = view[len(data) :]


def map_slabs(
    function: Callable[[int, NDArray[Any]], Result],
    slabs: Iterator[NDArray[Any]],
    workers: int,
) -> Iterator[Result]:
    """Yield ``function(first row, slab)`` in order, computed in up to ``workers`` threads.

    There are at most ``MAX_THREADS``, and another that reads ahead. With ``t`` threads, at most
    ``t + 3`` slabs and their results are held at any time, whatever the size of the file.
    """
    workers = min(workers, MAX_THREADS)
    with ThreadPoolExecutor(workers) as threads, closing(_read_ahead(slabs)) as slabs:
        waiting: deque[Future[Result]] = deque()
        try:
            row = 0
            for slab in slabs:
                waiting.append(threads.submit(function, row, slab))
                row += len(slab)
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _read_ahead(slabs: Iterator[NDArray[Any]]) -> Generator[NDArray[Any], None, None]:
    """Yield the slabs while the next is being read."""
    with ThreadPoolExecutor(1) as reader:
        following = reader.submit(next, slabs, None)
        while (slab := following.result()) is not None:
            following = reader.submit(next, slabs, None)
            yield slab


def check_finite(slab: NDArray[np.float32], first_row: int, where: str) -> None:
    """Raise a :class:`DataError` that names the first row with a NaN or an infinite value."""
    if not np.isfinite(slab).all():
        bad = np.flatnonzero(~np.isfinite(slab).all(axis=tuple(range(1, slab.ndim))))
        raise DataError(
            f"{where}: row {first_row + int(bad[0])} has a value that is NaN or infinite; "
            "repair or remove that clip."
        )


def lengths(nonempty: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for bool (clip, frame) the number of frames up to the last True; 0 without any."""
    last = nonempty.shape[1] - np.argmax(nonempty[:, ::-1], axis=1)
    return np.where(nonempty.any(axis=1), last, 0)
