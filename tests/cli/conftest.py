"""The command line as a user types it, and one finished run that the tests share."""

import resource
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from cli.small_sets import tiny, write_npz

from charon.cli.main import main


@dataclass
class Said:
    """What a command wrote, and its exit status."""

    status: int
    out: str
    err: str


@pytest.fixture
def charon(capsys):
    """Run one command."""

    def call(*words):
        status = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Said(status, captured.out, captured.err)

    return call


@pytest.fixture
def refused(charon):
    """Run a command that must fail, and return its one sentence."""

    def call(*words):
        said = charon(*words)
        assert said.status == 1
        assert said.err.startswith("charon: ")
        assert said.err.count("\n") == 1, said.err
        assert "Traceback" not in said.err
        return said.err

    return call


@dataclass
class Finished:
    """A run that has ended: its data, its cache and its folder."""

    data: str
    cache: str
    folder: str


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    home = tmp_path_factory.mktemp("finished")
    data = write_npz(home / "small.npz")
    words = ["run", "--data", data, "--output", home / "out", "--cache", home / "cache", *tiny()]
    assert main([str(word) for word in words]) == 0
    return Finished(data, home / "cache", home / "out")


@pytest.fixture
def small_files():
    """No file may grow beyond some bytes: as a disk that is full, for any user."""

    @contextmanager
    def limited(num_bytes):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
