"""A stand-in for Ray: the trials of a study one after the other, in the driver's process.

Whole studies run through it in a second, their every other line unchanged: the command line, the
journal, the tables, the checkpoints, MLflow, Optuna. Errors go the ways they go in Ray 2.60.
"""

import itertools
import traceback
from types import SimpleNamespace

import ray
from ray import tune
from ray.tune.error import TuneError
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from charon.tuning.cluster import startup
from charon.tuning.execution.trainable import reports


def stand_in_for_ray():
    """Replace what a study calls of Ray."""
    machine = {"Alive": True, "Resources": {"CPU": 1.0}}
    ray.init = lambda *arguments, **flags: SimpleNamespace(dashboard_url="")
    ray.nodes = lambda: [machine]
    ray.shutdown = lambda: None
    ray.remote = lambda **resources: lambda function: SimpleNamespace(remote=function)
    ray.wait = lambda pending: (pending[:1], pending[1:])
    ray.get = lambda done: done
    startup.look_at_ray = lambda: lambda cpus, gpus: None
    tune.run = run


def run(trainable, *, callbacks, search_alg, scheduler, max_failures, **rest):
    """Do what Ray Tune does, as far as a study sees it."""
    scheduler, (recorder,) = scheduler or FIFOScheduler(), callbacks
    try:
        for number, given in enumerate(_configurations(search_alg)):
            trial = SimpleNamespace(
                trial_id=f"ray_{number}", config=given, max_failures=max_failures
            )
            _run_trial(trial, recorder, scheduler)
            search_alg.on_trial_complete(trial.trial_id)
    except Exception:
        recorder.on_experiment_end([])
        raise
    recorder.on_experiment_end([])


def _configurations(search):
    number = 0
    while isinstance(given := search.suggest(f"ray_{number}"), dict):
        yield given
        number += 1


def _run_trial(trial, recorder, scheduler):
    for failures in itertools.count(1):
        recorder.on_step_begin(0, [trial])
        recorder.on_trial_start(0, [trial], trial)
        learning = reports(trial.config["trial"])
        is_failed = False
        while True:
            try:
                result = next(learning)
            except Exception:
                is_failed = True
                break
            with _wrapped():
                if _is_over(trial, result, recorder, scheduler):
                    try:
                        recorder.on_trial_complete(0, [trial], trial)
                    except Exception:  # Ray takes it for a failure of the trial
                        is_failed = True
                    break
        learning.close()
        if not is_failed:
            return
        with _wrapped():
            if failures > trial.max_failures:
                recorder.on_trial_error(0, [trial], trial)
                return
            recorder.on_trial_recover(0, [trial], trial)


def _is_over(trial, result, recorder, scheduler):
    """Hand a report on; return whether it was the trial's last."""
    flat = {**result, **{f"metrics/{name}": value for name, value in result["metrics"].items()}}
    decision = scheduler.on_trial_result(None, trial, flat)
    recorder.on_trial_result(0, [trial], trial, result)
    return decision == TrialScheduler.STOP or result["task"] == result["num_tasks"]


class _wrapped:
    """Raises what a callback raises as Ray does."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and isinstance(error, Exception):
            raise TuneError(traceback.format_exc())
        return False
