"""The error with which a memory's codecs rebuild clips."""

from collections.abc import Iterator
from typing import Any, get_args

from torch import Tensor

from charon.memory import CODECS
from charon.memory.codec import Rebuild


def rebuild_errors(clips: Tensor, present: Tensor) -> Iterator[dict[str, Any]]:
    """Yield the error of each codec and way of rebuilding, at each interval that divides a clip.

    Args:
        clips: (clip, channel, frame, joint, body), metres.
        present: (clip, body), which bodies are there; others do not count.
    """
    frames = clips.shape[2]
    intervals = [s for s in range(1, frames // 2 + 1) if frames % s == 0]
    shape = (clips.shape[1], frames, clips.shape[3], clips.shape[4])
    for name, kind in CODECS.items():
        for rebuild in get_args(Rebuild):
            for interval in intervals:
                codec = kind(shape, interval, rebuild)
                apart = codec.decode(codec.encode(clips)) - clips
                bodies = apart.permute(0, 4, 2, 3, 1)[present]
                yield {
                    "codec": name,
                    "rebuild": rebuild,
                    "sampling_interval": interval,
                    "mse": float(bodies.square().mean()),
                    "joint_mm": 1000 * float(bodies.norm(dim=-1).mean()),
                    "bytes_per_clip": codec.bytes_per_clip,
                }
