"""Clips kept thinned in time, with labels and, for some learners, logits."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from charon.clips import Clips
from charon.memory.codec import Rebuild, num_thinned_frames, rebuild, thin


@dataclass(frozen=True)
class Replay:
    """Clips from the memory, rebuilt to full length.

    Attributes:
        clips: the clips, not augmented.
        logits: (clip, class) as stored; of width 0 if the memory stores none.
        slots: int64 (clip,), where they lie in the memory.
    """

    clips: Clips
    logits: Tensor
    slots: Tensor


class ThinnedClips:
    """The storage of every memory: slots 0 .. ``capacity`` - 1, filled from the first on.

    Which clips come in and which make room is for the memories to say that are made of it.

    Args:
        capacity: clips it holds at most, at least 0.
        clip_shape: (channel, frame, joint, body) of a whole clip.
        num_logits: logits stored with a clip; 0 for none.
        sampling_interval: s, frames from one stored frame to the next.
        rebuild_method: how clips are rebuilt.
        device: where clips are kept.
    """

    def __init__(
        self,
        capacity: int,
        clip_shape: tuple[int, int, int, int],
        *,
        num_logits: int = 0,
        sampling_interval: int = 1,
        rebuild_method: Rebuild = "linear",
        device: torch.device,
    ) -> None:
        channels, frames, joints, bodies = clip_shape
        kept = num_thinned_frames(frames, sampling_interval)
        self.capacity = capacity
        self.num_frames = frames
        self.sampling_interval = sampling_interval
        self.rebuild_method = rebuild_method
        self._num_stored = 0
        self._x = torch.zeros(capacity, channels, kept, joints, bodies, device=device)
        self._present = torch.zeros(capacity, bodies, dtype=torch.bool)
        self._label = torch.zeros(capacity, dtype=torch.int64, device=device)
        self._logits = torch.zeros(capacity, num_logits, device=device)

    def __len__(self) -> int:
        return self._num_stored

    @property
    def num_bytes(self) -> int:
        """Exact bytes of what is stored: frames, presence flags, labels and logits."""
        return len(self) * self.bytes_per_clip

    @property
    def bytes_per_clip(self) -> int:
        """Exact bytes that one stored clip takes."""
        kept = (self._x, self._present, self._label, self._logits)
        return sum(math.prod(tensor.shape[1:]) * tensor.element_size() for tensor in kept)

    @property
    def labels(self) -> Tensor:
        """Labels of the stored clips, int64 (slot,)."""
        return self._label[: len(self)]

    def at(self, slots: Tensor) -> Replay:
        """Return what lies at ``slots`` (int64, on the CPU), rebuilt."""
        on_device = slots.to(self._x.device)
        whole = rebuild(
            self._x[on_device], self.num_frames, self.sampling_interval, self.rebuild_method
        )
        clips = Clips(whole, self._present[slots], self._label[on_device])
        return Replay(clips, self._logits[on_device], slots)

    def replace_logits(self, slots: Tensor, logits: Tensor) -> None:
        """Overwrite the logits stored at ``slots``."""
        self._logits[slots.to(self._logits.device)] = logits.detach().to(self._logits)

    def state_dict(self) -> dict[str, Any]:
        """Return copies of everything a later :meth:`load_state_dict` needs to continue."""
        stored = len(self)
        return {
            "x": self._x[:stored].to("cpu", copy=True),
            "present": self._present[:stored].clone(),
            "label": self._label[:stored].to("cpu", copy=True),
            "logits": self._logits[:stored].to("cpu", copy=True),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state made by a memory of the same shape."""
        stored = self._num_stored = len(state["label"])
        self._x[:stored] = state["x"].to(self._x.device)
        self._present[:stored] = state["present"]
        self._label[:stored] = state["label"].to(self._label.device)
        self._logits[:stored] = state["logits"].to(self._logits.device)

    def _put(self, slots: Tensor, clips: Clips) -> None:
        """Thin whole clips and store them at ``slots`` (int64, on the CPU, at least one)."""
        on_device = slots.to(self._x.device)
        self._x[on_device] = thin(clips.x, self.sampling_interval)
        self._present[slots] = clips.present
        self._label[on_device] = clips.label
        self._num_stored = max(self._num_stored, int(slots.max()) + 1)

    def _keep(self, slots: Tensor) -> None:
        """Keep what lies at ``slots`` (int64, on the CPU), in that order; drop all else."""
        on_device = slots.to(self._x.device)
        for stored, where in (
            (self._x, on_device),
            (self._present, slots),
            (self._label, on_device),
            (self._logits, on_device),
        ):
            stored[: len(slots)] = stored[where]
        self._num_stored = len(slots)
