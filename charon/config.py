"""Run: one frozen, validated description of one training run."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

from charon.data.settings import DataSettings
from charon.errors import ConfigError
from charon.learners import LEARNERS
from charon.learners.charon import CharonSettings
from charon.model.backbones import BACKBONES
from charon.model.settings import ModelSettings
from charon.optimiser import OptimiserSettings
from charon.presets import PRESETS
from charon.settings import Settings, checked, did_you_mean
from charon.text import shown


@dataclass(frozen=True)
class Run(Settings):
    """A run's configuration: everything its result depends on.

    Fields have dotted names (``learner.masking_ratio``): the same string is the search key, the
    MLflow parameter and the column of a table. ``learner`` alone names the method, and only
    that method's fields exist in the run.
    """

    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    learner: Settings = field(default_factory=CharonSettings)
    seed: int = checked(0, "of everything random in the run", at_least=0)
    device: str = checked("auto", "auto, cpu, cuda or cuda:N; auto: a GPU where there is one")
    argmax: Literal["seen", "all"] = checked(
        "seen", "outputs among which a prediction is chosen: of the tasks seen, or all"
    )

    later_fields: ClassVar[tuple[str, ...]] = ("argmax",)

    def __post_init__(self) -> None:
        super().__post_init__()
        frames, per_tuple = self.data.num_frames, self.model.frames_per_tuple
        if frames % per_tuple:
            raise ConfigError(
                "data.num_frames must be a multiple of model.frames_per_tuple, "
                f"but got {frames} and {per_tuple}."
            )
        why = self.learner.why_new_classes
        if why and self.data.repeats_classes:
            raise ConfigError(
                f"{self.learner_name} cannot learn a stream in which classes come again "
                f"(data.domain, data.blurred, data.returning), because {why}."
            )
        # Of learners that mask; others have no such field.
        position, name = getattr(self.learner, "masking_position", None), self.model.backbone
        positions = BACKBONES[name].positions
        if position is not None and position not in positions:
            raise ConfigError(
                f"learner.masking_position={position} does not go with model.backbone={name}; set "
                f"learner.masking_position={' or '.join(positions)}."
            )

    @property
    def learner_name(self) -> str:
        """The name of the method."""
        return next(n for n, m in LEARNERS.items() if m.settings is type(self.learner))

    def to_flat(self) -> dict[str, Any]:
        """Return every field by its dotted name; tuples of numbers as ``"4,4,2"`` or ``"4,"``."""
        flat: dict[str, Any] = {"learner": self.learner_name}
        for name in groups_of(self.learner_name):
            for field_name, value in vars(getattr(self, name)).items():
                flat[f"{name}.{field_name}"] = _plain(value)
        return flat | {name: getattr(self, name) for name in TOP_LEVEL}

    @staticmethod
    def from_flat(flat: Mapping[str, Any]) -> "Run":
        """Return the run of these fields; all others have the paper's values.

        Raises:
            ConfigError: a name is unknown, or a value is of the wrong type or out of range.
        """
        method = flat.get("learner", "charon")
        known = _field_names(method)
        given: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for name, value in flat.items():
            if name not in known:
                if owners := [other for other in LEARNERS if name in _field_names(other)]:
                    raise ConfigError(
                        f"The learner {method!r} has no field {name!r}; leave it out, or choose a "
                        f"learner that has it: {', '.join(owners)}."
                    )
                raise ConfigError(
                    f"The learner {method!r} has no field {shown(name)}; "
                    f"{did_you_mean(name, known)}"
                )
            group, _, field_name = name.rpartition(".")
            given[group][field_name] = _parse(value)
        made = given[""]
        for group, kind in groups_of(method).items():
            try:
                made[group] = kind(**given[group])
            except ConfigError as error:
                raise ConfigError(f"{group}.{error}") from error
        return Run(**made)

    def replace(self, changes: Mapping[str, Any]) -> "Run":
        """Return the run with some fields changed, by dotted names."""
        return Run.from_flat({**self.to_flat(), **changes})

    @staticmethod
    def preset(name: str, flat: Mapping[str, Any] | None = None) -> "Run":
        """Return the run of a preset, with some fields replaced.

        Args:
            name: ``"paper"`` follows the text, and is correct where the text is silent;
                ``"released"`` reproduces the authors' code, switch by switch; ``"compact"``
                has more accuracy from the same bytes and steps (``studies/beyond.py``).
            flat: fields that replace the preset's.

        Raises:
            ConfigError: the preset or a field is unknown, or a value is wrong.
        """
        if name not in PRESETS:
            raise ConfigError(f"There is no preset {name!r}; known are {', '.join(PRESETS)}.")
        flat = flat or {}
        known = _field_names(flat.get("learner", "charon"))
        switches = {switch: value for switch, value in PRESETS[name].items() if switch in known}
        return Run.from_flat({**switches, **flat})


TOP_LEVEL = ("seed", "device", "argmax")
"""Fields of a run that belong to no group."""


def groups_of(method: str) -> dict[str, type[Settings]]:
    """Return the groups of fields that a run of this method has.

    Raises:
        ConfigError: there is no such method.
    """
    if not isinstance(method, str) or method not in LEARNERS:
        raise ConfigError(f"There is no learner {shown(method)}; known are {', '.join(LEARNERS)}.")
    return {
        "data": DataSettings,
        "model": ModelSettings,
        "optimiser": OptimiserSettings,
        "learner": LEARNERS[method].settings,
    }


def _field_names(method: str) -> list[str]:
    names = ["learner"]
    for name, group in groups_of(method).items():
        names += [f"{name}.{field.name}" for field in fields(group)]
    return [*names, *TOP_LEVEL]


_WHOLE_NUMBERS = re.compile(r"[0-9]{1,18}(,[0-9]{1,18})*,|[0-9]{1,18}(,[0-9]{1,18})+")


def _plain(value: Any) -> Any:
    """Write a tuple of numbers so that :func:`_parse` recognises it."""
    if not isinstance(value, tuple):
        return value
    return ",".join(map(str, value)) + ("," if len(value) == 1 else "")


def _parse(value: Any) -> Any:
    """Turn ``"4,4,2"`` back into the tuple it was."""
    if isinstance(value, str) and _WHOLE_NUMBERS.fullmatch(value):
        return tuple(int(part) for part in value.split(",") if part)
    return value
