"""Initial weights, drawn with a given generator alone.

Source: the released code's observed scheme (the paper gives none).
"""

import math
from typing import Protocol, runtime_checkable

import torch
from torch import nn


@runtime_checkable
class Resets(Protocol):
    """A module that sets its weights and buffers itself, and draws nothing."""

    def reset(self) -> None:
        """Set them, on whatever device they are."""


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Give a network that was built on the meta device its weights, on the CPU.

    Convolutions: kaiming normal over the fan out, gain √2, PyTorch's default bias; the output
    map: PyTorch's default. Linear: xavier normal, zero bias. Batch norm: 1 and 0. Learned
    vectors (mask, absent body): 0. What is :class:`Resets` sets its own; what nothing sets is NaN.
    """
    network.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.is_floating_point():
                tensor.fill_(math.nan)
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d):
                bound = 1 / math.sqrt(module.weight[0].numel())
                if name == "decoder.output_map":
                    module.weight.uniform_(-bound, bound, generator=generator)
                else:
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", generator=generator)
                assert module.bias is not None
                module.bias.uniform_(-bound, bound, generator=generator)
            elif isinstance(module, nn.Linear):
                nn.init.xavier_normal_(module.weight, generator=generator)
                module.bias.zero_()
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
            elif isinstance(module, Resets):
                module.reset()
        for name, parameter in network.named_parameters():
            if name in ("absent", "decoder.mask"):
                parameter.zero_()
