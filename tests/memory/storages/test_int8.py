"""Eight bits: by hand, and with an error of half a step."""

import torch

from charon.memory.storages.int8 import Int8


def test_steps_by_hand():
    # One channel, two places in time, three joints, one body: a scale for each place.
    values = torch.tensor([[127.0, -64.2, 0.4], [0.0, 0.0, 0.0]]).view(1, 1, 2, 3, 1)
    steps, scale = parts = Int8().pack(values)
    assert scale.flatten().tolist() == [1, 0]
    assert steps.flatten().tolist() == [127, -64, 0, 0, 0, 0]
    assert Int8().unpack(parts).flatten().tolist() == [127, -64, 0, 0, 0, 0]


def test_a_number_is_off_by_half_a_step_at_most():
    values = torch.randn(4, 3, 6, 5, 2, generator=torch.Generator().manual_seed(0))
    values *= torch.tensor([1e-3, 1e-2, 0.1, 1, 10, 100])[:, None, None]
    steps, scale = parts = Int8().pack(values)
    assert steps.nbytes + scale.nbytes == values.numel() + 2 * 4 * 6 * 2
    error = (Int8().unpack(parts) - values).abs()
    largest = values.abs().amax(dim=(1, 3), keepdim=True)
    # Small scales are rounded more: by less than a millionth.
    assert (error <= largest / 254 * 1.001 + 1e-5).all()
