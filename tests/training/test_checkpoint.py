"""Checkpoints: another run's, a damaged one and a full disk are told in one sentence."""

import random

import pytest
import torch
from tiny_runs import tiny_run

from charon.errors import CheckpointError
from charon.training.checkpoint import CHECKPOINT, load, load_checkpoint, save, save_checkpoint

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
