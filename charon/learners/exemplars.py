"""What learners with exemplars share: herding, learning them anew, and the network before.

Source: Rebuffi et al., "iCaRL", CVPR 2017, Algs. 2, 4 and 5.
"""

import copy

import torch
from torch import Tensor
from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Learner, Setup
from charon.learners.rehearsal import MemorySettings, in_parts
from charon.memory.class_balanced import HerdingBuffer
from charon.model.network import Network


class ExemplarLearner(Learner):
    """Keeps as many exemplars of every class, and learns them beside each task's clips.

    Attributes:
        teacher: the network as it was before the task; None in the first.
    """

    network: Network
    memory: HerdingBuffer

    def __init__(
        self, setup: Setup, settings: MemorySettings, network: Network, means: int = 0
    ) -> None:
        """Make the memory, beside ``means`` features that the learner keeps."""
        super().__init__(setup, network)
        beside = network_bytes(self.network) + 4 * means * self.network.classifier.in_features
        beside += self.optimiser.average_bytes
        self.memory = settings.make_memory(setup, HerdingBuffer, beside=beside)
        self.teacher: Network | None = None

    def begin_task(self, classes: range) -> None:
        """Freeze the network as it is, to teach the old classes."""
        super().begin_task(classes)
        self.teacher = None
        if classes.start > 0:
            self.teacher = copy.deepcopy(self.network).eval().requires_grad_(False)

    def training_set(self, clips: Clips) -> Clips:
        """Add the exemplars to the task's clips."""
        return clips.join(self.memory.at(torch.arange(len(self.memory))).clips)

    def end_task(self, clips: Clips) -> None:
        """Make room in the memory and store the new classes' exemplars."""
        share = self.memory.share(self.classes.stop)
        self.memory.reduce(share)
        label = clips.label.cpu()
        for new_class in self.classes:
            clips_of = clips.take((label == new_class).nonzero().flatten())
            if len(clips_of):
                most = self.memory.budget.most_clips_in(share)
                order = self.memory.herd(self.unit_features(clips_of), most)
                chosen = self.memory.first_that_fit(order, clips_of.present, share)
                self.memory.offer(clips_of.take(chosen))

    def features(self, clips: Clips) -> Tensor:
        """Return the features of whole clips, (clip, feature)."""
        self.network.eval()
        with torch.no_grad():
            return self.network.features(clips.x, clips.present)

    def unit_features(self, clips: Clips) -> Tensor:
        """Return the features of whole clips, (clip, feature), each of unit length."""
        width = self.network.classifier.in_features
        none = torch.zeros(0, width, device=self.setup.device)
        parts = in_parts(torch.arange(len(clips)))
        return F.normalize(torch.cat([none, *(self.features(clips.take(part)) for part in parts)]))

    def bytes_beside(self) -> int:
        """Add the bytes of the network frozen for the task's length."""
        return super().bytes_beside() + (0 if self.teacher is None else network_bytes(self.teacher))


def network_bytes(network: Network) -> int:
    """Return the bytes of a network's weights and statistics."""
    return sum(tensor.nbytes for tensor in network.state_dict().values())
