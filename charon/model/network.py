"""CHARON's network: a masked autoencoder on a backbone, with a classifier on its encoder.

Source: CHARON Sec. 3.2, eqs. 4 to 6.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from charon.clips import ClipShape
from charon.model.backbone import Bones
from charon.model.backbones import BACKBONES
from charon.model.initialise import initialise
from charon.model.masking import Kept
from charon.model.rows import Rows
from charon.model.settings import ModelSettings

SMALL_ROW = 50_000
"""Numbers of a row's feature below which calls, not products, take a CPU's time."""


class Network(nn.Module):
    """Encoder, classifier and, for learners that rebuild clips, the decoder.

    The encoder and the decoder work on rows (one for each body), the classifier on clips; it
    has the outputs of all classes from the start. ``frames_per_tuple`` of the settings divides
    the number of frames; ``generator`` draws the initial weights, on the CPU.

    Raises:
        ConfigError: the backbone needs bones, and there are none.
    """

    def __init__(
        self,
        settings: ModelSettings,
        clip_shape: ClipShape,
        num_classes: int,
        *,
        bones: Bones = (),
        with_decoder: bool = True,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        _, num_frames, self.num_joints, num_bodies = clip_shape
        self.frames_per_tuple = settings.frames_per_tuple
        self.num_tuples = num_frames // self.frames_per_tuple
        self.presence = settings.presence
        backbone = BACKBONES[settings.backbone](settings)
        with torch.device("meta"):  # which draws nothing from the global random state
            self.encoder = backbone.make_encoder(clip_shape, bones)
            self.decoder = backbone.make_decoder(clip_shape, bones) if with_decoder else None
            width = self.encoder.widths[-1]
            self.classifier = nn.Linear(width, num_classes)
            self.absent = nn.Parameter(torch.empty(width)) if num_bodies == 2 else None
        self.is_small = num_frames * self.num_joints * width < SMALL_ROW
        initialise(self, generator)
        for parameter in self.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def rows(self, x: Tensor, present: Tensor, sizes: Sequence[int] = ()) -> Rows:
        """Return the rows of a batch of clips, see :meth:`Rows.of`."""
        return Rows.of(x, present, self.presence, sizes)

    def encode(self, x: Tensor, rows: Rows, kept: Kept | None = None) -> Tensor:
        """Encode what is kept of each row: (row, feature channel, token, kept unit)."""
        latent: Tensor = self.encoder(rows.gather(x), kept, rows.groups)
        return latent

    def decode(self, latent: Tensor, rows: Rows, kept: Kept | None, num_bodies: int) -> Tensor:
        """Rebuild whole clips, (clip, channel, frame, joint, body); absent bodies are zeros."""
        assert self.decoder is not None, "the network was made without a decoder"
        rebuilt = self.decoder(latent, kept, rows.groups).to(self.classifier.weight.dtype)
        return rows.scatter(rebuilt, num_bodies)

    def pool(self, latent: Tensor, rows: Rows) -> Tensor:
        """Return a feature of each clip, (clip, feature channel).

        It is the first body's mean over units and tokens plus the second's, or plus a
        learned vector where the second body is absent.
        """
        kind = self.classifier.weight.dtype
        last = latent.permute(0, 2, 3, 1).flatten(1, 2)  # so that gradients are channels last
        return rows.add_bodies(last.mean(dim=1, dtype=kind), self.absent)

    def features(self, x: Tensor, present: Tensor) -> Tensor:
        """Encode and pool whole clips, (clip, feature channel)."""
        rows = self.rows(x, present)
        return self.pool(self.encode(x, rows), rows)

    def classify(self, x: Tensor, rows: Rows) -> Tensor:
        """Classify whole clips whose rows are known: logits, (clip, class)."""
        logits: Tensor = self.classifier(self.pool(self.encode(x, rows), rows))
        return logits

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Classify whole clips: logits, (clip, class)."""
        return self.classify(x, self.rows(x, present))
