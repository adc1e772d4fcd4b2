"""What learners with a memory share: its settings, and the frame of those that replay from it."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from charon.clips import Clips
from charon.errors import ConfigError
from charon.learners.base import Learner, Losses, Phase, Setup
from charon.memory.codec import CapacityRule, Rebuild, capacity
from charon.memory.reservoir import Memory
from charon.memory.storage import Replay
from charon.settings import Settings, setting

MEMORY_FIELDS = ("buffer_size", "sampling_interval", "capacity_rule", "rebuild")
"""Fields that act only once the memory is used."""


@dataclass(frozen=True)
class MemorySettings(Settings):
    """The memory of a learner that keeps clips."""

    buffer_size: int = setting(
        500, "M, nominal size in uncompressed clips (Table 1: 500 and 2000)", at_least=0
    )
    sampling_interval: int = setting(
        1,
        "s, frames from one stored frame to the next; 1 stores whole clips, as Table 1 has it",
        at_least=1,
    )
    capacity_rule: CapacityRule = setting(
        "frames", "frames: never more frames than M whole clips; times_interval: M·s clips"
    )
    rebuild: Rebuild = setting(
        "linear", "linear: between the true frame positions; resize: as images are resized"
    )

    def capacity(self, setup: Setup) -> int:
        """Return how many thinned clips the memory holds.

        Raises:
            ConfigError: the sampling interval leaves only one frame of a clip.
        """
        num_frames = setup.clip_shape[1]
        if self.sampling_interval >= num_frames:
            raise ConfigError(
                f"learner.sampling_interval < {num_frames} (the frames of a clip) must hold, "
                f"but got learner.sampling_interval={self.sampling_interval}."
            )
        return capacity(self.buffer_size, num_frames, self.sampling_interval, self.capacity_rule)


@dataclass(frozen=True)
class ReplaySettings(MemorySettings):
    """A reservoir from which mini-batches are drawn."""

    replay_batch_size: int = setting(16, "clips of one replay draw (Sec. 4.2)", at_least=1)

    def make_memory(self, setup: Setup, num_logits: int) -> Memory:
        """Return the empty memory; errors are those of :meth:`capacity`."""
        return Memory(
            self.capacity(setup),
            setup.clip_shape,
            num_logits=num_logits,
            sampling_interval=self.sampling_interval,
            rebuild_method=self.rebuild,
            device=setup.device,
            generator=setup.generator("memory"),
        )


class Rehearsal(Learner):
    """A learner with one main phase on the encoder alone, and a reservoir to replay from."""

    memory: Memory

    def __init__(self, setup: Setup, settings: ReplaySettings, *, num_logits: int = 0) -> None:
        super().__init__(setup, settings)
        self.replay_batch_size = settings.replay_batch_size
        self.network = setup.make_network(with_decoder=False)
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=setup.learning_rate)
        self.memory = settings.make_memory(setup, num_logits)

    def phases(self) -> Iterable[Phase]:
        """One main phase."""
        return [Phase("train", self.setup.epochs, self.train_step)]

    @abstractmethod
    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on a batch and on what is drawn from the memory."""

    def draw(self) -> Replay:
        """Draw one mini-batch of the memory, rebuilt, not rotated; empty if the memory is."""
        return self.memory.draw(self.replay_batch_size)
