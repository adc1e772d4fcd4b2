"""The runs of a study, expanded from its declaration."""

import itertools
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from charon.errors import ConfigError
from charon.settings import Value, did_you_mean
from charon.tuning.study.fields import complete, known_fields, preset
from charon.tuning.study.labels import label
from charon.tuning.study.scales import AtMost, Scaled
from charon.tuning.study.study import Study


@dataclass(frozen=True)
class PlannedTrial:
    """One run of a study.

    Attributes:
        label: unique in the study.
        fields: every field of the run, in the order of :class:`charon.config.Run`.
        role: the setting that the run confirms after a search; empty in other studies.
    """

    label: str
    fields: dict[str, Value]
    role: str = ""


def expand(
    study: Study, overrides: Mapping[str, Value] | None = None, scaled: Scaled | None = None
) -> list[PlannedTrial]:
    """Return all runs of a study in the order they are started; of a search the first.

    The seeds are the outermost loop, so that an interrupted study has a whole curve; the
    runs of ``also`` come last.

    Args:
        study: the declaration.
        overrides: fields of the command line, which replace those of ``base``.
        scaled: fields of a scale, in the runs that have them; overrides, ``cases`` and
            ``grid`` precede them.

    Raises:
        ConfigError: a field is unknown, out of range, or both set and varied.
    """
    overrides, scaled = overrides or {}, scaled or {}
    check_not_varied(study, overrides)
    learners = _learners(study, {**study.base, **overrides})
    for part in ("base", "grid", "space"):
        where = f"The {part} of the study {study.name!r}"
        _check_fields(getattr(study, part), learners, where)
    _check_fields(overrides, learners, "--set")
    layers = _Layers({**preset(study.preset), **study.base}, scaled, overrides)
    flats: dict[tuple[tuple[str, Value], ...], Sequence[str]] = {}
    for choice, names in _choices(study):
        flat = complete(layers.under(choice, optional=study.grid))
        flats.setdefault(tuple(flat.items()), names)
    return _with_labels([(dict(items), names) for items, names in flats.items()])


def check_not_varied(study: Study, overrides: Iterable[str]) -> None:
    """Check that no field is both set for all runs and varied by the study.

    Raises:
        ConfigError: a field is both set and varied.
    """
    varied = {*study.grid, *study.space, *(name for case in study.cases for name in case)}
    for name in overrides:
        if name in varied or name == "seed":
            raise ConfigError(f"{name} is varied by the study {study.name!r}; it cannot be set.")


def _choices(study: Study) -> Iterator[tuple[dict[str, Value], Sequence[str]]]:
    """Yield the fields that each run chooses, and those that its label names."""
    beside = [name for name in study.varied if all(name not in case for case in study.cases)]
    for seed in study.seeds[:1] if study.is_search else study.seeds:
        for case in study.cases or ({},):
            for point in _points(study.grid):
                yield {**case, **point, "seed": seed}, (*case, *beside)
    for extra in study.also:
        yield {"seed": study.seeds[0], **extra}, study.varied


@dataclass(frozen=True)
class _Layers:
    """Layers of fields for all runs; each replaces those before it, where a run has them."""

    fixed: Mapping[str, Value]
    scaled: Scaled
    overrides: Mapping[str, Value]

    def under(self, choice: Mapping[str, Value], optional: Container[str]) -> dict[str, Value]:
        """Return a run's fields: the layers under its choice.

        Fields that its learner lacks are left out if they are a layer's or ``optional``.
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


def _learners(study: Study, fixed: Mapping[str, Value]) -> list[Value]:
    default = fixed.get("learner", "charon")
    cases = [case.get("learner", default) for case in study.cases or ({},)]
    beside = [run["learner"] for run in study.also if "learner" in run]
    return list(dict.fromkeys([*study.grid.get("learner", cases), *beside]))


def _check_fields(names: Iterable[str], learners: Sequence[Value], where: str) -> None:
    known = {name for learner in learners for name in known_fields(learner)}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{where} names {name!r}, which no run of it has; "
                f"{did_you_mean(name, sorted(known))}"
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
        repeated = next(name for name in labels if labels.count(name) > 1)
        raise ConfigError(f"Two runs of the study have the same name: {repeated!r}.")
    return trials
