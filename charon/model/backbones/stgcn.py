"""ST-GCN++: graph convolution over a body's joints, then branches of convolution over frames.

Source: Duan et al., "PYSKL: Towards Good Practices for Skeleton Action Recognition", ACM MM 2022,
and its public code (kennymckormick/pyskl: pyskl/models/gcns/stgcn.py, utils/gcn.py, utils/tcn.py,
configs/stgcn++), for the layers and the widths of ``tiny``; Yan et al., "Spatial Temporal Graph
Convolutional Networks", AAAI 2018, for the idea.
Differs: frames are never merged (no stride), so that each kept one can go back to its place; the
encoder sees the kept frames alone, side by side; bodies are added, as all backbones' are; joints
hang on the root that the data's bones have, for NTU RGB+D the spine's base and not its top; initial
weights are drawn as everywhere here. The decoder is this project's: it fills hidden frames with a
learned vector, adds the code of a joint, and has blocks of the same kind.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charon.clips import ClipShape
from charon.errors import ConfigError
from charon.model.backbone import (
    Backbone,
    BackboneSettings,
    Bones,
    Decoder,
    Encoder,
    parse_widths,
)
from charon.model.block import Skip
from charon.model.kernels import conv2d, convolve, convolve_and_normalise, mix_tokens, normalise
from charon.model.masking import Kept, append_unit, fill_units, take_units
from charon.model.tuples import PositionalCode

SIZES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    # PYSKL's ST-GCN++: about the parameters and the work of STTFormer's tiny.
    "tiny": ((64,) * 4 + (128,) * 3 + (256,) * 3, (128, 64, 64)),
    "base": ((128,) * 4 + (256,) * 3 + (512,) * 3, (256, 128, 128)),
    "nano": ((32, 32), (16,)),
}
"""Channels after each block of the encoder and of the decoder."""

DILATIONS = (1, 2, 3, 4)
"""Frames from one to the next that a branch convolves, three in all."""

NUM_BRANCHES = len(DILATIONS) + 2


class StGcn(Backbone):
    """Keeps frames."""

    positions = ("pre",)

    def __init__(self, settings: BackboneSettings) -> None:
        super().__init__(settings)
        encoder, decoder = SIZES[settings.size]
        self.encoder = parse_widths("encoder", settings.encoder) or encoder
        self.decoder = parse_widths("decoder", settings.decoder) or decoder
        for name, widths in (("encoder", self.encoder), ("decoder", self.decoder)):
            if min(widths) < NUM_BRANCHES:
                raise ConfigError(
                    f"{name} must have at least {NUM_BRANCHES} channels in each block under "
                    f"model.backbone=stgcn, one for each branch, but got {min(widths)}."
                )

    def make_encoder(self, clip_shape: ClipShape, bones: Bones) -> "GraphEncoder":
        """Return the encoder."""
        if not bones:
            raise ConfigError(
                "model.backbone=stgcn needs the bones of the body, but the data names none; add "
                "them to it (an array `bones` of an .npz: the two joints of each bone, from 0)."
            )
        is_exact = self.settings.precision == "fp32"
        return GraphEncoder(self.encoder, clip_shape, bones, is_exact)

    def make_decoder(self, clip_shape: ClipShape, bones: Bones) -> "GraphDecoder":
        """Return the decoder."""
        return GraphDecoder(self.encoder[-1], self.decoder, clip_shape, bones)


def graph_maps(bones: Bones, num_joints: int) -> Tensor:
    """Return what a joint takes from which, float32 (map, joint v, joint u).

    Joint v is the sum over u of the joints u weighted by the map: itself, the mean of its
    parents (one in a tree), and the mean of its children; zeros where it has none.
    """
    to_parent = torch.zeros(num_joints, num_joints)
    for parent, child in bones:
        to_parent[child, parent] = 1
    maps = torch.stack([torch.eye(num_joints), to_parent, to_parent.T])
    return maps / maps.sum(dim=2, keepdim=True).clamp(min=1)


class Graph(nn.Module):
    """The body's graph, and what is learned to be added to it."""

    fixed: Tensor

    def __init__(self, bones: Bones, num_joints: int) -> None:
        super().__init__()
        self.bones = tuple(bones)
        # Derived, so no checkpoint holds it.
        self.register_buffer("fixed", torch.empty(3, num_joints, num_joints), persistent=False)
        self.added = nn.Parameter(torch.empty(3, num_joints, num_joints))

    def reset(self) -> None:
        """Draw the graph; add nothing to it yet."""
        self.fixed.copy_(graph_maps(self.bones, self.fixed.shape[1]))
        self.added.zero_()

    def mixing(self, x: Tensor) -> Callable[..., Tensor]:
        """Return a convolution of (row, channel, joint, frame), mixed by every map before it."""
        maps = (self.fixed + self.added).to(x.dtype)
        return partial(_mix_then_convolve, maps.expand(len(x), -1, -1, -1))


def _mix_then_convolve(
    maps: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, ...]
) -> Tensor:
    return conv2d(mix_tokens(maps, x), weight, bias, padding=padding)


class Branches(nn.Module):
    """Six branches over the frames of each joint, side by side, and a map of them all.

    Four convolve three frames, 1 to 4 apart; one takes the largest of three; one sees a frame
    alone. All but the last have a map, batch norm and ReLU before. A branch has a sixth of the
    channels, the first also what is left over.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        each = channels // NUM_BRANCHES
        first = channels - (NUM_BRANCHES - 1) * each
        self.widths = [first] + [each] * len(DILATIONS)
        self.reduce = nn.Conv2d(channels, sum(self.widths), 1)
        self.reduce_norm = nn.BatchNorm2d(sum(self.widths))
        self.convs = nn.ModuleList(
            nn.Conv2d(width, width, (1, 3), padding=(0, apart), dilation=(1, apart))
            for width, apart in zip(self.widths, DILATIONS, strict=False)
        )
        self.alone = nn.Conv2d(channels, each, 1)
        self.joined_norm = nn.BatchNorm2d(channels)
        self.fuse = nn.Conv2d(channels, channels, 1)
        self.fuse_norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, groups: Sequence[int] = ()) -> Tensor:
        """Map (row, channel, joint, frame) to the same shape."""
        reduced = F.relu_(convolve_and_normalise(self.reduce, self.reduce_norm, x, groups))
        *parts, last = reduced.split(self.widths, dim=1)
        joined = [_dilated(conv, part) for conv, part in zip(self.convs, parts, strict=True)]
        joined += [largest_of_three(last), convolve(self.alone, x)]
        z = F.relu_(normalise(self.joined_norm, torch.cat(joined, dim=1), groups))
        return convolve_and_normalise(self.fuse, self.fuse_norm, z, groups)


def _dilated(conv: nn.Module, x: Tensor) -> Tensor:
    """Apply a convolution in the precision of ``x``."""
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    weight, bias = conv.weight.to(x.dtype), conv.bias.to(x.dtype)
    return F.conv2d(x, weight, bias, padding=conv.padding, dilation=conv.dilation)


def largest_of_three(x: Tensor) -> Tensor:
    """Return the largest of each frame and its neighbours, of numbers that are not below 0.

    In shape (row, channel, joint, frame). Unlike torch's pooling, its gradient on a GPU does not
    depend on chance.
    """
    padded = F.pad(x, (1, 1))
    return torch.maximum(torch.maximum(padded[..., :-2], x), padded[..., 2:])


class GraphBlock(nn.Module):
    """Graph convolution over joints, branches over frames; ``skips`` adds the input at the end."""

    def __init__(
        self, in_channels: int, out_channels: int, graph: Graph, skips: bool = True
    ) -> None:
        super().__init__()
        is_learned = in_channels != out_channels
        self.graph = graph
        self.project = nn.Conv2d(3 * in_channels, out_channels, 1)
        self.project_norm = nn.BatchNorm2d(out_channels)
        self.project_skip = Skip(in_channels, out_channels, is_learned)
        self.branches = Branches(out_channels)
        self.skip = Skip(in_channels, out_channels, is_learned) if skips else None

    def forward(self, x: Tensor, groups: Sequence[int] = ()) -> Tensor:
        """Map (row, in_channels, joint, frame) to (row, out_channels, joint, frame)."""
        mixing = self.graph.mixing(x)
        z = convolve_and_normalise(self.project, self.project_norm, x, groups, mixing)
        z = F.relu_(z.add_(self.project_skip(x, groups)))
        z = self.branches(z, groups)
        return F.relu_(z if self.skip is None else z.add_(self.skip(x, groups)))


class GraphEncoder(Encoder):
    """Maps what is kept of (row, channel, frame, joint) to (row, feature, joint, kept frame)."""

    frames_per_unit = 1

    def __init__(
        self, widths: Sequence[int], clip_shape: ClipShape, bones: Bones, is_exact: bool
    ) -> None:
        super().__init__()
        num_channels, _, num_joints, _ = clip_shape
        self.widths = tuple(widths)
        self.is_exact = is_exact
        self.input_norm = nn.BatchNorm2d(num_channels * num_joints)
        into = (num_channels, *widths)
        self.blocks = nn.ModuleList(
            GraphBlock(into[number], out, Graph(bones, num_joints), skips=number > 0)
            for number, out in enumerate(widths)
        )

    def forward(self, x: Tensor, kept: Kept | None = None, groups: Sequence[int] = ()) -> Tensor:
        """Encode the kept frames of each row; all of them where ``kept`` is None."""
        if kept is not None:
            x = take_units(x, kept.index, dim=2)
        rows, channels, frames, joints = x.shape
        by_joint = x.transpose(2, 3).reshape(rows, channels * joints, frames, 1)
        z = normalise(self.input_norm, by_joint, groups).view(rows, channels, joints, frames)
        if not self.is_exact:
            z = z.to(torch.bfloat16)
        z = z.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            z = block(z, groups)
        return z


class GraphDecoder(Decoder):
    """Fills hidden frames with a learned vector and rebuilds whole rows."""

    def __init__(
        self, in_channels: int, widths: Sequence[int], clip_shape: ClipShape, bones: Bones
    ) -> None:
        super().__init__()
        num_channels, self.num_frames, num_joints, _ = clip_shape
        self.mask = nn.Parameter(torch.empty(in_channels))
        self.code = PositionalCode(in_channels, self.num_frames, num_joints, of_time=False)
        into = (in_channels, *widths)
        self.blocks = nn.ModuleList(
            GraphBlock(into[number], out, Graph(bones, num_joints))
            for number, out in enumerate(widths)
        )
        self.output_map = nn.Conv2d(widths[-1], num_channels, 1)

    def forward(
        self, latent: Tensor, kept: Kept | None = None, groups: Sequence[int] = ()
    ) -> Tensor:
        """Return the rebuilt rows, (row, channel, frame, joint)."""
        if kept is not None:
            latent = append_unit(latent, self.mask, dim=3)
            latent = fill_units(latent, kept.index, 3, self.num_frames)
        z = self.code(latent)
        for block in self.blocks:
            z = block(z, groups)
        return convolve(self.output_map, z).transpose(2, 3)
