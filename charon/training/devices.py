"""The device a run computes on."""

import ctypes
import sys

import torch

from charon.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """Return a device by its name; ``"auto"`` is a GPU if there is one, else the CPU.

    Raises:
        ConfigError: the name is unknown, or this machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device must be auto, cpu, cuda or cuda:N, but got {name!r}.") from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device must be auto, cpu, cuda or cuda:N, but got {name!r}.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            f"device={name!r} was asked for, but this machine has {torch.cuda.device_count()} "
            "CUDA devices; use device=cpu or auto."
        )
    return device


def keep_freed_memory() -> None:
    """Let this process keep the memory it has freed, for the tensors of the next step.

    glibc gives large blocks back at once, and the kernel then clears every page again at the
    next step: a tenth of a step on a CPU, or more. Other systems are left as they are.
    """
    is_linux = sys.platform.startswith("linux")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if is_linux else None
    if mallopt is not None:
        mallopt(-4, 0)  # M_MMAP_MAX
        mallopt(-1, -1)  # M_TRIM_THRESHOLD
        mallopt(-8, 1)  # M_ARENA_MAX: blocks of other threads' arenas are too small for a tensor
