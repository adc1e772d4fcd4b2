"""The backbones: one a file, and the table of them all."""

from typing import TYPE_CHECKING, Literal

from charon.model.backbone import Backbone
from charon.model.backbones.stgcn import StGcn
from charon.model.backbones.sttformer import SttFormer

BACKBONES: dict[str, type[Backbone]] = {
    "sttformer": SttFormer,
    "stgcn": StGcn,
}

if TYPE_CHECKING:
    BackboneName = str
else:
    # The names, as settings check and list them.
    BackboneName = Literal[tuple(BACKBONES)]
