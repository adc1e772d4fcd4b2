"""The first task's main phase, shared: what may be shared is, and nothing changes by it."""

import dataclasses
import shutil
import types
from contextlib import suppress
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from tiny_runs import assert_same, tiny_run, untimed, without_clock

from charon.errors import ConfigError
from charon.learners import LEARNERS
from charon.training import first_task
from charon.training.first_task import PACKAGE, acting_fields, can_share
from charon.training.stream import Stream

SHARERS = [name for name in LEARNERS if can_share(tiny_run(name))]
LATER = [(name, field) for name in SHARERS for field in tiny_run(name).learner.later_fields]


def another(run, field):
    """Return the run with one field of its learner changed."""
    kind, value = get_type_hints(type(run.learner))[field], getattr(run.learner, field)
    kinds = get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if get_origin(kind) is Literal:
        new = next(choice for choice in get_args(kind) if choice != value)
    elif bool in kinds:
        new = not value
    elif int in kinds:
        new = (value or 0) + 2
    else:
        new = value / 2 or 0.5
    changed = {f"learner.{field}": new}
    if field == "buffer_bytes":  # in place of M, and enough for iCaRL's frozen network
        changed = {"learner.buffer_size": None, "learner.buffer_bytes": 10**6}
    return run.replace(changed)


def end_of_main_phase(run, archive, folder):
    """Return the whole state that the first task's main phase comes to, memory included."""
    shutil.rmtree(folder, ignore_errors=True)
    stream = Stream(run, archive, folder)

    class Reached(Exception):
        pass

    def stop(path, phase):
        raise Reached({**vars(phase), "seconds": 0, "stored": len(stream.learner.memory)})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first_task, "keep", stop)
        with pytest.raises(Reached) as reached:
            next(iter(stream))
    return reached.value.args[0]


@pytest.fixture(scope="module")
def main_phase(two_bodies, tmp_path_factory):
    """Return a function that gives a learner's state after the main phase, learned once."""
    done = {}

    def once(name):
        if name not in done:
            folder = tmp_path_factory.mktemp("first")
            done[name] = end_of_main_phase(tiny_run(name), two_bodies, folder)
        return done[name]

    return once


def test_those_whose_memory_is_empty_in_the_first_task_share_it():
    assert SHARERS == ["charon", "xder", "icarl", "lucir"]


@pytest.mark.parametrize(("name", "field"), LATER)
def test_a_field_that_is_said_to_act_later_does(name, field, main_phase, two_bodies, tmp_path):
    """Whoever lets such a field act earlier must take it out of `later_fields`."""
    run = another(tiny_run(name), field)
    assert_same(end_of_main_phase(run, two_bodies, tmp_path), main_phase(name))
    assert main_phase(name)["stored"] == 0


@pytest.mark.parametrize("name", SHARERS)
def test_every_other_field_keeps_runs_apart(name):
    run = tiny_run(name)
    acting, later = acting_fields(run), run.learner.later_fields
    for field in dataclasses.fields(run.learner):
        changed = acting_fields(another(run, field.name))
        assert (changed == acting) == (field.name in later), field.name
    rest = {name for name in run.to_flat() if not name.startswith("learner.")}
    assert rest - acting.keys() == {"device", "argmax"}


@pytest.mark.parametrize("name", SHARERS)
@pytest.mark.parametrize("crop", ["clip", "epoch"])
def test_a_shared_first_task_changes_nothing(name, crop, two_bodies, tmp_path):
    """All metrics, epochs, matrices, weights, memories and generators: bit for bit.

    The two runs that share it differ in all that acts later.
    """
    first = run = tiny_run(name, data__crop=crop)
    for field in run.learner.later_fields:
        with suppress(ConfigError):  # of fields that do not go together
            run = another(run, field)
    next(iter(Stream(first, two_bodies, tmp_path)))
    shared, alone = Stream(run, two_bodies, tmp_path), Stream(run, two_bodies)
    results, expected = list(shared), list(alone)
    for one, other in zip(results, expected, strict=True):
        assert one.metrics["time/shared_seconds"] > 0
        assert untimed(one.metrics) == untimed(other.metrics)
        assert one.epochs == other.epochs
        assert_same(*[torch.from_numpy(r.accuracy_matrix) for r in (one, other)])
    assert_same(*[without_clock(stream.state_dict()) for stream in (shared, alone)])
    assert (shared.evaluation.confusion() == alone.evaluation.confusion()).all()


def test_progress_and_speed_are_those_of_a_run_that_learned_it_all(two_bodies, tmp_path):
    """The speed is of tasks 2..T; what is told of the first task ends where it always does."""
    run = tiny_run()
    told = []
    for _ in range(2):
        stream = Stream(run, two_bodies, tmp_path)
        told.append([])
        stream.on_progress = told[-1].append
        results = list(stream)
        assert "train/epochs_per_hour" not in results[0].metrics
        # 2 epochs of 8 clips in each of tasks 2 and 3.
        assert stream.state_dict()["main"][1:] == [4, 32]
    learned, reused = told
    assert reused == learned[1:]


def test_the_first_to_learn_it_reports_nothing_saved_and_one_that_shares_nothing_no_metric(
    two_bodies, tmp_path
):
    first = next(iter(Stream(tiny_run(), two_bodies, tmp_path)))
    assert first.metrics["time/shared_seconds"] == 0
    alone = next(iter(Stream(tiny_run(), two_bodies)))
    assert "time/shared_seconds" not in alone.metrics


def test_the_training_time_of_a_run_includes_what_it_was_spared(two_bodies, tmp_path):
    """Else a trial would look faster for having come later."""
    next(iter(Stream(tiny_run(), two_bodies, tmp_path)))
    spared = next(iter(Stream(tiny_run(), two_bodies, tmp_path))).metrics
    assert spared["time/train_seconds"] > spared["time/shared_seconds"] > 0


def test_a_resumed_run_still_knows_what_it_was_spared(two_bodies, tmp_path):
    next(iter(Stream(tiny_run(), two_bodies, tmp_path)))
    stream = Stream(tiny_run(learner__alpha=0.7), two_bodies, tmp_path)
    result = next(iter(stream))
    again = Stream(tiny_run(learner__alpha=0.7), two_bodies, tmp_path)
    again.load_state_dict(stream.state_dict())
    saved = [one.metrics["time/shared_seconds"] for one in (result, *again)]
    assert len(set(saved)) == 1
    assert saved[0] > 0


def kept(run, archive, folder):
    next(iter(Stream(run, archive, folder)))
    return sorted(path.name for path in folder.iterdir())


def test_runs_that_differ_before_the_end_of_the_main_phase_share_nothing(two_bodies, tmp_path):
    for number, changes in enumerate([{}, {"seed": 1}, {"learner__gamma": 0.1}], start=1):
        assert len(kept(tiny_run(**changes), two_bodies, tmp_path)) == number


def test_other_data_of_the_same_name_share_nothing(one_body, two_bodies, tmp_path):
    assert len(kept(tiny_run(), one_body, tmp_path)) == 1
    assert len(kept(tiny_run(), two_bodies, tmp_path)) == 2


def test_another_number_of_threads_shares_nothing(two_bodies, tmp_path, monkeypatch):
    """The last bits of a sum depend on it."""
    assert len(kept(tiny_run(), two_bodies, tmp_path)) == 1
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert len(kept(tiny_run(), two_bodies, tmp_path)) == 2


@pytest.mark.parametrize(
    ("name", "changes"), [("er", {}), ("finetune", {}), ("charon", {"data__stream": "joint"})]
)
def test_learners_that_declare_nothing_and_joint_streams_share_nothing(
    name, changes, two_bodies, tmp_path
):
    next(iter(Stream(tiny_run(name, **changes), two_bodies, tmp_path / "first")))
    assert not (tmp_path / "first").exists()


def test_a_file_that_cannot_be_read_is_replaced(two_bodies, tmp_path):
    (name,) = kept(tiny_run(), two_bodies, tmp_path)
    (tmp_path / name).write_bytes(b"broken")
    result = next(iter(Stream(tiny_run(), two_bodies, tmp_path)))
    assert result.metrics["time/shared_seconds"] == 0
    assert next(iter(Stream(tiny_run(), two_bodies, tmp_path))).metrics["time/shared_seconds"] > 0


def test_a_writer_that_fails_leaves_nothing_behind(two_bodies, tmp_path, monkeypatch):
    def fail(content, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        next(iter(Stream(tiny_run(), two_bodies, tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_what_is_shared_is_of_the_whole_library_as_it_is_now():
    """A study may be resumed after a learner has changed."""
    assert (PACKAGE / "learners" / "charon.py").exists()
    assert (PACKAGE / "training" / "first_task.py").exists()
