"""What Ray hands to a callback, as far as it is used."""

from types import SimpleNamespace

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
        "matrix": matrix,
        "seconds": 2.0,
        "device": "cpu",
    }
