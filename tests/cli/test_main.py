"""The command line as a whole: what it lists, and how it ends when something is wrong."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from charon.cli import main as cli
from charon.config import Run
from charon.data.streams import PROTOCOLS
from charon.learners import LEARNERS
from charon.presets import PRESETS

CACHE_ACTIONS = ("cache list", "cache show", "cache delete")


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for name, meaning in cli.COMMANDS.items():
        assert name in said
        assert meaning in said


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: charon {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", [*(name for name in cli.COMMANDS if name != "cache"), *CACHE_ACTIONS]
)
def test_each_command_has_json(name, capsys):
    with pytest.raises(SystemExit):
        cli.main([*name.split(), "--help"])
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "named", "helped"),
    [
        ([], "COMMAND", "charon"),
        (["prepair"], "prepair", "charon"),
        (["prepare"], "PATH", "charon prepare"),
        (["prepare", "x", "--strickt"], "--strickt", "charon prepare"),
        (["run", "--see", "1"], "--see", "charon run"),
        (
            ["run", "--seed", "one"],
            "--seed: must be a whole number of at least 0, but got 'one'",
            "charon run",
        ),
        (["prepare", "x", "--workers", "0"], "--workers: must be a whole number", "charon prepare"),
        (["show", "x", "--frames", "0"], "--frames: must be a whole number", "charon show"),
        (["show", "x", "--sampling-interval", "0"], "whole number of at least 1", "charon show"),
        (["cache"], "ACTION", "charon cache"),
        (["cache", "delete"], "NAME", "charon cache delete"),
    ],
)
def test_what_is_misspelt_is_not_guessed_but_refused_in_one_sentence(words, named, helped, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("charon: ")
    assert named in said
    assert said.endswith(f"; `{helped} --help` says what there is.\n")
    assert said.count("\n") == 1


def test_what_schedulers_send_is_an_interruption(monkeypatch, capsys):
    before = signal.getsignal(signal.SIGTERM)
    # A process of pytest-xdist ignores it.
    before_interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(sys, "argv", ["charon", "fields"])
    monkeypatch.setattr(cli, "_dispatch", lambda given: signal.raise_signal(signal.SIGTERM))
    try:
        assert cli.main() == 130
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, before_interrupt)
    assert capsys.readouterr().err == "charon: interrupted.\n"


def test_every_field_of_every_learner_is_listed(capsys):
    assert cli.main(["fields"]) == 0
    said = capsys.readouterr().out
    for learner in LEARNERS:
        for name, value in Run.from_flat({"learner": learner}).to_flat().items():
            shown = "none" if value is None else str(value)
            if name != "learner":
                assert f"  {name} = {shown.lower() if isinstance(value, bool) else shown}  " in said
    for preset, fields in PRESETS.items():
        for name, value in fields.items():
            word = f"{preset}: {str(value).lower() if isinstance(value, bool) else value})"
            assert any(name in line and word in line for line in said.splitlines()), name


def test_streams_by_name_are_listed_with_their_fields_and_source(capsys):
    assert cli.main(["fields", "--learner", "finetune"]) == 0
    said = capsys.readouterr().out
    assert "  poet: data.classes_per_task=40,5,5,5,5 data.shots=5\n" in said
    for name, protocol in PROTOCOLS.items():
        assert f"  {name}: " in said
        assert protocol.source.split(":")[0] in said


def test_fields_of_one_learner(capsys):
    assert cli.main(["fields", "--learner", "finetune"]) == 0
    said = capsys.readouterr().out
    assert "learner.alpha" not in said
    assert "no settings of its own" in said
    assert cli.main(["fields", "--learner", "charron"]) == 1
    assert "known are charon" in capsys.readouterr().err


def raising(error):
    def fails(given):
        raise error

    return fails


def test_a_full_disk_anywhere_is_one_sentence(capsys, monkeypatch):
    error = OSError(errno.ENOSPC, "No space left on device", "/some/file")
    monkeypatch.setattr(cli, "_dispatch", raising(error))
    assert cli.main([]) == 1
    assert capsys.readouterr().err == "charon: /some/file: No space left on device.\n"


def test_ctrl_c_ends_with_130(capsys, monkeypatch):
    monkeypatch.setattr(cli, "_dispatch", raising(KeyboardInterrupt()))
    assert cli.main([]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-m", "charon.cli.main", "fields"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as nobody:
        ended = subprocess.run(words, stdout=nobody, stderr=subprocess.PIPE, env=environment)
    assert ended.stderr == b""
