"""How tests start the tiny study as a program, on clips that it learns in seconds."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
STUDY = Path(__file__).with_name("tiny_study.py")
SHORT, LONG = 3, 300
"""Epochs; with the latter a task takes long enough that something can be killed meanwhile."""


def write_clips(path):
    """Write an .npz of 6 classes that differ in pose; return its path."""
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(6, 1, 3, 1, 5, 1)).repeat(10, axis=1)
    x = (pose + rng.normal(0, 0.2, (6, 10, 3, 20, 5, 1))).reshape(60, 3, 20, 5, 1)
    np.savez(
        path,
        x=x.astype(np.float32),
        label=np.arange(6).repeat(10),
        n_frames=np.full(60, 20),
        train_mask=np.tile(np.arange(10) < 6, 6),
        parts=[0, 0, 1, 1, 1],
    )
    return path


def start(clips, folder, *flags, mode="grid", epochs=SHORT):
    command = [sys.executable, str(STUDY), mode, "--data", str(clips), "--results", str(folder)]
    more = ["--cache", str(folder / "cache"), "--set", f"optimiser.epochs={epochs}"]
    return subprocess.Popen(
        [*command, *more, *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )


def finish(process, status=0):
    try:
        out, problem = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        process.kill()  # or it would go on beside the tests that follow
        raise
    assert process.returncode == status, out + problem
    return out


def read_table(folder, name):
    with (folder / "tiny" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def wait_for(process, text):
    """Read the study's lines until one holds ``text``."""
    for line in process.stdout:
        if text in line:
            return
    pytest.fail(f"the study ended before {text!r}: {process.stderr.read()}")
