"""The numbers behind the picture of ``charon show``: versions of a clip at a few moments."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from charon.clips import Clips
from charon.memory.codec import TemporalCodec
from charon.seeding import torch_generator
from charon.training.artifacts import Model

NUM_MOMENTS = 7
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Version:
    """The clip at one stage of the method.

    Attributes:
        name: of the stage.
        details: lines under the name.
        poses: float32 (layer, moment, body, joint, channel), metres; what is drawn, the
            faintest layer last.
        labels: text (moment,), under the poses; may be empty.
        error: float64 (frame,), root mean square distance of a joint from its true place,
            metres; None where it does not apply.
        hidden: bool (frame, body), masked from the model; None where it does not apply.
        seen: int64, the stored frames; None where it does not apply.
    """

    name: str
    details: tuple[str, ...]
    poses: NDArray[np.float32]
    labels: tuple[str, ...] = ()
    error: NDArray[np.float64] | None = None
    hidden: NDArray[np.bool_] | None = None
    seen: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Strip:
    """A clip at a few moments, in several versions.

    Attributes:
        title: the clip's class.
        subtitle: how to read the picture.
        note: source of the clip and the model.
        moments: int64 (moment,), frames.
        num_frames: of the clip.
        present: bool (body,).
        bones: pairs of joints.
        truth: float32 (moment, body, joint, channel), metres; the first version's poses.
        versions: one a row, the clip itself first.
    """

    title: str
    subtitle: str
    note: str
    moments: NDArray[np.int64]
    num_frames: int
    present: NDArray[np.bool_]
    bones: tuple[tuple[int, int], ...]
    truth: NDArray[np.float32]
    versions: tuple[Version, ...]


def choose_moments(codec: TemporalCodec) -> NDArray[np.int64]:
    """Return frames spread over the clip, each half-way between two stored frames if possible.

    There the interpolation has to guess most.
    """
    num_frames, step = codec.num_frames, codec.stored_frames.step
    spread = ((np.arange(NUM_MOMENTS) + 0.5) * num_frames / NUM_MOMENTS).astype(np.int64)
    return np.unique(np.minimum(spread // step * step + step // 2, num_frames - 1))


def as_it_is(x: NDArray[np.float32], moments: NDArray[np.int64]) -> Version:
    """Return the clip, float32 (frame, body, joint, channel), itself."""
    labels = tuple(f"frame {moment}" for moment in moments)
    return Version("the clip", (f"{len(x)} frames",), x[moments][None], labels)


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
    return Version(
        "rebuilt",
        (codec.description[1], _mse(x, y, present)),
        y[moments][None],
        error=_error(x, y, present),
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
    return Version(
        "reconstructed",
        (f"η = {share:.2g}: {100 * share:.0f} % hidden", "(tinted)", _mse(x, y, present)),
        y[moments][None],
        labels=tuple(_hidden_label(bodies, present) for bodies in hidden[moments]),
        error=_error(x, y, present),
        hidden=hidden,
    )


def _hidden_label(hidden: NDArray[np.bool_], present: NDArray[np.bool_]) -> str:
    """Say which of the present bodies are hidden at a moment."""
    if hidden[present].all():
        return "hidden"
    if not hidden[present].any():
        return "seen"
    return f"body {int(np.argmax(hidden & present)) + 1} hidden"


def _mse(x: NDArray[np.float32], y: NDArray[np.float32], present: NDArray[np.bool_]) -> str:
    """Return the mean squared error of a coordinate, over the present bodies."""
    error = np.mean((x[:, present] - y[:, present]).astype(np.float64) ** 2)
    digits, _, power = f"{error:.1e}".partition("e")
    return f"MSE {digits}·10{str(int(power)).translate(_RAISED)} m²"


def _error(
    x: NDArray[np.float32], y: NDArray[np.float32], present: NDArray[np.bool_]
) -> NDArray[np.float64]:
    squared = (x[:, present] - y[:, present]).astype(np.float64) ** 2
    distance: NDArray[np.float64] = np.sqrt(squared.sum(axis=3).mean(axis=(1, 2)))
    return distance
