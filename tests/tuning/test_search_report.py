"""What the report of a search says and draws, from files alone."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from tuning.search_folder import BY_TEST, GAP, SPACE, searched_records, write_search

from charon.report.search.found import read_found
from charon.report.search.page import PICTURES, describe
from charon.report.search.trials import (
    draw_history,
    draw_slices,
    draw_timeline,
    plain_ticks,
    positions,
)
from charon.report.tables import read_results

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def records():
    return searched_records()


def report(folder):
    """Return the console's text and the page."""
    said = describe(read_results(folder))
    return said, (folder / "README.md").read_text()


@pytest.fixture
def undrawn(monkeypatch):
    """For tests of what is said: no picture is drawn."""
    monkeypatch.setattr("charon.report.search.page._draw", lambda found: [])


def pictures(folder):
    return {path.stem for path in folder.glob("*.png")}


def test_a_search_has_a_page_and_every_picture_but_the_front(tmp_path, records):
    write_search(tmp_path, records)
    _, page = report(tmp_path)
    assert pictures(tmp_path) == set(PICTURES) - {"pareto_front"}
    for name in pictures(tmp_path):
        assert f"]({name}.png)" in page


def test_the_number_of_trials_stands_beside_the_winner(tmp_path, records, undrawn):
    facts = write_search(tmp_path, records)
    said, page = report(tmp_path)
    counts = facts["trials"]
    outcomes = f"{counts['finished']} finished, {counts['pruned']} were stopped early, 1 failed"
    for text in (said, page):
        assert f"24 trials ({outcomes})" in text
        assert facts["winner"]["name"] in text


def test_the_confirmed_accuracies_have_intervals_and_their_number(tmp_path, records, undrawn):
    write_search(tmp_path, records)
    for text in report(tmp_path):
        assert "62.0 ± 2.0 (95 % interval 57.0 to 67.0, n = 3)" in text
        assert "57.0 ± 1.7 (95 % interval 52.7 to 61.3, n = 3)" in text


def test_the_page_says_how_the_winner_was_selected(tmp_path, records, undrawn):
    facts = write_search(tmp_path, records)
    _, page = report(tmp_path)
    for text in (
        *("TPE", "ASHA", "seed 0", "val/faa", "held-out performers 3, 9", "rule 'validation'"),
        "neither the search nor the selection saw a test clip",
        "seeds that the search had not used (2, 3, 4)",
        "charon run --config",
        facts["winner"]["command"],
    ):
        assert text in page


def test_numbers_of_the_stand_in_are_called_so_and_recorded_ones_are_not(
    tmp_path, records, undrawn
):
    write_search(tmp_path / "standin", records)
    write_search(tmp_path / "real", records, is_standin=False)
    assert report(tmp_path / "standin")[1].count("synthetic stand-in, not NTU RGB+D") >= 2
    assert "stand-in" not in report(tmp_path / "real")[1]


def test_a_winner_picked_on_the_test_set_is_said_to_be_flattered_everywhere(
    tmp_path, records, undrawn
):
    write_search(tmp_path, records, rule=BY_TEST)
    said, page = report(tmp_path)
    for text in (said, page):
        assert "flatters" in text
    assert "saw a test clip" not in page
    assert "before the selection, which therefore saw it" in page
    assert "Before the winner was picked, the finished trials' saved models were scored" in page


def test_the_gap_names_the_flattery_and_the_foresight_with_their_numbers(
    tmp_path, records, undrawn
):
    facts = write_search(tmp_path, records, seed=3)  # of the accuracies on the test set
    for text in report(tmp_path):
        assert "1.6 points of flattery" in text
        assert f"among {facts['trials']['finished']} finished trials" in text
        for rule in ("validation", "test set", "first task", "first 2 tasks"):
            assert rule in text
        assert "rho with test FAA" in text


def test_several_objectives_have_a_front_as_table_and_picture(tmp_path, records):
    facts = write_search(tmp_path, records, ("val/faa", "memory/bytes"))
    said, page = report(tmp_path)
    assert "pareto_front" in pictures(tmp_path)
    for one in facts["front"]:
        assert one["name"] in said
        assert one["name"] in page
    number = len(facts["front"])
    assert f"on the Pareto front ({number}) the one with the best val/faa" in page


def test_a_search_without_a_confirm_stage_says_that_the_winner_is_not_tested(
    tmp_path, records, undrawn
):
    write_search(tmp_path, records, has_confirm=False)
    _, page = report(tmp_path)
    assert "has no test accuracy yet" in page
    assert PICTURES["confirm"][1](read_found(read_results(tmp_path))) is None


def test_what_few_finished_trials_cannot_tell_is_left_out_and_said_so(tmp_path, records):
    write_search(tmp_path, records[:2], num_seeds=1)
    (tmp_path / "importance.csv").unlink()
    said, page = report(tmp_path)
    assert not {"importance", "gap"} & pictures(tmp_path)
    assert "not estimated from fewer than 8 finished trials, and here 2 have" in page
    assert "of a single seed, which tells nothing of the spread" in page
    for text in (said, page):
        assert "compared among 3 finished trials or more; here 2 can be" in text
        assert "60.0 (n = 1)" in text
        assert not {"flattery", "–"} & set(text.split())
        assert "95 % interval" not in text


def test_a_test_set_that_picks_the_same_trial_has_flattered_nothing(tmp_path, records, undrawn):
    write_search(tmp_path, records)
    assert "picks the trial that validation picks: no flattery" in report(tmp_path)[0]


def test_a_trial_has_one_number_in_its_name_and_in_every_picture(tmp_path, records, undrawn):
    write_search(tmp_path, records)
    found = read_found(read_results(tmp_path))
    numbers = [int(name.rpartition("#")[2]) for name in found.results.trials["name"]]
    assert GAP not in numbers
    points = draw_history(found).axes[0].collections[0].get_offsets()[:, 0]
    assert set(points) < set(numbers)
    bars = [tick.get_text() for tick in draw_timeline(found).axes[0].get_yticklabels()]
    assert bars == [f"#{number}" for number in numbers]


def test_a_start_that_was_lost_and_run_again_is_called_by_its_new_number(
    tmp_path, records, undrawn
):
    lost = replace(records[0], trial_id="lost", status="lost", curve={})
    again = replace(records[0], number=30)
    facts = write_search(tmp_path, [lost, *records[1:], again])
    assert facts["paper_id"] == "t0"
    assert "the paper's setting is #30." in report(tmp_path)[1]
    assert (
        "#30: the paper's" in draw_history(read_found(read_results(tmp_path))).axes[0].get_xlabel()
    )


def test_the_page_says_where_gaps_in_the_numbers_come_from(tmp_path, records, undrawn):
    write_search(tmp_path, records)
    _, page = report(tmp_path)
    assert "#5, #6 were never run: over the budget of 400,000 bytes, or fields that" in page
    assert "interruption" not in page


def test_fields_set_for_all_trials_stand_on_the_page(tmp_path, records, undrawn):
    write_search(tmp_path, records, settings={"model.precision": "bf16"})
    _, page = report(tmp_path)
    assert " · model.precision=bf16 · " in page
    assert "Set for all trials on the command line: model.precision=bf16." in page


def test_a_winner_tested_on_other_classes_is_said_to_be(tmp_path, records, undrawn):
    write_search(tmp_path, records, confirmed_on="ntu120new-xset")
    said, page = report(tmp_path)
    for text in (said, page):
        assert "test FAA % on ntu120new-xset of the winner: 62.0" in text
        assert "Confirmed on fresh seeds" not in text  # beside accuracies on other classes
    assert "ntu120new-xset, whose classes the search has not seen" in page
    assert "scored on the test set of ntu60-xview" in page


def test_logarithmic_axes_say_so_and_have_plain_ticks(tmp_path, records):
    write_search(tmp_path, records)
    panels = draw_slices(read_found(read_results(tmp_path))).axes
    by_label = {axes.get_xlabel(): axes for axes in panels}
    assert by_label.keys() >= {"masking ratio η", "α (logarithmic)", "β"}
    axes = by_label["α (logarithmic)"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["0.05", "0.1", "0.2", "0.5", "1"]


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0.3, 0.3, [0.2, 0.5]),
        (2, 2, [2]),
        (0.24, 0.31, [0.2, 0.5]),
        (100, 2000, [100, 200, 500, 1000, 2000]),
    ],
)
def test_ticks_enclose_what_is_drawn(low, high, marks):
    assert plain_ticks(low, high) == marks


def test_ticks_of_many_decades_are_few():
    marks = plain_ticks(1e-5, 10)
    assert (marks[0], marks[-1]) == (1e-5, 10)
    assert len(marks) <= 8


def test_a_search_that_is_not_over_has_no_winner(tmp_path, records):
    write_search(tmp_path, records)
    (tmp_path / "selection.json").unlink()
    said = describe(read_results(tmp_path))
    assert said.startswith("The search is not over")
    assert not (tmp_path / "README.md").exists()


def test_an_extended_search_that_is_not_over_says_that_its_winner_is_of_before(
    tmp_path, records, undrawn
):
    write_search(tmp_path, records)
    study = json.loads((tmp_path / "study.json").read_text())
    study |= {"num_trials": len(records) + 3, "extensions": 1}
    (tmp_path / "study.json").write_text(json.dumps(study))
    for text in report(tmp_path):
        assert f"extended to {len(records) + 3} trials, with 3 still to come" in text
        assert "the winner here was selected before that; go on with --resume" in text


def test_the_report_reads_files_alone(tmp_path, records):
    write_search(tmp_path, records)
    code = (
        "import sys, runpy; sys.argv = ['a', '--results', sys.argv[2]];"
        f"runpy.run_path({str(ROOT / 'analysis' / 'search.py')!r}, run_name='__main__');"
        "assert not {'torch', 'ray', 'mlflow', 'optuna', 'plotly'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, "--results", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    assert "Confirmed test FAA" in done.stdout


def test_every_searched_field_is_in_the_table(tmp_path, records, undrawn):
    write_search(tmp_path, records)
    said, _ = report(tmp_path)
    for name in ("masking ratio η", "sampling interval s", "α", "β", "learning rate"):
        assert name in said
    assert len(SPACE) == 5


def test_a_choice_of_none_has_its_place_on_the_axis():
    places, ticks = positions(pd.Series([3.0, None, 1.0, None]), choice=True)
    assert (places.tolist(), ticks) == ([1.0, 2.0, 0.0, 2.0], ["1", "3", "none"])
