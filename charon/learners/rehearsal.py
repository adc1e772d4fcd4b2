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
from charon.memory import CODECS, STORAGES, CodecName, StorageName
from charon.memory.balanced_reservoir import BalancedReservoirBuffer
from charon.memory.budget import Budget
from charon.memory.buffer import Buffer, Replay, clip_bytes
from charon.memory.codec import CapacityRule, Rebuild, TemporalCodec
from charon.memory.reservoir import ReservoirBuffer
from charon.memory.store import ROW_BYTES, Bodies, PresentBodies, Store, WholeClips
from charon.model.elastic import ElasticNetwork
from charon.model.network import Network
from charon.settings import Settings, checked

AnyBuffer = TypeVar("AnyBuffer", bound=Buffer)


PAPER_SIZE = 500
"""M of the paper where no size of the memory is given."""

MOST_CLIPS, MOST_BYTES = 10**9, 10**15
"""Of a memory: more than any set has, and few enough to be counted in 64 bits."""


def _described(table: Mapping[str, type]) -> str:
    """Return the entries of a table with the first sentence of each."""
    return " ".join(f"{name}: {str(kind.__doc__).splitlines()[0]}" for name, kind in table.items())


@dataclass(frozen=True)
class MemorySettings(Settings):
    """The memory of a learner that stores clips: ``buffer_size`` or ``buffer_bytes`` limits it."""

    buffer_size: int | None = checked(
        None,
        f"M, nominal size in uncompressed clips (Table 1: 500 and 2000); none: {PAPER_SIZE}, "
        "unless learner.buffer_bytes is given",
        at_least=0,
        at_most=MOST_CLIPS,
    )
    buffer_bytes: int | None = checked(
        None,
        "bytes of all that is stored and of what lies beside the memory, in place of "
        "learner.buffer_size; as many clips as fit",
        at_least=0,
        at_most=MOST_BYTES,
    )
    sampling_interval: int = checked(
        1,
        "s, frames from one stored frame to the next; 1 stores whole clips, as Table 1 has it",
        at_least=1,
    )
    capacity_rule: CapacityRule = checked(
        "frames",
        "of M, frames: never more bytes than the frames of M whole clips; times_interval: M·s "
        "clips",
    )
    bodies: Bodies = checked(
        "all", "whether absent second bodies are stored, or only those that are present"
    )
    codec: CodecName = checked("thinned", f"what of a clip is kept in time. {_described(CODECS)}")
    storage: StorageName = checked("float32", f"in how many bits. {_described(STORAGES)}")
    rebuild: Rebuild = checked(
        "linear", "linear: between the true frame positions; resize: as images are resized"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.buffer_bytes is None:
            if self.buffer_size is None:
                object.__setattr__(self, "buffer_size", PAPER_SIZE)
        elif self.buffer_size is not None:
            raise ConfigError(
                f"buffer_size must be none where learner.buffer_bytes={self.buffer_bytes} limits "
                f"the memory, but got {self.buffer_size}; leave either out."
            )
        elif self.capacity_rule != "frames":
            raise ConfigError(
                f"capacity_rule={self.capacity_rule} counts clips, so it does not go with "
                "learner.buffer_bytes; set it to frames, or give learner.buffer_size."
            )
        known = CODECS[self.codec].rebuilds
        if self.rebuild not in known:
            raise ConfigError(
                f"rebuild must be one of {', '.join(known)} for learner.codec={self.codec}, "
                f"but got {self.rebuild}."
            )

    def make_codec(self, clip_shape: ClipShape) -> TemporalCodec:
        """Return the codec for clips of this shape, or for their single bodies."""
        channels, frames, joints, bodies = clip_shape
        shape = channels, frames, joints, 1 if self.bodies == "present" else bodies
        storage = STORAGES[self.storage]()
        return CODECS[self.codec](shape, self.sampling_interval, self.rebuild, storage)

    def make_memory(
        self,
        setup: Setup,
        kind: type[AnyBuffer],
        *,
        num_logits: int = 0,
        beside: int = 0,
        beside_clip: int = 0,
    ) -> AnyBuffer:
        """Return the empty memory.

        Args:
            setup: of the learner.
            kind: the rule of the memory.
            num_logits: stored with each clip.
            beside: bytes that the learner keeps of the past outside its memory.
            beside_clip: and of these, those that each stored clip adds.

        Raises:
            ConfigError: the sampling interval leaves only one frame of a clip, or what lies
                beside the memory takes more than its bytes.
        """
        num_frames, num_bodies = setup.clip_shape[1], setup.clip_shape[3]
        if self.sampling_interval >= num_frames:
            raise ConfigError(
                f"learner.sampling_interval < {num_frames} (the frames of a clip) must hold, "
                f"but got learner.sampling_interval={self.sampling_interval}."
            )
        codec = self.make_codec(setup.clip_shape)
        of_clip = clip_bytes(num_bodies, num_logits) + beside_clip
        budget = self.budget(codec, num_bodies, of_clip, beside)
        store: Store = WholeClips(budget.most_clips, codec, setup.device)
        if self.bodies == "present":
            rows = budget.most_bodies(num_bodies)
            store = PresentBodies(budget.most_clips, rows, codec, num_bodies, setup.device)
        return kind(
            budget,
            store,
            num_logits=num_logits,
            device=setup.device,
            generator=setup.generator("memory"),
        )

    def budget(
        self, codec: TemporalCodec, num_bodies: int, of_clip: int = 0, beside: int = 0
    ) -> Budget:
        """Return what the memory may hold.

        Args:
            codec: of :meth:`make_codec`.
            num_bodies: of a clip, present or absent.
            of_clip: bytes of a clip beside its encoded frames; M does not count them.
            beside: bytes beside the memory; M does not count them either.

        Raises:
            ConfigError: ``beside`` is more than the memory's bytes.
        """
        encoded, is_whole = codec.bytes_per_clip, self.bodies == "all"
        if self.buffer_bytes is not None:
            if beside > self.buffer_bytes:
                raise ConfigError(
                    f"learner.buffer_bytes={self.buffer_bytes} is less than the {beside} bytes "
                    "that this learner keeps beside its memory; give more."
                )
            left = self.buffer_bytes - beside
            if is_whole:
                return Budget.of_bytes(left, of_clip + encoded)
            return Budget.of_bytes(left, of_clip + num_bodies * ROW_BYTES, encoded)
        size = self.buffer_size or 0
        if self.capacity_rule == "times_interval":
            return Budget(size * self.sampling_interval)
        whole = size * codec.uncompressed_bytes
        if is_whole:
            return Budget.of_bytes(whole, encoded)
        return Budget.of_bytes(whole * num_bodies, 0, encoded)

    def largest_size(self, codec: TemporalCodec, num_bodies: int, num_clips: int) -> int:
        """Return the largest M with which :meth:`budget` allows at most ``num_clips`` clips."""
        if self.capacity_rule == "times_interval":
            return num_clips // self.sampling_interval
        of_size = codec.uncompressed_bytes * (1 if self.bodies == "all" else num_bodies)
        return ((num_clips + 1) * codec.bytes_per_clip - 1) // of_size


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
        beside_clip: bytes that the learner keeps of each stored clip outside its memory.
    """

    network: Network | ElasticNetwork
    memory: Buffer
    stores_logits: ClassVar[bool] = False
    beside_clip: ClassVar[int] = 0

    def __init__(
        self,
        setup: Setup,
        settings: ReplaySettings,
        network: Network | ElasticNetwork | None = None,
    ) -> None:
        super().__init__(setup, network or setup.make_network(with_decoder=False))
        self.settings = settings
        num_logits = setup.num_classes if self.stores_logits else 0
        self.by_mean = settings.classifier == "nearest_mean"
        self.knows_unseen = not self.by_mean
        width = self.network.classifier.in_features
        self.means = torch.zeros(0, width, device=setup.device)
        beside = 4 * setup.num_classes * width if self.by_mean else 0
        self.memory = settings.make_memory(
            setup,
            settings.buffer,
            num_logits=num_logits,
            beside=beside + self.optimiser.average_bytes,
            beside_clip=self.beside_clip,
        )

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

    def bytes_beside(self) -> int:
        """Add the bytes of the class means."""
        return super().bytes_beside() + self.means.nbytes

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
