"""A run's learner: made from its description alone, the same every time."""

import pickle
from functools import partial

import pytest
import torch
from tiny_runs import PARTS, tiny_learner, tiny_run

from charon.learners import LEARNERS
from charon.training.build import make_learner, make_network

SHAPE = (3, 12, 5, 2)
CPU = torch.device("cpu")


@pytest.mark.parametrize("name", LEARNERS)
def test_each_method_is_made_by_its_name(name):
    learner = tiny_learner(tiny_run(name))
    assert isinstance(learner, LEARNERS[name].learner)
    assert learner.setup.epochs == 2


def test_the_joint_stream_is_a_single_task():
    split, joint = (
        make_learner(tiny_run(data__stream=stream), SHAPE, 6, PARTS, CPU).setup
        for stream in ("split", "joint")
    )
    assert split.tasks == (range(0, 2), range(2, 4), range(4, 6))
    assert joint.tasks == (range(0, 6),)


def test_weights_depend_on_the_seed_alone_and_the_maker_can_be_sent_to_another_process():
    maker = partial(make_network, tiny_run(), SHAPE, 6, CPU)
    networks = [
        made(with_decoder=False).state_dict()
        for made in (maker, maker, pickle.loads(pickle.dumps(maker)))
    ]
    other = make_network(tiny_run(seed=1), SHAPE, 6, CPU, with_decoder=False).state_dict()
    for name, weight in networks[0].items():
        assert all(torch.equal(weight, network[name]) for network in networks)
    assert any(not torch.equal(weight, other[name]) for name, weight in networks[0].items())


@pytest.mark.parametrize(("scores", "num_coordinates"), [("threshold", None), ("channel", 2)])
def test_a_channel_of_scores_is_not_rotated(scores, num_coordinates):
    learner = make_learner(tiny_run(data__scores=scores), SHAPE, 6, PARTS, CPU)
    assert learner.augment.num_coordinates == num_coordinates
