"""Every learner learns with every backbone, and does not know which it has."""

import math

import pytest
from tiny_runs import assert_same, learn, random_clips, tiny_run, untimed, without_clock

from charon.data.cache.archive import Archive
from charon.data.cache.writer import write_archive
from charon.data.standin.source import StandIn
from charon.learners import LEARNERS
from charon.model.backbones import BACKBONES
from charon.training.artifacts import load_model, write_outputs
from charon.training.checkpoint import load_checkpoint, save_checkpoint
from charon.training.stream import Stream

OTHERS = [name for name in BACKBONES if name != "sttformer"]  # which all other tests have
every_pair = pytest.mark.parametrize(
    ("learner", "backbone"), [(learner, other) for learner in LEARNERS for other in OTHERS]
)


def run_of(learner, backbone, **changes):
    """Return a tiny run; it masks as the backbone can."""
    if hasattr(LEARNERS[learner].settings, "masking_position"):
        changes["learner__masking_position"] = BACKBONES[backbone].positions[0]
    return tiny_run(learner, model__backbone=backbone, **changes)


@every_pair
def test_interrupted_after_a_task_it_continues_bit_for_bit(learner, backbone, two_bodies, tmp_path):
    run = run_of(learner, backbone, optimiser__epochs=1)
    uninterrupted, results = learn(run, two_bodies)
    assert all(math.isfinite(v) for v in results[-1].metrics.values())
    interrupted = Stream(run, two_bodies)
    next(iter(interrupted))
    save_checkpoint(tmp_path, interrupted.state_dict(), run)

    continued = Stream(run, two_bodies)
    continued.load_state_dict(load_checkpoint(tmp_path, run))
    rest = list(continued)
    assert [untimed(r.metrics) for r in rest] == [untimed(r.metrics) for r in results[1:]]
    assert_same(without_clock(continued.state_dict()), without_clock(uninterrupted.state_dict()))


@pytest.fixture(scope="module")
def some_standin(tmp_path_factory):
    """A part of the stand-in: three clips of every class to learn from and one to test."""
    source = StandIn(tuple(name for name in StandIn.small().names if "P001R001" in name))
    folder = tmp_path_factory.mktemp("standin")
    write_archive(folder, source.description, "standin", source.clips(1))
    return Archive(folder)


@every_pair
def test_it_learns_the_standin_and_its_model_predicts(learner, backbone, some_standin, tmp_path):
    small = {"data__num_frames": 10, "model__frames_per_tuple": 1, "optimiser__batch_size": 8}
    task = {"data__classes_per_task": 30, "optimiser__epochs": 1, "learner__buffer_size": 60}
    known = {f"learner__{name}" for name in vars(run_of(learner, backbone).learner)}
    fields = {k: v for k, v in {**small, **task}.items() if "learner" not in k or k in known}
    stream, results = learn(run_of(learner, backbone, **fields), some_standin)
    assert 0 <= results[-1].metrics["test/faa"] <= 100
    write_outputs(tmp_path, stream)
    clips = stream.tasks.load(stream.tasks.tasks[0].test[:3], "test")
    expected = stream.learner.predict(clips)
    assert load_model(tmp_path, "cpu").learner.predict(clips).equal(expected)


@pytest.mark.parametrize("backbone", OTHERS)
def test_charon_rebuilds_what_it_does_not_see(backbone, two_bodies):
    stream, _ = learn(run_of("charon", backbone, optimiser__epochs=1), two_bodies)
    clips = random_clips(2)
    made = stream.learner.reconstruct(clips, stream.learner.setup.generator("show"))
    assert made.x.shape == clips.x.shape
    # 12 frames are 4 tuples of 3: at η = 0.3 two are kept.
    assert made.hidden[0, :, 0].sum() == 6
