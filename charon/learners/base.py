"""What every learner is: phases of steps over a task's clips, and a way to predict."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from charon.augmentation import RandomRotation
from charon.clips import Clips, ClipShape
from charon.learners.step_graph import CudaRecorder, StepGraphs
from charon.memory.buffer import Buffer
from charon.model.network import Network
from charon.model.rows import Rows
from charon.optimiser import Optimiser
from charon.seeding import torch_generator

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class Setup:
    """What a learner is made from, beside its method's settings.

    ``make_network`` makes the backbone, ``with_decoder`` or without, with the same weights at
    every call; ``make_optimiser`` the optimiser of a network, without any state.
    """

    make_network: Callable[..., Network]
    clip_shape: ClipShape
    num_classes: int  # of the whole stream
    tasks: tuple[range, ...]  # the new classes of each task to come, positions of the class order
    parts: Mapping[str, tuple[int, ...]]  # joints by part; empty where the data does not say
    make_optimiser: Callable[[nn.Module], Optimiser]
    epochs: int  # of the main phase of each task
    augment: RandomRotation  # of training clips
    seed: int  # of the run; derive generators from it by purpose
    device: torch.device

    def generator(self, purpose: str) -> torch.Generator:
        """Return a CPU generator for one purpose of the learner."""
        return torch_generator(self.seed, "learner", purpose)


@dataclass(frozen=True)
class View:
    """Whole clips, rotated for training, as a step that becomes a graph is given them."""

    x: Tensor  # (clip, channel, frame, joint, body)
    rows: Rows
    label: Tensor  # int64 (clip,)

    @staticmethod
    def of(clips: Clips, network: Network) -> "View":
        """Return clips, rotated already, with their rows."""
        return View(clips.x, network.rows(clips.x, clips.present), clips.label)


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
    """A method of incremental learning.

    Tasks have new classes or, in some streams, classes that come again. A learner that cannot do
    with those says why in its settings (:attr:`charon.settings.Settings.why_new_classes`).

    The stream calls, for every task: :meth:`begin_task`; the steps of each of :meth:`phases`, on
    batches of :meth:`training_set`; :meth:`end_task`; :meth:`prepare_to_predict`. A learner never
    sees past clips but through its own memory. It sets the mode (train or eval) of its network
    wherever it uses it.

    Attributes:
        network: the backbone.
        optimiser: of its weights, one for the whole sequence.
        memory: the stored clips; None if the method has no memory.
        classes: positions of the class order, from the first class of the current task's clips to
            the last class seen so far. Where classes come again, some of them may have no clips.
        generators: by purpose; saved and restored with the learner.
        graphs: of the steps given to :meth:`compute`, on a GPU; None launches each kernel.
        knows_unseen: whether it scores classes before it has learned them; without that,
            forward transfer is not defined.
    """

    network: nn.Module
    memory: Buffer | None = None
    knows_unseen: bool = True

    def __init__(self, setup: Setup, network: nn.Module) -> None:
        self.setup = setup
        self.network = network
        self.optimiser = setup.make_optimiser(network)
        self.augment = setup.augment
        self.generators: dict[str, torch.Generator] = {"augment": setup.augment.generator}
        self.graphs: StepGraphs | None = None
        if setup.device.type == "cuda" and self.optimiser.repeats:
            self.graphs = StepGraphs(partial(CudaRecorder, setup.device))
        self.classes = range(0)
        self._counted = torch.zeros(2, dtype=torch.int64, device=setup.device)  # right, and all

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

    def prepare_to_predict(self) -> None:  # noqa: B027 - most learners need nothing
        """Make what :meth:`predict` needs beside the network, after :meth:`end_task`."""

    def compute(self, step: Callable[..., Losses], *given: Any) -> Losses:
        """Return ``step(*given)``, by a graph if there are any: see :class:`StepGraphs`."""
        return step(*given) if self.graphs is None else self.graphs(step, given)

    def descend(self, total: Tensor, losses: Mapping[str, Tensor] | None = None) -> Losses:
        """Take one step of the optimiser on a loss; return it and its terms, detached."""
        self.optimiser.step(total)
        return {name: loss.detach() for name, loss in {"total": total, **(losses or {})}.items()}

    def count_right(self, logits: Tensor, label: Tensor) -> None:
        """Count the clips of the task that a step labels right, as it sees them.

        ``logits``, (clip, class), are those that the step needs anyway, and ``label`` is int64
        (clip,); it may be called inside a step given to :meth:`compute`.
        """
        self._counted[0] += (logits.detach().argmax(dim=1) == label).sum()
        self._counted[1] += len(label)

    def take_accuracy(self) -> float | None:
        """Return the percent that were right of the clips counted since this was last asked.

        None if no step has counted any.
        """
        right, counted = self._counted.tolist()
        self._counted.zero_()
        return 100 * right / counted if counted else None

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

    def bytes_beside(self) -> int:
        """Return the bytes that the learner keeps of the past beside network and memory."""
        return self.optimiser.average_bytes

    def measurements(self) -> dict[str, float]:
        """Return what to log after each task, by metric name."""
        held = self.memory
        return {
            "memory/bytes": 0.0 if held is None else float(held.num_bytes),
            "memory/clips": 0.0 if held is None else float(len(held)),
            "memory/extra_bytes": float(self.bytes_beside()),
            "model/parameters": float(sum(p.numel() for p in self.network.parameters())),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return everything a learner made from the same setup needs to continue.

        The tensors are copies: learning on does not change a state already taken.
        """
        return {
            **self.predictor_state(),
            "optimiser": self.optimiser.state_dict(),
            "memory": None if self.memory is None else self.memory.state_dict(),
            "generators": {name: g.get_state() for name, g in self.generators.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`state_dict` was taken, between two tasks.

        Raises:
            ValueError: the memory holds clips of classes that there are not.
        """
        self.load_predictor_state(state)
        self.optimiser.load_state_dict(state["optimiser"])
        if self.memory is not None:
            self.memory.load_state_dict(state["memory"])
            labels = self.memory.labels
            if ((labels < 0) | (labels >= self.setup.num_classes)).any():
                raise ValueError(
                    f"its memory has labels from {labels.min()} to {labels.max()}, and there are "
                    f"{self.setup.num_classes} classes"
                )
        for name, generator in self.generators.items():
            generator.set_state(state["generators"][name])

    def predictor_state(self) -> dict[str, Any]:
        """Return copies of what :meth:`predict` needs; no clip of the training data is in it."""
        return {"network": copy.deepcopy(self.network.state_dict())}

    def load_predictor_state(self, state: Mapping[str, Any]) -> None:
        """Become able to predict as the learner did that gave ``state``."""
        self.network.load_state_dict(state["network"])
        if self.graphs is not None:
            self.graphs.drop()
