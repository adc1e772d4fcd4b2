"""How many tuples are kept, which, and where they go for the decoder."""

from itertools import combinations

import pytest
import torch

from charon.model.masking import (
    Kept,
    Masker,
    append_unit,
    fill_units,
    hidden_frames,
    num_kept,
    take_units,
)
from charon.seeding import torch_generator


@pytest.mark.parametrize(
    ("masking_ratio", "kept"),
    [
        *((0, 20), (0.15, 17), (0.3, 14), (0.35, 13), (0.45, 11), (0.5, 10), (0.6, 8)),
        *((0.7, 6), (0.75, 5), (0.8, 4), (0.85, 3), (0.9, 2), (0.95, 1)),
    ],
)
def test_exact_counts_of_twenty_tuples(masking_ratio, kept):
    assert num_kept(20, masking_ratio) == kept


@pytest.mark.parametrize("hidden", range(20))
def test_computed_ratios_keep_what_they_say(hidden):
    for masking_ratio in (hidden * 0.05, hidden / 20, 1 - (20 - hidden) / 20):
        assert num_kept(20, masking_ratio) == 20 - hidden


def test_a_ratio_between_whole_tuples_hides_no_fewer_than_asked():
    assert num_kept(20, 0.31) == 13
    assert num_kept(4, 0.3) == 2
    # The encoder always sees something.
    assert num_kept(20, 0.99) == 1
    assert num_kept(1, 0.5) == 1


def test_the_released_codes_floating_point_traps():
    def released(masking_ratio):
        return num_kept(20, masking_ratio, "float")

    # Written out: one tuple too few at 0.8 and at 0.9 ...
    assert [released(eta) for eta in (0, 0.3, 0.5, 0.6, 0.8, 0.9)] == [20, 14, 10, 8, 3, 1]
    # ... and, where a search computes multiples of 0.05, at 0.35, 0.6, 0.7 and 0.85.
    assert [released(k * 0.05) for k in (7, 12, 14, 17)] == [12, 7, 5, 2]
    # There, 0.95 would keep nothing.
    with pytest.raises(ValueError, match=r"masking_ratio=0.95\d* keeps none of 20 tuples"):
        released(19 * 0.05)


def draw(num_rows, num_tuples, kept, masking="random", position="post", per_tuple=3, seed=0):
    masker = Masker(num_tuples, kept, per_tuple, masking, position)
    return masker.draw([num_rows], torch_generator(seed, "masking"))


def hidden_units(kept, units):
    return [sorted(set(range(units)) - set(row)) for row in kept.index.tolist()]


def test_deterministic_masking_hides_evenly_spaced_tuples():
    # floor((j + 1/2) · T / h), worked out by hand.
    assert hidden_units(draw(2, 20, 14, "deterministic"), 20) == [[1, 5, 8, 11, 15, 18]] * 2
    assert hidden_units(draw(1, 20, 10, "deterministic"), 20) == [list(range(1, 20, 2))]
    assert hidden_units(draw(1, 4, 2, "deterministic"), 4) == [[1, 3]]
    assert hidden_units(draw(1, 4, 4, "deterministic"), 4) == [[]]
    assert hidden_units(draw(1, 3, 1, "deterministic"), 3) == [[0, 2]]


def test_deterministic_masking_before_tuples_hides_single_frames():
    # 12 frames, 2 of 4 tuples kept: 6 frames are hidden, every other one.
    kept = draw(1, 4, 2, "deterministic", "pre")
    assert kept.position == "pre"
    assert hidden_units(kept, 12) == [[1, 3, 5, 7, 9, 11]]
    # 3 of 4 tuples kept: frames floor((j + 1/2) · 4).
    assert hidden_units(draw(1, 4, 3, "deterministic", "pre"), 12) == [[2, 6, 10]]


def test_deterministic_masking_draws_nothing():
    generator = torch_generator(0, "masking")
    before = generator.get_state()
    Masker(4, 2, 3, "deterministic", "post").draw([2], generator)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize(("position", "units", "kept"), [("post", 4, 2), ("pre", 12, 6)])
def test_random_masking_keeps_that_many_distinct_units_in_their_order(position, units, kept):
    index = draw(500, 4, 2, position=position).index
    assert index.shape == (500, kept)
    assert (index.diff(dim=1) > 0).all()
    assert index.min() >= 0
    assert index.max() < units


def test_every_subset_is_as_likely_and_rows_are_independent():
    rows = [tuple(row) for row in draw(6000, 4, 2).index.tolist()]
    counts = [rows.count(subset) for subset in combinations(range(4), 2)]
    assert sum(counts) == 6000
    # Chi-square with 5 degrees of freedom: above 20.5 once in a thousand seeds.
    assert sum((count - 1000) ** 2 / 1000 for count in counts) < 20.5
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    assert sum(one == other for one, other in pairs) == pytest.approx(500, abs=70)


def test_nothing_is_hidden_at_ratio_zero():
    assert draw(2, 4, 4).index.tolist() == [[0, 1, 2, 3]] * 2


def test_units_go_back_to_where_they_came_from():
    # One row, two channels, four tuples of one token; 1 and 3 are kept.
    x = torch.tensor([[[[10.0, 11, 12, 13]], [[20, 21, 22, 23]]]])
    index = torch.tensor([[1, 3]])
    taken = take_units(x, index, dim=3)
    assert taken.tolist() == [[[[11, 13]], [[21, 23]]]]
    more = append_unit(taken, torch.tensor([-1.0, -2.0]), dim=3)
    assert more.tolist() == [[[[11, 13, -1]], [[21, 23, -2]]]]
    filled = fill_units(more, index, 3, 4)
    assert filled.tolist() == [[[[-1, 11, -1, 13]], [[-2, 21, -2, 23]]]]


def test_rows_are_filled_by_their_own_masks():
    x = torch.arange(1.0, 5).view(2, 1, 2, 1)
    x = append_unit(x, torch.zeros(1), dim=2)
    filled = fill_units(x, torch.tensor([[0, 2], [1, 2]]), 2, 3)
    assert filled.flatten(1).tolist() == [[1, 0, 2], [0, 3, 4]]


def test_the_filling_learns_from_hidden_places_only():
    filling = torch.zeros(1, requires_grad=True)
    taken = torch.ones(1, 1, 2, 1, requires_grad=True)
    more = append_unit(taken, filling, dim=2)
    fill_units(more, torch.tensor([[0, 3]]), 2, 5).sum().backward()
    assert filling.grad.tolist() == [3]
    assert taken.grad.flatten().tolist() == [1, 1]


@pytest.mark.parametrize("dim", [2, 3])
def test_units_and_their_gradients_stay_in_the_memory_that_convolutions_read(dim):
    def is_channels_last(x):
        return x.is_contiguous(memory_format=torch.channels_last)

    x = torch.randn(2, 3, 5, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    index = torch.tensor([[0, 2, 4], [1, 2, 3]])
    taken = take_units(x, index, dim)
    more = append_unit(taken, torch.zeros(3), dim)
    filled = fill_units(more, index, dim, x.shape[dim])
    slopes = torch.autograd.grad(filled.square().sum(), (more, x))
    assert all(map(is_channels_last, (taken, more, filled, *slopes)))


def test_hidden_frames_are_those_the_encoder_does_not_see():
    # Tuples 0 and 2 of 3 are kept, of 2 frames each; before tuples, frames are kept themselves.
    tuples = Kept(torch.tensor([[0, 2]]), "post")
    assert hidden_frames(tuples, 6, 2).tolist() == [[False, False, True, True, False, False]]
    frames = Kept(torch.tensor([[0, 3, 4, 5]]), "pre")
    assert hidden_frames(frames, 6, 2).tolist() == [[False, True, True, False, False, False]]
