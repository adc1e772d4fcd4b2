"""A study: one question, declared as the runs that answer it."""

import itertools
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from charon.errors import ConfigError
from charon.tuning.journal import Value
from charon.tuning.labels import label
from charon.tuning.scales import SMALL_CLIP_VISITS, AtMost, Scaled, small_buffers
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
        cases: sets of fields, such as the methods of a table; each is run at every point of
            the grid, but for grid fields that its learner lacks.
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
        small_clip_visits: clips that a run of the small scale sees in its main phases.
    """

    name: str
    question: str
    base: Mapping[str, Value] = field(default_factory=dict)
    cases: Sequence[Mapping[str, Value]] = ()
    grid: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    space: Mapping[str, Domain] = field(default_factory=dict)
    seeds: Sequence[int] = (0, 1)
    also: Sequence[Mapping[str, Value]] = ()
    objective: str = ""
    num_trials: int = 24
    preset: str = "paper"
    prune: bool = False
    small_clip_visits: int = SMALL_CLIP_VISITS

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
        if (self.grid or self.cases) and self.space:
            what = "a grid" if self.grid else "cases"
            raise ConfigError(
                f"The study {self.name!r} has {what} and a space; make two studies of it."
            )
        if any(name in self.grid for case in self.cases for name in case):
            raise ConfigError(
                f"The study {self.name!r} has a field in its cases and in its grid; leave it "
                "out of one."
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
        cases = [name for case in self.cases for name in case]
        also = [name for run in self.also for name in run]
        return tuple(dict.fromkeys([*cases, *self.grid, *self.space, *also]))

    def smaller(self) -> "Study":
        """Return the study for a quick check: the ends of every axis, one seed, two trials."""
        ends = {name: list(dict.fromkeys([v[0], v[-1]])) for name, v in self.grid.items()}
        return replace(self, grid=ends, seeds=self.seeds[:1], num_trials=min(self.num_trials, 2))


SIZE, BENCHMARK = "learner.buffer_size", "data.benchmark"


def under_benchmarks(study: Study, benchmarks: Sequence[str]) -> Study:
    """Return the study with each of its runs under each of these protocols.

    Raises:
        ConfigError: the study chooses its protocols itself.
    """
    if BENCHMARK in study.varied:
        raise ConfigError(f"{BENCHMARK} is varied by the study {study.name!r}; it cannot be set.")
    also = [{BENCHMARK: name, **run} for name in benchmarks for run in study.also]
    return replace(study, grid={BENCHMARK: benchmarks, **study.grid}, also=also)


def with_small_buffers(study: Study, largest: int) -> Study:
    """Return the study with the buffer sizes of its grid made smaller, by one factor.

    Args:
        study: may have no buffer size in its grid.
        largest: what the largest becomes; nothing changes if none exceeds it.
    """
    if SIZE not in study.grid:
        return study
    smaller = small_buffers(study.grid[SIZE], largest)
    return replace(study, grid={**study.grid, SIZE: list(dict.fromkeys(smaller.values()))})


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


def expand(
    study: Study, overrides: Mapping[str, Value] | None = None, scaled: Scaled | None = None
) -> list[PlannedTrial]:
    """Return all runs of a study in the order they are started.

    The seeds are the outermost loop, so that an interrupted study has a whole curve; the
    runs of ``also`` come last. A search has only its starting point here (and ``also``):
    the fixed fields with the paper's values for what is searched.

    Args:
        study: the declaration.
        overrides: fields that replace those of ``base`` for all runs (command line).
        scaled: fields that a scale replaces, in the runs that have them; overrides,
            ``cases`` and ``grid`` come before them.

    Raises:
        ConfigError: a field is unknown, out of range, or named twice.
    """
    overrides, scaled = overrides or {}, scaled or {}
    chosen_by_study = {*study.grid, *study.space, *(name for case in study.cases for name in case)}
    for name in overrides:
        if name in chosen_by_study or name == "seed":
            raise ConfigError(f"{name} is varied by the study {study.name!r}; it cannot be set.")
    learners = _learners(study, {**study.base, **overrides})
    _check_known(study.base, learners, f"The base of the study {study.name!r}")
    _check_known(study.grid, learners, f"The grid of the study {study.name!r}")
    _check_known(overrides, learners, "--set")
    scaled = {name: value for name, value in scaled.items() if name not in study.space}
    layers = _Layers({**_preset(study.preset), **study.base}, scaled, overrides)
    flats: dict[tuple[tuple[str, Value], ...], Sequence[str]] = {}
    for choice, names in _choices(study):
        flat = complete(layers.under(choice, optional=study.grid))
        flats.setdefault(tuple(flat.items()), names)
    return _with_labels([(dict(items), names) for items, names in flats.items()])


def _choices(study: Study) -> Iterator[tuple[dict[str, Value], Sequence[str]]]:
    """Yield what is chosen for each run, and the fields its label names."""
    beside = [name for name in study.varied if all(name not in case for case in study.cases)]
    for seed in study.seeds[:1] if study.is_search else study.seeds:
        for case in study.cases or ({},):
            for point in _points(study.grid):
                yield {**case, **point, "seed": seed}, (*case, *beside)
    for extra in study.also:
        yield {"seed": study.seeds[0], **extra}, study.varied


@dataclass(frozen=True)
class _Layers:
    """Fields of all runs: each layer replaces those before it, where a run has them."""

    fixed: Mapping[str, Value]
    scaled: Scaled
    overrides: Mapping[str, Value]

    def under(self, choice: Mapping[str, Value], optional: Container[str]) -> dict[str, Value]:
        """Return the fields of a run with those it chooses on top.

        Fields that its learner lacks are left out where they are of a layer or ``optional``.
        """
        fields = {**self.fixed, **self.overrides}
        known = known_fields(choice.get("learner", fields.get("learner", "charon")))
        settings = {name: value for name, value in self.fixed.items() if name in known}
        for name, value in self.scaled.items():
            if name in known:
                before = settings.get(name, known[name])
                settings[name] = value.of(before) if isinstance(value, AtMost) else value
        settings |= {name: value for name, value in self.overrides.items() if name in known}
        return settings | {
            name: value for name, value in choice.items() if name in known or name not in optional
        }


def _preset(name: str) -> dict[str, Value]:
    from charon.config import PRESETS

    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}; known are {', '.join(PRESETS)}.")
    return dict(PRESETS[name])


def _learners(study: Study, fixed: Mapping[str, Value]) -> list[Value]:
    own = study.grid.get("learner", (fixed.get("learner", "charon"),))
    named = [run["learner"] for run in (*study.cases, *study.also) if "learner" in run]
    if study.cases and all("learner" in case for case in study.cases):
        own = ()
    return list(dict.fromkeys([*own, *named]))


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


def _with_labels(
    flats: Iterable[tuple[dict[str, Value], Sequence[str]]],
) -> list[PlannedTrial]:
    trials = [PlannedTrial(label(flat, names), flat) for flat, names in flats]
    labels = [trial.label for trial in trials]
    if len(set(labels)) < len(labels):
        raise ConfigError(f"Two runs of the study have the same name: {_repeated(labels)!r}.")
    return trials


def _repeated(labels: Sequence[str]) -> str:
    return next(name for name in labels if labels.count(name) > 1)
