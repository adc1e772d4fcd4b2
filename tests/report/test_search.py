"""What the report of a search says and draws, from files alone."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tuning.search_folder import (
    BY_TEST,
    SPACE,
    searched_records,
    write_search,
)

from charon.report.results import read_results
from charon.report.search.page import console_text, describe, page_text
from charon.report.search.results import PAPER, read_search
from charon.report.search.worth import PICTURES, draw_confirmed, draw_front

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def records():
    return searched_records()


def report(folder):
    """Return the console's text and the page."""
    search = read_search(read_results(folder))
    return console_text(search), page_text(search)


def pictures(folder):
    return {path.stem for path in folder.glob("*.png")}


def test_a_search_has_a_page_and_every_picture_but_the_front(tmp_path, records):
    write_search(tmp_path, records)
    describe(read_results(tmp_path))
    assert pictures(tmp_path) == set(PICTURES) - {"pareto_front"}
    for name in pictures(tmp_path):
        assert f"]({name}.png)" in (tmp_path / "README.md").read_text()


def test_the_number_of_trials_stands_beside_the_winner(tmp_path, records):
    facts = write_search(tmp_path, records)
    said, page = report(tmp_path)
    counts = facts["trials"]
    outcomes = f"{counts['finished']} finished, {counts['pruned']} were stopped early, 1 failed"
    for text in (said, page):
        assert f"24 trials ({outcomes})" in text
        assert facts["winner"]["name"] in text


def test_the_confirmed_accuracies_have_intervals_and_their_number(tmp_path, records):
    write_search(tmp_path, records)
    for text in report(tmp_path):
        assert "62.0 ± 2.0 (95 % interval 57.0 to 67.0, n = 3)" in text
        assert "57.0 ± 1.7 (95 % interval 52.7 to 61.3, n = 3)" in text


def test_the_winner_is_compared_with_the_papers_setting_seed_by_seed(tmp_path, records):
    """Their intervals overlap, and each seed is 4 to 6 points better."""
    write_search(tmp_path, records)
    sentence = "5.0 points above the paper's setting (seed by seed, 95 % interval +2.5 to +7.5, n ="
    for text in report(tmp_path):
        assert f"{sentence} 3; paired t-test, p < 0.05)." in text
    table = tmp_path / "confirm" / "trials.csv"
    table.write_text(table.read_text().replace("60.0", "40.0"))  # of one seed of the winner's
    assert "no difference that 3 seeds can show (paired t-test)." in report(tmp_path)[1]


def test_the_page_says_how_the_winner_was_selected(tmp_path, records):
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


def test_the_winners_commands_have_the_cache_and_the_threads_of_the_search(tmp_path, records):
    write_search(tmp_path, records, cache=Path("/my clips"), cpus=2.0)
    _, page = report(tmp_path)
    commands = page.partition("```sh\n")[2].partition("\n```")[0].splitlines()
    assert len(commands) == 2
    for command in commands:
        assert command.startswith("OMP_NUM_THREADS=2 charon run ")
        assert " --cache '/my clips' --output " in command


def test_all_trials_stand_in_a_table_the_best_first(tmp_path, records):
    facts = write_search(tmp_path, records)
    _, page = report(tmp_path)
    folded = page.partition("<details>")[2].partition("</details>")[0]
    assert "<summary>All 24 trials, the best first</summary>\n\n| trial" in folded
    lines = [line.strip("| ").split(" | ") for line in folded.splitlines() if "|" in line]
    header, rows = lines[0], lines[2:]
    assert header[:4] == ["trial", "outcome", "validation FAA, percent", "masking ratio η"]
    assert {row[0] for row in rows} == {f"#{one.number}" for one in records}
    finished, others = rows[: facts["trials"]["finished"]], rows[facts["trials"]["finished"] :]
    assert finished[0][1] == "finished: the winner"
    assert [row[1] for row in rows if row[0] == "#0"] == ["finished: the paper's setting"]
    values = [float(row[2]) for row in finished]
    assert values == sorted(values, reverse=True)
    learned = [row[1].removeprefix("stopped early after ") for row in others[:-1]]
    assert learned == sorted(learned, reverse=True)
    assert set(learned) == {"4 of 6 tasks", "2 of 6 tasks"}
    assert others[-1][:3] == ["#9", "failed after 6 of 6 tasks", "–"]


def test_the_table_of_all_trials_has_every_objective_in_its_unit(tmp_path, records):
    facts = write_search(tmp_path, records, ("memory/bytes", "val/faa"))
    _, page = report(tmp_path)
    folded = page.partition("<details>")[2].splitlines()
    first = next(line for line in folded if line.startswith("| #"))
    assert "| trial | outcome | memory, kB | validation FAA, percent |" in "\n".join(folded)
    size, faa = facts["winner"]["values"]
    assert f"finished: the winner | {size / 1000:.1f} | {faa:.1f} |" in first


def test_a_trial_that_failed_in_its_first_task_is_in_the_table(tmp_path, records):
    failed = replace(records[7], curve={}, num_tasks=0)
    write_search(tmp_path, [*records[:7], failed, *records[8:]])
    assert "| #9 | failed after 0 tasks | – |" in report(tmp_path)[1]


def test_importance_is_a_table_and_says_on_how_many_trials_it_rests(tmp_path, records):
    write_search(tmp_path, records)
    _, page = report(tmp_path)
    shares = page.partition("Which fields mattered (PED-ANOVA):")[2].splitlines()[2:7]
    assert shares[0] == "| field | share for val/faa |"
    assert shares[2:4] == ["| masking ratio η | 0.46 |", "| α | 0.31 |"]
    assert "This rests on 15 finished trials; from few it is a rough hint" in page


def test_optunas_pages_are_linked_by_what_they_show(tmp_path, records):
    write_search(tmp_path, records)
    assert "drawn by Optuna" not in report(tmp_path)[1]
    (tmp_path / "plots").mkdir()
    for name in ("history", "history_memory_bytes", "timeline"):
        (tmp_path / "plots" / f"{name}.html").touch()
    _, page = report(tmp_path)
    links = "[history](plots/history.html), [history memory bytes](plots/history_memory_bytes.html)"
    assert f"- {links}: the objective of every trial, in order" in page
    assert "- [timeline](plots/timeline.html): when each trial ran" in page
    assert "slice" not in page


def test_the_front_marks_the_papers_setting(tmp_path, records):
    write_search(tmp_path, records, ("val/faa", "memory/bytes"))
    search = read_search(read_results(tmp_path))
    drawn = {dots.get_label(): dots for dots in draw_front(search).axes[0].collections}
    (place,) = drawn["the paper's setting"].get_offsets().tolist()
    paper = search.compared[PAPER]
    assert place == pytest.approx([paper["memory/bytes"] / 1000, paper["val/faa"]])
    # A setting that has not finished has no place there.
    lost = [replace(records[0], status="failed"), *records[1:]]
    write_search(tmp_path, lost, ("val/faa", "memory/bytes"))
    search = read_search(read_results(tmp_path))
    labels = [dots.get_label() for dots in draw_front(search).axes[0].collections]
    assert "the winner" in labels
    assert "the paper's setting" not in labels


def test_numbers_of_the_stand_in_are_called_so_and_recorded_ones_are_not(tmp_path, records):
    write_search(tmp_path / "standin", records)
    write_search(tmp_path / "real", records, is_standin=False)
    assert report(tmp_path / "standin")[1].count("synthetic stand-in, not NTU RGB+D") >= 2
    assert "stand-in" not in report(tmp_path / "real")[1]


def test_a_winner_picked_on_the_test_set_is_said_to_be_flattered_everywhere(tmp_path, records):
    write_search(tmp_path, records, rule=BY_TEST)
    said, page = report(tmp_path)
    for text in (said, page):
        assert "flatters" in text
    assert "saw a test clip" not in page
    assert "before the selection, which therefore saw it" in page
    assert "Before the winner was picked, the finished trials' saved models were scored" in page


def test_the_gap_names_the_flattery_and_the_foresight_with_their_numbers(tmp_path, records):
    facts = write_search(tmp_path, records, seed=3)  # of the accuracies on the test set
    for text in report(tmp_path):
        assert "1.6 points of flattery" in text
        assert f"among {facts['trials']['finished']} finished trials" in text
        for rule in ("validation", "test set", "first task", "first 2 tasks"):
            assert rule in text
        assert "rho with test FAA" in text


def test_several_objectives_have_a_front_as_table_and_picture(tmp_path, records):
    facts = write_search(tmp_path, records, ("val/faa", "memory/bytes"))
    said = describe(read_results(tmp_path))
    page = (tmp_path / "README.md").read_text()
    assert "](pareto_front.png)" in page
    assert "pareto_front" in pictures(tmp_path)
    for one in facts["front"]:
        assert one["name"] in said
        assert one["name"] in page
    number = len(facts["front"])
    assert f"on the Pareto front ({number}) the winner has the best val/faa" in page


def test_a_search_without_a_confirm_stage_says_that_the_winner_is_not_tested(tmp_path, records):
    write_search(tmp_path, records, has_confirm=False)
    _, page = report(tmp_path)
    assert "has no test accuracy yet" in page
    assert draw_confirmed(read_search(read_results(tmp_path))) is None


def test_what_few_finished_trials_cannot_tell_is_left_out_and_said_so(tmp_path, records):
    write_search(tmp_path, records[:2], num_seeds=1)
    (tmp_path / "importance.csv").unlink()
    said = describe(read_results(tmp_path))
    page = (tmp_path / "README.md").read_text()
    assert pictures(tmp_path) == {"confirm"}
    assert "not estimated from fewer than 8 finished trials, and here 2 have" in page
    assert "of a single seed, which tells nothing of the spread" in page
    for text in (said, page):
        assert "compared among 3 finished trials or more; here 2 can be" in text
        assert "60.0 (n = 1)" in text
        assert not {"flattery", "–"} & set(text.split())
        assert "95 % interval" not in text


def test_a_test_set_that_picks_the_same_trial_has_flattered_nothing(tmp_path, records):
    write_search(tmp_path, records)
    assert "picks the trial that validation picks: no flattery" in report(tmp_path)[0]


def test_the_page_says_where_gaps_in_the_numbers_come_from(tmp_path, records):
    write_search(tmp_path, records)
    _, page = report(tmp_path)
    assert "Never run: #5, #6 (over the budget of 400,000 bytes, or fields that" in page
    assert "interruption" not in page


def test_numbers_that_follow_each_other_are_a_range(tmp_path, records):
    facts = write_search(tmp_path, records[:9] + records[10:])  # without #11
    facts["refused"] += [40, 30, 32, 31]
    (tmp_path / "selection.json").write_text(json.dumps(facts))
    _, page = report(tmp_path)
    assert "Never run: #5, #6, #30 to #32, #40 (" in page
    assert "gone on under the first number: #11." in page


def test_fields_set_for_all_trials_stand_on_the_page(tmp_path, records):
    write_search(tmp_path, records, settings={"model.precision": "bf16"})
    _, page = report(tmp_path)
    assert " · model.precision=bf16 · " in page
    assert "Set for all trials on the command line: model.precision=bf16." in page


def test_a_winner_tested_on_other_classes_is_said_to_be(tmp_path, records):
    write_search(tmp_path, records, confirmed_on="ntu120new-xset")
    said, page = report(tmp_path)
    for text in (said, page):
        assert "test FAA % on ntu120new-xset of the winner: 62.0" in text
        assert "Confirmed on fresh seeds" not in text  # beside accuracies on other classes
    assert "ntu120new-xset, whose classes the search has not seen" in page
    assert "scored on the test set of ntu60-xview" in page


def test_a_search_that_is_not_over_has_no_winner(tmp_path, records):
    write_search(tmp_path, records)
    (tmp_path / "selection.json").unlink()
    said = describe(read_results(tmp_path))
    assert said.startswith("The search is not over")
    assert not (tmp_path / "README.md").exists()


def test_an_extended_search_that_is_not_over_says_that_its_winner_is_of_before(tmp_path, records):
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


def test_every_searched_field_is_in_the_table(tmp_path, records):
    write_search(tmp_path, records)
    said, _ = report(tmp_path)
    for name in ("masking ratio η", "sampling interval s", "α", "β", "learning rate"):
        assert name in said
    assert len(SPACE) == 5
