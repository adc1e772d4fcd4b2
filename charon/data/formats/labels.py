"""Labels of clips as files have them: from 0 or 1, with gaps, one-hot, or as text."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from charon.errors import DataError

_LARGEST = int(np.iinfo(np.int16).max)


class Labels(NamedTuple):
    """The class of every clip, numbered from 0 without gaps."""

    label: NDArray[np.int64]  # (clip,)
    class_names: tuple[str, ...]
    note: str  # how they were converted, in a sentence without its full stop; often empty


def read_labels(
    values: NDArray[Any], where: str, class_names: Sequence[str] | None = None
) -> Labels:
    """Return the labels that an array holds; ``where`` is how errors name it.

    Args:
        values: whole numbers (clip,), of any type; text (clip,); or one-hot (clip, class).
        where: the file and the array.
        class_names: of the numbers from 0, or from 1 where that is the only way to read them, or
            in their order. Without them, classes are called by their text or ``class 5``, with
            their number in the file.

    Raises:
        DataError: the array is of another kind, a number is negative, or has no name; or numbers
            may count from 0 as well as from 1.
    """
    if not values.size:
        raise DataError(f"{where} is empty.")
    if values.ndim == 2 and values.shape[1] > 1:
        return _one_hot(values, where, class_names)
    if values.ndim == 2:
        values = values[:, 0]
    if values.ndim == 1 and values.dtype.kind in "US":
        return _text(values.astype(np.str_), where, class_names)
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise DataError(
            f"{where} must be whole numbers or text (clip,), or one-hot (clip, class), but it is "
            f"{values.dtype} {values.shape}."
        )
    return _numbers(whole_numbers(values, where, 0, _LARGEST), where, class_names)


def whole_numbers(
    values: NDArray[Any], where: str, smallest: int, largest: int
) -> NDArray[np.int64]:
    """Return whole numbers, which may be stored as floats.

    Raises:
        DataError: a number is no whole number, or out of range.
    """
    wrong = np.flatnonzero(~((values >= smallest) & (values <= largest) & (values % 1 == 0)))
    if len(wrong):
        raise DataError(
            f"{where} must be from {smallest} to {largest}, but entry {wrong[0]} is "
            f"{values[wrong[0]]}."
        )
    return values.astype(np.int64)


def _one_hot(values: NDArray[Any], where: str, class_names: Sequence[str] | None) -> Labels:
    is_right = np.zeros(len(values), np.bool_)
    if values.dtype.kind in "iufb":
        is_right = ((values == 0) | (values == 1)).all(axis=1) & (values.sum(axis=1) == 1)
    if not is_right.all():
        row = int(np.argmin(is_right))
        raise DataError(f"{where}: row {row} is not one-hot, as a (clip, class) array must be.")
    if class_names is not None and len(class_names) != values.shape[1]:
        raise DataError(
            f"{where} is one-hot with {values.shape[1]} classes, but there are "
            f"{len(class_names)} class names."
        )
    names = class_names or [f"class {number}" for number in range(values.shape[1])]
    label, kept, note = _without_gaps(values.argmax(axis=1), names)
    return Labels(
        label, kept, "; ".join(["one-hot rows are read as numbers", *filter(None, [note])])
    )


def _text(values: NDArray[np.str_], where: str, class_names: Sequence[str] | None) -> Labels:
    present = sorted(set(values.tolist()))
    names = list(class_names or present)
    for name in present:
        if name not in names:
            raise DataError(f"{where} has the class {name!r}, which is none of the class names.")
    number = {name: index for index, name in enumerate(names)}
    label, kept, note = _without_gaps(np.array([number[name] for name in values.tolist()]), names)
    said = "text is read as class names" + ("" if class_names else ", in alphabetical order")
    return Labels(label, kept, "; ".join([said, *filter(None, [note])]))


def _numbers(values: NDArray[np.int64], where: str, class_names: Sequence[str] | None) -> Labels:
    first, last = int(values.min()), int(values.max())
    if class_names is None:
        present, label = np.unique(values, return_inverse=True)
        names = tuple(f"class {number}" for number in present.tolist())
        note = ""
        if len(present) != last + 1:
            note = (
                f"{len(present)} classes with numbers from {first} to {last} are numbered from 0 "
                "without gaps, and keep their number in their name"
            )
        return Labels(label.astype(np.int64), names, note)
    count = len(class_names)
    if last > count or (last == count and first == 0):
        row = int(np.argmax(values >= count))
        raise DataError(
            f"{where} must be from 0 to {count - 1}, a number for each of the {count} class "
            f"names, but row {row} has {values[row]}."
        )
    if first > 0 and last < count:
        raise DataError(
            f"{where} is from {first} to {last}, which may count the {count} class names from 0 or "
            "from 1; leave out the names of classes without a clip, or the class names."
        )
    label, kept, note = _without_gaps(values - (last == count), class_names)
    counted = [f"numbers from {first} to {last} count from 1"] if last == count else []
    return Labels(label, kept, "; ".join([*counted, *filter(None, [note])]))


def _without_gaps(
    label: NDArray[Any], names: Sequence[str]
) -> tuple[NDArray[np.int64], tuple[str, ...], str]:
    """Return labels and names of the classes that have a clip, and what was left out."""
    present, label = np.unique(label, return_inverse=True)
    missing = sorted(set(range(len(names))) - set(present.tolist()))
    note = ""
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        note = f"{names[missing[0]]}{more} of {len(names)} classes left out, for lack of a clip"
    return label.astype(np.int64), tuple(names[index] for index in present.tolist()), note
