"""Run: one frozen, validated description of one training run."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from charon.data.settings import DataSettings
from charon.errors import ConfigError
from charon.learners import LEARNERS
from charon.learners.charon import CharonSettings
from charon.model.settings import ModelSettings
from charon.settings import Settings, checked, did_you_mean


@dataclass(frozen=True)
class OptimiserSettings(Settings):
    """Plain SGD, without momentum, decay or schedule (Sec. 4.2)."""

    learning_rate: float = checked(0.05, "λ (Sec. 4.2)", above=0)
    batch_size: int = checked(16, "clips of the stream in a step (Sec. 4.2)", at_least=1)
    epochs: int = checked(30, "epochs of the main phase of each task (Sec. 4.2)", at_least=1)


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

    @property
    def learner_name(self) -> str:
        """The name of the method."""
        return next(n for n, m in LEARNERS.items() if m.settings is type(self.learner))

    def to_flat(self) -> dict[str, Any]:
        """Return every field by its dotted name; tuples of numbers as ``"4,4,2"`` or ``"4,"``."""
        flat: dict[str, Any] = {"learner": self.learner_name}
        for name in ("data", "model", "optimiser", "learner"):
            group = getattr(self, name)
            for field_name in _names(type(group)):
                flat[f"{name}.{field_name}"] = _plain(getattr(group, field_name))
        return flat | {name: getattr(self, name) for name in TOP_LEVEL}

    @staticmethod
    def from_flat(flat: Mapping[str, Any]) -> "Run":
        """Return the run of these fields; all others have the paper's values.

        Raises:
            ConfigError: a name is unknown, or a value is of the wrong type or out of range.
        """
        method = flat.get("learner", "charon")
        groups = _groups(method)
        given: dict[str, dict[str, Any]] = {name: {} for name in groups}
        for name, value in flat.items():
            group, dot, field_name = name.rpartition(".")
            if name == "learner":
                continue
            if field_name not in (_names(groups.get(group)) if dot else TOP_LEVEL):
                known = _known(groups)
                raise ConfigError(
                    f"The learner {method!r} has no field {name!r}; {did_you_mean(name, known)}"
                )
            given.setdefault(group, {})[field_name] = _parse(value)
        top_level = given.pop("", {})
        made: dict[str, Any] = {n: _make(n, groups[n], given[n]) for n in groups}
        return Run(**made, **top_level)

    def replace(self, changes: Mapping[str, Any]) -> "Run":
        """Return the run with some fields changed, by dotted names."""
        return Run.from_flat({**self.to_flat(), **changes})

    @staticmethod
    def preset(name: str, flat: Mapping[str, Any] | None = None) -> "Run":
        """Return the run of a preset, with some fields replaced.

        Args:
            name: ``"paper"`` follows the text, and is correct where the text is silent;
                ``"released"`` reproduces the authors' code, switch by switch.
            flat: fields that replace the preset's.

        Raises:
            ConfigError: the preset or a field is unknown, or a value is wrong.
        """
        if name not in PRESETS:
            raise ConfigError(f"There is no preset {name!r}; known are {', '.join(PRESETS)}.")
        flat = flat or {}
        known = _known(_groups(flat.get("learner", "charon")))
        switches = {field: value for field, value in PRESETS[name].items() if field in known}
        return Run.from_flat({**switches, **flat})


PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "released": {
        "data.class_order": "released",
        "data.duplicate_bodies": "keep",
        "model.presence": "positive_sum",
        "learner.mask_rounding": "float",
        "learner.replay_draws": 2,
        "learner.capacity_rule": "times_interval",
        "learner.probe_inserts": "every_epoch",
        "learner.store_without_probing": False,
        "learner.rebuild": "resize",
        "learner.refresh_rotation": True,
        "argmax": "all",
    },
}
"""Fields that differ from the defaults; those that a learner does not have are left out."""

TOP_LEVEL = ("seed", "device", "argmax")
"""Fields of a run that belong to no group."""


def _groups(method: str) -> dict[str, type[Settings]]:
    if method not in LEARNERS:
        raise ConfigError(f"There is no learner {method!r}; known are {', '.join(LEARNERS)}.")
    return {
        "data": DataSettings,
        "model": ModelSettings,
        "optimiser": OptimiserSettings,
        "learner": LEARNERS[method].settings,
    }


def _names(group: type[Settings] | None) -> list[str]:
    return [] if group is None else [field.name for field in dataclasses.fields(group)]


def _known(groups: Mapping[str, type[Settings]]) -> list[str]:
    dotted = [f"{name}.{field}" for name, group in groups.items() for field in _names(group)]
    return ["learner", *dotted, *TOP_LEVEL]


def _make(name: str, group: type[Settings], values: dict[str, Any]) -> Settings:
    """Make a group; its errors name the dotted field."""
    try:
        return group(**values)
    except ConfigError as error:
        raise ConfigError(f"{name}.{error}") from error


def _plain(value: Any) -> Any:
    """Write a tuple of numbers so that :func:`_parse` recognises it."""
    if not isinstance(value, tuple):
        return value
    return ",".join(map(str, value)) + ("," if len(value) == 1 else "")


def _parse(value: Any) -> Any:
    """Turn ``"4,4,2"`` back into the tuple it was."""
    if isinstance(value, str) and "," in value and value.replace(",", "").isdigit():
        return tuple(int(part) for part in value.split(",") if part)
    return value
