"""The order of an array's axes: the documented one, the only possible one, or one that is named."""

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

from charon.errors import DataError

DOCUMENTED = {5: "NCTVM", 4: "NCTV"}
"""Orders by number of axes: N clip, C channel, T frame, V joint, M body."""

RAGGED = {4: "TCVM", 3: "TCV"}
"""Axes where the frames of all clips lie one after the other, in any order after the first."""


class Known(NamedTuple):
    """What is known of an array beside its shape."""

    num_clips: int
    longest: int | None  # frames of the longest clip
    num_frames: int | None  # frames of all clips
    num_joints: int | None


def find_axes(shape: tuple[int, ...], known: Known, wanted: str, where: str) -> tuple[str, str]:
    """Return the order of the axes of coordinates of up to two bodies, and a note on it.

    An order is possible if clips (or all frames) come first, there are 2 or 3 channels, 1 or 2
    bodies, and all that is known fits. The documented order is taken where it is possible, else
    another if it alone is. ``wanted``, unless it is ``auto``, is taken instead, with clips
    anywhere and any number of bodies.

    Returns:
        A letter for each axis, and how it was found, empty for the documented order.

    Raises:
        DataError: no order is possible, several are, or ``wanted`` is not.
    """
    is_ragged = shape[0] == known.num_frames != known.num_clips
    letters = (RAGGED if is_ragged else DOCUMENTED).get(len(shape))
    if letters is None:
        raise _unreadable(shape, known, where)
    if wanted != "auto":
        return _check_wanted(wanted, letters, shape, known, where), ""
    if not is_ragged and _is_possible(letters, shape, known, most_bodies=2):
        return letters, ""
    possible = list(_possible(letters, shape, known))
    if not is_ragged and _is_possible(letters, shape, known, most_bodies=max(shape)):
        possible = [letters, *possible]
    if len(possible) == 1:
        order = possible[0]
        alone = f"the axes of {shape} are read as {order}, the only order that is possible"
        return order, "" if order == letters and not is_ragged else alone
    if not possible:
        raise _unreadable(shape, known, where)
    shown = ", ".join(possible[:4]) + (", ..." if len(possible) > 4 else "")
    raise DataError(
        f"{where} has shape {shape}, whose axes can be read as {shown} (N clip, C channel, "
        f"T frame, V joint, M body); say which, as in --set data.axes={possible[0]}."
    )


def _possible(letters: str, shape: tuple[int, ...], known: Known) -> Iterator[str]:
    for order in permutations(letters):
        # Clips that are not the first axis are never guessed: a set may have as many joints.
        if order[0] == letters[0] and _is_possible("".join(order), shape, known, 2):
            yield "".join(order)


def _is_possible(order: str, shape: tuple[int, ...], known: Known, most_bodies: int) -> bool:
    size = dict(zip(order, shape, strict=True))
    return (
        size["C"] in (2, 3)
        and 1 <= size.get("M", 1) <= most_bodies
        and size.get("N", known.num_clips) == known.num_clips
        and known.num_joints in (None, size["V"])
        and ("N" not in size or known.longest is None or size["T"] >= known.longest)
    )


def _check_wanted(
    wanted: str, letters: str, shape: tuple[int, ...], known: Known, where: str
) -> str:
    if sorted(wanted) != sorted(letters) or (letters[0] == "T" and wanted[0] != "T"):
        first = ", T first," if letters[0] == "T" else ""
        raise DataError(
            f"{where} has {len(shape)} axes, so data.axes must be an order of the letters {letters}"
            f"{first} but it is {wanted!r}."
        )
    if not _is_possible(wanted, shape, known, most_bodies=max(shape)):
        size = ", ".join(f"{letter} {count}" for letter, count in zip(wanted, shape, strict=True))
        raise DataError(
            f"{where} cannot have the axes {wanted} ({size}): there must be 2 or 3 channels C, "
            f"{known.num_clips} clips N, and frames T for the longest clip."
        )
    return wanted


def _unreadable(shape: tuple[int, ...], known: Known, where: str) -> DataError:
    return DataError(
        f"{where} must be float32 (clip, channel, frame, joint, body), of {known.num_clips} clips "
        "as there are labels, with 2 or 3 channels, or have the frames of all clips one after the "
        f"other, but its shape is {shape}."
    )
