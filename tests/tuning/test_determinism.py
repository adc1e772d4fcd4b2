"""The numbers of a trial are its own: not Ray's, nor of what else runs on the machine.

Other promises of the README's table have their tests where the code is: resuming in
`learners/test_contract.py`, `execution/test_trainable.py` and `test_end_to_end.py`, a trial after
another in `execution/test_trainable.py`, the random state in `test_randomness.py`.
"""

import os
import shlex
import subprocess
import sys

import torch
from tuning.study_runs import ROOT, finish, start, write_clips

from charon.training.checkpoint import load
from charon.tuning.records.journal import Journal


def repeat(command, output):
    """Run the command that a study gives for a trial, outside Ray."""
    setting, charon, *words = shlex.split(command)
    assert charon == "charon"
    name, _, value = setting.partition("=")
    subprocess.run(
        [sys.executable, "-m", "charon.cli.main", *words, "--output", str(output)],
        env={**os.environ, "PYTHONPATH": str(ROOT), name: value},
        check=True,
        capture_output=True,
    )


def test_trials_beside_one_another_on_ray_are_bit_for_bit_what_they_are_alone(tmp_path):
    clips = write_clips(tmp_path / "tiny.npz")
    finish(start(clips, tmp_path))
    records = Journal(tmp_path / "tiny" / "journal.jsonl").records
    assert len(records) == 3
    for place, record in enumerate(records):
        alone = tmp_path / f"alone{place}"
        repeat(record.tags["command"], alone)
        beside = tmp_path / "tiny" / "trials" / record.label.replace(" ", "_")
        for name in ("accuracy_matrix.csv", "confusion.csv", "per_class.csv"):
            assert (alone / name).read_bytes() == (beside / name).read_bytes()
        one, other = (load(f / "model.pt")["learner"]["network"] for f in (alone, beside))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
