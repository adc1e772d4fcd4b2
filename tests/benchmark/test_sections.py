"""The sections of the benchmark: what they say of a machine, and what they leave out."""

from functools import partial

import torch

from charon.benchmark.sections import SECTIONS, describe_machine
from charon.benchmark.steps import Case


def test_the_machine_names_its_threads_torch_and_repeats():
    machine = describe_machine(Case("train", "fp32", threads=3, repeats=7))
    assert machine.endswith(f", 3 threads, torch {torch.__version__}, median of 7")


def test_only_a_gpu_is_shared():
    assert SECTIONS["share"](partial(Case, device="cpu")) == []
