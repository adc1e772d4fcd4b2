"""Trials that learn one after the other in one process: each as if it were alone."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from ray.train._internal import storage
from ray.tune.experiment.trial import _TrialInfo
from ray.tune.result import RESULT_DUPLICATE, TRIAL_INFO
from tiny_runs import assert_same, tiny_run, untimed, without_clock, write_set

from charon.training.checkpoint import load_checkpoint
from charon.tuning.execution import trainable
from charon.tuning.execution.trainable import CharonTrial, TrialSetting, beat_file, trial_config
from charon.tuning.records.heartbeat import read_beat

NUM_TASKS = 3
ONE, OTHER = tiny_run(seed=1), tiny_run("er", seed=2)


@pytest.fixture
def process(tmp_path, monkeypatch):
    """Learns trials in this process, by the calls with which Ray's controller does it."""
    archive = write_set(tmp_path / "set")
    monkeypatch.setattr(trainable, "prepare", lambda *args, **more: archive)
    monkeypatch.setattr(storage, "_get_ray_train_session_dir", lambda: str(tmp_path / "session"))
    monkeypatch.chdir(tmp_path)  # each trial has a working directory of its own
    (tmp_path / "progress").mkdir()
    process = Process(tmp_path)
    monkeypatch.setattr(trainable, "setproctitle", process.titles.append)
    yield process
    process.end()


class Process:
    """What Ray has running; ``learn`` reuses it, ``end`` ends it."""

    def __init__(self, folder):
        self._folder = folder
        self._setting = TrialSetting("charon_tiny", str(folder), str(folder), "test/faa", 1.0, 0.0)
        self._trial = None
        self.titles = []

    def learn(self, name, run, num_tasks=NUM_TASKS):
        """Return the reports of a trial that is stopped after so many tasks, and its last state."""
        config = trial_config(self._setting, name, run.to_flat())
        who = SimpleNamespace(trial_id=name, placement_group_factory=None, experiment_dir_name="x")
        config = {"trial": config, TRIAL_INFO: _TrialInfo(who)}
        place = storage.StorageContext(str(self._folder), "ray", trial_dir_name=name)
        if self._trial is None:
            self._trial = CharonTrial(config, place)
        else:
            assert self._trial.reset(config, place)
        reports = []
        for _ in range(num_tasks):
            reports.append(self._trial.train())
            saved = self._trial.save().checkpoint
        if num_tasks == NUM_TASKS:
            assert self._trial.train()[RESULT_DUPLICATE]  # what says that a function has ended
        with saved.as_directory() as folder:
            state = without_clock(load_checkpoint(Path(folder), run))
        return [(untimed(r["metrics"]), r["matrix"], r["task"]) for r in reports], state

    def end(self):
        """End the process; the next trial gets a new one."""
        if self._trial is not None:
            self._trial.stop()
            self._trial = None


@pytest.mark.parametrize("num_tasks", [1, NUM_TASKS])
def test_a_trial_after_another_is_bit_for_bit_what_it_is_alone(process, num_tasks):
    """Whether the other was stopped early or not."""
    alone = process.learn("alone", ONE)
    process.end()
    process.learn("other", OTHER, num_tasks)
    assert_same(process.learn("one", ONE), alone)


def test_a_trial_after_another_says_and_leaves_everything_under_its_own_name(process, tmp_path):
    process.learn("other", OTHER, 1)
    process.learn("one", ONE)
    titles = dict.fromkeys(process.titles)
    assert list(titles) == ["ray::charon_tiny other", "ray::charon_tiny one"]
    assert read_beat(beat_file(str(tmp_path), "one")) is not None
    assert [path.name for path in (tmp_path / "trials").iterdir()] == ["one"]
    checkpoints = {
        name: len(list((tmp_path / "ray" / name).glob("checkpoint_*"))) for name in ("one", "other")
    }
    assert checkpoints == {"one": NUM_TASKS, "other": 1}
