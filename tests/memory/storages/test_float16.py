"""Half precision: half of the bytes, an error of less than a millimetre."""

import torch

from charon.memory.storages.float16 import Float16


def test_numbers_of_two_metres_are_off_by_half_a_millimetre_at_most():
    values = 4 * torch.rand(4, 3, 6, 5, 2, generator=torch.Generator().manual_seed(0)) - 2
    (packed,) = parts = Float16().pack(values)
    assert packed.nbytes == values.nbytes // 2
    error = Float16().unpack(parts) - values
    assert 0 < error.abs().max() <= 0.0005
