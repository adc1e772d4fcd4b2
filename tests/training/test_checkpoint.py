"""Checkpoints: another run's, a damaged one and a full disk are told in one sentence."""

import random
import zipfile
from functools import reduce

import pytest
import torch
from tiny_runs import tiny_run

from charon.errors import CheckpointError
from charon.training.checkpoint import (
    CHECKPOINT,
    fitting,
    load,
    load_checkpoint,
    save,
    save_checkpoint,
)

STATE = {"done": 2, "weights": torch.arange(4.0), "losses": [1.5, None], "name": "μ"}


def test_a_state_comes_back_as_it_was(tmp_path):
    save_checkpoint(tmp_path / "new" / "folder", STATE, tiny_run())
    state = load_checkpoint(tmp_path / "new" / "folder", tiny_run())
    assert torch.equal(state.pop("weights"), STATE["weights"])
    assert state == {key: value for key, value in STATE.items() if key != "weights"}


def test_the_last_state_is_kept_and_nothing_else(tmp_path):
    for done in (1, 2):
        save_checkpoint(tmp_path, {"done": done}, tiny_run())
    assert load_checkpoint(tmp_path, tiny_run()) == {"done": 2}
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "seed=1, but 0 is wanted"),
        ({"learner__masking_ratio": 0.5}, r"learner\.masking_ratio=0\.5, but 0\.3 is wanted"),
        ({"data__path": "other.npz"}, r"data\.path='other\.npz', but 'standin' is wanted"),
        ({"learner": "finetune"}, "learner='finetune', but 'charon' is wanted"),
    ],
)
def test_another_runs_checkpoint_is_refused(tmp_path, changes, message):
    save_checkpoint(tmp_path, STATE, tiny_run(**changes))
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(tmp_path, tiny_run())


def test_the_device_may_change(tmp_path):
    save_checkpoint(tmp_path, STATE, tiny_run(device="cuda"))
    assert load_checkpoint(tmp_path, tiny_run(device="cpu"))["done"] == 2


def test_a_checkpoint_from_before_a_field_was_there_has_its_default(tmp_path):
    older = {k: v for k, v in tiny_run().to_flat().items() if k not in ("model.backbone", "argmax")}
    save(tmp_path / CHECKPOINT, {"run": older, "state": {"done": 1}})
    assert load_checkpoint(tmp_path, tiny_run()) == {"done": 1}
    with pytest.raises(CheckpointError, match="argmax='seen', but 'all' is wanted"):
        load_checkpoint(tmp_path, tiny_run(argmax="all"))


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=f"There is no {tmp_path / CHECKPOINT}"):
        load_checkpoint(tmp_path, tiny_run())


def test_a_damaged_checkpoint_is_one_error_whatever_its_bytes(tmp_path):
    path = tmp_path / "state.pt"
    save(path, STATE)
    whole = path.read_bytes()
    draw = random.Random(0)
    damaged = [whole[: draw.randrange(len(whole) - 1)] for _ in range(20)]
    damaged += [draw.choice(b"(c}]ht\x80").to_bytes() + draw.randbytes(8) for _ in range(40)]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"state\.pt (cannot be read|is not a file)"):
            load(path)


def test_a_checkpoint_that_is_older_than_a_field_has_its_default(tmp_path):
    run = tiny_run("er")
    save_checkpoint(tmp_path, STATE, run)
    saved = load(tmp_path / CHECKPOINT)
    del saved["run"]["data.shots"]
    save(tmp_path / CHECKPOINT, saved)
    load_checkpoint(tmp_path, run)
    with pytest.raises(CheckpointError, match=r"data\.shots=0, but 5 is wanted"):
        load_checkpoint(tmp_path, tiny_run("er", data__shots=5))


def test_a_checkpoint_cannot_carry_code(tmp_path):
    path = tmp_path / "state.pt"
    torch.save({"code": print}, path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load(path)


def test_writing_that_fails_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    save(path, STATE)
    whole = path.read_bytes()

    def fail(content, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        save(path, {})
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "content", [{}, {"run": {}}, {"state": {}}, {"run": [], "state": {}}, {"run": {}, "state": 3}]
)
def test_what_is_no_checkpoint_of_a_run_is_refused(tmp_path, content):
    save(tmp_path / CHECKPOINT, content)
    with pytest.raises(CheckpointError, match=r"is not the checkpoint of a run: it has no"):
        load_checkpoint(tmp_path, tiny_run())


class Lie:
    """A tensor that asks for another function or size when it is loaded."""

    def __init__(self, function=None, size=None):
        self.function, self.size = function, size

    def __reduce_ex__(self, protocol):
        function, (storage, offset, size, stride, *more) = torch.zeros(4).__reduce_ex__(protocol)
        stride = stride if self.size is None else (0,) * len(self.size)
        return self.function or function, (storage, offset, self.size or size, stride, *more)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Lie(size=(10**12,)), "a tensor of more numbers than it stores"),
        (Lie(torch.complex), "it asks for"),
        (bytearray(b"a"), "it asks for"),
        (torch.zeros(2, dtype=torch.complex64), "it asks for torch ComplexFloatStorage"),
        (reduce(lambda inner, _: (inner,), range(300), ()), "nested more than 100 deep"),
    ],
)
def test_what_no_run_saves_is_refused_before_it_is_made(tmp_path, value, said):
    save(tmp_path / "a.pt", {"a": value})
    with pytest.raises(CheckpointError, match=said):
        load(tmp_path / "a.pt")


def test_a_packed_or_damaged_record_is_refused(tmp_path):
    save(tmp_path / "a.pt", {"a": torch.arange(1000)})
    whole = (tmp_path / "a.pt").read_bytes()
    at = whole.index(torch.arange(1000).numpy().tobytes()) + 5
    (tmp_path / "a.pt").write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
    with pytest.raises(CheckpointError, match="CRC-32"):
        load(tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(b"x" + whole)
    with pytest.raises(CheckpointError, match="not a zip as torch writes it"):
        load(tmp_path / "b.pt")
    with zipfile.ZipFile(tmp_path / "c.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10**6))
    with pytest.raises(CheckpointError, match="is packed"):
        load(tmp_path / "c.pt")


def test_a_state_that_does_not_fit_is_said_whatever_it_fails_with(tmp_path):
    with (
        pytest.raises(CheckpointError, match=r"a\.pt does not fit .*\(AttributeError|no attribute"),
        fitting(tmp_path / "a.pt", "start again"),
    ):
        {}.missing()
