"""The settings of the network, and its named sizes."""

from dataclasses import dataclass
from typing import Literal

from charon.model.block import Attention
from charon.model.rows import Presence
from charon.settings import Settings, checked

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Size:
    """Channels ``(in, out, query/key)`` of each block of the encoder and the decoder.

    The encoder's first ``in`` is the width of the input map, its last ``out`` that of a row's
    feature; the decoder's last ``out`` feeds the output map.
    """

    encoder: tuple[tuple[int, int, int], ...]
    decoder: tuple[tuple[int, int, int], ...]


SIZES: dict[str, Size] = {
    # CHARON, Table A.
    "tiny": Size(
        encoder=((32, 32, 16),) * 2
        + ((32, 64, 32), (64, 64, 32), (64, 128, 64))
        + ((128, 128, 64),) * 3,
        decoder=((128, 64, 64), (64, 32, 32), (32, 32, 16)),
    ),
    # The released code's `base`: the width of STTFormer's first layers, doubled once more.
    "base": Size(
        encoder=((64, 64, 16),) * 2
        + ((64, 128, 32), (128, 128, 32), (128, 256, 64))
        + ((256, 256, 64),) * 3,
        decoder=((256, 128, 64), (128, 64, 32), (64, 64, 16)),
    ),
    # Added here: small enough to learn a stand-in stream in seconds on a CPU core.
    "nano": Size(encoder=((16, 32, 8),), decoder=((32, 8, 4),)),
}


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
