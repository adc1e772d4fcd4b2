"""The numbers behind the picture of ``charon show``: versions of a clip, and its bones."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from charon.clips import Clips
from charon.data.cache.archive import Archive
from charon.memory.codec import TemporalCodec
from charon.seeding import torch_generator
from charon.training.artifacts import Model

NUM_MOMENTS = 7
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Version:
    """The clip at one stage of the method; what does not apply to the stage is None."""

    name: str
    details: tuple[str, ...]  # lines under the name
    poses: NDArray[np.float32]  # (layer, moment, body, joint, channel), metres; faintest layer last
    labels: tuple[str, ...] = ()  # (moment,), under the poses; may be empty
    error: NDArray[np.float64] | None = None  # (frame,), metres: of a joint, root mean square
    hidden: NDArray[np.bool_] | None = None  # (frame, body), masked from the model
    seen: NDArray[np.int64] | None = None  # the stored frames


@dataclass(frozen=True)
class Strip:
    """A clip at a few moments, in several versions."""

    title: str  # the clip's class
    subtitle: str  # how to read the picture
    note: str  # source of the clip and the model
    moments: NDArray[np.int64]  # (moment,), frames
    num_frames: int  # of the clip
    present: NDArray[np.bool_]  # (body,)
    bones: tuple[tuple[int, int], ...]  # pairs of joints
    truth: NDArray[np.float32]  # (moment, body, joint, channel), metres; the first version's poses
    versions: tuple[Version, ...]  # one a row, the clip itself first


def choose_moments(codec: TemporalCodec) -> NDArray[np.int64]:
    """Return frames spread over the clip, each half-way between two stored frames if possible.

    There the interpolation has to guess most.
    """
    num_frames, step = codec.num_frames, codec.stored_frames.step
    spread = ((np.arange(NUM_MOMENTS) + 0.5) * num_frames / NUM_MOMENTS).astype(np.int64)
    return np.unique(np.minimum(spread // step * step + step // 2, num_frames - 1))


def thinned(
    x: NDArray[np.float32], codec: TemporalCodec, moments: NDArray[np.int64]
) -> Version | None:
    """Return the stored frames around each moment; None for a codec that stores no frames."""
    frames = codec.stored_frames
    if not frames:
        return None
    before = moments // frames.step * frames.step
    after = np.minimum(before + (frames.step if frames.step > 1 else 0), frames[-1])
    pairs = zip(before.tolist(), after.tolist(), strict=True)
    labels = tuple(f"{a}" if a == b else f"{a} and {b}" for a, b in pairs)
    details = (codec.description[0], f"keeps {len(frames)} of {len(x)} frames")
    return Version("thinned", details, np.stack([x[before], x[after]]), labels)


def rebuilt(
    x: NDArray[np.float32],
    codec: TemporalCodec,
    moments: NDArray[np.int64],
    present: NDArray[np.bool_],
) -> Version:
    """Return the clip as the memory gives it back."""
    clip = torch.from_numpy(x).permute(3, 0, 2, 1)[None]
    y = codec.decode(codec.encode(clip))[0].permute(1, 3, 2, 0).numpy()
    mse, error = _deviation(x, y, present)
    return Version(
        "rebuilt",
        (codec.description[1], mse),
        y[moments][None],
        error=error,
        seen=np.array(codec.stored_frames, dtype=np.int64),
    )


def reconstructed(
    model: Model, x: NDArray[np.float32], moments: NDArray[np.int64], present: NDArray[np.bool_]
) -> Version | None:
    """Return the model's reconstruction of the masked clip; None if it has no decoder."""
    clip = torch.from_numpy(x).permute(3, 0, 2, 1)[None]
    clips = Clips(clip, torch.from_numpy(present)[None], torch.zeros(1, dtype=torch.int64))
    generator = torch_generator(model.run.seed, "show", "masking")
    made = model.learner.reconstruct(clips.to(model.device), generator)
    if made is None:
        return None
    y = made.x[0].permute(1, 3, 2, 0).cpu().numpy()
    hidden = made.hidden[0].cpu().numpy()
    share = hidden[:, present].mean()
    mse, error = _deviation(x, y, present)
    return Version(
        "reconstructed",
        (f"η = {share:.2g}: {100 * share:.0f} % hidden", "(tinted)", mse),
        y[moments][None],
        labels=tuple(_hidden_label(bodies, present) for bodies in hidden[moments]),
        error=error,
        hidden=hidden,
    )


def _hidden_label(hidden: NDArray[np.bool_], present: NDArray[np.bool_]) -> str:
    """Say which of the present bodies are hidden at a moment."""
    if hidden[present].all():
        return "hidden"
    if not hidden[present].any():
        return "seen"
    return f"body {int(np.argmax(hidden & present)) + 1} hidden"


def _deviation(
    x: NDArray[np.float32], y: NDArray[np.float32], present: NDArray[np.bool_]
) -> tuple[str, NDArray[np.float64]]:
    """Return the mean squared error of a coordinate in words, and :attr:`Version.error`."""
    squared = (x[:, present] - y[:, present]).astype(np.float64) ** 2
    digits, _, power = f"{squared.mean():.1e}".partition("e")
    mse = f"MSE {digits}·10{str(int(power)).translate(_RAISED)} m²"
    return mse, np.sqrt(squared.sum(axis=3).mean(axis=(1, 2)))


def bones_of(archive: Archive) -> tuple[tuple[int, int], ...]:
    """Return the set's bones or, where it names none, the likeliest ones.

    A bone keeps its length within a clip and joins joints that are near each other: the cost of a
    pair is, in metres, how much its distance varies, plus so little of its mean that only joints
    which move as one are told apart by it.
    """
    about = archive.description
    if about.bones:
        return about.bones
    cost = np.zeros((about.num_joints, about.num_joints))
    rows = np.linspace(0, archive.num_clips - 1, min(200, archive.num_clips)).astype(np.int64)
    for row in rows:
        start = archive.start[row]
        body = archive.frames[start : start + archive.length[row], 0].astype(np.float64)
        body = body[body.any(axis=(1, 2))]
        for joint in range(about.num_joints):
            distance = np.linalg.norm(body - body[:, [joint]], axis=2)
            cost[joint] += distance.std(axis=0) + 0.03 * distance.mean(axis=0)
    return shortest_tree(cost / len(rows))


def shortest_tree(cost: NDArray[np.float64]) -> tuple[tuple[int, int], ...]:
    """Return the spanning tree of the smallest total cost (Prim)."""
    inside, bones = [0], []
    while len(inside) < len(cost):
        outside = [joint for joint in range(len(cost)) if joint not in inside]
        best = int(np.argmin(cost[np.ix_(inside, outside)]))
        parent, child = inside[best // len(outside)], outside[best % len(outside)]
        bones.append((parent, child))
        inside.append(child)
    return tuple(bones)
