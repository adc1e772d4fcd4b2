"""What learners with a memory share: its settings, and a base for those that replay from it."""

from dataclasses import dataclass, fields
from typing import TypeVar

from torch import nn

from charon.errors import ConfigError
from charon.learners.base import Learner, Setup
from charon.memory import CODECS, CodecName
from charon.memory.buffer import Buffer, Replay
from charon.memory.codec import CapacityRule, ClipShape, Rebuild, TemporalCodec
from charon.memory.reservoir import ReservoirBuffer
from charon.settings import Settings, setting

AnyBuffer = TypeVar("AnyBuffer", bound=Buffer)


@dataclass(frozen=True)
class MemorySettings(Settings):
    """The memory of a learner that stores clips."""

    buffer_size: int = setting(
        500, "M, nominal size in uncompressed clips (Table 1: 500 and 2000)", at_least=0
    )
    sampling_interval: int = setting(
        1,
        "s, frames from one stored frame to the next; 1 stores whole clips, as Table 1 has it",
        at_least=1,
    )
    capacity_rule: CapacityRule = setting(
        "frames",
        "frames: never more bytes than the frames of M whole clips; times_interval: M·s clips",
    )
    rebuild: Rebuild = setting(
        "linear", "linear: between the true frame positions; resize: as images are resized"
    )
    codec: CodecName = setting(
        "thinned",
        " ".join(f"{name}: {str(codec.__doc__).splitlines()[0]}" for name, codec in CODECS.items()),
    )

    def make_codec(self, clip_shape: ClipShape) -> TemporalCodec:
        """Return the codec for clips of this shape."""
        return CODECS[self.codec](clip_shape, self.sampling_interval, self.rebuild)

    def make_memory(self, setup: Setup, kind: type[AnyBuffer], *, num_logits: int = 0) -> AnyBuffer:
        """Return the empty memory.

        Raises:
            ConfigError: the sampling interval leaves only one frame of a clip.
        """
        num_frames = setup.clip_shape[1]
        if self.sampling_interval >= num_frames:
            raise ConfigError(
                f"learner.sampling_interval < {num_frames} (the frames of a clip) must hold, "
                f"but got learner.sampling_interval={self.sampling_interval}."
            )
        codec = self.make_codec(setup.clip_shape)
        return kind(
            codec.capacity(self.buffer_size, self.capacity_rule),
            codec,
            num_logits=num_logits,
            device=setup.device,
            generator=setup.generator("memory"),
        )


MEMORY_FIELDS = tuple(field.name for field in fields(MemorySettings))
"""Fields that act only once the memory is used."""


@dataclass(frozen=True)
class ReplaySettings(MemorySettings):
    """A memory from which mini-batches are drawn."""

    replay_batch_size: int = setting(16, "clips of one replay draw (Sec. 4.2)", at_least=1)


class Rehearsal(Learner):
    """A learner that replays from a reservoir; without a network of its own, by the encoder."""

    memory: ReservoirBuffer

    def __init__(
        self,
        setup: Setup,
        settings: ReplaySettings,
        network: nn.Module | None = None,
        *,
        num_logits: int = 0,
    ) -> None:
        super().__init__(setup, network or setup.make_network(with_decoder=False))
        self.replay_batch_size = settings.replay_batch_size
        self.memory = settings.make_memory(setup, ReservoirBuffer, num_logits=num_logits)

    def draw(self) -> Replay:
        """Draw a mini-batch, not rotated; empty if the memory is."""
        return self.memory.draw(self.replay_batch_size)
