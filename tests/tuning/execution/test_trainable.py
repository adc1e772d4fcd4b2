"""Trials that learn one after the other in one process: each as if it were alone."""

import errno
import os
import subprocess
import sys

import pytest
from tiny_runs import assert_same, tiny_run, untimed, without_clock, write_set

from charon.errors import CharonError, CheckpointError
from charon.training.checkpoint import load_checkpoint
from charon.tuning.execution import trainable
from charon.tuning.execution.trainable import (
    CharonTrial,
    TrialContext,
    beat_file,
    checkpoint_folder,
    failure_file,
    process_file,
    reports,
    trial_config,
    trouble_file,
)
from charon.tuning.records.heartbeat import read_beat, read_process
from charon.tuning.records.journal import TrialRecord

NUM_TASKS = 3
ONE, OTHER = tiny_run(seed=1), tiny_run("er", seed=2)


@pytest.fixture
def study(tmp_path, monkeypatch):
    archive = write_set(tmp_path / "set")
    monkeypatch.setattr(trainable, "prepare", lambda *args, **more: archive)
    monkeypatch.chdir(tmp_path)  # each trial has a working directory of its own
    (tmp_path / "progress").mkdir()
    return Folder(tmp_path)


class Folder:
    """A study's folder and what its trials do there."""

    def __init__(self, path):
        self.path = path
        self.setting = TrialContext("charon_tiny", str(path), str(path), "faa", 1.0, 0.0)

    def trial(self, name, run=ONE):
        return trial_config(self.setting, TrialRecord(name, f"label {name}", run.to_flat()))

    def learn(self, name, run=ONE, num_tasks=NUM_TASKS):
        """Return the reports of a trial that is killed, or stopped, after so many tasks."""
        learning = reports(self.trial(name, run))
        found = [next(learning) for _ in range(num_tasks)]
        learning.close()
        return found

    def state(self, name, run=ONE):
        saved = load_checkpoint(checkpoint_folder(str(self.path), name), run)
        return without_clock(saved["stream"])


def test_a_run_on_held_out_clips_reports_their_accuracy(study):
    on_val = tiny_run(data__evaluate_on="val", data__val_fraction=0.3)
    [report] = study.learn("held out", on_val, num_tasks=1)
    assert 0 <= report["metrics"]["val/faa"] <= 100
    assert "test/faa" not in report["metrics"]


def plain(found):
    return [
        (untimed(r["metrics"]), r["epochs"], r["matrix"], r["task"], r["num_tasks"]) for r in found
    ]


@pytest.mark.parametrize("num_tasks", [1, NUM_TASKS])
def test_a_trial_that_goes_on_reports_what_it_has_learned_and_ends_as_if_undisturbed(
    study, num_tasks
):
    """Whoever was killed, the report of its last task may have reached no one."""
    whole = study.learn("whole")
    before = study.learn("broken", num_tasks=num_tasks)
    after = study.learn("broken")
    assert after[:num_tasks] == before
    assert_same(plain(after), plain(whole))
    assert_same(study.state("broken"), study.state("whole"))


def test_a_trial_keeps_its_newest_checkpoint_alone(study):
    study.learn("a", num_tasks=2)
    files = [p.name for p in checkpoint_folder(str(study.path), "a").iterdir()]
    assert files == ["checkpoint.pt"]


def test_a_trial_killed_while_it_saved_goes_on_from_the_checkpoint_before(study, monkeypatch):
    whole = study.learn("whole")
    learning = reports(study.trial("a"))
    next(learning)

    def killed(path, content):
        (path.parent / ".checkpoint.pt.half").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("charon.training.checkpoint.save", killed)
        with pytest.raises(KeyboardInterrupt):
            next(learning)
    assert_same(plain(study.learn("a")), plain(whole))


def test_a_checkpoint_of_another_run_is_refused(study):
    study.learn("a", num_tasks=1)
    with pytest.raises(CheckpointError, match="holds a run with"):
        study.learn("a", OTHER)


def test_a_trial_that_failed_says_why_and_does_not_learn_again_to_fail(study, monkeypatch):
    def diverge(*arguments):
        raise CharonError("The loss became nan.")

    with monkeypatch.context() as patch:
        patch.setattr(trainable, "_report", diverge)
        with pytest.raises(CharonError, match="nan"):
            study.learn("a")
    assert failure_file(str(study.path), "a").read_text() == "The loss became nan."
    with pytest.raises(CharonError, match="nan"):
        study.learn("a")
    failure_file(str(study.path), "a").unlink()  # as the driver does when a study is resumed
    assert len(study.learn("a")) == NUM_TASKS


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")]
)
def test_a_trial_without_memory_says_what_to_lower(study, monkeypatch, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(trainable, "_report", fail)
    with pytest.raises(type(error)):
        study.learn("a")
    said = failure_file(str(study.path), "a").read_text()
    assert said.startswith("The machine's memory is used up; lower optimiser.batch_size")


def test_a_trial_that_a_disk_failed_says_why_and_goes_on_when_it_is_tried_again(study, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("charon.training.checkpoint.save", fail)
        with pytest.raises(OSError):
            study.learn("a")
    assert "the disk is full; make room" in trouble_file(study.path, "a").read_text()
    assert not failure_file(study.path, "a").exists()
    assert len(study.learn("a")) == NUM_TASKS


@pytest.fixture
def process(study, monkeypatch):
    """One process of Ray's, which is given trials by the calls with which Ray gives them."""
    process = Process(study)
    monkeypatch.setattr(trainable, "setproctitle", process.titles.append)
    yield process
    process.end()


class Process:
    """What Ray has running; ``learn`` reuses it, ``end`` ends it."""

    def __init__(self, study):
        self._study = study
        self._actor = None
        self.titles = []

    def learn(self, name, run, num_tasks=NUM_TASKS):
        """Return the reports of a trial that is stopped after so many tasks, and its last state."""
        config = {"trial": self._study.trial(name, run)}
        if self._actor is None:
            self._actor = CharonTrial(config)
        else:
            assert self._actor.reset(config)
        found = [self._actor.train() for _ in range(num_tasks)]
        assert [r["done"] for r in found] == [r["task"] == NUM_TASKS for r in found]
        return plain(found), self._study.state(name, run)

    def end(self):
        """End the process; the next trial gets a new one."""
        if self._actor is not None:
            self._actor.stop()
            self._actor = None


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
    assert list(titles) == ["ray::charon_tiny label other", "ray::charon_tiny label one"]
    assert read_beat(beat_file(str(tmp_path), "one")) is not None
    assert read_process(process_file(str(tmp_path), "one")).title == list(titles)[-1]
    assert [path.name for path in (tmp_path / "trials").iterdir()] == ["label_one"]
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"one", "other"}


def test_a_trial_takes_its_cpus_and_its_share_of_a_gpu(study):
    trial = study.trial("a")
    trial["context"] |= {"cpus": 2.0, "gpus": 0.25}
    request = CharonTrial.default_resource_request({"trial": trial})
    assert request.bundles == [{"CPU": 2.0, "GPU": 0.25}]


NAMES_ITSELF = """
from pathlib import Path
from charon.tuning.execution.trainable import setproctitle
setproctitle("ray::charon_tiny one")
print(Path("/proc/self/cmdline").read_text().rstrip(chr(0)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ray_still_lends_the_private_function_that_names_a_process():
    """It makes the dashboard's page of processes name the trial that each of them learns."""
    done = subprocess.run(
        [sys.executable, "-c", NAMES_ITSELF], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "ray::charon_tiny one"
