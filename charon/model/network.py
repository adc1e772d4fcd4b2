"""The masked autoencoder with a classifier: CHARON's network.

Source: CHARON Sec. 3.2, eqs. 4 to 6, Table A.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from charon.model.block import Attention, TupleBlock
from charon.model.initialise import initialise
from charon.model.kernels import convolve, convolve_and_normalise
from charon.model.layers import Precision, leaky_, lowered
from charon.model.masking import Kept, fill_units, take_units
from charon.model.rows import Presence, Rows
from charon.model.sizes import SIZES, Size
from charon.model.tuples import PositionalCode, to_frames, to_tuples


class Encoder(nn.Module):
    """Input map, positional code and attention blocks: (row, channel, frame, joint) to
    (row, feature channel, token, kept tuple).
    """

    def __init__(
        self,
        size: Size,
        num_channels: int,
        num_tuples: int,
        num_tokens: int,
        frames_per_tuple: int,
        attention: Attention,
        time_encoding: bool,
    ) -> None:
        super().__init__()
        self.frames_per_tuple = frames_per_tuple
        self.input_map = nn.Conv2d(num_channels, size.stem_channels, 1)
        self.input_norm = nn.BatchNorm2d(size.stem_channels)
        self.blocks = nn.ModuleList(
            TupleBlock(i, o, d, num_tokens, attention) for i, o, d in size.encoder
        )
        self.code = PositionalCode(size.stem_channels, num_tuples, num_tokens, time_encoding)

    def forward(self, x: Tensor, kept: Kept | None = None, groups: Sequence[int] = ()) -> Tensor:
        """Encode what is kept of each row; everything if ``kept`` is None.

        Args:
            x: (row, channel, frame, joint).
            kept: units of each row.
            groups: rows of each mini-batch in ``x``, see :mod:`charon.model.layers`.
        """
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
    """Fills the hidden places with a learned vector and rebuilds the whole row."""

    def __init__(
        self,
        size: Size,
        num_channels: int,
        num_tuples: int,
        num_tokens: int,
        frames_per_tuple: int,
        attention: Attention,
        time_encoding: bool,
    ) -> None:
        super().__init__()
        width = size.decoder[0][0]
        self.num_tuples = num_tuples
        self.frames_per_tuple = frames_per_tuple
        self.mask = nn.Parameter(torch.empty(width))
        self.blocks = nn.ModuleList(
            TupleBlock(i, o, d, num_tokens, attention) for i, o, d in size.decoder
        )
        self.output_map = nn.Conv2d(size.decoder[-1][1], num_channels, 1)
        self.code = PositionalCode(width, num_tuples, num_tokens, time_encoding)

    def forward(
        self, latent: Tensor, kept: Kept | None = None, groups: Sequence[int] = ()
    ) -> Tensor:
        """Return the rebuilt rows, (row, channel, frame, joint)."""
        if kept is not None and kept.position == "post":
            latent = fill_units(latent, kept.index, 3, self.num_tuples, self.mask)
        elif kept is not None:
            frames = to_frames(latent, self.frames_per_tuple)
            num_frames = self.num_tuples * self.frames_per_tuple
            frames = fill_units(frames, kept.index, 2, num_frames, self.mask)
            latent = to_tuples(frames, self.frames_per_tuple)
        z = self.code(latent)
        for block in self.blocks:
            z = block(z, groups)
        return to_frames(convolve(self.output_map, z), self.frames_per_tuple)


class Network(nn.Module):
    """Encoder, classifier and, for learners that rebuild clips, the decoder.

    The encoder works on rows (one a body); the classifier on clips.

    Args:
        num_classes: outputs of the classifier, all of them from the start.
        num_channels, num_frames, num_joints, num_bodies: the shape of a clip.
        size: a name in ``SIZES``.
        frames_per_tuple: must divide ``num_frames``.
        with_decoder: whether the network can rebuild clips.
        attention: ``"softmax"`` or ``"tanh"`` (STTFormer's own, with learned offsets).
        time_encoding: also add a code over the index of the tuple. Under ``pre`` masking
            the index is that of the regrouped tuple.
        presence: ``"data"`` believes the presence that comes with the clips;
            ``"positive_sum"`` calls a second body present where its coordinates sum to
            more than 0, as the released code does at every forward.
        precision: ``"bf16"`` computes rows in bfloat16; weights, statistics, features and
            logits stay as they are.
        generator: draws the initial weights, on the CPU.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        num_channels: int,
        num_frames: int,
        num_joints: int,
        num_bodies: int,
        size: str = "tiny",
        frames_per_tuple: int = 6,
        with_decoder: bool = True,
        attention: Attention = "softmax",
        time_encoding: bool = False,
        presence: Presence = "data",
        precision: Precision = "fp32",
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.num_tuples = num_frames // frames_per_tuple
        self.num_joints = num_joints
        self.frames_per_tuple = frames_per_tuple
        self.presence = presence
        self.precision = precision
        chosen = SIZES[size]
        shape = (num_channels, self.num_tuples, frames_per_tuple * num_joints, frames_per_tuple)
        # Built on the meta device, which draws nothing from the global random state.
        with torch.device("meta"):
            self.encoder = Encoder(chosen, *shape, attention, time_encoding)
            self.decoder = (
                Decoder(chosen, *shape, attention, time_encoding) if with_decoder else None
            )
            self.classifier = nn.Linear(chosen.feature_channels, num_classes)
            has_second = num_bodies == 2
            self.absent = nn.Parameter(torch.empty(chosen.feature_channels)) if has_second else None
        self.to_empty(device="cpu")
        initialise(self, generator)
        for parameter in self.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def rows(self, x: Tensor, present: Tensor, sizes: Sequence[int] = ()) -> Rows:
        """Return the rows of a batch of clips under this network's rule of presence.

        Args:
            x: (clip, channel, frame, joint, body).
            present: bool (clip, body), on the CPU.
            sizes: clips of each mini-batch in them; empty for one of them all.
        """
        return Rows.of_clips(x, present, self.presence, sizes)

    def encode(self, x: Tensor, rows: Rows, kept: Kept | None = None) -> Tensor:
        """Return the latent rows, (row, feature channel, token, kept tuple)."""
        latent: Tensor = self.encoder(lowered(rows.gather(x), self.precision), kept, rows.groups)
        return latent

    def features(self, latent: Tensor, rows: Rows) -> Tensor:
        """Return one feature a clip, (clip, feature channel).

        It is the first body's mean over tuples and tokens plus the second's, or plus a
        learned vector where the second body is absent.
        """
        kind = self.classifier.weight.dtype
        return rows.add_bodies(latent.mean(dim=(2, 3), dtype=kind), self.absent)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Classify whole clips: logits, (clip, class)."""
        rows = self.rows(x, present)
        logits: Tensor = self.classifier(self.features(self.encode(x, rows), rows))
        return logits

    def reconstruct(self, latent: Tensor, rows: Rows, kept: Kept | None, num_bodies: int) -> Tensor:
        """Rebuild whole clips, (clip, channel, frame, joint, body); absent bodies are zeros."""
        if self.decoder is None:
            raise RuntimeError("This network was made without a decoder.")
        rebuilt = self.decoder(latent, kept, rows.groups).to(self.classifier.weight.dtype)
        return rows.scatter(rebuilt, num_bodies)
