"""A trial that gives no sign of life is ended, once for each stated time, and counted."""

import os

import pytest
from tuning.fakes import enter, fake_result
from tuning.records.test_heartbeat import clock  # noqa: F401

from charon.tuning.execution.callbacks import Recorder
from charon.tuning.execution.hung import HungTrials
from charon.tuning.execution.trainable import beat_file, process_file, trouble_file
from charon.tuning.records.heartbeat import write_process
from charon.tuning.records.journal import FAILED, Journal

NAME, SILENT = "t1", 21
"""Looks, of thirty seconds each, after which ten minutes have passed."""


class Sitting:
    """A study whose trials hang after ten minutes; ``ended`` are the processes that were."""

    def __init__(self, folder, clock):  # noqa: F811
        (folder / "progress").mkdir()
        self.folder, self.clock, self.ended, self.said = folder, clock, [], []
        self.journal = Journal(folder / "journal.jsonl")
        hung = HungTrials(self.journal, folder, 10.0, self.ended.append, clock)
        self.recorder = Recorder(self.journal, folder, self.tell, hung=hung)
        self.trial = enter(self.journal, NAME)

    def tell(self, kind, trial):
        self.said.append(kind)

    def start(self):
        self.recorder.on_trial_start(0, [], self.trial)
        write_process(process_file(self.folder, NAME), "a node", "ray::tiny label t1")

    def wait(self, looks=SILENT):
        for _ in range(looks):
            self.clock.now += 30.0
            self.recorder.on_step_begin(0, [])


@pytest.fixture
def sitting(tmp_path, clock):  # noqa: F811
    return Sitting(tmp_path, clock)


def test_a_silent_trial_is_ended_counted_and_says_why(sitting):
    sitting.start()
    sitting.wait(SILENT - 1)
    assert sitting.ended == []
    sitting.wait(1)
    (process,) = sitting.ended
    assert (process.node, process.number) == ("a node", os.getpid())
    assert sitting.journal.trials[NAME].hung == Journal(sitting.journal.path).trials[NAME].hung == 1
    assert trouble_file(sitting.folder, NAME).read_text() == (
        "it gave no sign of life for 10 minutes (--hung-after) and was ended"
    )


@pytest.mark.parametrize("sign", ["beat", "report", "start"])
def test_a_sign_of_life_gives_a_trial_time(sitting, sign):
    sitting.start()
    sitting.wait(SILENT - 1)
    if sign == "beat":
        beat_file(sitting.folder, NAME).touch()
    elif sign == "report":
        sitting.recorder.on_trial_result(0, [], sitting.trial, fake_result(1))
    else:
        sitting.start()
    sitting.wait(SILENT - 1)
    assert sitting.ended == []


@pytest.mark.parametrize("stop", ["on_trial_recover", "on_trial_complete", "on_trial_error"])
def test_a_trial_that_does_not_run_does_not_hang(sitting, stop):
    sitting.start()
    getattr(sitting.recorder, stop)(0, [], sitting.trial)
    sitting.wait(3 * SILENT)
    assert sitting.ended == []


def test_a_trial_that_hangs_each_time_fails_of_it_and_one_that_goes_on_forgets_it(sitting):
    for _ in range(2):
        sitting.start()
        assert not trouble_file(sitting.folder, NAME).exists()
        sitting.wait()
        sitting.recorder.on_trial_recover(0, [], sitting.trial)
    sitting.start()
    sitting.wait()
    sitting.recorder.on_trial_error(0, [], sitting.trial)
    record = sitting.journal.trials[NAME]
    assert (record.status, record.hung) == (FAILED, 3)
    assert "--hung-after" in record.error


def test_a_trial_that_has_not_begun_to_learn_cannot_be_ended(sitting):
    sitting.recorder.on_trial_start(0, [], sitting.trial)
    sitting.wait()
    assert sitting.ended == []
    assert sitting.journal.trials[NAME].hung == 0
