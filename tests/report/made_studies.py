"""Results folders as studies leave them, of numbers that a test chooses."""

import json

import pandas as pd

from charon.files import STUDY_VERSION

TAGS = {"fingerprint": "f" * 8, "protocol": "ntu60-xview", "versions": "torch 2", "preset": "paper"}


def study_content(**other):
    content = {
        "version": STUDY_VERSION,
        "name": "made",
        "question": "Which?",
        "num_trials": 5,
        "extensions": 0,
        "budget": None,
        "data": "standin",
        "is_standin": True,
        "protocol": "ntu60-xview",
        "scale": "small",
        "objectives": ["test/faa"],
        "varied": ["learner"],
        "options": {"settings": {}},
    }
    return content | other


def write_study(folder, runs, *, tags=TAGS, **other):
    """Write a finished study; each run has its fields, ``faa`` and what else it says.

    With ``faa`` alone, the accuracy matrix of two tasks is made so that FAA is their mean.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trials, curves = [], []
    for number, run in enumerate(runs):
        faa = run["faa"]
        about = {
            "trial_id": f"{number:05d}",
            "name": f"run {number}",
            "learner": "charon",
            "status": "finished",
            "seconds": 60.0,
            "data.benchmark": "auto",
            "data.class_order": "auto",
            **{name: value for name, value in run.items() if name != "faa"},
        }
        rows = [
            {"task": 1, "test/faa": 90.0, "test/acc/task_01": 90.0},
            {
                "task": 2,
                "test/faa": faa,
                "test/acc/task_01": faa - 10,
                "test/acc/task_02": faa + 10,
            },
        ]
        final = {"test/forgetting": 100.0 - faa, "test/bwt": faa - 100.0, **rows[-1]}
        final.pop("task")
        trials.append(about | (final if about["status"] == "finished" else {}))
        curves += [about | row for row in rows]
    pd.DataFrame(trials).to_csv(folder / "trials.csv", index=False)
    pd.DataFrame(curves).to_csv(folder / "curves.csv", index=False)
    (folder / "study.json").write_text(json.dumps(study_content(**other)))
    event = {"kind": "study", "time": 0.0, "tags": tags}
    (folder / "journal.jsonl").write_text(json.dumps(event) + "\n")
    return folder


def over_interval(values=(1, 2, 5), seeds=(0, 1, 2)):
    """Runs of ER and CHARON over s: CHARON is 10 points better, and gains with s."""
    return [
        {
            "learner": learner,
            "learner.sampling_interval": s,
            "seed": seed,
            "faa": 50 + more + s + seed,
        }
        for seed in seeds
        for learner, more in (("er", 0), ("charon", 10))
        for s in values
    ]
