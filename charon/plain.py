"""Check that plain values, as JSON or a checkpoint holds them, have the declared types."""

import math
import types
from collections.abc import Callable, Collection, Iterable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from charon.text import shown

_LARGEST = 2**63
"""What a number must stay below; beyond it arrays, clocks and floats overflow."""


class Misfit(ValueError):
    """A value is not of the declared type; the message says where and what is wanted."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(reason, place)
        self.reason, self.place = reason, place

    def __str__(self) -> str:
        return f"{self.place.removeprefix('.') or 'it'} {self.reason}"


def conform(value: Any, kind: Any) -> Any:
    """Return ``value`` if it is of the declared ``kind``, with its dataclasses and tuples made.

    Args:
        value: of dictionaries, lists, tuples, text, numbers and None.
        kind: ``Any``, a plain type, a class, a literal, a union, ``list[X]``, ``tuple[X, ...]``,
            ``tuple[X, Y]``, ``dict[str, X]``, a TypedDict (other keys may be there), or a
            dataclass, which is made of a dictionary that has its fields and no others.
            ``float`` takes whole numbers; numbers are finite and below 2**63.

    Raises:
        Misfit: it is not.
    """
    if kind is Any or (type(value) is kind and kind in (str, bool)):
        return value
    origin, arguments = _parts(kind)
    if origin in (types.UnionType, Union):
        return _any_of(value, arguments)
    if origin is Literal:
        if not any(type(value) is type(known) and value == known for known in arguments):
            raise _wrong(value, " or ".join(map(repr, arguments)))
        return value
    if origin in (list, tuple):
        return _sequence(value, origin, arguments)
    if origin is dict:
        named = _named(value)
        if _are_plain(named.values(), arguments[1]):
            return dict(named)
        return _each(named, lambda name: arguments[1])
    if is_typeddict(kind):
        return value | _record(_named(value), kind, kind.__required_keys__)
    if is_dataclass(kind):
        return _make(_named(value), kind)
    _check_plain(value, kind)
    return value


@cache
def _parts(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return what a generic type is of; looking it up takes longer than most checks."""
    return get_origin(kind), get_args(kind)


_hints = cache(get_type_hints)


_PLAIN = {bool, int, float, str, type(None)}


@cache
def _plain_kinds(kind: Any) -> Collection[type]:
    """Return the plain types that a kind is made of; none unless it is of nothing else."""
    kinds = get_args(kind) if get_origin(kind) in (types.UnionType, Union) else (kind,)
    return set(kinds) if _PLAIN.issuperset(kinds) else ()


def _are_plain(values: Iterable[Any], kind: Any) -> bool:
    """Whether all values are of a plain kind and in range: most of what is read, in little time.

    Where they are not, each is looked at.
    """
    kinds = _plain_kinds(kind)
    return all(
        type(value) in kinds and (type(value) not in (int, float) or abs(value) < _LARGEST)
        for value in values
    )


def _check_plain(value: Any, kind: Any) -> None:
    wanted = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind in (int, float)):
        raise _wrong(value, _name_of(kind))
    if isinstance(value, int | float) and not (abs(value) < _LARGEST and math.isfinite(value)):
        raise _wrong(value, "a finite number below 2**63")


def _any_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    others = [kind for kind in kinds if kind is not type(None)]
    if value is None and len(others) < len(kinds):
        return None
    if len(others) == 1 or type(value) in others:
        return conform(value, type(value) if type(value) in others else others[0])
    for kind in others:
        try:
            return conform(value, kind)
        except Misfit:
            continue
    raise _wrong(value, " or ".join(map(_name_of, kinds)))


def _sequence(value: Any, origin: Any, kinds: tuple[Any, ...]) -> Any:
    if not isinstance(value, list | tuple):
        raise _wrong(value, "a list")
    if origin is list and _are_plain(value, kinds[0]):
        return list(value)
    if origin is list or kinds[1:] == (...,):
        made = _each(dict(enumerate(value)), lambda _: kinds[0]).values()
    elif len(value) != len(kinds):
        raise _wrong(value, f"a list of {len(kinds)}")
    else:
        made = _each(dict(enumerate(value)), kinds.__getitem__).values()
    return origin(made)


def _named(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _wrong(value, "an object of named values")
    return value


def _make(value: dict[str, Any], kind: Any) -> Any:
    own = [field for field in fields(kind) if field.init]
    needed = {f.name for f in own if f.default is MISSING and f.default_factory is MISSING}
    unknown = value.keys() - {field.name for field in own}
    if unknown:
        raise Misfit(f"has {shown(min(unknown))}, which is not known")
    made = _record(value, kind, needed)
    try:
        return kind(**made)
    except ValueError as error:  # a dataclass may check itself
        raise Misfit(f"is wrong: {error}") from error


def _record(value: dict[str, Any], kind: Any, needed: Iterable[str]) -> dict[str, Any]:
    missing = set(needed) - value.keys()
    if missing:
        raise Misfit(f"has no {min(missing)}")
    hints = _hints(kind)
    return _each({n: v for n, v in value.items() if n in hints}, hints.__getitem__)


def _each(values: dict[Any, Any], kind_of: Callable[[Any], Any]) -> dict[Any, Any]:
    made = {}
    for name, value in values.items():
        try:
            made[name] = conform(value, kind_of(name))
        except Misfit as error:
            here = f"[{name}]" if isinstance(name, int) else f".{shown(name, quoted=False)}"
            raise Misfit(error.reason, here + error.place) from None
    return made


def _wrong(value: Any, wanted: str) -> Misfit:
    return Misfit(f"must be {wanted}, but is {shown(value)}")


def _name_of(kind: Any) -> str:
    words: dict[Any, str] = {
        int: "a whole number",
        float: "a number",
        str: "text",
        bool: "true or false",
        dict: "an object",
        list: "a list",
        type(None): "nothing",
    }
    return words.get(get_origin(kind) or kind) or str(getattr(kind, "__name__", kind))
