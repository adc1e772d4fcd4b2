"""iCaRL: distil the previous network, keep exemplars by herding, label by the nearest mean.

Source: Rebuffi et al., "iCaRL: Incremental Classifier and Representation Learning", CVPR
2017, Algs. 1 to 5; a row of CHARON's Table 1.
Differs: the loss is summed over outputs, as in the paper, but is a mean over clips, so that
the step does not grow with the batch. Class means are of the exemplars as the memory gives
them back, thinned and rebuilt.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Learner, Losses, Setup
from charon.learners.rehearsal import MEMORY_FIELDS, MemorySettings, in_parts
from charon.memory.class_balanced import HerdingBuffer
from charon.model.network import Network


@dataclass(frozen=True)
class IcarlSettings(MemorySettings):
    """iCaRL has no settings but its memory's."""

    # The memory is empty until the first task has ended.
    later_fields: ClassVar[tuple[str, ...]] = MEMORY_FIELDS


class Icarl(Learner):
    """Minimises the binary cross-entropy, summed over every output seen so far.

    The targets of the task's classes are the labels; those of older classes are what the
    network of the task before says of the same rotated clips. The exemplars are learned as
    the task's clips are. A memory with no room for one exemplar of each class seen is empty:
    there are no means then and the network's outputs decide (the paper's LwF.MC).
    """

    network: Network
    memory: HerdingBuffer
    knows_unseen = False

    def __init__(self, setup: Setup, settings: IcarlSettings) -> None:
        super().__init__(setup, setup.make_network(with_decoder=False))
        beside = _bytes(self.network) + 4 * setup.num_classes * self.network.classifier.in_features
        self.memory = settings.make_memory(setup, HerdingBuffer, beside=beside)
        self.teacher: Network | None = None
        # A row for every class seen: of unit length, or NaN where it has no exemplar.
        self.means = torch.zeros(0, self.network.classifier.in_features, device=setup.device)

    def begin_task(self, classes: range) -> None:
        """Freeze the network as it is, to teach the old classes."""
        super().begin_task(classes)
        self.teacher = None
        if classes.start > 0:
            self.teacher = copy.deepcopy(self.network).eval().requires_grad_(False)

    def training_set(self, clips: Clips) -> Clips:
        """Add the exemplars to the task's clips."""
        return clips.join(self.memory.at(torch.arange(len(self.memory))).clips)

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on Alg. 3's loss."""
        self.network.train()
        clips = self.augment(batch)
        outputs = self.network(clips.x, clips.present)[:, : self.classes.stop]
        targets = F.one_hot(clips.label, self.classes.stop).to(clips.x.dtype)
        if self.teacher is not None:
            old = slice(self.classes.start)
            targets[:, old] = self.teacher(clips.x, clips.present)[:, old].sigmoid()
        loss = F.binary_cross_entropy_with_logits(outputs, targets, reduction="sum")
        return self.descend(loss / len(clips))

    def end_task(self, clips: Clips) -> None:
        """Make room in the memory, store the new classes' exemplars, compute all class means."""
        share = self.memory.share(self.classes.stop)
        self.memory.reduce(share)
        label = clips.label.cpu()
        for new_class in self.classes:
            clips_of = clips.take((label == new_class).nonzero().flatten())
            if len(clips_of):
                most = self.memory.budget.most_clips_in(share)
                order = self.memory.herd(self._unit_features(clips_of), most)
                chosen = self.memory.first_that_fit(order, clips_of.present, share)
                self.memory.offer(clips_of.take(chosen))
        held = self.memory.at(torch.arange(len(self.memory))).clips
        self.means = class_means(self._unit_features(held), held.label, self.classes.stop)

    def _features(self, clips: Clips) -> Tensor:
        self.network.eval()
        with torch.no_grad():
            return self.network.features(clips.x, clips.present)

    def _unit_features(self, clips: Clips) -> Tensor:
        """Return (clip, feature) of whole clips, each of unit length."""
        features = [self._features(clips.take(part)) for part in in_parts(torch.arange(len(clips)))]
        return F.normalize(torch.cat([self.means[:0], *features]))

    def predict(self, clips: Clips) -> Tensor:
        """Score clips by their inner product with each class's mean, in [-1, 1].

        Both are of unit length, so the largest is of the nearest mean. Classes without a
        mean have minus infinity.
        """
        features = self._features(clips)
        num_seen = len(self.means)
        scores = features.new_full((len(clips), self.setup.num_classes), -torch.inf)
        if self.means.isnan().all():
            with torch.no_grad():
                scores[:, :num_seen] = self.network.classifier(features)[:, :num_seen]
        else:
            nearness = F.normalize(features) @ self.means.T
            scores[:, :num_seen] = nearness.nan_to_num(nan=-torch.inf)
        return scores

    def measurements(self) -> dict[str, float]:
        """Add the bytes of the network frozen for the task's length and of the class means."""
        extra = self.means.nbytes + (0 if self.teacher is None else _bytes(self.teacher))
        return super().measurements() | {"memory/extra_bytes": float(extra)}

    def predictor_state(self) -> dict[str, Any]:
        """Add the class means; the network to freeze is saved already."""
        return super().predictor_state() | {"means": self.means.clone()}

    def load_predictor_state(self, state: Mapping[str, Any]) -> None:
        """Become able to predict as the learner did that gave ``state``."""
        super().load_predictor_state(state)
        self.means = state["means"].to(self.setup.device)


def _bytes(network: Network) -> int:
    """Return the bytes of a network's weights and statistics."""
    return sum(tensor.nbytes for tensor in network.state_dict().values())


def class_means(features: Tensor, label: Tensor, num_classes: int) -> Tensor:
    """Return the mean of each class's features, of unit length; NaN for a class without any.

    ``features`` is (clip, feature), the result (class, feature).
    """
    means = [features[label == k].mean(dim=0) for k in range(num_classes)]
    return torch.stack([F.normalize(mean, dim=0) for mean in means])
