"""The memory of past clips: how they are encoded, which are kept, how they are drawn.

A codec, which says what of a clip is kept, is a file in ``codecs`` and a line in its table
below; a storage, which says with how many bits, one in ``storages``. Any two go together.
"""

from typing import TYPE_CHECKING, Literal

from charon.memory.codec import TemporalCodec
from charon.memory.codecs.block_mean import BlockMean
from charon.memory.codecs.dct import Dct
from charon.memory.codecs.key_frames import KeyFrames
from charon.memory.codecs.least_squares import LeastSquares
from charon.memory.codecs.thinned import Thinned
from charon.memory.storage import Storage
from charon.memory.storages.float16 import Float16
from charon.memory.storages.float32 import Float32
from charon.memory.storages.int8 import Int8

CODECS: dict[str, type[TemporalCodec]] = {
    "thinned": Thinned,
    "block_mean": BlockMean,
    "least_squares": LeastSquares,
    "dct": Dct,
    "key_frames": KeyFrames,
}

STORAGES: dict[str, type[Storage]] = {
    "float32": Float32,
    "float16": Float16,
    "int8": Int8,
}

if TYPE_CHECKING:
    CodecName = str
    StorageName = str
else:
    # The names, as settings check and list them.
    CodecName = Literal[tuple(CODECS)]
    StorageName = Literal[tuple(STORAGES)]
