"""What learners with a memory share: its settings, and a base for those that replay from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from charon.clips import Clips, ClipShape
from charon.errors import ConfigError
from charon.learners.base import Learner, Setup
from charon.learners.nearest_mean import class_means, nearness
from charon.memory import CODECS, CodecName
from charon.memory.balanced_reservoir import BalancedReservoirBuffer
from charon.memory.buffer import Buffer, Replay
from charon.memory.codec import CapacityRule, Rebuild, TemporalCodec
from charon.memory.reservoir import ReservoirBuffer
from charon.model.elastic import ElasticNetwork
from charon.model.network import Network
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
    classifier: Literal["outputs", "nearest_mean"] = checked(
        "outputs", "what predicts: outputs, or the nearest mean of each class's stored clips"
    )

    @property
    def buffer(self) -> type[Buffer]:
        """The rule of the memory."""
        return ReservoirBuffer


@dataclass(frozen=True)
class ReservoirSettings(ReplaySettings):
    """A memory that is filled while a task is learned."""

    selection: Literal["reservoir", "balanced"] = checked(
        "reservoir",
        "what a full memory keeps: any clip with the same chance (Alg. 1), or each class alike",
    )

    @property
    def buffer(self) -> type[Buffer]:
        """The rule of the memory."""
        return BalancedReservoirBuffer if self.selection == "balanced" else ReservoirBuffer


MEMORY_FIELDS, REPLAY_FIELDS, RESERVOIR_FIELDS = (
    tuple(field.name for field in fields(group))
    for group in (MemorySettings, ReplaySettings, ReservoirSettings)
)
"""Fields that act only once the memory is used."""


class Rehearsal(Learner):
    """A learner that replays from its memory; its network is the encoder unless given.

    Attributes:
        stores_logits: whether a clip is stored with logits of all classes.
        means: of the classes seen, (class, feature), if the nearest predicts; else none.
    """

    network: Network | ElasticNetwork
    memory: Buffer
    stores_logits: ClassVar[bool] = False

    def __init__(
        self,
        setup: Setup,
        settings: ReplaySettings,
        network: Network | ElasticNetwork | None = None,
    ) -> None:
        super().__init__(setup, network or setup.make_network(with_decoder=False))
        self.settings = settings
        num_logits = setup.num_classes if self.stores_logits else 0
        self.memory = settings.make_memory(setup, settings.buffer, num_logits=num_logits)
        self.by_mean = settings.classifier == "nearest_mean"
        self.knows_unseen = not self.by_mean
        self.means = torch.zeros(0, self.network.classifier.in_features, device=setup.device)

    def draw(self) -> Replay:
        """Draw a mini-batch, not rotated; empty if the memory is."""
        return self.memory.draw(self.settings.replay_batch_size)

    def replay(self) -> tuple[Tensor, Replay]:
        """Return the logits of a draw, rotated, and the draw."""
        replay = self.draw()
        clips = self.augment(replay.clips)
        return self.network(clips.x, clips.present), replay

    def logits(self, clips: Clips) -> Tensor:
        """Return the outputs for whole, not augmented clips, (clip, class)."""
        return super().predict(clips)

    def features(self, clips: Clips) -> Tensor:
        """Return the features of whole, not augmented clips, (clip, feature)."""
        self.network.eval()
        with torch.no_grad():
            return self.network.features(clips.x, clips.present)

    def prepare_to_predict(self) -> None:
        """Compute the mean of each class's stored clips, if the nearest predicts."""
        if self.by_mean:
            parts = in_parts(torch.arange(len(self.memory)))
            features = [F.normalize(self.features(self.memory.at(part).clips)) for part in parts]
            known = torch.cat([self.means[:0], *features])
            self.means = class_means(known, self.memory.labels, self.classes.stop)

    def predict(self, clips: Clips) -> Tensor:
        """Score clips by the outputs, or by how near each class's mean is."""
        if not self.by_mean:
            return self.logits(clips)
        classifier, num_classes = self.network.classifier, self.setup.num_classes
        return nearness(self.features(clips), self.means, classifier, num_classes)

    def predictor_state(self) -> dict[str, Any]:
        """Add the means of the classes, none unless they predict."""
        return super().predictor_state() | {"means": self.means.clone()}

    def load_predictor_state(self, state: Mapping[str, Any]) -> None:
        """Become able to predict as the learner did that gave ``state``."""
        super().load_predictor_state(state)
        self.means = state["means"].to(self.setup.device)


def in_parts(rows: Tensor) -> Sequence[Tensor]:
    """Split rows into parts that go through the network at once."""
    # An empty tensor splits into one empty part, which no network takes.
    return rows.split(64) if len(rows) else ()
