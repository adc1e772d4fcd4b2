"""DCT: by its formula, coefficient by coefficient."""

import math

import pytest
import torch
from memory.codecs.plain import clip_of, noise, num_kept

from charon.memory.codecs.dct import Dct


def test_a_clip_that_stands_still_is_its_first_coefficient():
    (found,) = Dct((1, 4, 1, 1), 2).encode(clip_of([3, 3, 3, 3]))
    torch.testing.assert_close(found.flatten(), torch.tensor([6.0, 0.0]))  # 3·√4


@pytest.mark.parametrize("interval", [1, 2, 3, 7])
def test_it_does_what_a_loop_does(interval):
    x, count = noise(20), num_kept(20, interval)
    waves = [
        torch.tensor([math.cos(math.pi * k * (t + 0.5) / 20) for t in range(20)])
        * math.sqrt((1 if k == 0 else 2) / 20)
        for k in range(count)
    ]
    expected = torch.stack([sum(wave[t] * x[:, :, t] for t in range(20)) for wave in waves], dim=2)
    codec = Dct(x.shape[1:], interval)
    torch.testing.assert_close(codec.encode(x)[0], expected)
    rebuilt = torch.stack(
        [sum(waves[k][t] * expected[:, :, k] for k in range(count)) for t in range(20)], dim=2
    )
    torch.testing.assert_close(codec.decode((expected,)), rebuilt)
