"""Slabs are converted in order by a few threads, and what is not finite is said."""

import threading
import time

import numpy as np
import pytest

from charon.data.slabs import check_finite, map_slabs
from charon.errors import DataError


def test_a_value_that_is_not_finite_is_said_with_its_row():
    slab = np.ones((3, 2, 2), np.float32)
    check_finite(slab, 10, "set.npz: `x`")
    slab[1, 0, 1] = np.inf
    with pytest.raises(DataError, match=r"^set\.npz: `x`: row 11 has a value that is NaN or inf"):
        check_finite(slab, 10, "set.npz: `x`")


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_slabs_are_converted_in_order_by_a_few_threads_and_few_are_held(workers):
    num_read, threads = 0, set()

    def slabs():
        nonlocal num_read
        for index in range(20):
            num_read += 1
            yield np.full(3, index)

    def convert(first_row, slab):
        threads.add(threading.get_ident())
        time.sleep(0.001 * (slab[0] % 3))
        return first_row, int(slab[0])

    for index, result in enumerate(map_slabs(convert, slabs(), workers)):
        assert result == (3 * index, index)
        assert num_read - index <= min(workers, 4) + 3
    assert num_read == 20
    assert len(threads) <= min(workers, 4)


def test_an_error_of_reading_or_converting_reaches_the_caller():
    def slabs():
        yield np.zeros(1)
        raise DataError("damaged")

    def fail(first_row, slab):
        raise ZeroDivisionError

    with pytest.raises(DataError, match="damaged"):
        list(map_slabs(lambda row, slab: row, slabs(), 2))
    with pytest.raises(ZeroDivisionError):
        list(map_slabs(fail, iter([np.zeros(1)]), 2))
