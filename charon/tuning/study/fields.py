"""The fields of a run by their dotted names: which there are, and whether they go together."""

from collections.abc import Mapping
from types import ModuleType

from charon.errors import ConfigError
from charon.settings import Value


def known_fields(learner: Value) -> dict[str, Value]:
    """Return every field a run of ``learner`` has, with the paper's value.

    Raises:
        ConfigError: there is no such learner.
    """
    return complete({"learner": learner})


def complete(settings: Mapping[str, Value]) -> dict[str, Value]:
    """Return all fields of a run, checked, from the few that are named.

    Raises:
        ConfigError: a name is unknown or a value is out of its range.
    """
    return dict(_config().Run.from_flat(settings).to_flat())


def preset(name: str) -> dict[str, Value]:
    """Return the fields that a preset sets.

    Raises:
        ConfigError: there is no such preset.
    """
    presets = _config().PRESETS
    if name not in presets:
        raise ConfigError(f"There is no preset {name!r}; known are {', '.join(presets)}.")
    return dict(presets[name])


def _config() -> ModuleType:
    # Imported here because it imports torch, which takes a second: Ray starts meanwhile.
    from charon import config

    return config
