"""Groups of fields that check themselves: type, range and meaning stand at the field."""

import dataclasses
import difflib
import math
import operator
import types
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from charon.errors import ConfigError
from charon.text import shown

Value = bool | int | float | str | None
"""The value of a field, as a command line or a table has it."""

_LARGEST = 2**63 - 1
"""Whole number of a field; arrays and generators take none beyond it."""


def checked(
    default: Any,
    help: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> Any:
    """Declare a field: its default, its meaning with unit and source, its range."""
    limits = {">=": at_least, ">": above, "<=": at_most, "<": below}
    given = {sign: limit for sign, limit in limits.items() if limit is not None}
    return dataclasses.field(default=default, metadata={"help": help, "limits": given})


@dataclass(frozen=True)
class Settings:
    """A group of fields; a wrong type or value raises ConfigError.

    Attributes:
        later_fields: fields that do not act before the first task's main phase has ended. A
            learner that names none shares no first task (:mod:`charon.training.first_task`).
    """

    later_fields: ClassVar[tuple[str, ...]] = ()

    @property
    def why_new_classes(self) -> str:
        """Why a learner with these settings needs new classes in every task; empty if it does not.

        A clause that follows "because".
        """
        return ""

    def __post_init__(self) -> None:
        hints = _hints(type(self))  # type: ignore[arg-type]  # a class can be hashed
        for field in dataclasses.fields(self):
            value = _check_type(field.name, getattr(self, field.name), hints[field.name])
            object.__setattr__(self, field.name, value)
            _check_limits(field.name, value, field.metadata.get("limits", {}))


@cache
def _hints(group: type) -> dict[str, Any]:
    """Return the types of a group's fields, which take longer to look up than to check."""
    return get_type_hints(group)


def describe(group: type[Settings]) -> list[tuple[str, str, str]]:
    """Return (name, allowed values, meaning) of every field, for help texts."""
    hints = get_type_hints(group)
    described = []
    for field in dataclasses.fields(group):
        hint, limits = hints[field.name], field.metadata.get("limits", {})
        if get_origin(hint) is Literal:
            allowed = " | ".join(map(str, get_args(hint)))
        else:
            kind = hint.__name__ if isinstance(hint, type) else str(hint)
            allowed = " ".join([kind, *(f"{sign} {limit:g}" for sign, limit in limits.items())])
        described.append((field.name, allowed, field.metadata.get("help", "")))
    return described


def parse_field(text: str) -> tuple[str, Value]:
    """Read ``FIELD=VALUE`` of a command line.

    Numbers, ``true``, ``false`` and ``none`` are recognised; all else is a string.

    Raises:
        ConfigError: there is no ``=``, or no name before it.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise ConfigError(f"A setting is given as FIELD=VALUE, but got {shown(text)}.")
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    for kind in (int, float):
        with suppress(ValueError):
            return name, kind(value)
    return name, value


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return the known name closest to an unknown name, as a question; else all known names.

    The last part of a dotted name may be all that was given of it.
    """
    close = [whole for whole in known if whole.rpartition(".")[2] == name]
    close = close or difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."


def _check_type(name: str, value: Any, hint: Any) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            known = ", ".join(map(repr, get_args(hint)))
            raise ConfigError(f"{name} must be one of {known}, but got {shown(value)}.")
        return value
    kinds = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    whole = value if isinstance(value, tuple | list) else (value,)
    if any(isinstance(number, int) and abs(number) > _LARGEST for number in whole):
        raise ConfigError(f"{name} must be below 2**63, but got {shown(value)}.")
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if int in kinds and isinstance(value, float) and value.is_integer() and float not in kinds:
        value = int(value)
    if isinstance(value, list):
        value = tuple(value)
    for kind in kinds:
        plain = get_origin(kind) or kind
        if isinstance(value, plain) and not (isinstance(value, bool) and plain is not bool):
            return value
    wanted = " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
    raise ConfigError(f"{name} must be of type {wanted}, but got {shown(value)}.")


_HOLDS = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


def _check_limits(name: str, value: Any, limits: dict[str, float]) -> None:
    if value is None or isinstance(value, str | tuple):
        return
    if isinstance(value, float) and not abs(value) < _LARGEST:
        wanted = "below 2**63" if math.isfinite(value) else "finite"
        raise ConfigError(f"{name} must be {wanted}, but got {value}.")
    for sign, limit in limits.items():
        if not _HOLDS[sign](value, limit):
            raise ConfigError(f"{name} {sign} {limit} must hold, but got {value}.")
