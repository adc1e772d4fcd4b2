"""The library that makes a call fail: how it is built, preloaded, armed, and what it says."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("shim.c")
KINDS = {"ENOSPC": 1, "EIO": 2, "short": 3, "SIGKILL": 4}
"""How a call fails. Of a short write half is written, and the next write to the file finds the disk
full; a process that is killed in a write has written half of it."""

THREADS = {"driver": 1, "sender": 2}
"""Whose calls are counted in the driver: its own, or those of its thread that writes to MLflow."""

COMPILER = shutil.which("cc")


class Strike(NamedTuple):
    """What the library says of the call that was to fail: whether it did, how, and which it was."""

    struck: bool
    kind: str
    number: int
    call: str
    path: str


def build(folder):
    """Compile the library into ``folder``; return its path."""
    library = folder / "shim.so"
    subprocess.run([COMPILER, "-O1", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return library


def preloaded(library, **more):
    """Return the environment of a program under the library."""
    return {**os.environ, "LD_PRELOAD": str(library), **more}


def arm(root, number, kind, thread, log):
    """Make the n-th call below ``root`` fail in this process; with 0 list all calls instead."""
    text, number_of_a_call, choice = ctypes.c_char_p, ctypes.c_long, ctypes.c_int
    faults_arm = ctypes.CDLL(None).faults_arm
    faults_arm.argtypes = [text, number_of_a_call, choice, choice, text]
    faults_arm(bytes(root), number, KINDS.get(kind, 0), THREADS[thread], bytes(log))


def strikes(log):
    """Return what the library has said."""
    if not log.exists():
        return []
    found = []
    for line in log.read_text().splitlines():
        how, kind, number, call, path = line.split(" ", 4)
        name = next((name for name, code in KINDS.items() if code == int(kind)), "")
        found.append(Strike(how == "struck", name, int(number), call, path))
    return found
