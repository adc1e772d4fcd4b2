"""The Optuna study of a search, made from the search's journal."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from charon.tuning.records.journal import FAILED, FINISHED, PRUNED, Journal, TrialRecord
from charon.tuning.sampling.encoding import Encoding
from charon.tuning.study.objectives import can_prune, directions, score

NAME, TRIAL, IS_START, REFUSED = "name", "trial_id", "is_start", "refused"
"""Attributes of an Optuna trial: what a person knows it by, its id in the study, whether it is
the search's start, and why it was never run."""

STATES = {FINISHED: TrialState.COMPLETE, PRUNED: TrialState.PRUNED, FAILED: TrialState.FAIL}


def make_study(
    journal: Journal,
    encoding: Encoding,
    objectives: Sequence[str],
    sampler: optuna.samplers.BaseSampler,
) -> optuna.Study:
    """Return an Optuna study in memory that holds all that the journal tells of a search.

    Trials have the numbers under which they were suggested; those that are not over are running.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the journal tells what it would
    pruner = optuna.pruners.NopPruner()
    study = optuna.create_study(sampler=sampler, pruner=pruner, directions=directions(objectives))
    for event in list(journal.events):
        if event["kind"] == "refused":
            refused = create_trial(
                state=TrialState.PRUNED,
                params=encoding.encode(event["fields"]),
                distributions=encoding.distributions,
                user_attrs={REFUSED: event["refused"]},
                system_attrs=event["sampler"],
            )
            study.add_trial(_dated(refused, event["time"], event["time"]))
        elif event["kind"] == "trial":
            record = journal.trials[event["trial"]]
            study.add_trial(_suggested(event, record, encoding, objectives))
    return study


def _suggested(
    event: dict[str, Any], record: TrialRecord, encoding: Encoding, objectives: Sequence[str]
) -> FrozenTrial:
    attributes: dict[str, Any] = {NAME: record.label, TRIAL: record.trial_id}
    if record.number == 0:
        attributes[IS_START] = True
    state = STATES.get(record.status, TrialState.RUNNING)
    scores: dict[int, float] = {}
    if can_prune(objectives):
        scores = {
            task: score(task, record.num_tasks, metrics[objectives[0]])
            for task, metrics in record.curve.items()
        }
    values = [scores[record.tasks_seen]] if scores else None
    if state == TrialState.COMPLETE:
        achieved = {name: record.final[name] for name in objectives}
        attributes |= achieved
        values = values or list(achieved.values())
    is_told = state in (TrialState.COMPLETE, TrialState.PRUNED)
    trial = create_trial(
        state=state,
        values=values if is_told else None,
        params=encoding.encode(record.fields),
        distributions=encoding.distributions,
        user_attrs=attributes,
        system_attrs=event["sampler"],
        intermediate_values=scores,
    )
    return _dated(trial, event["time"], record.ended)


def _dated(trial: FrozenTrial, began: float, ended: float) -> FrozenTrial:
    """Return a trial with the times at which it was suggested and ended."""
    trial.datetime_start = datetime.fromtimestamp(began)
    if trial.state.is_finished():
        trial.datetime_complete = datetime.fromtimestamp(ended)
    return trial
