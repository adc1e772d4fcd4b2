"""Runs small enough for tests: a prepared set of 36 clips, a network of a few thousand weights."""

import dataclasses

import numpy as np
import torch

from charon.clips import Clips
from charon.config import Run
from charon.data.cache.archive import Archive
from charon.data.cache.writer import write_archive
from charon.data.source import Description, SourceClip
from charon.learners import LEARNERS
from charon.training.build import make_learner
from charon.training.checkpoint import load_checkpoint, save_checkpoint
from charon.training.stream import Stream

NUM_CLASSES, NUM_JOINTS, NUM_FRAMES = 6, 5, 12
TRAIN_CLIPS, TEST_CLIPS = 4, 2
"""Of each class."""
PARTS = {"left": (0, 1), "right": (2, 3, 4)}
BONES = ((2, 1), (1, 0), (2, 3), (2, 4))
"""Of a tree whose root is joint 2."""

TINY = {
    "data.num_frames": NUM_FRAMES,
    "data.classes_per_task": 2,
    "model.size": "nano",
    "model.frames_per_tuple": 3,
    "optimiser.epochs": 2,
    "optimiser.batch_size": 3,
    "learner.buffer_size": 3,
    "learner.replay_batch_size": 4,
    "learner.sampling_interval": 3,
    "device": "cpu",
}
"""Settings of a run that takes a fraction of a second; a learner takes those it has."""


def write_set(folder, *, num_bodies=2, noise=0.2, poses=None, seed=0):
    """Write and open a set whose classes differ in pose; half of its clips show two people.

    A class's pose is drawn where none is given, (class, frame, body, joint, channel).
    """
    rng = np.random.default_rng(seed)
    names = tuple(f"class {k}" for k in range(NUM_CLASSES))
    about = Description("tiny", names, NUM_JOINTS, num_bodies, 3, 0, BONES, PARTS)
    if poses is None:
        poses = rng.normal(size=(NUM_CLASSES, 1, num_bodies, NUM_JOINTS, 3))
    folder.mkdir(parents=True)
    clips = []
    for k in range(NUM_CLASSES):
        for i in range(TRAIN_CLIPS + TEST_CLIPS):
            shape = (int(rng.integers(10, 30)), num_bodies, NUM_JOINTS, 3)
            x = (poses[k] + rng.normal(0, noise, shape)).astype(np.float32)
            x[:, 1:] *= i % 2
            camera = 1 + i % 2
            clips.append(SourceClip(f"{k}-{i}", x, k, camera=camera, in_train=i < TRAIN_CLIPS))
    write_archive(folder, about, "a tiny set", clips)
    return Archive(folder)


def tiny_run(learner="charon", preset="paper", **changes):
    """Return a tiny run; dots of field names are written as two underscores."""
    known = {f"learner.{one.name}" for one in dataclasses.fields(LEARNERS[learner].settings)}
    flat = {k: v for k, v in TINY.items() if not k.startswith("learner.") or k in known}
    named = {name.replace("__", "."): value for name, value in changes.items()}
    if preset == "released":
        flat["data.class_order"] = "natural"  # only NTU has a published order
    return Run.preset(preset, {"learner": learner, **flat, **named})


def learn(run, archive):
    """Learn the whole stream; return it with its results."""
    stream = Stream(run, archive)
    return stream, list(stream)


def untimed(metrics):
    """Return the metrics that two equal runs share: all but those of the clock."""
    clock = ("time/", "train/epochs_per_hour", "train/clips_per_second")
    return {name: value for name, value in metrics.items() if not name.startswith(clock)}


def without_clock(state):
    """Return a stream's state, without what the clock says in it."""
    epochs_and_clips = state["main"][1:]
    rest = {k: v for k, v in state.items() if k not in ("train_seconds", "shared_seconds")}
    return {**rest, "main": epochs_and_clips}


def assert_same(one, other):
    """Compare nested states bit for bit."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one.nan_to_num(-1), other.nan_to_num(-1))
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_same(left, right)
    else:
        assert one == other


CLOCK_SECONDS = 1000.0
"""By which the clocks of a checkpoint are put forward, to see that they go on."""


class Checkpointed:
    """A run that nothing happened to, and its checkpoint after some of its tasks."""

    def __init__(self, run, archive, folder, after=1, first_tasks=None):
        """Learn the whole stream; ``first_tasks`` is where runs share their first task."""
        self._new = lambda: Stream(run, archive, first_tasks)
        self._stream, self._later = self._new(), []
        for result in self._stream:
            if result.task > after:
                self._later.append(result)
            else:
                self._predictions = self._stream.evaluation.predictions()
                save_checkpoint(folder, self._stream.state_dict(), run)
        self.state = load_checkpoint(folder, run)
        self.state["train_seconds"] += CLOCK_SECONDS
        self.state["main"][0] += CLOCK_SECONDS
        self.fresh = self._new().state_dict()

    def check(self, state):
        """Check that a stream that loads a state goes on, and ends, as if nothing had happened."""
        stream = self._new()
        stream.load_state_dict(state)
        for name, values in stream.evaluation.predictions().items():
            assert np.array_equal(values, self._predictions[name])
        for one, other in zip(stream, self._later, strict=True):
            assert untimed(one.metrics) == untimed(other.metrics)
            assert one.epochs == other.epochs
            assert one.metrics["time/train_seconds"] >= CLOCK_SECONDS
            shared = [
                metrics.get("time/shared_seconds") for metrics in (one.metrics, other.metrics)
            ]
            assert shared[0] == shared[1]
        end = stream.state_dict()
        assert_same(without_clock(end), without_clock(self._stream.state_dict()))
        assert end["main"][0] >= CLOCK_SECONDS


def tiny_learner(run, num_bodies=2, num_classes=NUM_CLASSES):
    """Return the run's learner, untrained, for clips of :func:`random_clips`."""
    shape = (3, NUM_FRAMES, NUM_JOINTS, num_bodies)
    return make_learner(run, shape, num_classes, PARTS, torch.device("cpu"), BONES)


def random_clips(num_clips, *, num_bodies=2, num_frames=NUM_FRAMES, seed=0, labels=None):
    """Return clips of noise; the second body of every other one is absent."""
    generator = torch.Generator().manual_seed(seed)
    shape = (num_clips, 3, num_frames, NUM_JOINTS, num_bodies)
    x = torch.randn(shape, generator=generator)
    present = torch.ones(num_clips, num_bodies, dtype=torch.bool)
    if num_bodies == 2:
        present[::2, 1] = False
        x = x * present[:, None, None, None, :]
    if labels is None:
        labels = torch.arange(num_clips) % NUM_CLASSES
    return Clips(x, present, torch.as_tensor(labels))
