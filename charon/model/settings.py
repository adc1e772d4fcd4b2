"""The settings of the network."""

from dataclasses import dataclass
from typing import Literal

from charon.model.block import Attention
from charon.model.layers import Precision
from charon.model.rows import Presence
from charon.settings import Settings, checked


@dataclass(frozen=True)
class ModelSettings(Settings):
    """Size and variants of the backbone."""

    size: Literal["tiny", "base", "nano"] = checked(
        "tiny", "tiny: the paper's (Table A); base: twice as wide; nano: for CPU cores"
    )
    frames_per_tuple: int = checked(6, "n, frames of a tuple (Sec. 4.2)", at_least=1)
    attention: Attention = checked("softmax", "softmax, or STTFormer's own tanh")
    time_encoding: bool = checked(False, "also encode the index of a tuple")
    precision: Precision = checked(
        "fp32", "fp32, or bf16: faster where the processor multiplies bfloat16"
    )
    presence: Presence = checked(
        "data", "is body 2 there: as decided at ingestion, or by the sign of its sum (released)"
    )
