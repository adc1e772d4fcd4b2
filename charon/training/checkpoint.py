"""Checkpoints between tasks, and the files of tensors in general.

The only place that calls ``torch.save`` and ``torch.load``.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from charon.config import Run
from charon.errors import CheckpointError, ConfigError
from charon.files import whole_file

CHECKPOINT = "checkpoint.pt"
"""Name of the file inside a checkpoint's folder."""

MAY_DIFFER = ("device",)
"""Fields that a resumed run may change: its result does not depend on them."""


def save_checkpoint(folder: Path, state: dict[str, Any], run: Run) -> None:
    """Save a stream's state in ``folder``, which is created if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / CHECKPOINT, {"run": run.to_flat(), "state": state})


def load_checkpoint(folder: Path, run: Run) -> dict[str, Any]:
    """Return the stream's state saved in ``folder``.

    Raises:
        CheckpointError: the file is missing, damaged, or another run's.
    """
    saved = load(folder / CHECKPOINT)
    wanted, found = run.to_flat(), saved["run"]
    with suppress(ConfigError):  # of an older version: it had the default of newer fields
        found = Run.from_flat(found).to_flat()
    for name in sorted(wanted.keys() | found.keys()):
        if name not in MAY_DIFFER and wanted.get(name) != found.get(name):
            raise CheckpointError(
                f"{folder} holds a run with {name}={found.get(name)!r}, but "
                f"{wanted.get(name)!r} is wanted; give the same settings or another folder."
            )
    state: dict[str, Any] = saved["state"]
    return state


def save(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values to ``path``, wholly or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    with whole_file(path) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            # torch fails again while it closes its archive, and so hides the full disk.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load(path: Path) -> dict[str, Any]:
    """Read what :func:`save` wrote; tensors come back on the CPU.

    Raises:
        CheckpointError: the file is missing, damaged, or was not written by :func:`save`.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no {path}.") from error
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to say
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path} cannot be read ({reason}); it may be incomplete.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is not a file of ours: it holds a {type(content).__name__}.")
    return content
