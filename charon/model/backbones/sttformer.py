"""STTFormer, the paper's backbone: attention inside tuples, and convolution across them.

Source: CHARON, Sec. 3.1 and Table A; Qiu et al., "Spatio-Temporal Tuples Transformer for
Skeleton-Based Action Recognition", 2022.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from charon.clips import ClipShape
from charon.model.backbone import (
    Backbone,
    BackboneSettings,
    Bones,
    Decoder,
    Encoder,
    parse_widths,
)
from charon.model.block import TupleBlock, leaky_
from charon.model.kernels import convolve, convolve_and_normalise
from charon.model.masking import Kept, Places, append_unit, fill_units, take_units
from charon.model.tuples import PositionalCode, to_frames, to_tuples

Blocks = tuple[tuple[int, int, int], ...]
"""Channels ``(in, out, query/key)`` of each block."""


@dataclass(frozen=True)
class Size:
    """The blocks of the encoder and the decoder.

    The encoder's first ``in`` is the width of the input map, its last ``out`` that of a row's
    feature; the decoder's last ``out`` feeds the output map.
    """

    encoder: Blocks
    decoder: Blocks


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


def size_of(settings: BackboneSettings) -> Size:
    """Return the blocks that the settings name; the input map has the named size's width."""
    named, query_key = SIZES[settings.size], settings.query_key
    into = named.encoder[0][0]
    encoder = _blocks_of(into, named.encoder, parse_widths("encoder", settings.encoder), query_key)
    into = encoder[-1][1]
    decoder = _blocks_of(into, named.decoder, parse_widths("decoder", settings.decoder), query_key)
    return Size(encoder, decoder)


def _blocks_of(into: int, named: Blocks, widths: Sequence[int], query_key: int | None) -> Blocks:
    """Return blocks of these widths, or else the named ones, the first of which takes ``into``."""
    blocks = []
    for number, out in enumerate(widths or [out for _, out, _ in named]):
        usual = max(1, max(into, out) // 2) if widths else named[number][2]
        blocks.append((into, out, query_key or usual))
        into = out
    return tuple(blocks)


class SttFormer(Backbone):
    """Keeps tuples once they are formed, or frames before."""

    positions = ("post", "pre")
    fields = ("heads", "query_key", "attention", "time_encoding")

    def __init__(self, settings: BackboneSettings) -> None:
        super().__init__(settings)
        self.size = size_of(settings)

    def make_encoder(self, clip_shape: ClipShape, bones: Bones) -> "TupleEncoder":
        """Return the encoder; bones do not matter."""
        return TupleEncoder(self.settings, self.size.encoder, clip_shape)

    def make_decoder(self, clip_shape: ClipShape, bones: Bones) -> "TupleDecoder":
        """Return the decoder; bones do not matter."""
        return TupleDecoder(self.settings, self.size.decoder, clip_shape)


class TupleEncoder(Encoder):
    """Maps what is kept of (row, channel, frame, joint) to (row, feature, token, kept tuple)."""

    def __init__(self, settings: BackboneSettings, channels: Blocks, clip_shape: ClipShape) -> None:
        super().__init__()
        width = channels[0][0]
        self.widths = tuple(out for _, out, _ in channels)
        self.frames_per_unit = settings.frames_per_tuple
        self.precision = settings.precision
        self.input_map = nn.Conv2d(clip_shape[0], width, 1)
        self.input_norm = nn.BatchNorm2d(width)
        self.blocks, self.code = _layers(channels, settings, clip_shape)

    def forward(self, x: Tensor, kept: Kept | None = None, groups: Sequence[int] = ()) -> Tensor:
        """Encode the kept units of each row; all of them where ``kept`` is None."""
        if self.precision == "bf16":
            x = x.to(torch.bfloat16)
        if kept is not None and kept.position == "pre":
            x = take_units(x, kept.index, dim=2)
        tuples = to_tuples(x, self.frames_per_unit)
        z = leaky_(convolve_and_normalise(self.input_map, self.input_norm, tuples, groups))
        z = self.code(z)
        if kept is not None and kept.position == "post":
            z = take_units(z, kept.index, dim=3)
        for block in self.blocks:
            z = block(z, groups)
        return z


class TupleDecoder(Decoder):
    """Fills the hidden places with a learned vector and rebuilds whole rows."""

    def __init__(self, settings: BackboneSettings, channels: Blocks, clip_shape: ClipShape) -> None:
        super().__init__()
        num_channels, self.num_frames, _, _ = clip_shape
        self.frames_per_tuple = settings.frames_per_tuple
        self.mask = nn.Parameter(torch.empty(channels[0][0]))
        self.blocks, self.code = _layers(channels, settings, clip_shape)
        self.output_map = nn.Conv2d(channels[-1][1], num_channels, 1)

    def forward(
        self, latent: Tensor, kept: Kept | None = None, groups: Sequence[int] = ()
    ) -> Tensor:
        """Return the rebuilt rows, (row, channel, frame, joint)."""
        per_tuple, places = self.frames_per_tuple, None
        if kept is not None and kept.position == "post":
            latent = append_unit(latent, self.mask, dim=3)
            places = Places(kept.index.to(latent.device), self.num_frames // per_tuple)
        elif kept is not None:
            frames = append_unit(to_frames(latent, per_tuple), self.mask, dim=2)
            frames = fill_units(frames, kept.index, 2, self.num_frames)
            latent = to_tuples(frames, per_tuple)
        # Hidden tuples are not alike in time. On meta, work is counted as the plain way's.
        if places is not None and (self.code.of_time or not places.num_hidden or latent.is_meta):
            latent, places = places.fill(latent), None
        z = self.code(latent)
        for block in self.blocks:
            z, places = block(z, groups, places), None
        return to_frames(convolve(self.output_map, z), per_tuple)


def _layers(
    channels: Blocks, settings: BackboneSettings, clip_shape: ClipShape
) -> tuple[nn.ModuleList, PositionalCode]:
    """Return the blocks, and the positional code that is added to what they are given."""
    num_tuples = clip_shape[1] // settings.frames_per_tuple
    num_tokens = settings.frames_per_tuple * clip_shape[2]
    code = PositionalCode(channels[0][0], num_tuples, num_tokens, settings.time_encoding)
    blocks = (
        TupleBlock(*each, num_tokens, settings.attention, settings.heads) for each in channels
    )
    return nn.ModuleList(blocks), code
