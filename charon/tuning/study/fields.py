"""The fields of a run by their dotted names: defaults, presets and checks."""

from collections.abc import Iterable, Mapping
from functools import cache

from charon.errors import ConfigError
from charon.presets import PRESETS
from charon.settings import Value


def known_fields(learner: Value) -> dict[str, Value]:
    """Return every field a run of ``learner`` has, with the paper's value.

    Raises:
        ConfigError: there is no such learner.
    """
    return dict(_known_fields(learner))


@cache
def _known_fields(learner: Value) -> dict[str, Value]:
    return complete({"learner": learner})


def complete(settings: Mapping[str, Value]) -> dict[str, Value]:
    """Return all fields of a run, checked; fields not in ``settings`` have the paper's value.

    Raises:
        ConfigError: a name is unknown or a value is out of its range.
    """
    # Imported here because it imports torch, which takes a second: Ray starts meanwhile.
    from charon.config import Run

    return Run.from_flat(settings).to_flat()


def preset(name: str) -> dict[str, Value]:
    """Return the fields that a preset sets.

    Raises:
        ConfigError: there is no such preset.
    """
    check_known("preset", name, PRESETS)
    return dict(PRESETS[name])


def check_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise a ConfigError that lists the known names of this kind if ``name`` is none of them."""
    if name not in known:
        raise ConfigError(f"There is no {kind} {name!r}; known are {', '.join(known)}.")
