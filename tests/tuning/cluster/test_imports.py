"""What is imported before it is needed, and what that costs the garbage collector."""

import gc
import subprocess
import sys

import pytest

from charon.tuning.cluster.imports import NEW_OBJECTS, rarely_collected

FIRST_OPTIMISER = """
import sys
import charon.tuning.cluster.worker_imports
import torch

known = set(sys.modules)
torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1).zero_grad()
print(len(set(sys.modules) - known))
"""


def test_garbage_is_looked_for_seldom_and_never_again_in_what_was_imported():
    usual, before = gc.get_threshold(), gc.get_freeze_count()
    try:
        with rarely_collected():
            assert gc.isenabled()
            assert gc.get_threshold() == (NEW_OBJECTS, *usual[1:])
        assert gc.get_threshold() == usual
        assert gc.get_freeze_count() > before
        with pytest.raises(KeyError), rarely_collected():
            raise KeyError
        assert gc.get_threshold() == usual
    finally:
        gc.unfreeze()


def test_a_process_that_is_ready_imports_next_to_nothing_with_its_first_optimiser():
    command = [sys.executable, "-c", FIRST_OPTIMISER]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(out) < 10  # of nearly 800
