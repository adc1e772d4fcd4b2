"""The runs of a study, expanded from its declaration, and their labels."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from charon.errors import ConfigError
from charon.settings import Value, did_you_mean
from charon.tuning.study.fields import complete, known_fields, preset
from charon.tuning.study.scales import AtMost, Scaled
from charon.tuning.study.study import BYTES, SIZE, Study

SYMBOLS: dict[str, str] = {
    "learner.masking_ratio": "eta",
    "learner.sampling_interval": "s",
    "learner.buffer_size": "M",
    "learner.alpha": "alpha",
    "learner.beta": "beta",
    "learner.gamma": "gamma",
    "optimiser.learning_rate": "lr",
    "optimiser.batch_size": "batch",
    "optimiser.epochs": "epochs",
    "model.size": "",
    "model.backbone": "",
    "data.benchmark": "",
    "data.stream": "",
    "data.class_order": "",
}
"""Field -> the paper's symbol; empty where the value speaks for itself."""

RATIO = "learner.masking_ratio"
ALWAYS = (RATIO, "learner.sampling_interval", "learner.buffer_size")
"""Fields in every label of a run that has them."""

LONGEST = 40
"""Letters of a value in a label; of a longer one, a hash stands for its end."""

MAX_OTHERS = 4
"""Other fields that a label names; further ones are only counted."""


MOST_RUNS = 20_000
"""Of a study: its plan, of 2.5 kB a run, is read again with ``--resume``, up to 64 MiB."""


@dataclass(frozen=True)
class PlannedTrial:
    """One run of a study.

    Attributes:
        label: unique in the study.
        fields: every field of the run, in the order of :class:`charon.config.Run`.
        role: the configuration that the run confirms after a search; empty in other studies.
    """

    label: str
    fields: dict[str, Value]
    role: str = ""


def expand(
    study: Study, overrides: Mapping[str, Value] | None = None, scaled: Scaled | None = None
) -> list[PlannedTrial]:
    """Return all runs of a study in the order they are started; of a search the first.

    The seeds are the outermost loop, so that an interrupted study has a whole curve; the
    runs of ``also`` come last. The scaled fields, in the runs that have them, replace those of
    ``base``; overrides, which are fields of the command line, ``cases`` and ``grid`` replace both.

    Raises:
        ConfigError: a field is unknown, out of range, or both set and varied.
    """
    overrides, scaled = overrides or {}, scaled or {}
    check_not_varied(study, overrides)
    _check_names(study, overrides)
    fixed = {**preset(study.preset), **study.base}
    runs: list[tuple[dict[str, Value], Sequence[str]]] = []
    seen = set()
    completed: dict[str, dict[str, Value]] = {}  # of each setting, whatever its seed
    for choice, names in _choices(study):
        given = _fields(choice, fixed, scaled, overrides, optional=study.grid)
        setting = but_for_seed(given)
        if setting not in completed:
            completed[setting] = complete(given)
        fields = {**completed[setting], "seed": _checked_seed(given["seed"])}
        key = frozenset(fields.items())
        if key not in seen:
            seen.add(key)
            runs.append((fields, names))
        if len(runs) > MOST_RUNS:
            raise ConfigError(
                f"The study {study.name!r} has more than {MOST_RUNS:,} runs, which is what one "
                "results folder keeps; make several studies of it, which `charon compare` takes "
                "together."
            )
    short = Counter(label(fields, names) for fields, names in runs)
    trials = []
    for fields, names in runs:
        name = label(fields, names)
        # Runs that differ in what a label only counts are called by all of it.
        name = name if short[name] == 1 else label(fields, names, most=len(names))
        trials.append(PlannedTrial(name, fields))
    labels = Counter(trial.label for trial in trials)
    repeated = [name for name, number in labels.items() if number > 1]
    if repeated:
        raise ConfigError(f"Two runs of the study have the same name: {repeated[0]!r}.")
    return trials


def but_for_seed(fields: Mapping[str, Value]) -> str:
    """Return what is the same of a study's runs that differ in their seed alone, and of no others.

    Their fields are in one order.
    """
    return repr({**fields, "seed": 0})


@lru_cache(typed=True)
def _checked_seed(seed: Value) -> Value:
    return complete({"seed": seed})["seed"]


def check_not_varied(study: Study, overrides: Iterable[str]) -> None:
    """Raise a ConfigError if a field is both set for all runs and varied by the study."""
    varied = {*study.grid, *study.space, *(name for case in study.cases for name in case)}
    for name in overrides:
        if name in varied or name == "seed":
            raise ConfigError(f"{name} is varied by the study {study.name!r}; it cannot be set.")


def _check_names(study: Study, overrides: Mapping[str, Value]) -> None:
    """Check that some run of the study has each field that it or the command line names."""
    default = {**study.base, **overrides}.get("learner", "charon")
    cases = [case.get("learner", default) for case in study.cases or ({},)]
    beside = [run["learner"] for run in study.also if "learner" in run]
    learners = [*study.grid.get("learner", cases), *beside]
    known = {name for learner in learners for name in known_fields(learner)}
    for part in ("base", "grid", "space", "--set"):
        for name in overrides if part == "--set" else getattr(study, part):
            if name not in known:
                where = part if part == "--set" else f"The {part} of the study {study.name!r}"
                raise ConfigError(
                    f"{where} names {name!r}, which no run of it has; "
                    f"{did_you_mean(name, sorted(known))}"
                )


def _choices(study: Study) -> Iterator[tuple[dict[str, Value], Sequence[str]]]:
    """Yield the fields that each run chooses, and those that its label names."""
    beside = [name for name in study.varied if all(name not in case for case in study.cases)]
    for seed in study.seeds[:1] if study.is_search else study.seeds:
        for case in study.cases or ({},):
            for row in itertools.product(*study.grid.values()):
                point = dict(zip(study.grid, row, strict=True))
                yield {**case, **point, "seed": seed}, (*case, *beside)
    for extra in study.also:
        yield {"seed": study.seeds[0], **extra}, study.varied


def _fields(
    choice: Mapping[str, Value],
    fixed: Mapping[str, Value],
    scaled: Scaled,
    overrides: Mapping[str, Value],
    optional: Container[str],
) -> dict[str, Value]:
    """Return a run's fields: ``fixed``, over them ``scaled``, ``overrides`` and ``choice``.

    Fields that its learner lacks are left out, of its choice only if they are ``optional``.
    """
    known = known_fields({**fixed, **overrides, **choice}.get("learner", "charon"))
    fields = dict(fixed)
    for name, value in scaled.items():
        if name == SIZE and fields.get(BYTES) is not None:
            continue
        before = fields.get(name, known.get(name))
        fields[name] = value.of(before) if isinstance(value, AtMost) else value
    fields = _over(fields, overrides)
    fields = {name: value for name, value in fields.items() if name in known}
    chosen = {n: value for n, value in choice.items() if n in known or n not in optional}
    return _over(fields, chosen)


def _over(fields: Mapping[str, Value], layer: Mapping[str, Value]) -> dict[str, Value]:
    """Return the fields with others over them: M replaces a memory's bytes, and they replace M."""
    if all(layer.get(name) is None for name in (SIZE, BYTES)):
        return {**fields, **layer}
    rest = {name: value for name, value in fields.items() if name not in (SIZE, BYTES)}
    return {**rest, **layer}


def label(fields: Mapping[str, Value], varied: Sequence[str], most: int = MAX_OTHERS) -> str:
    """Return a run's label from its complete fields, and those in which its study's runs differ.

    It names ``most`` of the latter, and counts the others.
    """
    always = [name for name in ALWAYS if fields.get(name) is not None]
    others = [n for n in dict.fromkeys(varied) if n in fields and n not in (*ALWAYS, "learner")]
    others = [name for name in others if name != BYTES or fields[name] is not None]
    parts = []
    for name in (*always, *others[:most]):
        value = fields[name]
        text = f"{value:.4g}" if isinstance(value, float) else _short(str(value))
        if name == RATIO and isinstance(value, int | float) and round(value, 2) == value:
            text = f"{value:.2f}"
        if name != "seed":
            parts.append(SYMBOLS.get(name, name.rpartition(".")[2] + "=") + text)
    if len(others) > most:
        parts.append(f"+{len(others) - most}")
    learner = fields.get("learner")
    if learner != "charon" or (varied and varied[0] == "learner"):
        parts.insert(0, str(learner))
    return " ".join([*parts, f"seed{fields['seed']}"])


def _short(text: str) -> str:
    """Return a value as it stands in a label."""
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST // 2]}… {hashlib.blake2b(text.encode(), digest_size=3).hexdigest()}"
