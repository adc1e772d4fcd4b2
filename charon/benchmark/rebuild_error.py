"""The error with which a memory's codecs rebuild clips."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from torch import Tensor

from charon.memory import CODECS, STORAGES


def rebuild_errors(clips: Tensor, present: Tensor) -> Iterator[dict[str, Any]]:
    """Yield the error of each codec, storage and way of rebuilding, at each interval.

    The intervals are those that divide a clip's frames.

    Args:
        clips: (clip, channel, frame, joint, body), metres.
        present: (clip, body), which bodies are there; others do not count.
    """
    frames = clips.shape[2]
    intervals = [s for s in range(1, frames // 2 + 1) if frames % s == 0]
    shape = (clips.shape[1], frames, clips.shape[3], clips.shape[4])
    for name, kind in CODECS.items():
        for rebuild, interval in product(kind.rebuilds, intervals):
            kept, *others = kind(shape, interval, rebuild).keep(clips)
            for storage, packs in STORAGES.items():
                codec = kind(shape, interval, rebuild, packs())
                packed = codec.storage.pack(kept)
                apart = codec.decode((*packed, *others)) - clips
                bodies = apart.permute(0, 4, 2, 3, 1)[present]
                yield {
                    "codec": name,
                    "storage": storage,
                    "rebuild": rebuild,
                    "sampling_interval": interval,
                    "mse": float(bodies.square().mean()),
                    "joint_mm": 1000 * float(bodies.norm(dim=-1).mean()),
                    "bytes_per_clip": codec.bytes_per_clip,
                }
