"""A check of a pickle's program before it is run: its work, memory and depth are bounded.

A pickle is a program for a stack machine that builds values. A short one can hash a tuple that
holds itself twice, fifty times over, which takes years; hash one that is nested a million deep,
which overflows the C stack; or give a place in its memo that makes room for billions.
"""

import pickletools
from collections.abc import Collection
from pickle import UnpicklingError
from typing import Any, Protocol, cast

_MOST_DEEP = 100
_LARGEST = 2**64  # whole numbers that hash alike are rare below it
_MOST_HASHED = 100
"""Values hashed for each opcode on average; a pickler's are a few."""

_PUTS = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")
_GETS = ("GET", "BINGET", "LONG_BINGET")
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_CALLS = {"REDUCE": 2, "NEWOBJ": 2, "NEWOBJ_EX": 3}
_OLD_CALLS = ("INST", "OBJ")  # of Python 2's classes
_NUMBERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4")
_NAMING = ("GLOBAL", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4")
_NOTHING = ("PROTO", "FRAME", "STOP")


class Readable(Protocol):
    """Where a pickle is read from."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; fewer at the end."""

    def readline(self) -> bytes:
        """Return the bytes up to the next line's end."""


class _Value:
    """What is known of a value: how many values are hashed with it, its depth, its name."""

    __slots__ = ("depth", "hashed", "name")

    def __init__(self, *parts: "_Value", is_hashable: bool = True, name: str = "") -> None:
        self.hashed: int = 1 + sum([part.hashed for part in parts]) if is_hashable else 1
        self.depth: int = 1 + max([part.depth for part in parts], default=-1)
        self.name = name
        if self.depth > _MOST_DEEP:
            raise UnpicklingError(f"it is nested more than {_MOST_DEEP} deep")

    def take(self, parts: "list[_Value]") -> None:
        """Put parts into it; they are not hashed with it, for what can change has no hash."""
        self.depth = max(self.depth, _Value(*parts, is_hashable=False).depth)


def check_pickle(file: Readable, names: Collection[str] | None = None) -> None:
    """Read a pickle's opcodes up to the last, without running them.

    Args:
        file: at the pickle's beginning.
        names: of modules and what they hold, joined by a space, that it may ask for; None for
            any, where the unpickler decides.

    Raises:
        UnpicklingError: it asks for another name, is nested too deep, hashes too much, or has a
            place in its memo or a number that no pickler gives.
        Exception: it is damaged.
    """
    stack: list[_Value] = []
    marks: list[int] = []
    memo: dict[int, _Value] = {}
    work = 0

    def above_mark() -> list[_Value]:
        start = marks.pop()
        parts = stack[start:]
        del stack[start:]
        return parts

    def popped(number: int) -> list[_Value]:
        if len(stack) < number:
            raise UnpicklingError("it takes what it has not put down")
        parts = stack[len(stack) - number :]
        del stack[len(stack) - number :]
        return parts

    opcodes: Any = pickletools.genops(cast(Any, file))
    for count, (opcode, argument, _) in enumerate(opcodes, start=1):
        name = opcode.name
        if name in _PUTS:
            place = len(memo) if argument is None else int(argument)
            if place > count:
                # The unpickler would make room for all places before it, and fill it.
                raise UnpicklingError(f"it has the place {place} in its memo")
            memo[place] = stack[-1]
        elif name in _GETS:
            stack.append(memo[int(argument or 0)])
        elif name in _NOTHING:
            pass
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "POP":
            if marks and marks[-1] == len(stack):
                marks.pop()
            else:
                stack.pop()
        elif name == "POP_MARK":
            above_mark()
        elif name == "DUP":
            stack.append(stack[-1])
        elif name in _TUPLES:
            stack.append(_Value(*popped(_TUPLES[name])))
        elif name in ("TUPLE", "FROZENSET"):
            parts = above_mark()
            work += sum(part.hashed for part in parts) if name == "FROZENSET" else 0
            stack.append(_Value(*parts))
        elif name in ("LIST", "DICT"):
            parts = above_mark()
            work += sum(part.hashed for part in parts)
            stack.append(_Value(*parts, is_hashable=False))
        elif name in ("APPEND", "BUILD"):
            parts = popped(1)
            stack[-1].take(parts)
        elif name in ("APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"):
            parts = popped(2) if name == "SETITEM" else above_mark()
            keys = parts[::2] if name.startswith("SET") else parts
            work += sum([key.hashed for key in keys])
            stack[-1].take(parts)
        elif name in _OLD_CALLS:
            raise UnpicklingError("it has an object of Python 2")
        elif name in _CALLS:
            called, *arguments = popped(_CALLS[name])
            if names is not None and called.name.endswith("OrderedDict") and arguments[0].depth:
                raise UnpicklingError("it copies a dictionary")  # as often as it asks for it
            stack.append(_Value(called, *arguments, is_hashable=False))
        else:
            if name in ("PERSID", "BINPERSID", "STACK_GLOBAL"):
                popped(len(opcode.stack_before))
            if names is not None and name in _NAMING and argument not in names:
                raise UnpicklingError(f"it asks for {argument or 'a name that it makes'}")
            if name in _NUMBERS and not -_LARGEST < int(argument or 0) < _LARGEST:
                raise UnpicklingError("it has a whole number of more than 64 bits")
            stack.append(_Value(name=str(argument) if name == "GLOBAL" else ""))
        if work > 1000 + _MOST_HASHED * count:
            raise UnpicklingError("it holds itself so often that reading it would not end")
