"""What every learner is: phases of steps over a task's clips, and a way to predict."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from charon.augmentation import RandomRotation
from charon.clips import Clips, ClipShape
from charon.memory.buffer import Buffer
from charon.model.network import Network
from charon.seeding import torch_generator

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Setup:
    """What a learner is made from, beside its method's settings.

    ``make_network`` makes the backbone, ``with_decoder`` or without, with the same weights at
    every call; ``make_optimiser`` an optimiser of these weights, without any state.
    """

    make_network: Callable[..., Network]
    clip_shape: ClipShape
    num_classes: int  # of the whole stream
    tasks: tuple[range, ...]  # the classes of each task to come, positions of the class order
    parts: Mapping[str, tuple[int, ...]]  # joints by part; empty where the data does not say
    make_optimiser: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
    epochs: int  # of the main phase of each task
    augment: RandomRotation  # of training clips
    seed: int  # of the run; derive generators from it by purpose
    device: torch.device

    def generator(self, purpose: str) -> torch.Generator:
        """Return a CPU generator for one purpose of the learner."""
        return torch_generator(self.seed, "learner", purpose)


@dataclass(frozen=True)
class Phase:
    """A number of passes over the task's shuffled clips.

    ``step`` takes one batch of clips, not augmented; it does all there is to do with it and
    returns its losses by name (may be empty), as scalars on the device.
    """

    name: str  # "train" is the main phase; others are shown and logged by their name
    epochs: int
    step: Callable[[Clips], Losses]


@dataclass(frozen=True)
class Reconstruction:
    """Clips rebuilt from a part of them."""

    x: Tensor  # float32 (clip, channel, frame, joint, body), metres; absent bodies are zeros
    hidden: Tensor  # bool (clip, frame, body), what the model did not see


class Learner(ABC):
    """A method of class-incremental learning.

    The stream calls, for every task: :meth:`begin_task`; the steps of each of
    :meth:`phases`, on batches of :meth:`training_set`; :meth:`end_task`. A learner never sees
    past clips but through its own memory. It sets the mode (train or eval) of its network
    wherever it uses it.

    Attributes:
        network: the backbone.
        optimiser: of its weights, one for the whole sequence.
        memory: the stored clips; None if the method has no memory.
        classes: those of the current task, positions of the class order.
        generators: by purpose; saved and restored with the learner.
        knows_unseen: whether it scores classes before it has learned them; without that,
            forward transfer is not defined.
    """

    network: nn.Module
    memory: Buffer | None = None
    knows_unseen: ClassVar[bool] = True

    def __init__(self, setup: Setup, network: nn.Module) -> None:
        self.setup = setup
        self.network = network
        self.optimiser = setup.make_optimiser(network.parameters())
        self.augment = setup.augment
        self.generators: dict[str, torch.Generator] = {"augment": setup.augment.generator}
        self.classes = range(0)
        self._right = torch.zeros((), dtype=torch.int64, device=setup.device)
        self._scored = 0

    def begin_task(self, classes: range) -> None:
        """Prepare for a task whose classes are these positions of the class order."""
        self.classes = classes

    def training_set(self, clips: Clips) -> Clips:
        """Return what the phases go over: the task's clips, and what the learner adds to them."""
        return clips

    def phases(self) -> Iterable[Phase]:
        """Return the phases of the current task; a single main phase by default.

        It may be a generator: what stands between two phases is done between them.
        """
        return [Phase("train", self.setup.epochs, self.train_step)]

    @abstractmethod
    def train_step(self, batch: Clips) -> Losses:
        """Take one step of the main phase on a batch of clips, not augmented."""

    def end_task(self, clips: Clips) -> None:  # noqa: B027 - most learners do nothing
        """Finish the task, given all its training clips, not augmented, as last loaded."""

    def descend(self, total: Tensor, losses: Mapping[str, Tensor] | None = None) -> Losses:
        """Take one step of the optimiser on a loss; return it and its terms, detached."""
        self.optimiser.zero_grad()
        total.backward()
        self.optimiser.step()
        return {name: loss.detach() for name, loss in {"total": total, **(losses or {})}.items()}

    def count_right(self, logits: Tensor, batch: Clips) -> None:
        """Count the clips of a batch that its step labelled right, as it saw them.

        Args:
            logits: (clip, class) scores that the step needed anyway; rows after the batch's, of
                the memory, are ignored.
            batch: what the step was given.
        """
        self._right += (logits.detach()[: len(batch)].argmax(dim=1) == batch.label).sum()
        self._scored += len(batch)

    def take_accuracy(self) -> float | None:
        """Return the percent that were right of the clips counted since this was last asked.

        None if no step has counted any.
        """
        accuracy = 100 * int(self._right) / self._scored if self._scored else None
        self._right.zero_()
        self._scored = 0
        return accuracy

    def predict(self, clips: Clips) -> Tensor:
        """Score whole, not augmented clips: (clip, class); the largest score wins."""
        self.network.eval()
        with torch.no_grad():
            scores: Tensor = self.network(clips.x, clips.present)
        return scores

    def reconstruct(self, clips: Clips, generator: torch.Generator) -> Reconstruction | None:
        """Rebuild whole clips from a part of them, hidden as in training but not augmented.

        ``generator`` draws what is hidden. None if the method does not learn to rebuild clips.
        """
        return None

    def measurements(self) -> dict[str, float]:
        """Return what to log after each task, by metric name."""
        held = self.memory
        return {
            "memory/bytes": 0.0 if held is None else float(held.num_bytes),
            "memory/clips": 0.0 if held is None else float(len(held)),
            "model/parameters": float(sum(p.numel() for p in self.network.parameters())),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return everything a learner made from the same setup needs to continue.

        The tensors are copies: learning on does not change a state already taken.
        """
        return {
            **self.predictor_state(),
            "optimiser": copy.deepcopy(self.optimiser.state_dict()),
            "memory": None if self.memory is None else self.memory.state_dict(),
            "generators": {name: g.get_state() for name, g in self.generators.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state_dict` was taken, between two tasks."""
        self.load_predictor_state(state)
        # Made anew: a network that grows has other weights after loading.
        self.optimiser = self.setup.make_optimiser(self.network.parameters())
        self.optimiser.load_state_dict(state["optimiser"])
        if self.memory is not None:
            self.memory.load_state_dict(state["memory"])
        for name, generator in self.generators.items():
            generator.set_state(state["generators"][name])

    def predictor_state(self) -> dict[str, Any]:
        """Return copies of what :meth:`predict` needs; no clip of the training data is in it."""
        return {"network": copy.deepcopy(self.network.state_dict())}

    def load_predictor_state(self, state: Mapping[str, Any]) -> None:
        """Become able to predict as the learner did that gave ``state``."""
        self.network.load_state_dict(state["network"])
