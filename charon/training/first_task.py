"""The main phase of the first task, learned once by runs that agree on all that acts in it.

A learner whose memory stays empty until that phase has ended uses neither the memory's
settings nor those of replay in it, and names them (``later_fields`` of its settings). Runs that
differ in nothing else come to the same weights and the same states of all generators there,
bit for bit. The first to get there leaves them in a folder; the others go on from them.

Runs that learn the same first task at the same time do not wait for one another: each
learns it. So nothing can block, and one that is killed leaves nothing that is ever read.
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
from charon.training.checkpoint import load, save

PACKAGE = Path(charon.__file__).parent
"""The library, of which every change may change results."""


@dataclass(frozen=True)
class MainPhase:
    """What the main phase of the first task has come to.

    Attributes:
        learner: its state without the memory, which is empty.
        shuffle: state of the generator that orders the clips.
        losses: their means in the last epoch, by name.
        seconds: wall seconds it took.
    """

    learner: dict[str, Any]
    shuffle: Tensor
    losses: dict[str, float]
    seconds: float


class FirstTask:
    """Where a run finds its first task's main phase, or leaves it for others.

    Args:
        folder: shared by the runs; made when something is kept.
        run: what is learned.
        fingerprint: of the data.
        device: what the run computes on.
    """

    def __init__(self, folder: Path, run: Run, fingerprint: str, device: torch.device) -> None:
        decides = (sorted(acting_fields(run).items()), fingerprint, _machine(device), _code())
        key = hashlib.blake2b(repr(decides).encode(), digest_size=16).hexdigest()
        self._path = folder / f"{key}.pt"

    def find(self) -> MainPhase | None:
        """Return what another run has left; None if there is nothing that can be read."""
        try:
            return MainPhase(**load(self._path))
        except CheckpointError:
            return None

    def keep(self, phase: MainPhase) -> None:
        """Leave it for other runs, wholly or not at all.

        Raises:
            OSError: it cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        save(self._path, vars(phase))


def can_share(run: Run) -> bool:
    """Whether the run's learner says which of its fields act later, and its stream has a later."""
    return bool(run.learner.later_fields) and run.data.stream == "split"


def acting_fields(run: Run) -> dict[str, Any]:
    """Return the fields that decide what the first task's main phase comes to.

    The device is not among them: its kind counts, not its name.
    """
    later = {"device", *run.later_fields, *(f"learner.{n}" for n in run.learner.later_fields)}
    return {name: value for name, value in run.to_flat().items() if name not in later}


def _machine(device: torch.device) -> str:
    """Return what decides the last bits of a result beside the run."""
    if device.type == "cuda":
        return f"torch {torch.__version__}, {torch.cuda.get_device_name(device)}"
    kind = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    return f"torch {torch.__version__}, {kind}, {torch.get_num_threads()} threads"


@cache
def _code() -> str:
    """Return a hash of this library: a study may be resumed after it has changed."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
