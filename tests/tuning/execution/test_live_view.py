"""What a person sees while a study runs."""

import io

import pytest
from rich.console import Console
from tuning.fakes import FIELDS

from charon.tuning.execution.live_view import MOST_ROWS, LiveView, left_text
from charon.tuning.execution.trainable import beat_file, failure_file
from charon.tuning.records.heartbeat import Heart, read_beat
from charon.tuning.records.journal import FINISHED, INTERRUPTED, PRUNED, Journal


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.jsonl")


def view(
    journal, tmp_path, num_trials=2, *, terminal=False, objectives=("val/faa",), is_search=True
):
    console = Console(file=io.StringIO(), width=120, force_terminal=terminal, color_system=None)
    progress = LiveView(
        journal,
        objectives,
        is_search,
        num_trials,
        slots=2,
        folder=tmp_path,
        console=console,
    )
    return progress, console


def add(journal, name, faas, outcome=None, metric="val/faa", **more):
    journal.append("trial", name, label=f"label {name}", fields=FIELDS, tags={})
    journal.append("start", name)
    for task, faa in enumerate(faas, start=1):
        journal.append(
            "report",
            name,
            task=task,
            num_tasks=3,
            metrics={metric: faa, **more},
            matrix=[],
            seconds=10.0,
        )
    if outcome:
        journal.append("end", name, outcome=outcome, error="")


def text_of(progress, console):
    console.print(progress.render())
    return console.file.getvalue()


def test_the_time_left_does_not_take_a_shared_first_task_for_a_quick_one(journal, tmp_path):
    add(journal, "a", [90.0], None)
    record = journal.trials["a"]
    assert left_text(record) == "0:20 left"
    record.latest["time/shared_seconds"] = 15.0
    assert left_text(record) == "0:50 left"


def test_the_table_shows_task_faa_time_left_and_the_best(journal, tmp_path):
    add(journal, "a", [90.0, 80.0], None)
    add(journal, "b", [90.0, 80.0, 70.0], FINISHED)
    text = text_of(*view(journal, tmp_path))
    assert "2/3" in text
    assert "0:10 left" in text
    assert "best: label b 70.0" in text


def test_the_best_is_chosen_among_finished_trials_only(journal, tmp_path):
    add(journal, "stopped", [99.0], PRUNED)
    add(journal, "finished", [90.0, 70.0, 50.0], FINISHED)
    assert view(journal, tmp_path)[0].best().label == "label finished"


def test_within_a_task_the_table_shows_the_epoch(journal, tmp_path):
    add(journal, "a", [90.0])
    (tmp_path / "progress").mkdir()
    Heart(beat_file(tmp_path, "a")).beat(2, 7, 30, "train")
    assert "2/3 train epoch 7/30" in text_of(*view(journal, tmp_path))


def test_a_beat_that_is_half_written_or_missing_is_no_error(tmp_path):
    assert read_beat(tmp_path / "none.json") is None
    (tmp_path / "half.json").write_text("[1, 2")
    assert read_beat(tmp_path / "half.json") is None


def test_a_long_study_shows_what_runs_and_says_how_many_more(journal, tmp_path):
    for number in range(MOST_ROWS + 5):
        add(journal, f"t{number}", [90.0, 80.0, 70.0], FINISHED)
    add(journal, "running", [90.0])
    text = text_of(*view(journal, tmp_path, num_trials=100))
    assert "label running" in text
    assert "and 6 more" in text


def test_without_a_terminal_every_event_is_one_line(journal, tmp_path):
    progress, console = view(journal, tmp_path)
    with progress.shown():
        add(journal, "a", [90.0, 80.0, 70.0], FINISHED)
        for kind in ("start", "report", "recover", "end"):
            progress.on_event(kind, "a")
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 4
    assert "(1/2 trials)" in lines[-1]


def test_a_trial_that_fails_is_said_with_its_reason_before_its_turn_to_end_comes(journal, tmp_path):
    progress, console = view(journal, tmp_path)
    add(journal, "a", [90.0])
    failure = failure_file(tmp_path, "a")
    failure.parent.mkdir()
    failure.write_text("val/faa is nan after task 2.")
    progress.on_event("recover", "a")
    assert "label a" in console.file.getvalue()
    assert "fails: val/faa is nan after task 2." in console.file.getvalue()


def test_on_a_terminal_events_are_not_lines_but_the_table(journal, tmp_path):
    progress, console = view(journal, tmp_path, terminal=True)
    with progress.shown():
        add(journal, "a", [90.0])
        progress.on_event("report", "a")
    assert "trials" in console.file.getvalue()


def test_the_studys_rest_is_shared_by_what_runs_at_once(journal, tmp_path):
    add(journal, "a", [90.0, 80.0, 70.0], FINISHED)
    progress, _ = view(journal, tmp_path, num_trials=5)
    assert progress.seconds_left() == pytest.approx(4 * 3 * 10 / 2)


def test_an_interrupted_trial_is_not_done(journal, tmp_path):
    progress, console = view(journal, tmp_path, num_trials=2)
    for name, outcome in (("b", INTERRUPTED), ("c", FINISHED)):
        add(journal, name, [90.0, 80.0, 70.0], outcome)
    progress.on_event("end", "c")
    assert "(1/2 trials)" in console.file.getvalue()


def test_a_stopped_trial_with_95_percent_is_not_the_best_where_one_finished_with_50(
    journal, tmp_path
):
    progress, _ = view(journal, tmp_path)
    add(journal, "stopped", [95.0, 95.0], PRUNED)
    assert progress.best() is None
    add(journal, "finished", [60.0, 55.0, 50.0], FINISHED)
    assert progress.best().trial_id == "finished"


def test_the_best_is_the_smallest_of_what_should_be_small_and_none_of_several(journal, tmp_path):
    small, large = {"memory/bytes": 5e5}, {"memory/bytes": 7e5}
    add(journal, "large", [60.0, 55.0, 70.0], FINISHED, **large)
    add(journal, "small", [60.0, 55.0, 50.0], FINISHED, **small)
    progress, _ = view(journal, tmp_path, objectives=["memory/bytes"])
    assert progress.best().trial_id == "small"
    progress, _ = view(journal, tmp_path, objectives=["val/faa", "memory/bytes"])
    assert progress.best() is None


def test_a_trial_without_the_objective_stands_below_all_that_have_it(journal, tmp_path):
    """The journal has finite numbers only, so what is not one is missing."""
    for number in range(MOST_ROWS):
        add(journal, f"without{number}", [90.0] * 3, FINISHED, metric="val/forgetting")
    add(journal, "good", [60.0, 55.0, 50.0], FINISHED)
    for number in range(MOST_ROWS):
        add(journal, f"later{number}", [90.0] * 3, FINISHED, metric="val/forgetting")
    progress, console = view(journal, tmp_path, num_trials=100)
    assert progress.best().trial_id == "good"
    assert "label good" in text_of(progress, console)


@pytest.mark.parametrize("terminal", [False, True])
def test_a_study_that_selects_nothing_names_no_best(journal, tmp_path, terminal):
    """As a grid does, or the runs that confirm a search's winner: both are tested."""
    progress, console = view(
        journal, tmp_path, objectives=["test/faa"], is_search=False, terminal=terminal
    )
    with progress.shown():
        for name in ("a", "b"):
            add(journal, name, [90.0, 80.0, 70.0], FINISHED, metric="test/faa")
            progress.on_event("report", name)
            progress.on_event("end", name)
    said = console.file.getvalue()
    assert "70.0" in said
    assert "best" not in said
    assert "★" not in said


def test_of_several_objectives_all_are_shown_with_their_units(journal, tmp_path):
    names = ["val/faa", "memory/bytes", "time/train_seconds", "val/forgetting"]
    progress, console = view(journal, tmp_path, objectives=names)
    add(journal, "a", [43.12], **{"memory/bytes": 120_000.0, "time/train_seconds": 35.25})
    with progress.shown():
        progress.on_event("report", "a")
    # After one task nothing can have been forgotten.
    shown = "val/faa 43.1, memory/bytes 120 kB, time/train_seconds 35.2 s  "
    assert f"task 1/3  {shown}" in console.file.getvalue()
    text = text_of(progress, console)
    for expected in (*names, "43.1", "120 kB", "35.2 s"):
        assert expected in text


def test_of_a_long_study_that_selects_nothing_the_newest_are_shown(journal, tmp_path):
    for number in range(MOST_ROWS + 5):
        add(journal, f"t{number}", [90.0 - number] * 3, FINISHED, metric="test/faa")
    progress, console = view(
        journal, tmp_path, num_trials=100, objectives=["test/faa"], is_search=False
    )
    text = text_of(progress, console)
    assert f"label t{MOST_ROWS + 4} " in text
    assert "label t4 " not in text
