"""The folder of a run: whole at any time, resumed on the same clips alone."""

import json

import pytest
from tiny_runs import tiny_run, write_set

from charon.cli.run_folder import METRICS, RunFolder
from charon.errors import CharonError, CheckpointError
from charon.training.checkpoint import CHECKPOINT
from charon.training.stream import Stream


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("sets") / "tiny")


def started(folder, clips, num_tasks):
    """A run that stops after some tasks, in a folder."""
    kept, stream = RunFolder(folder), Stream(tiny_run("finetune"), clips)
    kept.start(stream)
    for result, _ in zip(stream, range(num_tasks), strict=False):
        kept.save(stream, result)
    return kept


def tasks_of(folder):
    return [json.loads(line)["task"] for line in (folder / METRICS).read_text().splitlines()]


def test_a_folder_that_holds_something_is_refused(tmp_path):
    RunFolder(tmp_path / "new").refuse_used()
    RunFolder(tmp_path).refuse_used()
    (tmp_path / "mine").touch()
    with pytest.raises(CharonError, match="is not empty; give another --output, or --resume"):
        RunFolder(tmp_path).refuse_used()


def test_a_folder_without_a_run_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="holds no run to resume"):
        RunFolder(tmp_path).saved_run()


def test_the_run_and_its_place_come_back(tmp_path, clips):
    started(tmp_path, clips, 1)
    again = RunFolder(tmp_path)
    assert again.saved_run() == tiny_run("finetune")
    stream = Stream(again.saved_run(), clips)
    assert again.load(stream) == 1
    for result in stream:
        again.save(stream, result)
    assert tasks_of(tmp_path) == [1, 2, 3]


def test_before_the_first_checkpoint_nothing_is_learned(tmp_path, clips):
    started(tmp_path, clips, 0)
    assert RunFolder(tmp_path).load(Stream(tiny_run("finetune"), clips)) == 0


def test_metrics_without_their_checkpoint_are_dropped(tmp_path, clips):
    started(tmp_path, clips, 1)
    with (tmp_path / METRICS).open("a") as file:
        file.write('{"task": 2}\n')
    again, stream = RunFolder(tmp_path), Stream(tiny_run("finetune"), clips)
    again.load(stream)
    again.save(stream, next(iter(stream)))
    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    assert [line["task"] for line in lines] == [1, 2]
    assert "test/faa" in lines[1]


def test_other_clips_are_refused(tmp_path, clips):
    started(tmp_path / "out", clips, 1)
    other = write_set(tmp_path / "other", seed=1)
    with pytest.raises(CheckpointError, match="holds a run on other clips"):
        RunFolder(tmp_path / "out").load(Stream(tiny_run("finetune"), other))


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path, clips):
    (tmp_path / "file").touch()
    with pytest.raises(CharonError, match=r"cannot be written .* choose another with --output"):
        started(tmp_path / "file" / "out", clips, 0)
    started(tmp_path / "out", clips, 0)
    assert not (tmp_path / "out" / CHECKPOINT).exists()
