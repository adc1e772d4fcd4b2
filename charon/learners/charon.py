"""CHARON: replay with a masked autoencoder, a thinned memory and linear probing.

Source: Mosconi et al., "Mask and Compress", ICPR 2024: Sec. 3.2, eqs. 4 to 8, Alg. 1.
Differs: losses are means over elements where the paper writes sums (with sums, γ = 0.5
would weigh reconstruction 18,000 times more). Fields whose default is not the released
code's say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Losses, Phase, Reconstruction, Setup
from charon.learners.rehearsal import RESERVOIR_FIELDS, in_parts
from charon.learners.renewal import SCALE, renew
from charon.learners.stream_loss import StreamLoss, StreamLossSettings, cross_entropy
from charon.memory.buffer import Replay
from charon.model.masking import Kept, Masker, Masking, Position, Rounding, hidden_frames, num_kept
from charon.model.network import Network
from charon.model.rows import Rows
from charon.settings import checked


@dataclass(frozen=True)
class CharonSettings(StreamLossSettings):
    """The hyperparameters of CHARON; defaults are the paper's (Sec. 4.2)."""

    sampling_interval: int = checked(
        5,
        "s, frames from one stored frame to the next (Sec. 4.3); 1 stores whole clips",
        at_least=1,
    )
    masking_ratio: float = checked(
        0.3, "η, fraction of tuples hidden from the encoder in training", at_least=0, below=1
    )
    masking: Masking = checked("random", "which tuples are hidden (Table 3)")
    masking_position: Position = checked("post", "after or before tuples are formed (Table 3)")
    mask_rounding: Rounding = checked(
        "exact", "how η becomes a number of tuples; float is the released code's int(T·(1-η))"
    )
    alpha: float = checked(0.3, "α, weight of the loss on stored logits (eqs. 7, 8)", at_least=0)
    beta: float = checked(0.8, "β, weight of the loss on stored labels (eqs. 7, 8)", at_least=0)
    gamma: float = checked(
        0.5, "γ, weight of reconstruction (eqs. 4 to 6); 0 leaves the decoder out", at_least=0
    )
    replay_draws: Literal[1, 2] = checked(
        1,
        "1: one mini-batch feeds the losses on stored logits and labels (Alg. 1); 2: each draws "
        "its own, in both phases, as released",
    )
    probing_epochs: int | None = checked(
        None, "epochs of linear probing; none: a tenth of the main phase's, at least 1", at_least=0
    )
    probe_rotation: bool = checked(True, "whether linear probing rotates clips as training does")
    probe_inserts: Literal["once", "every_epoch"] = checked(
        "once", "whether a clip is offered to the memory once, or in every probing epoch"
    )
    store_without_probing: bool = checked(
        True, "with 0 probing epochs, fill the memory in a pass of its own; released: not at all"
    )
    probe_classes: Literal["as_drawn", "balanced"] = checked(
        "as_drawn", "weights of classes in probing: by their clips, or all alike"
    )
    refresh: Literal["all", "new", "later"] = checked(
        "all",
        "which stored logits the new model replaces: all; the task's own clips'; or those and, of "
        "older clips, the outputs from this task on (X-DER)",
    )
    refresh_rotation: bool = checked(
        False, "whether the clips are rotated once for that, as the released code does"
    )

    # The memory is empty until the first task's linear probing.
    later_fields: ClassVar[tuple[str, ...]] = (
        *RESERVOIR_FIELDS,
        "replay_draws",
        "alpha",
        "beta",
        "probing_epochs",
        "probe_rotation",
        "probe_inserts",
        "probe_classes",
        "store_without_probing",
        "refresh",
        "refresh_rotation",
    )

    @property
    def why_new_classes(self) -> str:
        """Why each task needs new classes: some refreshes tell its clips by them."""
        if self.refresh == "all":
            return ""
        return (
            f"learner.refresh={self.refresh} tells a task's clips by their classes; set it to all"
        )

    def num_probing_epochs(self, epochs: int) -> int:
        """Return the epochs of linear probing that go with a main phase of ``epochs``."""
        if self.probing_epochs is None:
            return max(1, round(epochs / 10))
        return self.probing_epochs


@dataclass(frozen=True)
class Batches:
    """Mini-batches, one after the other, that go through the network in one forward."""

    x: Tensor  # (clip, channel, frame, joint, body), rotated
    label: Tensor  # int64 (clip,)
    sizes: tuple[int, ...]  # clips of each
    rows: Rows
    kept: Kept | None  # on the device; None for whole clips


class Charon(StreamLoss):
    """Learns from masked clips and from the memory, then aligns its classifier."""

    settings: CharonSettings
    network: Network
    stores_logits = True

    def __init__(self, setup: Setup, settings: CharonSettings) -> None:
        network = setup.make_network(with_decoder=settings.gamma > 0)
        super().__init__(setup, settings, network)
        self.generators["masking"] = setup.generator("masking")
        # One large batch keeps a GPU busy, and calls less for small rows; a CPU is busy with a
        # mini-batch of large ones.
        self.forwards_at_once = setup.device.type == "cuda" or network.is_small
        tuples = network.num_tuples
        kept = num_kept(tuples, settings.masking_ratio, settings.mask_rounding)
        per_tuple, position = network.frames_per_tuple, settings.masking_position
        self.masker = Masker(tuples, kept, per_tuple, settings.masking, position)

    def phases(self) -> Sequence[Phase]:
        """The main phase, then linear probing (or a pass that only fills the memory)."""
        main = Phase("train", self.setup.epochs, self.train_step)
        probing = self.settings.num_probing_epochs(self.setup.epochs)
        if probing > 0:
            storing = partial(self.probe_step, stores=True)
            later = self.probe_step if self.settings.probe_inserts == "once" else storing
            return [main, Phase("probe", 1, storing), Phase("probe", probing - 1, later)]
        if self.settings.store_without_probing:
            return [main, Phase("store", 1, self.store_step)]
        return [main]

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on eq. 7."""
        self.network.train()
        stream, replays = self.augment(batch), self._draw()
        batches = [stream, *(replay.clips for replay in replays)]
        forwards = [batches] if self.forwards_at_once else [[each] for each in batches]
        masked = tuple(self._join(forward, is_masked=True) for forward in forwards)
        stored = replays[0].logits if replays else None
        added = self.adjustment(self.settings.beta)
        return self.compute(self._learn, masked, stored, self.stream_outputs(), added)

    def _learn(
        self,
        forwards: Sequence[Batches],
        stored: Tensor | None,
        outputs: range | None,
        added: Tensor | None,
    ) -> Losses:
        """Take the step on what was drawn.

        Args:
            forwards: the mini-batches.
            stored: logits of the first replay, if any.
            outputs: see :func:`charon.learners.stream_loss.cross_entropy`.
            added: see there.
        """
        gamma, alpha, beta = self.settings.gamma, self.settings.alpha, self.settings.beta
        passed = [each for forward in forwards for each in self._autoencode(forward)]
        (logits, label, reconstruction), *replayed = passed
        self.count_right(logits, label)
        ce = cross_entropy(logits, label, outputs, added)
        losses = {"ce": ce, "reconstruction": reconstruction}
        total = losses["ce"] + gamma * reconstruction
        if stored is not None:
            logits, _, reconstruction = replayed[0]
            losses["logits"] = F.mse_loss(logits, stored)
            total = total + alpha * (losses["logits"] + gamma * reconstruction)
            logits, label, reconstruction = replayed[-1]
            losses["labels"] = cross_entropy(logits, label, added=added)
            total = total + beta * (losses["labels"] + gamma * reconstruction)
        return self.descend(total, losses)

    def _draw(self, rotated: bool = True) -> list[Replay]:
        """Draw the replay mini-batches of a step: that of eq. 5 first, that of eq. 6 last.

        Each is rotated as training clips are; there are none while the memory is empty.
        """
        count = self.settings.replay_draws if len(self.memory) > 0 else 0
        replays = [self.draw() for _ in range(count)]
        return [replace(r, clips=self.augment(r.clips)) for r in replays] if rotated else replays

    def _join(self, batches: Sequence[Clips], *, is_masked: bool) -> Batches:
        """Join mini-batches and, if they are masked, draw what the encoder sees of each."""
        sizes = tuple(len(batch) for batch in batches)
        clips, kept = batches[0].join(*batches[1:]), None
        rows = self.network.rows(clips.x, clips.present, sizes)
        if is_masked:
            kept = self.masker.draw(rows.groups, self.generators["masking"]).to(clips.x.device)
        return Batches(clips.x, clips.label, sizes, rows, kept)

    def _autoencode(self, batches: Batches) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return logits, from masked clips, labels and reconstruction error of each mini-batch.

        All go through the network in one forward; each is normalised by its own statistics.
        """
        network, sizes, rows, kept = self.network, list(batches.sizes), batches.rows, batches.kept
        latent = network.encode(batches.x, rows, kept)
        logits = network.classifier(network.pool(latent, rows)).split(sizes)
        if network.decoder is None:
            errors = [part.new_zeros(()) for part in logits]
        else:
            rebuilt = network.decode(latent, rows, kept, batches.x.shape[-1]).split(sizes)
            whole = batches.x.split(sizes)
            errors = [F.mse_loss(a, b) for a, b in zip(rebuilt, whole, strict=True)]
        return list(zip(logits, batches.label.split(sizes), errors, strict=True))

    def reconstruct(self, clips: Clips, generator: torch.Generator) -> Reconstruction | None:
        """Rebuild masked clips with the decoder; None with γ = 0, which has no decoder."""
        network = self.network
        if network.decoder is None:
            return None
        network.eval()
        num_frames, num_bodies = clips.x.shape[2], clips.x.shape[4]
        rows = network.rows(clips.x, clips.present)
        kept = self.masker.draw(rows.groups, generator)
        with torch.no_grad():
            x = network.decode(network.encode(clips.x, rows, kept), rows, kept, num_bodies)
        frames = hidden_frames(kept, num_frames, network.frames_per_tuple)
        hidden = rows.scatter(frames[:, None, :, None].to(x.device).float(), num_bodies)
        return Reconstruction(x, hidden[:, 0, :, 0] > 0)

    def probe_step(self, batch: Clips, stores: bool = False) -> Losses:
        """Take one step of SGD on eq. 8, of the classifier alone, on whole clips.

        With ``stores``, offer the batch to the memory with the logits it had before.
        """
        stream = self._probing_view(batch)
        replays = self._draw(self.settings.probe_rotation)
        self.network.eval()
        batches = self._join([stream, *(replay.clips for replay in replays)], is_masked=False)
        stored, beta = replays[0].logits if replays else None, self.settings.beta
        is_balanced = self.settings.probe_classes == "balanced"
        weights = self.class_weights(beta) if is_balanced else None
        losses = self.compute(self._probe, batches, stored, self.adjustment(beta), weights)
        logits = losses.pop("of stream")
        if stores:
            self.memory.offer(batch, logits)
        return losses

    def _probe(
        self, batches: Batches, stored: Tensor | None, added: Tensor | None, weights: Tensor | None
    ) -> Losses:
        """Take the step of the classifier; also return the logits of the first mini-batch.

        ``stored`` are logits of the first replay, if any; ``added`` is (class,), see
        :func:`charon.learners.stream_loss.cross_entropy`; ``weights`` of classes are (class,).
        """
        network, sizes = self.network, list(batches.sizes)
        with torch.no_grad():
            features = network.pool(network.encode(batches.x, batches.rows), batches.rows)
        logits, *replayed = network.classifier(features).split(sizes)
        label, *labels = batches.label.split(sizes)
        total = cross_entropy(logits, label, added=added, weights=weights)
        if stored is not None:
            total = total + self.settings.alpha * F.mse_loss(replayed[0], stored)
            on_labels = cross_entropy(replayed[-1], labels[-1], added=added, weights=weights)
            total = total + self.settings.beta * on_labels
        return self.descend(total) | {"of stream": logits.detach()}

    def store_step(self, batch: Clips) -> Losses:
        """Offer the batch to the memory without learning from it."""
        self.memory.offer(batch, self.logits(self._probing_view(batch)))
        return {}

    def _probing_view(self, batch: Clips) -> Clips:
        return self.augment(batch) if self.settings.probe_rotation else batch

    def measurements(self) -> dict[str, float]:
        """Add the masking ratio in effect, that of whole tuples."""
        effective = 1 - self.masker.kept_tuples / self.masker.num_tuples
        return super().measurements() | {"train/effective_masking_ratio": effective}

    def end_task(self, clips: Clips) -> None:
        """Replace stored logits by those of the model as it is now, or some of them."""
        labels, slots = self.memory.labels.cpu(), torch.arange(len(self.memory))
        is_new = (labels >= self.classes.start) & (labels < self.classes.stop)
        if self.settings.refresh == "later":
            self._renew_later(slots[~is_new])
        for part in in_parts(slots if self.settings.refresh == "all" else slots[is_new]):
            clips = self._stored(part).clips
            self.memory.replace_logits(part, self.logits(clips))

    def _stored(self, slots: Tensor) -> Replay:
        """Return what is stored, as the refresh of logits sees it."""
        replay = self.memory.at(slots)
        if self.settings.refresh_rotation:
            return replace(replay, clips=self.augment(replay.clips))
        return replay

    def _renew_later(self, slots: Tensor) -> None:
        """Renew the outputs from this task on of clips of older classes."""
        later = range(self.classes.start, self.setup.num_classes)
        for part in in_parts(slots):
            replay = self._stored(part)
            new = self.logits(replay.clips)
            renewed = renew(replay.logits, new, replay.clips.label, later, SCALE)
            self.memory.replace_logits(part, renewed)
