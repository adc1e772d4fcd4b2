"""What learners with a memory share: its settings, and a base for those that replay from it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar, TypeVar

from torch import Tensor, nn

from charon.clips import ClipShape
from charon.errors import ConfigError
from charon.learners.base import Learner, Setup
from charon.memory import CODECS, CodecName
from charon.memory.buffer import Buffer, Replay
from charon.memory.codec import CapacityRule, Rebuild, TemporalCodec
from charon.memory.reservoir import ReservoirBuffer
from charon.settings import Settings, checked

AnyBuffer = TypeVar("AnyBuffer", bound=Buffer)


@dataclass(frozen=True)
class MemorySettings(Settings):
    """The memory of a learner that stores clips."""

    buffer_size: int = checked(
        500, "M, nominal size in uncompressed clips (Table 1: 500 and 2000)", at_least=0
    )
    sampling_interval: int = checked(
        1,
        "s, frames from one stored frame to the next; 1 stores whole clips, as Table 1 has it",
        at_least=1,
    )
    capacity_rule: CapacityRule = checked(
        "frames",
        "frames: never more bytes than the frames of M whole clips; times_interval: M·s clips",
    )
    rebuild: Rebuild = checked(
        "linear", "linear: between the true frame positions; resize: as images are resized"
    )
    codec: CodecName = checked(
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


@dataclass(frozen=True)
class ReplaySettings(MemorySettings):
    """A memory from which mini-batches are drawn."""

    replay_batch_size: int = checked(16, "clips of one replay draw (Sec. 4.2)", at_least=1)


MEMORY_FIELDS, REPLAY_FIELDS = (
    tuple(field.name for field in fields(group)) for group in (MemorySettings, ReplaySettings)
)
"""Fields that act only once the memory is used."""


class Rehearsal(Learner):
    """A learner that replays from its memory; its network is the encoder unless given.

    Attributes:
        buffer: the rule of the memory.
        stores_logits: whether a clip is stored with logits of all classes.
    """

    memory: Buffer
    buffer: ClassVar[type[Buffer]] = ReservoirBuffer
    stores_logits: ClassVar[bool] = False

    def __init__(
        self, setup: Setup, settings: ReplaySettings, network: nn.Module | None = None
    ) -> None:
        super().__init__(setup, network or setup.make_network(with_decoder=False))
        self.settings = settings
        num_logits = setup.num_classes if self.stores_logits else 0
        self.memory = settings.make_memory(setup, self.buffer, num_logits=num_logits)

    def draw(self) -> Replay:
        """Draw a mini-batch, not rotated; empty if the memory is."""
        return self.memory.draw(self.settings.replay_batch_size)

    def replay(self) -> tuple[Tensor, Replay]:
        """Return the logits of a draw, rotated, and the draw."""
        replay = self.draw()
        clips = self.augment(replay.clips)
        return self.network(clips.x, clips.present), replay


def in_parts(rows: Tensor) -> Sequence[Tensor]:
    """Split rows into parts that go through the network at once."""
    # An empty tensor splits into one empty part, which no network takes.
    return rows.split(64) if len(rows) else ()
