"""Labels of trials: short, and different where runs differ."""

from charon.tuning.study.space import Real
from charon.tuning.study.study import Study
from charon.tuning.study.trials import expand

ETA = "learner.masking_ratio"


SPACE = {"learner.alpha": Real(0, 1)}


def study(**changes):
    given = {"name": "some", "question": "Which?", "seeds": (0, 1), **changes}
    return Study(**given)


def test_labels_name_what_differs():
    runs = expand(study(grid={"model.attention": ["softmax", "tanh"]}, seeds=(7,)))
    assert runs[1].label == "eta0.30 s5 M500 attention=tanh seed7"


def test_a_label_names_only_what_its_case_sets():
    cases = [{}, {"learner.rebuild": "resize"}, {"argmax": "all"}]
    runs = expand(study(cases=cases, seeds=(0,)))
    assert [run.label for run in runs] == [
        "eta0.30 s5 M500 seed0",
        "eta0.30 s5 M500 rebuild=resize seed0",
        "eta0.30 s5 M500 argmax=all seed0",
    ]


def test_a_label_says_of_many_fields_only_how_many_more_there_are():
    case = {
        "argmax": "all",
        "learner.rebuild": "resize",
        "learner.replay_draws": 2,
        "learner.refresh": "new",
        "learner.gamma": 0.1,
        "learner.beta": 0.2,
    }
    (run,) = expand(study(cases=[case], seeds=(0,)))
    assert (
        run.label == "eta0.30 s5 M500 argmax=all rebuild=resize replay_draws=2 refresh=new +2 seed0"
    )
