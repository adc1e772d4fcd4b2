"""X-DER: DER++ that prepares heads not learned yet, and keeps stored logits up to date.

Source: Boschini et al., "Class-Incremental Continual Learning into the eXtended DER-verse",
TPAMI 2022; weights and temperature are its released defaults. A head is the outputs of one
task.
Differs: α and β are this project's choice (CHARON's own values). The contrastive views are
rotated as all training clips are, which are this project's only augmentation. Logits stored
at the end of a task are those of the whole, not rotated clip in evaluation mode. A stored
logit is only scaled by a logit above 0: the rule would turn its sign otherwise.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Losses, Setup
from charon.learners.rehearsal import REPLAY_FIELDS, Rehearsal, ReplaySettings, in_parts
from charon.learners.renewal import SCALE, renew
from charon.memory.buffer import Buffer, Replay
from charon.memory.class_balanced import ClassBalancedBuffer
from charon.model.network import Network
from charon.settings import checked


@dataclass(frozen=True)
class XDerSettings(ReplaySettings):
    """The weights of X-DER; α and β are our choice, CHARON's values."""

    alpha: float = checked(0.3, "α, weight of the loss on stored logits (our choice)", at_least=0)
    beta: float = checked(0.8, "β, weight of the loss on stored labels (our choice)", at_least=0)
    contrastive_weight: float = checked(
        0.1, "weight of the contrastive loss on future heads", at_least=0
    )
    contrastive_temperature: float = checked(5.0, "its temperature", above=0)
    contrastive_batch_size: int = checked(
        64, "clips of the stream, and again of the memory, that it sees at most", at_least=1
    )
    hinge_weight: float = checked(0.1, "weight of both hinges between heads", at_least=0)
    hinge_margin: float = checked(0.3, "their margin", at_least=0)
    renewal_scale: float = checked(
        SCALE,
        "largest renewed logit, as a share of that of the clip's own class",
        above=0,
        at_most=1,
    )

    # The memory is empty until the first task has ended.
    later_fields: ClassVar[tuple[str, ...]] = (*REPLAY_FIELDS, "alpha", "beta", "renewal_scale")

    @property
    def why_new_classes(self) -> str:
        """Why each task needs new classes."""
        return "its heads belong to the task of their classes"

    @property
    def buffer(self) -> type[Buffer]:
        """The rule of the memory."""
        return ClassBalancedBuffer


class XDer(Rehearsal):
    """Minimises, with t the current task and λ, η the weights of the settings,

    CE(f(x), y) over head t + α·MSE(f(x_M), z_M) + β·CE(f(x_M'), y_M') over heads before t
    + λ·the mean over heads after t of a supervised contrastive loss
    + η·(a hinge that holds past heads below head t + one that holds future heads below a
    clip's own).

    The memory is filled at the end of a task with as many random clips of every class.
    """

    settings: XDerSettings
    network: Network
    memory: ClassBalancedBuffer
    stores_logits = True
    beside_clip = 4  # of `times_replayed`, float32

    def __init__(self, setup: Setup, settings: XDerSettings) -> None:
        super().__init__(setup, settings)
        # How often each slot has been replayed in this task.
        self.times_replayed = torch.zeros(0)

    def begin_task(self, classes: range) -> None:
        """Begin the counts of replays anew."""
        super().begin_task(classes)
        self.times_replayed = torch.zeros(len(self.memory))

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on the objective; renew some of the replayed clips' logits."""
        self.network.train()
        first, stop, options = self.classes.start, self.classes.stop, self.settings
        stream = self.augment(batch)
        outputs = self.network(stream.x, stream.present)
        self.count_right(outputs, batch.label)
        losses = {"ce": F.cross_entropy(outputs[:, first:stop], stream.label - first)}
        total = losses["ce"]
        future, own = outputs[:, stop:], outputs[:, first:stop].amax(dim=1)
        if len(self.memory) > 0:
            (logits, replay), (others, other) = self.replay(), self.replay()
            losses["logits"] = F.mse_loss(logits, replay.logits)
            losses["labels"] = F.cross_entropy(others[:, :first], other.clips.label)
            total = total + options.alpha * losses["logits"] + options.beta * losses["labels"]
            replay, rows = _distinct(replay, other)
            replayed = torch.cat([logits, others])[rows.to(logits.device)]
            self.times_replayed[replay.slots] += 1
            times = self.times_replayed[replay.slots]
            self._renew(replay, replayed.detach(), draw_for_renewal(times, self.memory.generator))
            future = torch.cat([future, replayed[:, stop:]])
            own = torch.cat([own, self._largest_of_own_head(replayed, replay.clips.label)])
        if stop < self.setup.num_classes:
            losses["contrastive"] = self._contrast(batch)
            losses["future"] = hinge(future.amax(dim=1) - own + options.hinge_margin)
            total = total + options.contrastive_weight * losses["contrastive"]
            total = total + options.hinge_weight * losses["future"]
        if first > 0:
            chances = outputs[:, :stop].softmax(dim=1)
            past, current = chances[:, :first].amax(dim=1), chances[:, first:].amax(dim=1)
            losses["past"] = hinge(past.detach() - current + options.hinge_margin)
            total = total + options.hinge_weight * losses["past"]
        return self.descend(total, losses)

    def _largest_of_own_head(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return the largest logit of the head that each clip's class belongs to, (clip,)."""
        head = torch.zeros(self.setup.num_classes, dtype=torch.int64, device=label.device)
        for number, classes in enumerate(self.setup.tasks):
            head[classes.start : classes.stop] = number
        return logits.masked_fill(head != head[label][:, None], -torch.inf).amax(dim=1)

    def _contrast(self, batch: Clips) -> Tensor:
        """Return the mean contrastive loss of the heads to come, on two views of each clip."""
        count = self.settings.contrastive_batch_size
        clips = batch.take(torch.arange(min(count, len(batch))))
        if len(self.memory) > 0:
            clips = self.memory.draw(count).clips.join(clips)
        views = self.augment(clips.join(clips))
        norms = [part for part in self.network.modules() if isinstance(part, nn.BatchNorm2d)]
        for norm in norms:
            norm.track_running_stats = False  # the views are normalised, and leave no trace
        outputs = self.network(views.x, views.present).unflatten(0, (2, -1))
        for norm in norms:
            norm.track_running_stats = True
        losses = [
            supervised_contrastive(
                outputs[:, :, head.start : head.stop],
                clips.label,
                self.settings.contrastive_temperature,
            )
            for head in self.setup.tasks
            if head.start >= self.classes.stop
        ]
        return torch.stack(losses).mean()

    def _renew(self, replay: Replay, outputs: Tensor, rows: Tensor) -> None:
        """Renew the stored logits of some rows for this head and those after it."""
        on_device = rows.to(outputs.device)
        renewed = renew(
            replay.logits[on_device],
            outputs[on_device],
            replay.clips.label[on_device],
            range(self.classes.start, self.setup.num_classes),
            self.settings.renewal_scale,
        )
        self.memory.replace_logits(replay.slots[rows], renewed)

    def end_task(self, clips: Clips) -> None:
        """Make room, renew all logits that stay, and store as many clips of each new class."""
        self.memory.reduce(self.memory.share(self.classes.stop))
        for part in in_parts(torch.arange(len(self.memory))):
            replay = self.memory.at(part)
            self._renew(replay, self.logits(replay.clips), torch.arange(len(part)))
        chosen = self.memory.choose(clips, self.classes)
        past, scale = range(self.classes.start), self.settings.renewal_scale
        for part in in_parts(chosen):
            new = clips.take(part)
            outputs = self.logits(new)
            self.memory.offer(new, renew(outputs, outputs, new.label, past, scale))

    def bytes_beside(self) -> int:
        """Add the bytes of the counts of replays."""
        return super().bytes_beside() + self.times_replayed.nbytes


def _distinct(first: Replay, second: Replay) -> tuple[Replay, Tensor]:
    """Join two draws and drop what is in both; also return the rows that are left, int64."""
    slots = torch.cat([first.slots, second.slots])
    row_of = {slot: row for row, slot in reversed([*enumerate(slots.tolist())])}
    rows = torch.tensor(sorted(row_of.values()))
    logits = torch.cat([first.logits, second.logits])[rows.to(first.logits.device)]
    return Replay(first.clips.join(second.clips).take(rows), logits, slots[rows]), rows


def hinge(excess: Tensor) -> Tensor:
    """Return the mean of the positive values, a scalar; 0 if there are none."""
    return excess.clamp(min=0).sum() / (excess > 0).sum().clamp(min=1)


def draw_for_renewal(times: Tensor, generator: torch.Generator) -> Tensor:
    """Draw the clips whose logits are renewed: at the n-th replay in a task, with chance 1/n.

    ``times`` is (clip,), the number n of each; the result int64 (drawn clip,).
    """
    chance = torch.rand(len(times), generator=generator)
    return (chance * times < 1).nonzero().flatten()


def supervised_contrastive(views: Tensor, label: Tensor, temperature: float) -> Tensor:
    """Return the supervised contrastive loss, a mean over all views as anchors.

    ``views`` is (view, clip, feature), at least two views, which need not be of unit length;
    ``label`` is int64 (clip,); the temperature is that of the softmax over cosine similarities.

    Source: Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, eq. 2.
    """
    unit = F.normalize(views, dim=2).flatten(0, 1)
    labels = label.repeat(len(views))
    itself = torch.eye(len(labels), dtype=torch.bool, device=label.device)
    similar = (unit @ unit.T / temperature).masked_fill(itself, -torch.inf)
    log_chance = similar - similar.logsumexp(dim=1, keepdim=True)
    positive = (labels == labels[:, None]) & ~itself
    return -(log_chance.masked_fill(~positive, 0).sum(dim=1) / positive.sum(dim=1)).mean()
