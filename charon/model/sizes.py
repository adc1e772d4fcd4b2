"""The named sizes of the network."""

from dataclasses import dataclass


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
    "nano": Size(
        encoder=((16, 32, 8),),
        decoder=((32, 8, 4),),
    ),
}
