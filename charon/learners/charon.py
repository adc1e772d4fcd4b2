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
from charon.learners.rehearsal import REPLAY_FIELDS, Rehearsal, ReplaySettings, in_parts
from charon.memory.buffer import Replay
from charon.model.masking import Masker, Masking, Position, Rounding, hidden_frames, num_kept
from charon.model.network import Network
from charon.settings import checked


@dataclass(frozen=True)
class CharonSettings(ReplaySettings):
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
    refresh: Literal["all", "new"] = checked(
        "all", "which stored logits the new model replaces: all, or only the task's own"
    )
    refresh_rotation: bool = checked(
        False, "whether the clips are rotated once for that, as the released code does"
    )

    # The memory is empty until the first task's linear probing.
    later_fields: ClassVar[tuple[str, ...]] = (
        *REPLAY_FIELDS,
        "replay_draws",
        "alpha",
        "beta",
        "probing_epochs",
        "probe_rotation",
        "probe_inserts",
        "store_without_probing",
        "refresh",
        "refresh_rotation",
    )

    def num_probing_epochs(self, epochs: int) -> int:
        """Return the epochs of linear probing that go with a main phase of ``epochs``."""
        if self.probing_epochs is None:
            return max(1, round(epochs / 10))
        return self.probing_epochs


class Charon(Rehearsal):
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
        gamma, alpha, beta = self.settings.gamma, self.settings.alpha, self.settings.beta
        stream = self.augment(batch)
        replays = self._draw()
        batches = [stream, *(replay.clips for replay in replays)]
        forwards = [batches] if self.forwards_at_once else [[each] for each in batches]
        passed = [pair for forward in forwards for pair in self._autoencode(forward)]
        (logits, reconstruction), *replayed = passed
        losses = {"ce": F.cross_entropy(logits, stream.label), "reconstruction": reconstruction}
        total = losses["ce"] + gamma * reconstruction
        if replays:
            logits, reconstruction = replayed[0]
            losses["logits"] = F.mse_loss(logits, replays[0].logits)
            total = total + alpha * (losses["logits"] + gamma * reconstruction)
            logits, reconstruction = replayed[-1]
            losses["labels"] = F.cross_entropy(logits, replays[-1].clips.label)
            total = total + beta * (losses["labels"] + gamma * reconstruction)
        return self.descend(total, losses)

    def _draw(self, rotated: bool = True) -> list[Replay]:
        """Draw the replay mini-batches of a step: that of eq. 5 first, that of eq. 6 last.

        Each is rotated as training clips are; there are none while the memory is empty.
        """
        count = self.settings.replay_draws if len(self.memory) > 0 else 0
        replays = [self.draw() for _ in range(count)]
        return [replace(r, clips=self.augment(r.clips)) for r in replays] if rotated else replays

    def _autoencode(self, batches: Sequence[Clips]) -> list[tuple[Tensor, Tensor]]:
        """Return the logits, from masked clips, and the reconstruction error of each mini-batch.

        All go through the network in one forward; each is normalised by its own statistics.
        """
        network, sizes = self.network, [len(batch) for batch in batches]
        clips = batches[0].join(*batches[1:])
        rows = network.rows(clips.x, clips.present, sizes)
        kept = self.masker.draw(rows.groups, self.generators["masking"])
        latent = network.encode(clips.x, rows, kept)
        logits = network.classifier(network.pool(latent, rows)).split(sizes)
        if network.decoder is None:
            return [(part, part.new_zeros(())) for part in logits]
        rebuilt = network.decode(latent, rows, kept, clips.x.shape[-1]).split(sizes)
        errors = [F.mse_loss(a, b) for a, b in zip(rebuilt, clips.x.split(sizes), strict=True)]
        return list(zip(logits, errors, strict=True))

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
        clips = stream.join(*(replay.clips for replay in replays))
        self.network.eval()
        with torch.no_grad():
            features = self.network.features(clips.x, clips.present)
        sizes = [len(stream), *(len(replay.clips) for replay in replays)]
        logits, *replayed = self.network.classifier(features).split(sizes)
        total = F.cross_entropy(logits, stream.label)
        if replays:
            total = total + self.settings.alpha * F.mse_loss(replayed[0], replays[0].logits)
            labels = F.cross_entropy(replayed[-1], replays[-1].clips.label)
            total = total + self.settings.beta * labels
        losses = self.descend(total)
        if stores:
            self.memory.offer(batch, logits.detach())
        return losses

    def store_step(self, batch: Clips) -> Losses:
        """Offer the batch to the memory without learning from it."""
        self.memory.offer(batch, self.predict(self._probing_view(batch)))
        return {}

    def _probing_view(self, batch: Clips) -> Clips:
        return self.augment(batch) if self.settings.probe_rotation else batch

    def measurements(self) -> dict[str, float]:
        """Add the masking ratio in effect, that of whole tuples."""
        effective = 1 - self.masker.kept_tuples / self.masker.num_tuples
        return super().measurements() | {"train/effective_masking_ratio": effective}

    def end_task(self, clips: Clips) -> None:
        """Replace stored logits by those of the model as it is now."""
        slots = torch.arange(len(self.memory))
        if self.settings.refresh == "new":
            labels = self.memory.labels.cpu()
            slots = slots[(labels >= self.classes.start) & (labels < self.classes.stop)]
        for part in in_parts(slots):
            clips = self.memory.at(part).clips
            if self.settings.refresh_rotation:
                clips = self.augment(clips)
            self.memory.replace_logits(part, self.predict(clips))
