"""The memory of past clips: how they are encoded, which are kept, how they are drawn.

A codec is a file in this folder and a line in the table below.
"""

from typing import TYPE_CHECKING, Literal

from charon.memory.codec import TemporalCodec
from charon.memory.thinned import Thinned
from charon.memory.thinned_fp16 import ThinnedFp16

CODECS: dict[str, type[TemporalCodec]] = {
    "thinned": Thinned,
    "thinned_fp16": ThinnedFp16,
}

if TYPE_CHECKING:
    CodecName = str
else:
    # The names, as settings check and list them.
    CodecName = Literal[tuple(CODECS)]
