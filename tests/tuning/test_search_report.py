"""What the report of a search says and draws, from files alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tuning.search_folder import BY_TEST, SPACE, searched_records, write_search

from charon.report.search.found import read_found
from charon.report.search.page import PICTURES, describe
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
    facts = write_search(tmp_path, records)
    for text in report(tmp_path):
        assert "points of flattery" in text
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
    assert "on the Pareto front the one with the best val/faa" in page


def test_a_search_without_a_confirm_stage_says_that_the_winner_is_not_tested(
    tmp_path, records, undrawn
):
    write_search(tmp_path, records, has_confirm=False)
    _, page = report(tmp_path)
    assert "has no test accuracy yet" in page
    assert PICTURES["confirm"][1](read_found(read_results(tmp_path))) is None


def test_few_finished_trials_make_fewer_pictures_and_no_error(tmp_path, records):
    write_search(tmp_path, records[:2])
    (tmp_path / "importance.csv").write_text("objective,field,importance,evaluator,n\n")
    said, _ = report(tmp_path)
    assert "importance" not in pictures(tmp_path)
    assert "–" in said  # no rho of two trials


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
