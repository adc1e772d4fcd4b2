"""What learners with a memory share: its settings, and how it is made from them."""

from dataclasses import dataclass

from charon.errors import ConfigError
from charon.learners.base import Setup
from charon.memory.buffer import Memory
from charon.memory.temporal import CapacityRule, Rebuild, capacity
from charon.settings import Settings, setting


@dataclass(frozen=True)
class MemorySettings(Settings):
    """The memory of a learner that rehearses."""

    buffer_size: int = setting(
        500, "M, nominal size in uncompressed clips (Table 1: 500 and 2000)", at_least=0
    )
    sampling_interval: int = setting(
        5,
        "s, frames from one stored frame to the next (Sec. 4.3); 1 stores whole clips",
        at_least=1,
    )
    replay_batch_size: int = setting(16, "clips of one replay draw (Sec. 4.2)", at_least=1)
    capacity_rule: CapacityRule = setting(
        "frames", "frames: never more frames than M whole clips; times_interval: M·s clips"
    )
    rebuild: Rebuild = setting(
        "linear", "linear: between the true frame positions; resize: as images are resized"
    )

    def make_memory(self, setup: Setup, num_logits: int) -> Memory:
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
        return Memory(
            capacity(self.buffer_size, num_frames, self.sampling_interval, self.capacity_rule),
            setup.clip_shape,
            num_logits=num_logits,
            sampling_interval=self.sampling_interval,
            rebuild_method=self.rebuild,
            device=setup.device,
            generator=setup.generator("memory"),
        )
