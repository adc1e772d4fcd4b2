"""The clips a command works on: what it says of those left out."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from charon.cli.clips import tell_problems


def archive(num_unreadable):
    unreadable = [(f"clip {k}", "is empty") for k in range(num_unreadable)]
    return SimpleNamespace(
        notes=[], duplicated=np.zeros(1, bool), unreadable=unreadable, path=Path("cache/some-set")
    )


def test_of_many_clips_left_out_the_first_are_listed_and_where_all_are(capsys):
    tell_problems(archive(22))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["22 clips cannot be read and are left out:", "  clip 0: is empty"]
    assert lines[-2:] == ["  clip 19: is empty", "  and 2 more; all: charon cache show some-set"]
    tell_problems(archive(22), is_kept=False)
    assert capsys.readouterr().err.endswith("  clip 21: is empty\n")
    tell_problems(archive(1))
    assert capsys.readouterr().err.startswith("1 clip cannot be read and is left out:")
    tell_problems(archive(0))
    assert capsys.readouterr().err == ""
