"""What a backbone is: how its encoder and its decoder are made, and what its kept units are.

A backbone is a file in ``backbones`` and a line in the table there. The network keeps what all
backbones share: rows, pooling over bodies, the classifier, the absent body.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from charon.clips import ClipShape
from charon.errors import ConfigError
from charon.model.block import NUM_HEADS, Attention
from charon.model.masking import Kept, Position
from charon.settings import Settings, checked

Precision = Literal["fp32", "bf16"]

Bones = Sequence[tuple[int, int]]
"""The (parent, child) joints of a body's bones; empty where the data names none."""


@dataclass(frozen=True)
class BackboneSettings(Settings):
    """The fields of all backbones, and those that single ones have beside them."""

    backbone: str = checked("sttformer", "the backbone's name in the table")
    size: Literal["tiny", "base", "nano"] = checked(
        "tiny", "tiny: the paper's (Table A); base: twice as wide; nano: for CPU cores"
    )
    encoder: str | int | None = checked(
        None, "channels after each block of the encoder, such as 32-64-128; none: as the size has"
    )
    decoder: str | int | None = checked(
        None, "channels after each block of the decoder, such as 64-32; none: as the size has"
    )
    heads: int = checked(NUM_HEADS, "attention heads of a block (Table A)", at_least=1)
    query_key: int | None = checked(
        None,
        "query and key channels of a head; none: as the size has, or half of a block's wider side "
        "where its channels are given",
        at_least=1,
    )
    frames_per_tuple: int = checked(
        6, "n, frames of a tuple (Sec. 4.2), in which masking ratios are counted", at_least=1
    )
    attention: Attention = checked("softmax", "softmax, or STTFormer's own tanh")
    time_encoding: bool = checked(False, "also encode the index of a tuple")
    precision: Precision = checked(
        "fp32", "fp32, or bf16: faster where the processor multiplies bfloat16"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("encoder", "decoder"):
            widths = parse_widths(name, getattr(self, name))
            if widths:
                # A single number stays a number, as a command line and a search space have it.
                plain = widths[0] if len(widths) == 1 else "-".join(map(str, widths))
                object.__setattr__(self, name, plain)


def parse_widths(name: str, text: str | int | None) -> tuple[int, ...]:
    """Return the channels that ``"32-64-128"`` names; none for None.

    Raises:
        ConfigError: the text is not of this form; ``name`` is the field.
    """
    if text is None:
        return ()
    parts = str(text).split("-")
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise ConfigError(
            f"{name} must be the channels after each block, whole numbers above 0 joined by "
            f"dashes, such as 32-64-128, but got {text!r}."
        )
    return tuple(map(int, parts))


class Encoder(nn.Module):
    """Maps what is kept of a row to its latent.

    Attributes:
        blocks: its layers, each from (row, channel, token, kept unit) to the same axes.
        widths: the channels after each block; the last is the width of a row's feature.
        frames_per_unit: frames of a unit. Token ``f · joints + j`` is joint j of its frame f.
    """

    blocks: nn.ModuleList
    widths: tuple[int, ...]
    frames_per_unit: int

    def forward(self, x: Tensor, kept: Kept | None = None, groups: Sequence[int] = ()) -> Tensor:
        """Map (row, channel, frame, joint) to (row, feature, token, kept unit).

        All units are kept where ``kept`` is None. ``groups`` has the rows of each mini-batch, see
        :mod:`charon.model.kernels.convolution`.
        """
        raise NotImplementedError


class Decoder(nn.Module):
    """Rebuilds whole rows from their latents.

    The convolution that ends it is called ``output_map``, a learned vector that stands for hidden
    units ``mask``: their initial weights go by these names.
    """

    def forward(
        self, latent: Tensor, kept: Kept | None = None, groups: Sequence[int] = ()
    ) -> Tensor:
        """Map what the encoder returned of ``kept`` to (row, channel, frame, joint)."""
        raise NotImplementedError


class Backbone(ABC):
    """How an encoder and a decoder are made.

    A module that is neither a convolution, a batch norm nor linear sets its weights in a method
    ``reset``: encoder and decoder are built on the meta device, then initialised.

    Attributes:
        positions: of masking, those it can do: ``"post"`` if a kept unit is a tuple, ``"pre"`` if
            it is a frame.
        fields: of the settings, those that it has beside those of all backbones.

    Raises:
        ConfigError: the settings do not make a network of this kind; the sentence begins with
            the name of the field.
    """

    positions: ClassVar[tuple[Position, ...]]
    fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: BackboneSettings) -> None:
        self.settings = settings

    @abstractmethod
    def make_encoder(self, clip_shape: ClipShape, bones: Bones) -> Encoder:
        """Return the encoder of rows of such clips.

        Raises:
            ConfigError: it needs bones, and there are none.
        """

    @abstractmethod
    def make_decoder(self, clip_shape: ClipShape, bones: Bones) -> Decoder:
        """Return the decoder of what this encoder returns."""
