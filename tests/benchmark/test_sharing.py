"""The hours of a run, from those of its steps."""

import pytest

from charon.benchmark.sharing import hours_of_a_run


def test_a_run_takes_its_epochs_of_steps():
    # 393 batches a task, 6 tasks: 30 epochs of one second, 3 of half a second.
    steps = (37_646 / 6 / 16).__ceil__() * 6
    assert hours_of_a_run(1.0, 0.5) == pytest.approx(steps * 31.5 / 3600)
