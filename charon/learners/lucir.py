"""LUCIR: cosine outputs, features held to the old network's, margins between old and new classes.

Source: Hou et al., "Learning a Unified Classifier Incrementally via Rebalancing", CVPR 2019, eqs.
4 to 8; weights and margin are its own for CIFAR-100.
Differs: no fine-tuning on a balanced set at the end of a task, and the last activation of the
encoder stays. The weights of new classes begin at the mean of their features, as its code does.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Losses, Setup
from charon.learners.exemplars import ExemplarLearner
from charon.learners.rehearsal import MEMORY_FIELDS, MemorySettings
from charon.settings import checked


@dataclass(frozen=True)
class LucirSettings(MemorySettings):
    """The weights of LUCIR."""

    distillation_weight: float = checked(
        5.0,
        "λ_base, weight of the distance to the old features, at as many old classes as new",
        at_least=0,
    )
    ranking_weight: float = checked(1.0, "weight of the margin ranking loss", at_least=0)
    ranking_margin: float = checked(0.5, "m, its margin between cosines", at_least=0, at_most=2)
    hardest: int = checked(2, "K, new classes that an exemplar is held apart from", at_least=1)

    # The memory is empty until the first task has ended.
    later_fields: ClassVar[tuple[str, ...]] = (
        *MEMORY_FIELDS,
        "distillation_weight",
        "ranking_weight",
        "ranking_margin",
        "hardest",
    )

    @property
    def why_new_classes(self) -> str:
        """Why each task needs new classes."""
        return "it chooses the exemplars of a class once, from all of its clips"


class CosineClassifier(nn.Linear):
    """Outputs are cosines between the feature and each class's weights, times a learned scale."""

    def __init__(self, classifier: nn.Linear) -> None:
        """Take the weights of a classifier, on its device."""
        with torch.device("meta"):
            super().__init__(classifier.in_features, classifier.out_features, bias=False)
        self.weight = nn.Parameter(classifier.weight.detach().clone())
        self.scale = nn.Parameter(self.weight.new_ones(()))

    def cosines(self, features: Tensor) -> Tensor:
        """Return the cosines of (clip, feature): (clip, class)."""
        return F.normalize(features) @ F.normalize(self.weight).T

    def forward(self, features: Tensor) -> Tensor:
        """Return the outputs, (clip, class)."""
        return self.scale * self.cosines(features)


class Lucir(ExemplarLearner):
    """Minimises, over the task's clips and the exemplars together, with n old and k new classes,

    CE(f(x), y) over the classes seen + λ_base·√(n/k)·(1 - cos(h*(x), h(x)))
    + a hinge that holds an exemplar's own cosine above those of the K nearest new classes.

    h are features, h* those of the network before the task.
    """

    settings: LucirSettings

    def __init__(self, setup: Setup, settings: LucirSettings) -> None:
        network = setup.make_network(with_decoder=False)
        network.classifier = CosineClassifier(network.classifier)
        super().__init__(setup, settings, network)
        self.settings = settings
        self._has_imprinted = False

    def begin_task(self, classes: range) -> None:
        """Freeze the network as it is, to teach the old classes."""
        super().begin_task(classes)
        self._has_imprinted = classes.start == 0

    def training_set(self, clips: Clips) -> Clips:
        """Add the exemplars; the first time in a later task, imprint the new classes' weights."""
        if not self._has_imprinted:
            self._imprint(clips)
            self._has_imprinted = True
        return super().training_set(clips)

    def _imprint(self, clips: Clips) -> None:
        """Let the weights of each new class be its mean feature, as long as the old classes'."""
        features = self.unit_features(clips)
        with torch.no_grad():
            weight = self.network.classifier.weight
            length = weight[: self.classes.start].norm(dim=1).mean()
            for k in self.classes:
                if bool((clips.label == k).any()):
                    weight[k] = F.normalize(features[clips.label == k].mean(dim=0), dim=0) * length

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on the objective."""
        self.network.train()
        clips, options = self.augment(batch), self.settings
        first, stop = self.classes.start, self.classes.stop
        classifier = self.network.classifier
        assert isinstance(classifier, CosineClassifier)
        features = self.network.features(clips.x, clips.present)
        cosines = classifier.cosines(features)[:, :stop]
        self.count_right(cosines, clips.label)
        losses = {"ce": F.cross_entropy(classifier.scale * cosines, clips.label)}
        total = losses["ce"]
        if self.teacher is not None:
            with torch.no_grad():
                before = self.teacher.features(clips.x, clips.present)
            losses["distillation"] = 1 - F.cosine_similarity(before, features).mean()
            weight = options.distillation_weight * math.sqrt(first / (stop - first))
            losses["ranking"] = ranking(
                cosines, clips.label, first, options.hardest, options.ranking_margin
            )
            total = total + weight * losses["distillation"]
            total = total + options.ranking_weight * losses["ranking"]
        return self.descend(total, losses)


def ranking(cosines: Tensor, label: Tensor, first_new: int, hardest: int, margin: float) -> Tensor:
    """Return the margin ranking loss, a mean over clips of old classes; 0 without any.

    Args:
        cosines: (clip, class seen).
        label: int64 (clip,).
        first_new: the first new class; those before are old.
        hardest: new classes that count, those of the largest cosines.
        margin: by which the cosine of a clip's own class must be larger.
    """
    new = cosines[:, first_new:]
    nearest = new.topk(min(hardest, new.shape[1]), dim=1).values
    own = cosines.gather(1, label[:, None])
    excess = (margin - own + nearest).clamp(min=0).sum(dim=1) / nearest.shape[1]
    is_old = (label < first_new).to(excess.dtype)
    return (excess * is_old).sum() / is_old.sum().clamp(min=1)
