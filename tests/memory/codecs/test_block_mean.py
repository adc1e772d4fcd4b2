"""Block means: by hand, and against a plain loop."""

import pytest
import torch
from memory.codecs.plain import clip_of, interpolated, noise

from charon.memory.codecs.block_mean import BlockMean


def test_block_means_by_hand():
    codec = BlockMean((1, 5, 1, 1), 2)
    (means,) = codec.encode(clip_of([0, 2, 4, 6, 9]))
    assert means.flatten().tolist() == [1, 5, 9]  # the last block is of one frame
    # They stand at 0.5, 2.5 and 4; before the first and after the last they are held.
    expected = clip_of([1, 2, 4, 5 + 4 / 3, 9])
    torch.testing.assert_close(codec.decode((means,)), expected)


@pytest.mark.parametrize("interval", [2, 3, 5, 7])
def test_it_does_what_a_loop_does(interval):
    x = noise(20)
    blocks = [range(a, min(a + interval, 20)) for a in range(0, 20, interval)]
    means = torch.stack([x[:, :, list(block)].mean(dim=2) for block in blocks], dim=2)
    middles = [sum(block) / len(block) for block in blocks]
    codec = BlockMean(x.shape[1:], interval)
    torch.testing.assert_close(codec.encode(x)[0], means)
    torch.testing.assert_close(codec.decode((means,)), interpolated(means, middles, 20))
