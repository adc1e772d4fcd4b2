"""A search as Ray drives it: opened, begun, told of reports and ends, without Ray."""

from types import SimpleNamespace

from charon.tuning.execution.searcher import Limits, StudySearch
from charon.tuning.execution.trainable import score
from charon.tuning.sampling.encoding import Encoding
from charon.tuning.sampling.optuna_study import make_study
from charon.tuning.study.objectives import directions
from charon.tuning.study.space import MaskingRatio, Real, SamplingInterval
from charon.tuning.study.trials import complete

SPACE = {
    "learner.masking_ratio": MaskingRatio(0.0, 0.9, tuples=20),
    "learner.alpha": Real(0.05, 1.0, log=True),
    "learner.sampling_interval": SamplingInterval(1, 10, frames=120),
}
SETTING = {"folder": "results"}
START_FIELDS = complete({"learner": "charon"})


def plan(objectives=("val/faa",), sampler="tpe"):
    return SimpleNamespace(
        name="study",
        key="1",
        objectives=objectives,
        directions=directions(objectives),
        sampler=sampler,
        num_trials=24,
    )


def search(folder, space=SPACE, objectives=("val/faa",), sampler="tpe", **limits):
    """Return a search as a study opens it, before Ray restores or begins it."""
    one = make_study(plan(objectives, sampler), folder, seed=0)
    encoding = Encoding(space, as_numbers=sampler == "cmaes")
    limits = Limits(**{"num_trials": 24, **limits})
    return StudySearch(one, encoding, START_FIELDS, objectives, limits, SETTING)


def begun(folder, *args, running=(), ended=(), **kwargs):
    """Return a search that begins, or goes on with these trials and after those."""
    one = search(folder, *args, **kwargs)
    one.begin(set(running), set(ended))
    return one


def report(task, faa, num_tasks=6):
    scored = {"score": score(task, num_tasks, faa), "metrics/val/faa": faa}
    return {"task": task, "num_tasks": num_tasks, **scored}


def finish(one, name, faas):
    """Report as Ray does: the last report comes only with the completion."""
    for task, faa in enumerate(faas[:-1], start=1):
        one.on_trial_result(name, report(task, faa))
    one.on_trial_complete(name, report(len(faas), faas[-1]))
