"""How much a memory may hold."""

import torch

from charon.memory.budget import Budget


def test_clips_of_equal_bytes_are_counted():
    budget = Budget.of_bytes(1000, 300)
    assert budget == Budget(3)
    assert budget.is_even
    assert budget.costs(torch.ones(2, 2, dtype=torch.bool)).tolist() == [1, 1]
    assert (budget.most_clips, budget.most_bodies(2)) == (3, 6)


def test_bodies_that_are_there_cost_bytes():
    budget = Budget.of_bytes(1000, 10, 90)
    present = torch.tensor([[True, False], [True, True], [False, False]])
    assert not budget.is_even
    assert budget.costs(present).tolist() == [100, 190, 100]
    assert (budget.most_clips, budget.most_clips_in(310)) == (10, 3)
    # Five clips of two bodies take 950; no ten clips hold more than 10 bodies.
    assert budget.most_bodies(2) == 10


def test_nothing_fits_nothing():
    assert Budget(0).most_clips == Budget.of_bytes(5, 10).most_clips == 0
    assert Budget.of_bytes(5, 10, 10).most_bodies(2) == 0
