"""The main phase of the first task, shared by runs that agree on every field that acts in it.

A learner whose memory stays empty during that phase uses neither the memory's fields nor those
of replay in it, and names them in ``later_fields`` of its settings. Runs that differ in nothing
else reach the same weights and generator states, bit for bit: the first leaves them in a
folder, and the others continue from there.

Runs that learn the same first task at the same time each learn it, so no run waits for another.
"""

import hashlib
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import charon
from charon.config import Run
from charon.errors import CheckpointError
from charon.plain import Misfit, conform
from charon.training.checkpoint import load, save

PACKAGE = Path(charon.__file__).parent
"""The library, of which every change may change results."""


@dataclass(frozen=True)
class MainPhase:
    """The state at the end of the first task's main phase."""

    learner: dict[str, Any]  # its state without the memory, which is empty
    shuffle: Tensor  # state of the generator that orders the clips
    epochs: list[dict[str, float]]  # the means of each, by name
    seconds: float  # wall time of the phase


def shared_key(run: Run, fingerprint: str, device: torch.device) -> str:
    """Return a name that runs have in common whose first task, on data of this fingerprint, is."""
    decides = (
        sorted(acting_fields(run).items()),
        fingerprint,
        _machine(device),
        code_fingerprint(),
    )
    return hashlib.blake2b(repr(decides).encode(), digest_size=16).hexdigest()


def find(path: Path) -> MainPhase | None:
    """Return what another run has left; None if the file is missing or damaged."""
    try:
        phase: MainPhase = conform(load(path), MainPhase)
    except (CheckpointError, Misfit):
        return None
    return phase


def keep(path: Path, phase: MainPhase) -> None:
    """Leave it for other runs, wholly or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path, vars(phase))


def can_share(run: Run) -> bool:
    """Whether the run has a later task, and its learner names the fields that act only then."""
    return bool(run.learner.later_fields) and run.data.stream == "split"


def acting_fields(run: Run) -> dict[str, Any]:
    """Return the fields on which the first task's main phase depends, without the device.

    Of the device its kind counts, not its name.
    """
    later = {"device", *run.later_fields, *(f"learner.{n}" for n in run.learner.later_fields)}
    return {name: value for name, value in run.to_flat().items() if name not in later}


def _machine(device: torch.device) -> str:
    """Return what the last bits of a result depend on beside the run."""
    if device.type == "cuda":
        return f"torch {torch.__version__}, {torch.cuda.get_device_name(device)}"
    kind = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    return f"torch {torch.__version__}, {kind}, {torch.get_num_threads()} threads"


@cache
def code_fingerprint() -> str:
    """Return a hash of this library: studies are resumed and compared after it has changed."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
