"""Checkpoints between tasks, and the files of tensors in general.

The only place that calls ``torch.save`` and ``torch.load``.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED

import torch

from charon.config import Run
from charon.errors import CheckpointError
from charon.files import reason_of, whole_file
from charon.pickles import check_pickle
from charon.zips import open_member, open_zip

CHECKPOINT = "checkpoint.pt"
"""Name of the file inside a checkpoint's folder."""

MAY_DIFFER = ("device",)
"""Fields that a resumed run may change: its result does not depend on them."""


_PIECE_BYTES = 2**20
_STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
_NAMES = {"collections OrderedDict", "torch._utils _rebuild_tensor_v2"}
_NAMES |= {f"torch {kind}Storage" for kind in _STORAGES}
"""What the files of :func:`save` ask for; a dictionary of weights is an ordered one."""


def save_checkpoint(folder: Path, state: dict[str, Any], run: Run) -> None:
    """Save a stream's state in ``folder``, which is created if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / CHECKPOINT, {"run": run.to_flat(), "state": state})


def load_checkpoint(folder: Path, run: Run) -> dict[str, Any]:
    """Return the stream's state saved in ``folder``.

    Raises:
        CheckpointError: the file is missing, damaged, or another run's.
    """
    path = folder / CHECKPOINT
    saved = load(path)
    for name in ("run", "state"):
        if not isinstance(saved.get(name), dict):
            raise CheckpointError(
                f"{path} is not the checkpoint of a run: it has no {name}; remove it, or give "
                "another folder."
            )
    # A checkpoint may be older than a field, which then had its default.
    with fitting(path, "remove it, or give another folder"):
        found = Run.from_flat(saved["run"]).to_flat()
    wanted = run.to_flat()
    for name in sorted(wanted.keys() | found.keys()):
        if name not in MAY_DIFFER and wanted.get(name) != found.get(name):
            raise CheckpointError(
                f"{folder} holds a run with {name}={found.get(name)!r}, but "
                f"{wanted.get(name)!r} is wanted; give the same settings or another folder."
            )
    state: dict[str, Any] = saved["state"]
    return state


@contextmanager
def fitting(path: Path, remedy: str) -> Iterator[None]:
    """Raise a CheckpointError that ends in ``remedy`` if what was loaded does not fit the block.

    A state from another version of the code, or a damaged one, is of other names, types or
    shapes, at which a module's loading fails with errors of any class.
    """
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"{path} does not fit this version of the program ({reason_of(error)}); {remedy}."
        ) from error


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
        _check_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
        _check_tensors(content)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no {path}.") from error
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to say
        raise CheckpointError(
            f"{path} cannot be read ({reason_of(error)}); it may be incomplete."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is not a file of ours: it holds a {type(content).__name__}.")
    return content


def _check_file(path: Path) -> None:
    """Raise an error if torch would make more of a file than is in it, or anything but tensors."""
    with path.open("rb") as file, open_zip(path) as archive:
        names = [name.lower() for name in archive.namelist()]  # torch finds them so
        if file.read(4) != b"PK\3\4" or len(set(names)) < len(names):
            raise ValueError("it is not a zip as torch writes it")
        for member in archive.infolist():
            if member.compress_type != ZIP_STORED:
                raise ValueError(f"{member.filename} is packed")
            opened, num_bytes = open_member(archive, member.filename)
            with opened:
                if member.filename.lower().endswith(".pkl"):
                    check_pickle(io.BytesIO(opened.read(num_bytes)), _NAMES)
                while opened.read(_PIECE_BYTES):  # to the end, where its checksum is compared
                    pass


def _check_tensors(content: Any) -> None:
    """Raise a ValueError for a tensor of more numbers than it stores: a copy would take more."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
        elif isinstance(value, torch.Tensor) and value.nbytes > value.untyped_storage().nbytes():
            raise ValueError("it has a tensor of more numbers than it stores")
