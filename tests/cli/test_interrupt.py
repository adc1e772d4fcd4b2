"""Ctrl-C: at once, once more where a library swallowed it, and never after the block."""

import contextlib
import signal

import pytest

from charon.cli.interrupt import Interrupt


def test_it_interrupts_at_once():
    with pytest.raises(KeyboardInterrupt), Interrupt():
        signal.raise_signal(signal.SIGINT)


def test_what_a_library_swallows_is_raised_at_the_next_check():
    with Interrupt() as interrupt:
        interrupt.check()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()


def test_the_handler_before_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with Interrupt():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before
