"""The machine's limit: its speed at the model's widest convolution."""

from functools import partial

import torch
from torch.nn import functional as F

from charon.benchmark.steps import WARM_UP, seconds_of
from charon.model.layers import Precision

ROWS, CHANNELS, OUT, TOKENS, TUPLES = 20, 384, 128, 150, 14
"""The widest layer of the paper's encoder, at η = 0.3 and sixteen clips."""


def peak_gflops(precision: Precision, device: str, threads: int) -> float:
    """Return 1e9 operations a second of the (1,5) convolution alone, forward, channels last."""
    torch.set_num_threads(threads)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    x = torch.randn(ROWS, CHANNELS, TOKENS, TUPLES, device=device, dtype=kind)
    weight = torch.randn(OUT, CHANNELS, 5, 1, device=device, dtype=kind)
    x, weight = (t.contiguous(memory_format=torch.channels_last) for t in (x, weight))
    flop = 2.0 * ROWS * TOKENS * TUPLES * CHANNELS * OUT * 5
    convolve = partial(F.conv2d, x, weight, padding=(2, 0))
    return flop / min(seconds_of(convolve, device) for _ in range(WARM_UP + 10)) / 1e9
