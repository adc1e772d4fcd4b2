"""The sections of the benchmark: what they say of a machine and of preparation."""

from functools import partial

import torch

from charon.benchmark.preparation import Padded, Prepared
from charon.benchmark.sections import SECTIONS, describe_machine, describe_preparation
from charon.benchmark.steps import Case


def test_the_machine_names_its_threads_torch_and_repeats():
    machine = describe_machine(Case("train", "fp32", threads=3, repeats=7))
    assert machine.endswith(f", 3 threads, torch {torch.__version__}, median of 7")


def test_only_a_gpu_is_shared():
    assert SECTIONS["share"](partial(Case, device="cpu")) == []


def test_preparation_is_told_beside_plain_readers():
    files = Prepared(100, 25_000_000, 0.1, 0.2, 0.19, 0.25, 0.5)
    padded = Padded(100, 180_000_000, 0.3, 0.5, 0.1)
    text = describe_preparation(files, padded)
    assert "100 files of 250 kB: 500 clips (125 MB) a second and core" in text
    assert "400 to 526, 1000 on all cores" in text
    assert "a reader of line after line: 200 (2.5 x plain)" in text
    assert "an .npz of 180 MB: 600 MB a second, where numpy.load reads 1800" in text
