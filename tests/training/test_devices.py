"""The names of devices."""

import pytest
import torch

from charon.errors import ConfigError
from charon.training.devices import choose_device


def test_auto_is_a_gpu_where_there_is_one():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto").type == expected
    assert choose_device("cpu").type == "cpu"


@pytest.mark.parametrize("name", ["gpu", "", "meta", "cuda:x", "tpu:0"])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(ConfigError, match="device must be auto, cpu, cuda or cuda:N, but got"):
        choose_device(name)


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match=r"'cuda:99' was asked for, but this machine has \d+"):
        choose_device("cuda:99")
