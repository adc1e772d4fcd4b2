"""A study that runs through Ray in seconds; a program of its own, as real studies are."""

from charon.tuning import Study, main
from charon.tuning.study.space import MaskingRatio, Real

BASE = {
    "data.classes_per_task": 2,
    "learner.masking_ratio": 0.3,
}

grid = Study(
    name="tiny",
    question="Does the whole way work?",
    base={name: value for name, value in BASE.items() if name != "learner.masking_ratio"},
    grid={"learner.masking_ratio": [0.0, 0.5]},
    seeds=(0,),
    also=[{"learner": "finetune"}],
)

shares = Study(
    name="tiny",
    question="Do trials share their first task?",
    base=BASE,
    grid={"learner.alpha": [0.1, 0.5, 0.9]},
    seeds=(0,),
)

search = Study(
    name="tiny",
    question="Does a search work?",
    base=BASE,
    space={
        "learner.masking_ratio": MaskingRatio(0.0, 0.9),
        "learner.alpha": Real(0.1, 1.0),
    },
    num_trials=3,
    pruner="asha",
)

if __name__ == "__main__":
    import sys

    main({"grid": grid, "shares": shares, "search": search}[sys.argv[1]], sys.argv[2:])
