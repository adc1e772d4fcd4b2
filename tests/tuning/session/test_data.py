"""The data of a study: its tasks under each protocol, and what is said while they are prepared."""

import io

import pytest
from data.set_makers import flat_annotations, write_pickle
from rich.console import Console
from tuning.study_runs import write_clips

from charon.errors import DataError
from charon.tuning.session.data import preparation_view, prepare_runs
from charon.tuning.study.fields import complete


def prepared(path, **fields):
    run = complete({"learner": "finetune", "data.path": str(path), **fields})
    return prepare_runs([run], path.parent / "cache", Console(file=io.StringIO()))


def test_a_set_is_prepared_and_cut_into_tasks(tmp_path):
    data = prepared(write_clips(tmp_path / "mine.npz"), **{"data.classes_per_task": 2})
    assert len(data.tasks.tasks) == 3
    assert data.protocol == data.tasks.protocol
    assert data.class_order == "natural"  # its classes are not those of NTU RGB+D


def test_how_the_set_is_read_is_the_runs_choice_and_what_was_converted_is_said(tmp_path):
    annotations, split = flat_annotations()
    path = write_pickle(tmp_path / "set.pkl", annotations, split=split)
    run = {"learner": "finetune", "data.path": str(path), "data.split": "train2"}
    said = io.StringIO()
    for _ in range(2):  # prepared now, and opened in the cache
        console = Console(file=said, width=1000)
        data = prepare_runs([complete(run)], tmp_path / "cache", console)
    archive = data.archive
    assert set(archive.names[archive.in_train == 1].tolist()) == set(split["train2"])
    assert said.getvalue().count(f"{path}: the split is train2/test2 of train1/test1") == 2


def test_a_class_order_of_the_user_stays(tmp_path):
    fields = {"data.classes_per_task": 2, "data.class_order": "shuffled(7)"}
    assert prepared(write_clips(tmp_path / "mine.npz"), **fields).class_order == "shuffled(7)"


def test_a_source_that_cannot_be_used_is_an_error(tmp_path):
    (tmp_path / "empty.npz").touch()
    with pytest.raises(DataError):
        prepared(tmp_path / "empty.npz")


def test_without_a_terminal_progress_is_a_line_now_and_then():
    out = io.StringIO()
    with preparation_view("set", Console(file=out)) as show:
        for done in range(1, 4):
            show(done, 3)
    assert out.getvalue() == "Preparing set: 1/3 clips\nPreparing set: 3/3 clips\n"


def test_on_a_terminal_progress_is_a_bar_and_a_cached_set_shows_nothing():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80)
    with preparation_view("set", console):
        pass
    assert out.getvalue() == ""
    with preparation_view("set", console) as show:
        show(1, 3)
        show(3, 3)
    assert "Preparing set" in out.getvalue()
    assert "3/3" in out.getvalue()
