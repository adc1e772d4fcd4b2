"""The limit is a speed."""

import torch

from charon.benchmark import limits


def test_the_limit_is_positive(monkeypatch):
    monkeypatch.setattr(limits, "ROWS", 1)
    assert limits.peak_gflops("fp32", "cpu", torch.get_num_threads()) > 0
