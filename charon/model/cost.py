"""Multiply-accumulates of a row, counted from the network's sizes.

As is usual, convolutions and matrix products are counted; normalisation and activations not.

Source: METHOD section 1; CHARON Table A.
"""

from charon.model.block import NUM_HEADS
from charon.model.sizes import Size

TIMES_FORWARD = 3
"""A training step's work, in forwards: each of its two gradients takes as much as the forward."""


def encoder_macs(size: Size, num_channels: int, tokens: int, tuples: int, kept: int) -> int:
    """Return the multiply-accumulates of encoding a row.

    Args:
        size: of the network.
        num_channels: of a clip.
        tokens: of a tuple (frames per tuple x joints).
        tuples: of a whole row; the input map sees them all.
        kept: tuples that the blocks see, 1 to ``tuples``.
    """
    input_map = num_channels * size.stem_channels * tokens * tuples
    return input_map + sum(_block(*block, tokens, kept) for block in size.encoder)


def decoder_macs(size: Size, num_channels: int, tokens: int, tuples: int) -> int:
    """Return the multiply-accumulates of rebuilding a row; arguments as above."""
    output_map = size.decoder[-1][1] * num_channels * tokens * tuples
    return output_map + sum(_block(*block, tokens, tuples) for block in size.decoder)


def _block(into: int, out: int, qk: int, tokens: int, tuples: int) -> int:
    per_token = into * 2 * NUM_HEADS * qk  # queries and keys
    per_token += NUM_HEADS * qk * tokens  # their products
    per_token += NUM_HEADS * into * tokens  # mixing
    per_token += 5 * NUM_HEADS * into * out + out * out + 3 * out * out
    if into != out:
        per_token += into * out + out * out  # the skips
    return per_token * tokens * tuples
