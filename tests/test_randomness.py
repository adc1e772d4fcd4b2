"""The global random state is neither read nor written, by a whole run of every learner."""

import random

import numpy as np
import pytest
import torch
from tiny_runs import learn, tiny_run, untimed

from charon.learners import LEARNERS
from charon.training.artifacts import load_model, write_outputs
from charon.training.checkpoint import load_checkpoint, save_checkpoint
from charon.training.stream import Stream


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global state is what this test is about
    torch.manual_seed(seed)


def global_state():
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return random.getstate(), name, keys.tolist(), rest, torch.get_rng_state().tolist()


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("preset", ["paper", "released"])
def test_a_run_neither_reads_nor_writes_it(name, preset, two_bodies, tmp_path):
    run = tiny_run(name, preset)
    results = []
    for seed in (0, 1):
        seed_everything(seed)
        before = global_state()
        stream, learned = learn(run, two_bodies)
        save_checkpoint(tmp_path, stream.state_dict(), run)
        Stream(run, two_bodies).load_state_dict(load_checkpoint(tmp_path, run))
        write_outputs(tmp_path, stream)
        load_model(tmp_path, "cpu")
        assert global_state() == before
        results.append([untimed(result.metrics) for result in learned])
    assert results[0] == results[1]
