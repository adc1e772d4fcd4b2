"""A study: one question, declared as the runs that answer it."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from charon.errors import ConfigError
from charon.tuning.journal import Value
from charon.tuning.labels import label
from charon.tuning.space import Domain


@dataclass(frozen=True)
class Study:
    """What is fixed, what is varied, and what is searched.

    All names are dotted fields of :class:`charon.config.Run`, such as
    ``"learner.masking_ratio"``; a misspelt one is an error that lists the known ones.

    Attributes:
        name: the study's short name; also of its results folder and its MLflow experiment.
        question: one sentence, shown in the console and in MLflow.
        base: fields fixed for all runs; what is not named has the preset's value.
        grid: scientific fields; every combination of their values is run.
        space: nuisance fields; sampled by Optuna. A study has a grid or a space.
        seeds: every grid point is run with each; a search uses the first.
        also: single runs beside the grid, such as a lower bound; each is run once, with
            the first seed unless it names one. A run with another learner takes from
            ``base`` only the learner fields that it has.
        objective: metric that "best" is about, higher is better. A search selects, so
            it takes validation metrics (``val/...``) only; default ``val/faa`` there,
            ``test/faa`` for a grid.
        num_trials: trials of a search.
        preset: ``"paper"`` or ``"released"``, what the fields not named are.
        prune: whether a search stops unpromising trials early (ASHA over tasks).
    """

    name: str
    question: str
    base: Mapping[str, Value] = field(default_factory=dict)
    grid: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    space: Mapping[str, Domain] = field(default_factory=dict)
    seeds: Sequence[int] = (0, 1)
    also: Sequence[Mapping[str, Value]] = ()
    objective: str = ""
    num_trials: int = 24
    preset: str = "paper"
    prune: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ConfigError(
                "A study's name is a word of letters, digits and underscores, "
                f"but got name={self.name!r}."
            )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ConfigError(
                f"A study needs at least one seed, all different and >= 0, but got {self.seeds}."
            )
        if self.also and self.space:
            raise ConfigError(
                f"The study {self.name!r} searches, so it has no runs beside; leave `also` out."
            )
        if self.grid and self.space:
            raise ConfigError(
                f"The study {self.name!r} has a grid and a space; make two studies of it."
            )
        for name, values in self.grid.items():
            if not values or len(set(values)) < len(values):
                raise ConfigError(
                    f"The grid's {name} needs at least one value, all different, but got {values}."
                )
        if self.num_trials < 1:
            raise ConfigError(f"`num_trials >= 1` must hold, but got {self.num_trials}.")
        object.__setattr__(self, "objective", self.objective or self._default_objective)
        if self.is_search and not self.objective.startswith("val/"):
            raise ConfigError(
                "A search selects, so its objective is a validation metric such as 'val/faa', "
                f"but got {self.objective!r}; selecting on the test set would flatter the winner."
            )
        if self.prune and not self.is_search:
            raise ConfigError("Only a search may prune: every value of a grid is run to its end.")

    @property
    def _default_objective(self) -> str:
        return "val/faa" if self.space else "test/faa"

    @property
    def is_search(self) -> bool:
        """Whether Optuna chooses the settings."""
        return bool(self.space)

    @property
    def varied(self) -> tuple[str, ...]:
        """The fields in which the trials differ by design."""
        also = [name for run in self.also for name in run]
        return tuple(dict.fromkeys([*self.grid, *self.space, *also]))

    def smaller(self) -> "Study":
        """Return the study for a quick check: the ends of every axis, one seed, two trials."""
        ends = {name: list(dict.fromkeys([v[0], v[-1]])) for name, v in self.grid.items()}
        return replace(self, grid=ends, seeds=self.seeds[:1], num_trials=min(self.num_trials, 2))


@dataclass(frozen=True)
class PlannedTrial:
    """One run of a study.

    Attributes:
        label: the name a person knows it by; unique in the study.
        fields: every field of the run, complete, in the order of :class:`charon.config.Run`.
    """

    label: str
    fields: dict[str, Value]


def known_fields(learner: Value) -> dict[str, Value]:
    """Return every field a run of ``learner`` has, with the paper's value.

    Raises:
        ConfigError: there is no such learner.
    """
    from charon.config import Run

    return dict(Run.from_flat({"learner": learner}).to_flat())


def complete(settings: Mapping[str, Value]) -> dict[str, Value]:
    """Return all fields of a run, checked, from the few that are named.

    Raises:
        ConfigError: a name is unknown or a value is out of its range.
    """
    from charon.config import Run

    return dict(Run.from_flat(settings).to_flat())


def expand(study: Study, overrides: Mapping[str, Value] | None = None) -> list[PlannedTrial]:
    """Return all runs of a study in the order they are started.

    The seeds are the outermost loop, so that an interrupted study has a whole curve; the
    runs of ``also`` come last. A search has only its starting point here (and ``also``):
    the fixed fields with the paper's values for what is searched.

    Args:
        study: the declaration.
        overrides: fields that replace those of ``base`` for all runs (scale, command line).

    Raises:
        ConfigError: a field is unknown, out of range, or named twice.
    """
    overrides = overrides or {}
    for name in overrides:
        if name in study.grid or name in study.space or name == "seed":
            raise ConfigError(f"{name} is varied by the study {study.name!r}; it cannot be set.")
    fixed = {**study.base, **overrides}
    learners = _learners(study, fixed)
    _check_known(study.base, learners, f"The base of the study {study.name!r}")
    _check_known(overrides, learners, "--set")
    fixed = {**_preset(study.preset), **fixed}
    settings: list[dict[str, Value]] = []
    seeds = study.seeds[:1] if study.is_search else study.seeds
    for seed in seeds:
        for point in _points(study.grid):
            settings.append({**_for_learner(fixed, point), **point, "seed": seed})
    for extra in study.also:
        fixed_here = {name: value for name, value in fixed.items() if name not in extra}
        settings.append({"seed": study.seeds[0], **_for_learner(fixed_here, extra), **extra})
    if "learner" in study.grid:
        settings = [_drop_unknown(one, study.grid) for one in settings]
    flats = _unique([complete(one) for one in settings])
    return _with_labels(flats, study.varied)


def _preset(name: str) -> dict[str, Value]:
    from charon.config import PRESETS

    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}; known are {', '.join(PRESETS)}.")
    return dict(PRESETS[name])


def _learners(study: Study, fixed: Mapping[str, Value]) -> list[Value]:
    own = study.grid.get("learner", (fixed.get("learner", "charon"),))
    return list(dict.fromkeys([*own, *(run["learner"] for run in study.also if "learner" in run)]))


def _check_known(names: Iterable[str], learners: Sequence[Value], where: str) -> None:
    known = {name for learner in learners for name in known_fields(learner)}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{where} names {name!r}, which no run of it has; known are "
                f"{', '.join(sorted(known))}."
            )


def _points(grid: Mapping[str, Sequence[Value]]) -> list[dict[str, Value]]:
    names = list(grid)
    return [dict(zip(names, row, strict=True)) for row in itertools.product(*grid.values())]


def _for_learner(fixed: Mapping[str, Value], point: Mapping[str, Value]) -> dict[str, Value]:
    """Keep of ``fixed`` what the learner of ``point`` has."""
    learner = point.get("learner", fixed.get("learner", "charon"))
    known = known_fields(learner)
    return {name: value for name, value in fixed.items() if name in known}


def _drop_unknown(
    settings: dict[str, Value], grid: Mapping[str, Sequence[Value]]
) -> dict[str, Value]:
    """Leave out grid fields that this learner lacks, such as a buffer size of fine-tuning."""
    known = known_fields(settings.get("learner", "charon"))
    return {name: v for name, v in settings.items() if name in known or name not in grid}


def _unique(flats: Iterable[dict[str, Value]]) -> list[dict[str, Value]]:
    return [dict(items) for items in dict.fromkeys(tuple(flat.items()) for flat in flats)]


def _with_labels(flats: Sequence[dict[str, Value]], varied: Sequence[str]) -> list[PlannedTrial]:
    labels = [label(flat, varied) for flat in flats]
    if len(set(labels)) < len(labels):
        raise ConfigError(f"Two runs of the study have the same name: {_repeated(labels)!r}.")
    return [PlannedTrial(name, flat) for name, flat in zip(labels, flats, strict=True)]


def _repeated(labels: Sequence[str]) -> str:
    return next(name for name in labels if labels.count(name) > 1)
