"""What the report of a search says and draws, from files alone."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from tuning.search_folder import (
    BY_TEST,
    GAP,
    SPACE,
    searched_records,
    write_journal,
    write_search,
)

from charon.report.search.page import PICTURES, describe
from charon.report.search.results import read_found
from charon.report.search.timeline import draw_timeline, duration, stretches, without_breaks
from charon.report.search.trials import draw_history, draw_slices, plain_ticks, positions
from charon.report.search.worth import draw_front
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


def test_the_winners_commands_have_the_cache_and_the_threads_of_the_search(
    tmp_path, records, undrawn
):
    write_search(tmp_path, records, cache=Path("/my clips"), cpus=2.0)
    _, page = report(tmp_path)
    commands = page.partition("```sh\n")[2].partition("\n```")[0].splitlines()
    assert len(commands) == 2
    for command in commands:
        assert command.startswith("OMP_NUM_THREADS=2 charon run ")
        assert " --cache '/my clips' --output " in command


def test_a_search_that_an_older_version_ended_still_has_a_page(tmp_path, records, undrawn):
    facts = write_search(tmp_path, records)
    del facts["winner"]["confirm_command"]
    (tmp_path / "selection.json").write_text(json.dumps(facts))
    assert "\ncharon run --config winner.json --output winner\n" in report(tmp_path)[1]


def test_all_trials_stand_in_a_table_the_best_first(tmp_path, records, undrawn):
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


def test_the_table_of_all_trials_has_every_objective_in_its_unit(tmp_path, records, undrawn):
    facts = write_search(tmp_path, records, ("memory/bytes", "val/faa"))
    _, page = report(tmp_path)
    folded = page.partition("<details>")[2].splitlines()
    first = next(line for line in folded if line.startswith("| #"))
    assert "| trial | outcome | memory, kB | validation FAA, percent |" in "\n".join(folded)
    size, faa = facts["winner"]["values"]
    assert f"finished: the winner | {size / 1000:.1f} | {faa:.1f} |" in first


def test_a_trial_that_failed_in_its_first_task_is_in_the_table(tmp_path, records, undrawn):
    failed = replace(records[7], curve={}, num_tasks=0)
    write_search(tmp_path, [*records[:7], failed, *records[8:]])
    assert "| #9 | failed after 0 tasks | – |" in report(tmp_path)[1]


def test_importance_says_on_how_many_trials_it_rests(tmp_path, records, monkeypatch):
    monkeypatch.setattr("charon.report.search.page._draw", lambda found: ["importance"])
    write_search(tmp_path, records)
    _, page = report(tmp_path)
    assert "(importance.png)\n\nWhich fields mattered rests on 15 finished trials" in page
    assert "a rough hint" in page


def test_the_front_marks_the_papers_setting(tmp_path, records):
    write_search(tmp_path, records, ("val/faa", "memory/bytes"))
    found = read_found(read_results(tmp_path))
    drawn = {dots.get_label(): dots for dots in draw_front(found).axes[0].collections}
    (place,) = drawn["the paper's setting"].get_offsets().tolist()
    paper = found.paper_trial
    assert place == pytest.approx([paper["memory/bytes"] / 1000, paper["val/faa"]])
    # A setting that has not finished has no place there.
    lost = [replace(records[0], status="failed"), *records[1:]]
    write_search(tmp_path, lost, ("val/faa", "memory/bytes"))
    found = read_found(read_results(tmp_path))
    labels = [dots.get_label() for dots in draw_front(found).axes[0].collections]
    assert "the winner" in labels
    assert "the paper's setting" not in labels


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


def test_the_timeline_draws_what_was_run_and_no_break(tmp_path, records, undrawn):
    write_search(tmp_path, records)
    write_journal(
        tmp_path,
        [
            *((100, "start", "t0"), (110, "start", "t1"), (130, "end", "t0")),
            *((135, "start", "t2"), (140, "end", "t1"), (140, "end", "t2")),  # Ctrl-C
        ],
        # Killed: the last that was heard is the report of t2.
        [*((1000, "start", "t1"), (1003, "start", "t2")), (1020, "report", "t2")],
        [*((2000, "start", "t1"), (2005, "start", "t2")), (2010, "end", "t1"), (2050, "end", "t2")],
    )
    found = read_found(read_results(tmp_path))
    shown, breaks = without_breaks(stretches(found))
    when = {
        name: [(s.started, s.ended) for s in shown if s.trial_id == name]
        for name in ("t0", "t1", "t2")
    }
    assert when["t0"] == [(0, 30)]
    assert when["t1"] == [(10, 40), (40, 60), (60, 70)]
    assert when["t2"] == [(35, 40), (43, 60), (65, 110)]
    assert breaks == [(40, 860), (60, 980)]
    figure = draw_timeline(found)
    assert len(figure.axes[0].patches) == 7
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["#0", "#1", "#2"]
    assert "the search stood still, 2 times, 31 minutes in all" in figure.get_supxlabel()


def test_optunas_timeline_is_said_to_draw_an_interrupted_trial_as_one_bar(
    tmp_path, records, undrawn
):
    write_search(tmp_path, records)
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "timeline.html").touch()
    write_journal(tmp_path, [(0, "start", "t0"), (9, "end", "t0"), (9, "start", "t1")])
    assert "as one bar" not in report(tmp_path)[1]
    first = [(0, "start", "t0"), (9, "end", "t0")]
    write_journal(tmp_path, first, [(20, "start", "t0"), (29, "end", "t0")])
    assert (
        "Its timeline draws a trial that was interrupted and went on as one bar"
        in (report(tmp_path)[1])
    )


def test_a_trial_whose_process_died_and_was_replaced_never_stopped(tmp_path, records):
    write_search(tmp_path, records)
    again = [(0, "start", "t0"), (5, "start", "t0"), (9, "end", "t0")]
    write_journal(tmp_path, again)
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('{"kind": "sta')  # cut off
    ran = stretches(read_found(read_results(tmp_path)))
    assert [(one.started, one.ended) for one in ran] == [(0, 9)]


@pytest.mark.parametrize(
    ("seconds", "text"), [(40, "40 seconds"), (600, "10 minutes"), (11000, "3.1 hours")]
)
def test_a_duration_is_said_in_the_unit_it_is_thought_in(seconds, text):
    assert duration(seconds) == text


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
