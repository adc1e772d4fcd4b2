"""A call that runs beside the main thread."""

import threading

import pytest

from charon.tuning.session.background import Background


def test_its_error_comes_when_it_is_waited_for_and_not_before_it_has_happened():
    go_on = threading.Event()

    def call():
        go_on.wait()
        raise KeyError("late")

    background = Background(call)
    background.wait(0.01)
    go_on.set()
    with pytest.raises(KeyError, match="late"):
        background.wait()
