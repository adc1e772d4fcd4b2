"""Half precision: half of the bytes, twice the clips, an error of less than a millimetre."""

import pytest
import torch

from charon.memory.thinned import Thinned
from charon.memory.thinned_fp16 import ThinnedFp16

SHAPE = (3, 120, 25, 2)


@pytest.mark.parametrize("interval", [1, 5])
def test_it_holds_twice_the_clips_in_half_of_the_bytes_each(interval):
    full, half = Thinned(SHAPE, interval), ThinnedFp16(SHAPE, interval)
    assert half.bytes_per_clip == full.bytes_per_clip // 2
    assert half.capacity(500) == 2 * full.capacity(500)
    assert half.capacity(500, "times_interval") == 500 * interval


@pytest.mark.parametrize("rebuild", ["linear", "resize"])
def test_it_rebuilds_what_thinning_does_but_for_the_rounding(rebuild):
    x = 4 * torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(0)) - 2  # metres
    full, half = (kind(SHAPE, 5, rebuild) for kind in (Thinned, ThinnedFp16))
    error = half.decode(half.encode(x)) - full.decode(full.encode(x))
    assert 0 < error.abs().max() <= 0.0005
