"""iCaRL: distil the previous network, keep exemplars by herding, label by the nearest mean.

Source: Rebuffi et al., "iCaRL: Incremental Classifier and Representation Learning", CVPR
2017, Algs. 1 to 5; a row of CHARON's Table 1.
Differs: the loss is summed over outputs, as in the paper, but is a mean over clips, so that
the step does not grow with the batch. Class means are of the exemplars as the memory gives
them back, thinned and rebuilt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Losses, Setup
from charon.learners.exemplars import ExemplarLearner
from charon.learners.nearest_mean import class_means, nearness
from charon.learners.rehearsal import MEMORY_FIELDS, MemorySettings


@dataclass(frozen=True)
class IcarlSettings(MemorySettings):
    """iCaRL has no settings but its memory's."""

    # The memory is empty until the first task has ended.
    later_fields: ClassVar[tuple[str, ...]] = MEMORY_FIELDS

    @property
    def why_new_classes(self) -> str:
        """Why each task needs new classes."""
        return "it chooses the exemplars of a class once, from all of its clips"


class Icarl(ExemplarLearner):
    """Minimises the binary cross-entropy, summed over every output seen so far.

    The targets of the task's classes are the labels; those of older classes are what the
    network of the task before says of the same rotated clips. The exemplars are learned as
    the task's clips are. A memory with no room for one exemplar of each class seen is empty:
    there are no means then and the network's outputs decide (the paper's LwF.MC).
    """

    knows_unseen = False

    def __init__(self, setup: Setup, settings: IcarlSettings) -> None:
        network = setup.make_network(with_decoder=False)
        super().__init__(setup, settings, network, means=setup.num_classes)
        # A row for every class seen: of unit length, or NaN where it has no exemplar.
        self.means = torch.zeros(0, self.network.classifier.in_features, device=setup.device)

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
        self.count_right(outputs, clips.label)
        return self.descend(loss / len(clips))

    def prepare_to_predict(self) -> None:
        """Compute all class means, of the exemplars."""
        held = self.memory.at(torch.arange(len(self.memory))).clips
        self.means = class_means(self.unit_features(held), held.label, self.classes.stop)

    def predict(self, clips: Clips) -> Tensor:
        """Score clips by how near each class's mean is."""
        classifier, num_classes = self.network.classifier, self.setup.num_classes
        return nearness(self.features(clips), self.means, classifier, num_classes)

    def bytes_beside(self) -> int:
        """Add the bytes of the class means."""
        return super().bytes_beside() + self.means.nbytes

    def predictor_state(self) -> dict[str, Any]:
        """Add the class means; the network to freeze is saved already."""
        return super().predictor_state() | {"means": self.means.clone()}

    def load_predictor_state(self, state: Mapping[str, Any]) -> None:
        """Become able to predict as the learner did that gave ``state``."""
        super().load_predictor_state(state)
        self.means = state["means"].to(self.setup.device)
