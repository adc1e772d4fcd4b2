"""What all tests share: one thread a process, their order, and tiny prepared sets."""

import pytest
import torch
from tiny_runs import write_set

torch.set_num_threads(1)


def pytest_collection_modifyitems(items):
    """Begin with the file that takes longest, so that no process works on it alone in the end."""
    items.sort(key=lambda item: item.path.name != "test_smoke.py")


@pytest.fixture(scope="session")
def two_bodies(tmp_path_factory):
    """A prepared set whose clips have one or two bodies."""
    return write_set(tmp_path_factory.mktemp("sets") / "two", num_bodies=2)


@pytest.fixture(scope="session")
def one_body(tmp_path_factory):
    """A prepared set of one-body clips."""
    return write_set(tmp_path_factory.mktemp("sets") / "one", num_bodies=1)
