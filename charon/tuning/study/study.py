"""A study: one question, declared as the runs that answer it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from charon.errors import ConfigError
from charon.settings import Value
from charon.tuning.study.fields import check_known
from charon.tuning.study.objectives import can_prune, check_objectives
from charon.tuning.study.scales import SMALL_CLIP_VISITS, SMALL_MEMORY_SHARE
from charon.tuning.study.search_methods import NONE, PRUNERS, SAMPLERS, START, parse_bytes
from charon.tuning.study.space import Choice, Space, Whole, ends

WHAT_IS_MEASURED = (
    *("data.path", "data.benchmark", "data.class_order", "data.classes_per_task", "data.stream"),
    *("data.classes", "data.shots", "data.blurred", "data.returning", "data.domain"),
    *("data.domains_per_task", "data.evaluate_on", "data.val_fraction"),
)
"""Fields that decide what accuracy is measured on: equal in all trials of a search."""


@dataclass(frozen=True)
class Study:
    """What is fixed, what is varied, and what is searched.

    All names are dotted fields of :class:`charon.config.Run`, such as
    ``"learner.masking_ratio"``; a misspelt name is an error that lists the known fields.

    Attributes:
        name: short name, also of the results folder and the MLflow experiment.
        question: a sentence, shown in the console and in MLflow.
        base: fields fixed for all runs; other fields have the preset's values.
        cases: sets of fields, such as the methods of a table; each is run at every point of
            the grid, without the grid fields that its learner lacks.
        grid: scientific fields; every combination of their values is run.
        space: nuisance fields, sampled by Optuna. A study has a grid or a space.
        spaces: spaces of other learners than the base's, for ``--set learner=NAME``.
        seeds: every grid point is run with each; a search uses the first.
        also: single runs beside the grid, such as a lower bound; with the first seed unless
            they name another, and with the fields of ``base`` that their learner has.
        objectives: metrics (:mod:`charon.tuning.study.objectives`), several for a Pareto
            front; default ``val/faa`` for a search, ``test/faa`` for a
            grid, whose part is that of ``data.evaluate_on``.
        num_trials: trials of a search.
        preset: ``"paper"``, ``"released"`` or ``"compact"``.
        sampler, pruner: of a search (:mod:`charon.tuning.study.search_methods`); pruning is
            over tasks.
        budget: most bytes of a search's memories, such as ``"1.5MB"``; ``"start"`` for those
            of its first trial, ``"none"`` for any. With the buffer size in the space and no
            budget, the largest wins.
        small_clip_visits: clips that a run of the small scale sees in its main phases.
        small_memory_share: largest share of the training clips in a memory of the small scale;
            1.0 lets a memory hold them all.
    """

    name: str
    question: str
    base: Mapping[str, Value] = field(default_factory=dict)
    cases: Sequence[Mapping[str, Value]] = ()
    grid: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    space: Space = field(default_factory=dict)
    spaces: Mapping[str, Space] = field(default_factory=dict)
    seeds: Sequence[int] = (0, 1)
    also: Sequence[Mapping[str, Value]] = ()
    objectives: Sequence[str] = ()
    num_trials: int = 24
    preset: str = "paper"
    sampler: str = "tpe"
    pruner: str = "none"
    budget: str = NONE
    small_clip_visits: int = SMALL_CLIP_VISITS
    small_memory_share: float = SMALL_MEMORY_SHARE

    def __post_init__(self) -> None:
        objectives = tuple(self.objectives) or (f"{self.part}/faa",)
        object.__setattr__(self, "objectives", objectives)
        self._check_runs()
        check_objectives(self.objectives, is_search=self.is_search)
        self._check_search_methods()
        self._check_space()

    def _check_runs(self) -> None:
        if not self.name.isidentifier():
            raise ConfigError(
                "A study's name is a word of letters, digits and underscores, "
                f"but got name={self.name!r}."
            )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ConfigError(
                f"A study needs at least one seed, all different and >= 0, but got {self.seeds}."
            )
        if self.num_trials < 1:
            raise ConfigError(f"`num_trials >= 1` must hold, but got {self.num_trials}.")
        if not 0 < self.small_memory_share <= 1:
            raise ConfigError(
                f"`0 < small_memory_share <= 1` must hold, but got {self.small_memory_share}."
            )
        study = f"The study {self.name!r}"
        if self.also and self.space:
            raise ConfigError(f"{study} searches, so it has no runs beside; leave `also` out.")
        if (self.grid or self.cases) and self.space:
            what = "a grid" if self.grid else "cases"
            raise ConfigError(f"{study} has {what} and a space; make two studies of it.")
        if any(name in self.grid for case in self.cases for name in case):
            raise ConfigError(
                f"{study} has a field in its cases and in its grid; remove it from either."
            )
        for name, values in self.grid.items():
            if not values or len(set(values)) < len(values):
                raise ConfigError(
                    f"The grid's {name} needs at least one value, all different, but got {values}."
                )

    def _check_search_methods(self) -> None:
        check_known("sampler", self.sampler, SAMPLERS)
        check_known("pruner", self.pruner, PRUNERS)
        if self.pruner != "none" and not self.is_search:
            raise ConfigError("Only a search may prune: every value of a grid is run to its end.")
        if self.pruner != "none" and not can_prune(self.objectives):
            raise ConfigError(
                "Trials are stopped early by one accuracy, such as 'val/faa', but the objective "
                f"is {' '.join(self.objectives)}; search it with --pruner none."
            )
        if self.budget not in (NONE, START):
            parse_bytes(self.budget)
        if self.budget != NONE and not self.is_search:
            raise ConfigError("Only a search has a budget; a grid runs every value.")

    def _check_space(self) -> None:
        where = f"in the space of the study {self.name!r}"
        for name in self.space:
            if name in ("seed", "learner"):
                raise ConfigError(
                    f"A search has one {name}, so {name} cannot be {where}; set it with "
                    "--set learner=NAME or --seeds N."
                )
            if name in WHAT_IS_MEASURED:
                raise ConfigError(
                    f"Trials with another {name} are measured on other clips or tasks, so they "
                    f"cannot be compared and {name} cannot be {where}; set it in its base."
                )

    @property
    def is_search(self) -> bool:
        """Whether Optuna chooses the configurations."""
        return bool(self.space)

    @property
    def part(self) -> str:
        """The clips that runs are evaluated on, ``"val"`` or ``"test"``, if nothing else is set."""
        return "val" if self.is_search else str(self.base.get("data.evaluate_on", "test"))

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


SIZE, BYTES, BENCHMARK = "learner.buffer_size", "learner.buffer_bytes", "data.benchmark"
ORDER = "data.class_order"

CUT = (
    *(BENCHMARK, "data.classes", "data.classes_per_task", "data.stream", "data.shots"),
    *("data.blurred", "data.returning", "data.domain", "data.domains_per_task"),
)
"""Fields that cut a set into tasks."""


def under_each(study: Study, name: str, values: Sequence[str], option: str) -> Study:
    """Return the study with each of its runs at each of these values of a field.

    Raises:
        ConfigError: the study varies the field, or is a search; ``option`` has named the values.
    """
    if name in study.varied:
        raise ConfigError(f"{name} is varied by the study {study.name!r}; it cannot be set.")
    if study.is_search:
        raise ConfigError(f"A search has one {name}, but {option} names several.")
    also = [{name: value, **run} for value in values for run in study.also]
    return replace(study, grid={name: values, **study.grid}, also=also)


def for_learner(study: Study, learner: Value) -> Study:
    """Return the search with the space of a learner.

    Raises:
        ConfigError: the study has no space for the learner.
    """
    default = study.base.get("learner", "charon")
    if learner == default:
        return study
    if learner not in study.spaces:
        raise ConfigError(
            f"The study {study.name!r} has no space for the learner {learner!r}; "
            f"it has spaces for {', '.join([str(default), *study.spaces])}."
        )
    return replace(study, space=study.spaces[str(learner)])


def with_small_buffers(study: Study, largest: int, start: Value = None) -> tuple[Study, int]:
    """Return the study with its varied buffer sizes shrunk by one factor.

    The largest size becomes ``largest``, if it exceeds it; ``start`` is that of a search's first
    trial. The number returned is the size of runs that do not vary it, or of the first trial.

    Raises:
        ConfigError: a single size is left to a search.
    """
    domain = study.space.get(SIZE)
    searched = domain if isinstance(domain, Whole | Choice) else None
    of_cases = [run[SIZE] for run in (*study.cases, *study.also) if SIZE in run]
    sizes = ends(searched) if searched else study.grid.get(SIZE, ())
    numbers = [size for size in (*sizes, *of_cases, start) if isinstance(size, int)]
    factor = min(1.0, largest / max(numbers, default=1))
    small: dict[Value, int] = {size: max(1, round(size * factor)) for size in numbers}
    shrunken = tuple(dict.fromkeys(small.get(size, size) for size in sizes))
    if searched is None:
        grid = {name: shrunken if name == SIZE else axis for name, axis in study.grid.items()}
        cases, also = (
            tuple(
                {name: small.get(v, v) if name == SIZE else v for name, v in run.items()}
                for run in runs
            )
            for runs in (study.cases, study.also)
        )
        return replace(study, grid=grid, cases=cases, also=also), largest
    if len(shrunken) == 1:
        raise ConfigError(
            f"At the small scale a memory on this data has at most {largest} clips, which leaves "
            f"nothing to choose for {SIZE}; search it with --scale paper, or leave it out of the "
            "study's space."
        )
    shrunk: Whole | Choice = Choice(shrunken)
    if isinstance(searched, Whole):
        shrunk = replace(searched, low=small[searched.low], high=small[searched.high])
    return replace(study, space={**study.space, SIZE: shrunk}), small.get(start, largest)


def with_small_bytes(study: Study, factor: float) -> Study:
    """Return the study with the bytes of its memories shrunk by one factor, to at least one."""

    def small(value: Value) -> Value:
        return max(1, int(value * factor)) if isinstance(value, int) else value

    def shrunk(fields: Mapping[str, Value]) -> dict[str, Value]:
        return {name: small(v) if name == BYTES else v for name, v in fields.items()}

    space, domain = dict(study.space), study.space.get(BYTES)
    if isinstance(domain, Whole):
        low, high = max(1, int(domain.low * factor)), max(2, int(domain.high * factor))
        space[BYTES] = replace(domain, low=low, high=high)
    elif isinstance(domain, Choice):
        space[BYTES] = Choice(tuple(map(small, domain.values)))
    return replace(
        study,
        base=shrunk(study.base),
        cases=tuple(shrunk(case) for case in study.cases),
        also=tuple(shrunk(run) for run in study.also),
        grid={n: [*map(small, axis)] if n == BYTES else axis for n, axis in study.grid.items()},
        space=space,
    )
