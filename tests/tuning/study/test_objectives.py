"""What "best" may mean, and which way it is better."""

import pytest
from tiny_runs import learn, tiny_run, write_set

from charon.errors import ConfigError
from charon.tuning.study.objectives import (
    DIRECTIONS,
    can_prune,
    check_defined,
    check_objectives,
    directions,
    measured_on,
    show_metric,
    watched,
)


def test_accuracies_go_up_and_bytes_seconds_and_forgetting_down():
    names = ("val/faa", "memory/bytes", "time/train_seconds", "val/forgetting", "val/bwt")
    assert directions(names) == ["maximize", "minimize", "minimize", "minimize", "maximize"]
    assert directions(["test/faa"]) == ["maximize"]


def test_an_unknown_metric_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"no metric 'val/fa' .*val/faa.*memory/bytes"):
        directions(["val/fa"])
    with pytest.raises(ConfigError, match="no metric 'bytes'"):
        directions(["bytes"])


def test_a_search_refuses_the_test_set_in_any_place():
    for objectives in (["test/faa"], ["val/faa", "test/forgetting"]):
        with pytest.raises(ConfigError, match="selecting on the test set"):
            check_objectives(objectives, is_search=True)


@pytest.mark.parametrize(
    "name", ["memory/bytes", "time/train_seconds", "val/forgetting", "val/bwt"]
)
def test_a_search_is_about_an_accuracy_or_who_learns_nothing_wins(name):
    with pytest.raises(ConfigError, match=rf"--objective val/faa {name}.* within a --budget"):
        check_objectives([name], is_search=True)
    check_objectives([name, "val/task_il_faa"], is_search=True)
    check_objectives([name], is_search=False)


@pytest.mark.parametrize("name", ["val/forgetting", "val/bwt"])
def test_what_compares_tasks_is_refused_where_there_is_one(name):
    check_defined(["val/faa", name], 2)
    check_defined(["val/faa"], 1)
    with pytest.raises(ConfigError, match=f"{name} is not defined on a stream of one task"):
        check_defined(["val/faa", name], 1)


def test_only_one_accuracy_can_stop_a_trial():
    assert can_prune(["val/faa"])
    assert not can_prune(["val/forgetting"])
    assert not can_prune(["val/faa", "memory/bytes"])


def test_objectives_are_shown_in_percent_bytes_and_seconds():
    values = {"val/faa": 43.12, "val/bwt": -7.0, "memory/bytes": 468_000.0}
    assert [show_metric(*one) for one in values.items()] == ["43.1", "-7.0", "468 kB"]
    assert show_metric("time/train_seconds", 35.25) == "35.2 s"


def test_every_report_must_have_an_accuracy():
    assert watched(["memory/bytes", "val/task_il_faa"]) == "task_il_faa"
    assert watched(["memory/bytes"]) == "faa"
    assert watched(["test/faa"]) == "faa"


def test_objectives_are_measured_on_the_part_that_runs_are_evaluated_on():
    assert measured_on("val", ("test/faa", "memory/bytes")) == ("val/faa", "memory/bytes")
    assert measured_on("test", ("test/faa",)) == ("test/faa",)


def test_every_objective_is_reported_by_a_run(tmp_path):
    archive = write_set(tmp_path / "set")
    for learner in ("charon", "finetune"):
        run = tiny_run(learner, optimiser__epochs=1)
        _, results = learn(run, archive)
        reported = {name.replace("test/", "val/") for name in results[-1].metrics}
        assert set(DIRECTIONS) <= reported
        seconds = [result.metrics["time/train_seconds"] for result in results]
        assert seconds == sorted(seconds)
        assert seconds[0] > 0
