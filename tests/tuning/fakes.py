"""What Ray hands to a callback, as far as it is used."""

from pathlib import Path
from types import SimpleNamespace

FIELDS = {"learner": "charon", "learner.masking_ratio": 0.3, "seed": 0}


def fake_trial(name="t1", folder=Path("ray"), *, is_over=False, **fields):
    run = {**FIELDS, **fields}
    config = {
        "trial": {
            "name": f"label {name}",
            "run": run,
            "setting": {"cache": "/prepared", "cpus": 1.0},
        }
    }
    storage = SimpleNamespace(trial_fs_path=str(folder / name))
    return SimpleNamespace(
        trial_id=name, config=config, storage=storage, is_finished=lambda: is_over
    )


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
