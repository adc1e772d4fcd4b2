"""What a study has left, but for what the clock says: two studies of one kind leave the same.

What must never be, such as a task reported twice, or a run that still runs, is an AssertionError.
"""

import hashlib
import re
import sqlite3

import torch
from faults.history import broken
from tiny_runs import untimed

from charon.tuning.records.journal import OVER, Journal
from charon.tuning.records.plan import read_plan
from charon.tuning.records.tables import curves_csv, trials_csv

TIMED = re.compile(r"time/|epochs_per_hour|clips_per_second")
PARTIAL = re.compile(r"\..*\.\d+-[0-9a-f]{8}$|^\.probe\.|^\.preparing-|^\.removing-")
VOLATILE = (
    "driver.log",
    "tracking.json",
    "study.json",
    "journal.jsonl",
    "trials.csv",
    "curves.csv",
)


def facts(results, cache, study):
    """Return the facts of the study's folder, of MLflow, of Optuna, and of the prepared set."""
    folder = results / study
    wrong = broken(results, study)
    assert not wrong, "; ".join(wrong[:5])
    found = {"files": files(folder), "cache": files(cache), "mlflow": mlflow(results)}
    for name in (".", "confirm"):
        if (folder / name / "journal.jsonl").exists():
            found[f"trials {name}"] = trials(folder / name)
    if (folder / "optuna.db").exists():
        found["optuna"] = optuna(folder)
    return found


def trials(folder):
    """Return the trials by name: each is over."""
    journal = Journal(folder / "journal.jsonl")
    assert len({record.label for record in journal.records}) == len(journal.records)
    for name, text in (
        ("trials", trials_csv(journal.records)),
        ("curves", curves_csv(journal.records)),
    ):
        assert (folder / f"{name}.csv").read_text() == text, f"{name}.csv is not the journal's"
    found = {}
    for record in journal.records:
        assert record.status in OVER, record
        curve = {task: untimed(metrics) for task, metrics in record.curve.items()}
        about = record.status, record.number, record.role, record.fields, record.matrix
        found[record.label] = (*about, curve, _epochs(journal, record))
    return found


def _epochs(journal, record):
    events = [e for e in journal.of_kind("report") if e["trial"] == record.trial_id]
    return [e["epochs"] for e in events]


def mlflow(results):
    """Return MLflow's runs by experiment and name: none is there twice, and none runs still."""
    database = sqlite3.connect(f"file:{results / 'mlflow.db'}?mode=ro", uri=True)
    runs = database.execute(
        "select r.run_uuid, e.name, t.value, r.name, r.status from runs r"
        " join experiments e using (experiment_id)"
        " join tags t on t.run_uuid = r.run_uuid and t.key = 'kind'"
    ).fetchall()
    found = {}
    for run, experiment, kind, label, status in runs:
        name = experiment, "study" if kind == "study" else label
        assert status != "RUNNING", f"{name} still runs"
        assert name not in found, f"{name} is there twice"
        rows = database.execute("select key, step, value from metrics where run_uuid = ?", [run])
        metrics = [row for row in rows if not TIMED.search(row[0])]
        params = database.execute("select key, value from params where run_uuid = ?", [run])
        tags = dict(database.execute("select key, value from tags where run_uuid = ?", [run]))
        artifacts = results / "mlartifacts" / experiment / run / "artifacts"
        found[name] = {
            "status": status,
            # What the study's page shows of its trials is logged anew whenever one ends.
            "metrics": sorted(metrics) if kind != "study" else [],
            "params": sorted(params),
            "outcome": tags["outcome"],
            "artifacts": sorted(path.name for path in artifacts.rglob("*") if path.is_file()),
        }
    database.close()
    return found


def optuna(folder):
    """Return the trials of a search as Optuna's database has them."""
    from charon.tuning.sampling.optuna_study import load_optuna_study

    study = load_optuna_study(folder, read_plan(folder))
    return [(t.number, t.state.name, t.values, t.params) for t in study.trials]


def files(folder):
    """Return the files below a folder with what is in them; none is a part of another."""
    found = {}
    for path in sorted(folder.rglob("*")):
        assert not PARTIAL.search(path.name), f"{path} is left over"
        name = str(path.relative_to(folder))
        if path.is_dir() or name.startswith("ray/") or path.name in VOLATILE:
            continue
        is_exact = path.suffix in (".npy", ".npz") or path.parts[-3:-2] == ("trials",)
        found[name] = digest(path) if is_exact else ""
    return found


def digest(path):
    """Return a hash of a file; of a file of tensors, one of what they are."""
    content = path.read_bytes()
    if path.suffix == ".pt":
        content = repr(_plain(torch.load(path, weights_only=True))).encode()
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _plain(value):
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.contiguous().numpy().tobytes()
    if isinstance(value, dict):
        return [(name, _plain(each)) for name, each in value.items()]
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
