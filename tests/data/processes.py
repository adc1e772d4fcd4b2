"""Scripts in processes of their own."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import charon.data


def start_python(script):
    root = Path(charon.data.__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


def run_python(script):
    process = start_python(script)
    stdout, stderr = process.communicate()
    return subprocess.CompletedProcess(script, process.returncode, stdout, stderr)
