"""Initial weights, drawn with a given generator alone.

Source: the released code's observed scheme (the paper gives none).
"""

import math

import torch
from torch import nn

from charon.model.block import TupleAttention
from charon.model.tuples import PositionalCode


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Give a network that was built on the meta device its weights, on the CPU.

    Convolutions: kaiming normal over the fan out, gain √2, PyTorch's default bias; the output
    map: PyTorch's default. Linear: xavier normal, zero bias. Batch norm: 1 and 0. Attention
    scale 1, offset 1 / tokens. Learned vectors (mask, absent body): 0.
    """
    network.to_empty(device="cpu")
    with torch.no_grad():
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
            elif isinstance(module, TupleAttention):
                module.scale.fill_(1.0)
                module.offset.fill_(module.offset_start)
            elif isinstance(module, PositionalCode):
                module.reset()
        for name, parameter in network.named_parameters():
            if name in ("absent", "decoder.mask"):
                parameter.zero_()
