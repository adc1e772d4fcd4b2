"""CHARON's network: a masked autoencoder over tuples, with a classifier on its encoder.

Source: CHARON Sec. 3.2, eqs. 4 to 6, Table A.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from charon.clips import ClipShape
from charon.model.block import TupleBlock, leaky_
from charon.model.initialise import initialise
from charon.model.kernels import convolve, convolve_and_normalise
from charon.model.masking import Kept, Places, append_unit, fill_units, take_units
from charon.model.rows import Rows
from charon.model.settings import SIZES, ModelSettings
from charon.model.tuples import PositionalCode, to_frames, to_tuples

SMALL_ROW = 50_000
"""Numbers of a row's feature below which calls, not products, take a CPU's time."""


class Network(nn.Module):
    """Encoder, classifier and, for learners that rebuild clips, the decoder.

    The encoder and the decoder work on rows (one for each body), the classifier on clips; it
    has the outputs of all classes from the start. ``frames_per_tuple`` of the settings divides
    the number of frames; ``generator`` draws the initial weights, on the CPU.
    """

    def __init__(
        self,
        settings: ModelSettings,
        clip_shape: ClipShape,
        num_classes: int,
        *,
        with_decoder: bool = True,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        _, num_frames, self.num_joints, num_bodies = clip_shape
        self.frames_per_tuple = settings.frames_per_tuple
        self.num_tuples = num_frames // self.frames_per_tuple
        self.presence = settings.presence
        width = SIZES[settings.size].encoder[-1][1]
        self.is_small = num_frames * self.num_joints * width < SMALL_ROW
        with torch.device("meta"):  # which draws nothing from the global random state
            self.encoder = Encoder(settings, clip_shape)
            self.decoder = Decoder(settings, clip_shape) if with_decoder else None
            self.classifier = nn.Linear(width, num_classes)
            self.absent = nn.Parameter(torch.empty(width)) if num_bodies == 2 else None
        initialise(self, generator)
        for parameter in self.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def rows(self, x: Tensor, present: Tensor, sizes: Sequence[int] = ()) -> Rows:
        """Return the rows of a batch of clips, see :meth:`Rows.of`."""
        return Rows.of(x, present, self.presence, sizes)

    def encode(self, x: Tensor, rows: Rows, kept: Kept | None = None) -> Tensor:
        """Encode what is kept of each row: (row, feature channel, token, kept tuple)."""
        latent: Tensor = self.encoder(rows.gather(x), kept, rows.groups)
        return latent

    def decode(self, latent: Tensor, rows: Rows, kept: Kept | None, num_bodies: int) -> Tensor:
        """Rebuild whole clips, (clip, channel, frame, joint, body); absent bodies are zeros."""
        assert self.decoder is not None, "the network was made without a decoder"
        rebuilt = self.decoder(latent, kept, rows.groups).to(self.classifier.weight.dtype)
        return rows.scatter(rebuilt, num_bodies)

    def pool(self, latent: Tensor, rows: Rows) -> Tensor:
        """Return a feature of each clip, (clip, feature channel).

        It is the first body's mean over tuples and tokens plus the second's, or plus a
        learned vector where the second body is absent.
        """
        kind = self.classifier.weight.dtype
        last = latent.permute(0, 2, 3, 1).flatten(1, 2)  # so that gradients are channels last
        return rows.add_bodies(last.mean(dim=1, dtype=kind), self.absent)

    def features(self, x: Tensor, present: Tensor) -> Tensor:
        """Encode and pool whole clips, (clip, feature channel)."""
        rows = self.rows(x, present)
        return self.pool(self.encode(x, rows), rows)

    def classify(self, x: Tensor, rows: Rows) -> Tensor:
        """Classify whole clips whose rows are known: logits, (clip, class)."""
        logits: Tensor = self.classifier(self.pool(self.encode(x, rows), rows))
        return logits

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Classify whole clips: logits, (clip, class)."""
        return self.classify(x, self.rows(x, present))


class Encoder(nn.Module):
    """Maps what is kept of (row, channel, frame, joint) to (row, feature, token, kept tuple)."""

    def __init__(self, settings: ModelSettings, clip_shape: ClipShape) -> None:
        super().__init__()
        channels = SIZES[settings.size].encoder
        width = channels[0][0]
        self.frames_per_tuple = settings.frames_per_tuple
        self.precision = settings.precision
        self.input_map = nn.Conv2d(clip_shape[0], width, 1)
        self.input_norm = nn.BatchNorm2d(width)
        self.blocks, self.code = _blocks(channels, settings, clip_shape)

    def forward(self, x: Tensor, kept: Kept | None = None, groups: Sequence[int] = ()) -> Tensor:
        """Encode the kept units of each row; all of them where ``kept`` is None.

        ``groups`` has the rows of each mini-batch, see :mod:`charon.model.kernels.convolution`.
        """
        if self.precision == "bf16":
            x = x.to(torch.bfloat16)
        if kept is not None and kept.position == "pre":
            x = take_units(x, kept.index, dim=2)
        tuples = to_tuples(x, self.frames_per_tuple)
        z = leaky_(convolve_and_normalise(self.input_map, self.input_norm, tuples, groups))
        z = self.code(z)
        if kept is not None and kept.position == "post":
            z = take_units(z, kept.index, dim=3)
        for block in self.blocks:
            z = block(z, groups)
        return z


class Decoder(nn.Module):
    """Fills the hidden places with a learned vector and rebuilds whole rows."""

    def __init__(self, settings: ModelSettings, clip_shape: ClipShape) -> None:
        super().__init__()
        channels, (num_channels, self.num_frames, _, _) = SIZES[settings.size].decoder, clip_shape
        self.frames_per_tuple = settings.frames_per_tuple
        self.mask = nn.Parameter(torch.empty(channels[0][0]))
        self.blocks, self.code = _blocks(channels, settings, clip_shape)
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


def _blocks(
    channels: Sequence[tuple[int, int, int]], settings: ModelSettings, clip_shape: ClipShape
) -> tuple[nn.ModuleList, PositionalCode]:
    """Return the blocks, and the positional code that is added to what they are given."""
    num_tuples = clip_shape[1] // settings.frames_per_tuple
    num_tokens = settings.frames_per_tuple * clip_shape[2]
    code = PositionalCode(channels[0][0], num_tuples, num_tokens, settings.time_encoding)
    blocks = (TupleBlock(*each, num_tokens, settings.attention) for each in channels)
    return nn.ModuleList(blocks), code
