"""The studies that come with the project can be run, and have their figures."""

import runpy
from pathlib import Path

import pytest

from charon.learners import LEARNERS
from charon.tuning.study.trials import expand

ROOT = Path(__file__).parents[2]
WITHOUT_TRIALS = ("throughput", "interpolation_error")
"""They measure steps and codecs."""
STUDIES = sorted(p for p in (ROOT / "studies").glob("*.py") if p.stem not in WITHOUT_TRIALS)


def declared(path):
    return runpy.run_path(str(path))["study"]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_expands_and_says_how_it_is_run_and_read(path):
    study = declared(path)
    assert study.name == path.stem
    assert expand(study)
    text = path.read_text(encoding="utf-8")
    assert f"python studies/{path.name}" in text
    own = (ROOT / "analysis" / path.name).exists()
    general = f"python -m charon.report.summary --results results/{path.stem}"
    assert (f"python analysis/{path.name}" if own else general) in text


def test_table_1_has_every_method_under_the_papers_conditions():
    runs = [run.fields for run in expand(declared(ROOT / "studies" / "baselines.py"))]
    assert {run["learner"] for run in runs} == set(LEARNERS) - {"er_ace", "lucir"}
    for name, value in [("epochs", 30), ("learning_rate", 0.05), ("batch_size", 16)]:
        assert {run[f"optimiser.{name}"] for run in runs} == {value}
    sizes = {run["learner.buffer_size"] for run in runs if run["learner"] != "finetune"}
    assert sizes == {500, 2000}
    thinned = {run["learner"] for run in runs if run.get("learner.sampling_interval", 1) > 1}
    assert thinned == {"charon"}
    assert len(runs) == 3 * (2 + 7 * 2)


def test_fidelity_switches_one_field_at_a_time_and_then_all():
    from charon.config import Run
    from charon.presets import PRESETS

    runs = [run.fields for run in expand(declared(ROOT / "studies" / "fidelity.py"))]
    paper = Run.from_flat({}).to_flat()
    switched = [
        {name for name, value in run.items() if value != paper[name] and name != "seed"}
        for run in runs
    ]
    released = PRESETS["released"]
    one_seed = switched[: len(released) + 3]
    assert one_seed[0] == set()
    assert one_seed[1:-2] == [{name} for name in released]
    assert one_seed[-2:] == [set(released) - {"data.class_order"}, set(released)]
    assert len(runs) == 3 * len(one_seed)


def test_the_compact_preset_is_what_was_accepted():
    from charon.presets import PRESETS

    beyond = runpy.run_path(str(ROOT / "studies" / "beyond.py"))
    accepted = beyond["together"](*beyond["COMPACT"])
    assert accepted == {"learner": "charon", **PRESETS["compact"]}


def test_the_bytes_of_every_method_are_also_spent_compactly():
    from charon.presets import PRESETS

    runs = [run.fields for run in expand(declared(ROOT / "studies" / "bytes.py"))]
    compact = [run for run in runs if run.get("learner.selection") == "balanced"]
    assert {run["learner"] for run in compact} == {"er", "derpp", "charon"}
    for run in compact:
        assert all(run[n] == value for n, value in PRESETS["compact"].items() if n in run)
