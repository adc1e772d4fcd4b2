"""Generators by purpose."""

import torch

from charon.seeding import derive_seed, numpy_generator, torch_generator

PURPOSES = [("weights",), ("shuffle",), ("crop", 0), ("crop", 1), ("crop", 10), ("crop", "1", "0")]


def test_a_seed_and_a_purpose_make_one_stream():
    assert derive_seed(3, "weights") == derive_seed(3, "weights")
    one, same = (torch.rand(4, generator=torch_generator(3, "weights")) for _ in range(2))
    assert torch.equal(one, same)
    assert numpy_generator(3, "crop").random() == numpy_generator(3, "crop").random()


def test_other_seeds_and_purposes_make_others():
    seeds = {derive_seed(seed, *purpose) for seed in range(50) for purpose in PURPOSES}
    assert len(seeds) == 50 * len(PURPOSES)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_seeds_are_the_same_on_every_machine():
    """A change of this number changes every result."""
    assert derive_seed(0, "weights") == 8_499_703_138_442_296_907
