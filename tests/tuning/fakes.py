"""What Ray hands to a callback, as far as it is used."""

from types import SimpleNamespace

from charon.tuning.execution.callbacks import Recorder
from charon.tuning.records.journal import Journal

FIELDS = {"learner": "charon", "learner.masking_ratio": 0.3, "seed": 0}


def enter(journal, name="t1", **fields):
    """Enter a trial into the journal; return it as Ray hands it over."""
    run = {**FIELDS, **fields}
    journal.append("trial", name, label=f"label {name}", fields=run, tags={})
    return fake_trial(name)


def fake_trial(name="t1", number=None):
    about = {"id": name, "name": f"label {name}", "number": number}
    return SimpleNamespace(trial_id=f"rays_{name}", config={"trial": about})


def fake_result(task, num_tasks=3, faa=50.0, **metrics):
    matrix = [[faa] * task + [None] * (num_tasks - task)]
    return {
        "task": task,
        "num_tasks": num_tasks,
        "metrics": {"test/faa": faa, **metrics},
        "epochs": {"first": 2 * task - 1, "means": {"train/loss/total": [2.0, 1.0]}},
        "matrix": matrix,
        "seconds": 2.0,
        "device": "cpu",
    }


def journal_of_sharing(folder, saved):
    """Return a journal of trials that were spared so many seconds; None cannot share."""
    (folder / "progress").mkdir()
    journal = Journal(folder / "journal.jsonl")
    recorder = Recorder(journal, folder, lambda kind, trial_id: None)
    for number, seconds in enumerate(saved):
        trial = enter(journal, f"t{number}")
        more = {} if seconds is None else {"time/shared_seconds": seconds}
        recorder.on_trial_start(0, [trial], trial)
        recorder.on_trial_result(0, [trial], trial, fake_result(1, **more))
    return journal
