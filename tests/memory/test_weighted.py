"""The weights of linear interpolation, and their sums."""

import torch
from memory.codecs.plain import interpolated, noise

from charon.memory.weighted import WeightedSums, hats


def test_weights_by_hand():
    # Knots at 1 and 3 of five frames: held before and after, halfway at 2.
    weights = hats(torch.tensor([1.0, 3.0], dtype=torch.float64), 5)
    assert weights.tolist() == [[1, 0], [1, 0], [0.5, 0.5], [0, 1], [0, 1]]


def test_each_clip_may_have_its_own_knots():
    values, knots = noise(4), torch.tensor([[0.0, 2, 5, 9], [0, 1, 2, 9], [0.5, 4, 6.25, 7]])
    weights = hats(knots.double(), 10)
    for row, places in enumerate(knots.tolist()):
        found = torch.einsum("fk,ckjb->cfjb", weights[row].float(), values[row])
        expected = interpolated(values[row : row + 1], places, 10)[0]
        torch.testing.assert_close(found, expected)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 10, dtype=torch.float64))


class Halves(WeightedSums):
    """Keeps the sums of both halves of a clip."""

    kept = rebuilt = "halves"
    computed = 0

    def weights(self):
        self.computed += 1
        into = torch.eye(2, dtype=torch.float64).repeat_interleave(self.num_frames // 2, dim=1)
        return into, into.T


def test_sums_are_over_frames_alone_and_weights_are_computed_once():
    x = noise(12)
    codec = Halves(x.shape[1:], 6)
    for _ in range(2):
        (kept,) = codec.encode(x)
    torch.testing.assert_close(kept[:, :, 1], x[:, :, 6:].sum(dim=2))
    rebuilt = codec.decode((kept,))
    assert all(torch.equal(rebuilt[:, :, frame], kept[:, :, frame // 6]) for frame in range(12))
    assert codec.computed == 1
