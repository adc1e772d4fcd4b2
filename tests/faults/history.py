"""The history of a study: its journal replayed against a model, and against MLflow and Optuna.

:func:`broken` says what must never be: a trial asked, started, told or ended out of turn, a task
reported or logged twice, a number that differs between the journal and the databases, a trial that
was stopped and should not have been, or the other way round, a stopped trial that wins, anything
that still runs when all is over. It also holds in the middle of a study, such as after a kill.
"""

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from charon.tuning.records.events import LOGGED
from charon.tuning.records.halving import Halving, stops
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, OVER, PRUNED, Journal
from charon.tuning.records.plan import read_plan
from charon.tuning.study.objectives import can_prune, score
from charon.tuning.tracking.metrics import final_metrics, report_metrics
from charon.tuning.tracking.runs import STATUS, STUDY_TAG, TRIAL_TAG

WAITS, RUNS = "waits", "runs"


def broken(results, study="tiny"):
    """Return in sentences what is wrong with the history of a study and of its confirm stage."""
    found = []
    for folder in (results / study, results / study / "confirm"):
        if not (folder / "journal.jsonl").exists():
            continue
        journal, plan = Journal(folder / "journal.jsonl"), read_plan(folder)
        said = [*replay(journal.events), *against_mlflow(journal, results / "mlflow.db")]
        if plan.space:
            said += [*against_halving(journal, plan), *against_optuna(journal, plan, folder)]
            said += against_selection(journal, folder)
        found += [f"{folder.name}: {sentence}" for sentence in said]
    return found


# The model.


@dataclass
class Trial:
    """How far the model has seen a trial come."""

    state: str = WAITS
    tasks: list = field(default_factory=list)
    num_tasks: int = 0
    is_joint: bool = False


def replay(events):
    """Yield what is wrong in the order or the sum of a journal's events."""
    trials, numbers, refused, at_work = {}, [], 0, False
    for place, event in enumerate(events):
        kind, name = event["kind"], event.get("trial", "")
        if kind == "study":
            at_work = True
            for trial in trials.values():
                trial.state = trial.state if trial.state in (FINISHED, PRUNED) else WAITS
        elif kind in ("trial", "refused"):
            numbers += [] if event.get("number") is None else [event["number"]]
            over = sum(trial.state in OVER for trial in trials.values()) + refused
            refused += kind == "refused"
            if event.get("told", over) != over:
                yield f"Optuna knew {event['told']} ends, not {over}, when it was asked for {name}"
            if name in trials:
                yield f"{name} is entered twice"
            if kind == "trial":
                is_joint = event["fields"].get("data.stream") == "joint"
                trials.setdefault(name, Trial(is_joint=is_joint))
        elif kind in ("start", "report", "end"):
            if name not in trials or not at_work:
                yield f"{kind} of {name}, which was not asked for"
                continue
            yield from (f"{name} {said}" for said in _change(trials[name], event))
        elif kind == LOGGED and event["position"] > place:
            yield f"MLflow has {event['position']} events where there were {place}"
        elif kind == "study_end" and event["outcome"] != INTERRUPTED:
            yield from (f"{n} {t.state} at the end" for n, t in trials.items() if t.state == RUNS)
    if sorted(numbers) != list(range(len(numbers))):
        yield f"Optuna was asked for the numbers {numbers}"


def _change(trial, event):
    """Take an event of a trial into account; yield what is wrong with it."""
    kind = event["kind"]
    if kind == "start":
        if trial.state in OVER:
            yield f"starts though it is {trial.state}"
        trial.state = RUNS  # a trial whose process died is started again
        return
    # One that Ray could not start ends without a beginning.
    if trial.state != RUNS and not (kind == "end" and event["outcome"] == FAILED):
        yield f"has a {kind} where it {trial.state}"
    if kind == "report":
        expected = event["num_tasks"] if trial.is_joint else len(trial.tasks) + 1
        if event["task"] != expected:
            yield f"reports task {event['task']} after {trial.tasks}"
        trial.tasks.append(event["task"])
        trial.num_tasks = event["num_tasks"]
    else:
        is_whole = trial.tasks[-1:] == [trial.num_tasks]
        if event["outcome"] in (FINISHED, PRUNED) and is_whole != (event["outcome"] == FINISHED):
            yield f"is {event['outcome']} after the tasks {trial.tasks} of {trial.num_tasks}"
        trial.state = event["outcome"]


def against_halving(journal, plan):
    """Yield which trials of a search were stopped, or not, against the rule."""
    for record in journal.records:
        if record.status not in OVER or record.number is None:
            continue
        halving = Halving(plan.objectives[0], record.num_tasks, plan.pruner == "hyperband")
        for task, metrics in record.curve.items():
            earlier = halving.earlier(journal, record.trial_id, task)
            is_judged = plan.pruner != "none" and halving.is_judged(record.number, task)
            value = metrics[plan.objectives[0]]
            is_stopped = is_judged and stops(value, list(earlier.values()))
            is_last = task == record.tasks_seen < record.num_tasks and record.status == PRUNED
            if is_stopped != is_last and record.status != FAILED:
                yield f"{record.trial_id} was {'' if is_last else 'not '}stopped after task {task}"


# What others were told.


def against_mlflow(journal, database):
    """Yield what MLflow has otherwise than the journal says; what was logged must be there."""
    if not database.exists() or not journal.events:
        return
    runs = _stored_runs(database, next(journal.of_kind("study"))["key"])
    twice = [name for name, count in Counter(name for name, *_ in runs).items() if count > 1]
    yield from (f"MLflow has {name or 'the study'} twice" for name in twice)
    stored = {name: (status, rows) for name, status, rows in runs}
    position = max((event["position"] for event in journal.of_kind(LOGGED)), default=0)
    logged, rest = journal.events[:position], journal.events[position:]
    all_logged = any(event["kind"] == "study_end" for event in logged) and not any(
        event["kind"] in ("study", "study_end") for event in rest
    )
    running = [name or "the study" for name, (status, _) in stored.items() if status == "RUNNING"]
    yield from (f"MLflow has {name} RUNNING" for name in running if all_logged)
    for name, record in journal.trials.items():
        status, rows = stored.get(name, ("nothing", []))
        counts = Counter((key, step) for key, step, *_ in rows)
        yield from (f"MLflow has {n} of {name} twice" for n, count in counts.items() if count > 1)
        values = {(key, step): value for key, step, value in rows}
        wanted, known = _metrics(record, logged), _metrics(record, journal.events)
        lost = [metric for metric in wanted if metric not in values]
        other = [metric for metric in values if known.get(metric) != values[metric]]
        yield from (f"MLflow lacks {metric} of {name}" for metric in lost[:3])
        yield from (f"MLflow has {m} of {name}, {values[m]}, otherwise" for m in other[:3])
        last = _last_turn(logged, name)
        if last and last["kind"] == "end" and _last_turn(rest, name) is None:
            expected = STATUS.get(last["outcome"], "KILLED")
            yield from [f"MLflow has {name} {status}, not {expected}"] * (status != expected)


def _stored_runs(database, key):
    """Return the runs of a study: trial (None of the study's own), status, metrics."""
    with tempfile.TemporaryDirectory() as folder:
        # A copy, as one who was killed may have left something to be rolled back.
        for file in database.parent.glob(f"{database.name}*"):
            shutil.copy(file, folder)
        connection = sqlite3.connect(Path(folder) / database.name)
        runs = connection.execute(
            "select t.value, r.status, r.run_uuid from runs r"
            f" join tags s on s.run_uuid = r.run_uuid and s.key = '{STUDY_TAG}' and s.value = ?"
            f" left join tags t on t.run_uuid = r.run_uuid and t.key = '{TRIAL_TAG}'",
            [key],
        ).fetchall()
        asked = "select key, step, value from metrics where run_uuid = ?"
        found = [
            (name, how, connection.execute(asked, [run]).fetchall()) for name, how, run in runs
        ]
        connection.close()
    return found


def _last_turn(events, name):
    """Return the last start or end of a trial among some events."""
    turns = (e for e in reversed(events) if e["kind"] in ("start", "end"))
    return next((event for event in turns if event["trial"] == name), None)


def _metrics(record, events):
    """Return the metrics that MLflow is given by some events of a trial, by name and step."""
    found = {}
    for event in events:
        if event.get("trial") != record.trial_id:
            continue
        if event["kind"] == "report":
            found |= {(m.key, m.step): m.value for m in report_metrics(event)}
        elif event["kind"] == "end" and event["outcome"] == FINISHED:
            found |= {(name, 0): value for name, value in final_metrics(record).items()}
    return found


def against_optuna(journal, plan, folder):
    """Yield what Optuna's database of a search that is over has otherwise than the journal."""
    from charon.tuning.sampling.optuna_study import load_optuna_study

    last = next((e for e in reversed(journal.events) if e["kind"] in ("study", "study_end")), None)
    if last is None or last["kind"] == "study" or not (folder / "optuna.db").exists():
        return  # it is written at the end of a sitting
    told = load_optuna_study(folder, plan).get_trials(deepcopy=False)
    asked = sorted(
        (e["number"], e.get("trial")) for e in journal.events if e["kind"] in ("trial", "refused")
    )
    if [trial.number for trial in told] != [number for number, _ in asked]:
        yield f"Optuna was told {[trial.number for trial in told]} of {asked}"
        return
    for (number, name), trial in zip(asked, told, strict=True):
        record = journal.trials[name] if name else None
        states = {FINISHED: "COMPLETE", PRUNED: "PRUNED", FAILED: "FAIL"}
        state = states.get(record.status, "RUNNING") if record else "PRUNED"
        if trial.state.name != state:
            yield f"Optuna has {number} {trial.state.name}, not {state}"
        if last["outcome"] != INTERRUPTED and not trial.state.is_finished():
            yield f"Optuna has {number} {trial.state.name} at the end"
        if record is None or trial.state.name != "COMPLETE":
            continue
        values = [record.final[objective] for objective in plan.objectives]
        if can_prune(plan.objectives):
            values = [score(record.num_tasks, record.num_tasks, values[0])]
        if trial.values != values:
            yield f"Optuna has {number} with {trial.values}, not {values}"


def against_selection(journal, folder):
    """Yield what is wrong with the winner: only a trial that learned all tasks can win."""
    if not (folder / "selection.json").exists():
        return
    winner = json.loads((folder / "selection.json").read_text())["winner"]["trial_id"]
    record = journal.trials[winner]
    if record.status != FINISHED or record.tasks_seen != record.num_tasks:
        yield f"{winner}, which is {record.status}, has won"
