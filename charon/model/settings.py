"""The settings of the network: its backbone, the backbone's fields, and who is present."""

from dataclasses import dataclass, fields

from charon.errors import ConfigError
from charon.model.backbone import BackboneSettings
from charon.model.backbones import BACKBONES, BackboneName
from charon.model.rows import Presence
from charon.settings import checked


@dataclass(frozen=True)
class ModelSettings(BackboneSettings):
    """Backbone, size and variants of the network."""

    backbone: BackboneName = checked(
        "sttformer",
        "sttformer: the paper's, which keeps tuples or frames (learner.masking_position); stgcn: "
        "ST-GCN++, which keeps frames (pre)",
    )
    presence: Presence = checked(
        "data", "is body 2 there: as decided at ingestion, or by the sign of its sum (released)"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        kind = BACKBONES[self.backbone]
        others = {name for other in BACKBONES.values() for name in other.fields}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in others - set(kind.fields) and value != field.default:
                raise ConfigError(
                    f"{field.name}={value} does not go with model.backbone={self.backbone}, which "
                    "has no such field; leave it out."
                )
        kind(self)  # refuses what it cannot make
