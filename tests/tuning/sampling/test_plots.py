"""Optuna's pages of a search, in the units of its objectives."""

import csv

import optuna
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from charon.tuning.sampling.optuna_study import TRIAL
from charon.tuning.sampling.plots import in_own_units, write_plots
from charon.tuning.study.objectives import score

FAA, BYTES = "val/faa", "memory/bytes"


def search_for(*directions, num_trials=12, others=()):
    """A search of some trials in which only alpha matters, as Optuna knows it."""
    study = optuna.create_study(directions=directions)
    space = {"learner.alpha": FloatDistribution(0, 1), "learner.masking_ratio:kept_tuples": None}
    space["learner.masking_ratio:kept_tuples"] = IntDistribution(1, 10)
    for number in range(num_trials):
        alpha, kept = number / 12, 1 + (7 * number) % 10
        faa = 40 + 20 * alpha
        is_pruned = number % 4 == 3
        achieved = {FAA: faa, BYTES: 100.0 * kept, **dict.fromkeys(others, faa)}
        study.add_trial(
            create_trial(
                state=TrialState.PRUNED if is_pruned else TrialState.COMPLETE,
                values=None if is_pruned else [score(6, 6, faa)] * len(directions),
                params=dict(zip(space, (alpha, kept), strict=True)),
                distributions=space,
                intermediate_values={3: score(3, 6, faa)} if len(directions) == 1 else None,
                user_attrs={TRIAL: str(number), **({} if is_pruned else achieved)},
            )
        )
    return study


def test_values_are_percent_and_bytes_and_not_scores():
    search = search_for("maximize", "minimize")
    shown = in_own_units(search, [FAA, BYTES])
    assert shown.trials[6].values == [50.0, 300.0]
    assert [t.state for t in shown.trials] == [t.state for t in search.trials]


def test_refused_settings_keep_their_place():
    study = optuna.create_study(direction="maximize")
    space = {"learner.alpha": FloatDistribution(0, 1)}
    states = [TrialState.PRUNED, TrialState.FAIL, TrialState.COMPLETE]
    for place, state in enumerate(states):
        is_complete = state == TrialState.COMPLETE
        study.add_trial(
            create_trial(
                state=state,
                value=score(6, 6, 20.0) if is_complete else None,
                params={"learner.alpha": place / 10},
                distributions=space,
                user_attrs={FAA: 20.0} if is_complete else {},
            )
        )
    shown = in_own_units(study, [FAA]).trials
    assert [t.state for t in shown] == states
    assert [t.values for t in shown] == [None, None, [20.0]]


def test_the_pages_and_the_importance_with_its_evaluators_name(tmp_path):
    search = search_for("maximize", "minimize")
    write_plots(search, [FAA, BYTES], "some clips", tmp_path)
    names = {path.stem for path in (tmp_path / "plots").glob("*.html")}
    assert names >= {"history", "importance", "parallel_coordinates", "slice", "timeline"}
    assert names >= {"pareto_front", "history_memory_bytes"}
    assert "PED-ANOVA" in (tmp_path / "plots" / "importance.html").read_text()
    front = (tmp_path / "plots" / "pareto_front.html").read_text()
    # As in the report's picture.
    assert '"xaxis":{"title":{"text":"memory\\u002fbytes"}}' in front
    assert '"yaxis":{"title":{"text":"val\\u002ffaa"}}' in front
    for page in (tmp_path / "plots").glob("*.html"):
        assert "some clips" in page.read_text()
    with (tmp_path / "importance.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    most = {row["objective"]: row["field"] for row in reversed(rows)}
    assert most == {FAA: "learner.alpha", BYTES: "learner.masking_ratio"}
    assert all(row["evaluator"].startswith("PED-ANOVA") and row["n"] == "9" for row in rows)


def test_of_four_objectives_every_page_is_drawn_but_the_front(tmp_path):
    more = ("val/acc/task_01", "val/faa_again")
    study = search_for("maximize", "minimize", "maximize", "maximize", others=more)
    write_plots(study, [FAA, BYTES, *more], "some clips", tmp_path)
    pages = {path.stem for path in (tmp_path / "plots").glob("*.html")}
    assert pages >= {"history", "history_val_faa_again", "timeline", "importance"}
    assert "pareto_front" not in pages


def test_a_search_of_few_finished_trials_has_no_importance(tmp_path):
    write_plots(search_for("maximize"), [FAA], "some clips", tmp_path)
    assert (tmp_path / "importance.csv").exists()
    write_plots(search_for("maximize", num_trials=3), [FAA], "some clips", tmp_path)
    assert not (tmp_path / "plots" / "importance.html").exists()
    assert (tmp_path / "plots" / "history.html").exists()
    assert not (tmp_path / "importance.csv").exists()


def test_a_search_without_a_finished_trial_has_a_timeline(tmp_path):
    write_plots(search_for("maximize", num_trials=0), [FAA], "some clips", tmp_path)
    assert {path.stem for path in (tmp_path / "plots").glob("*.html")} == {"timeline"}
