"""The split of a set whose file has named lists of clips, such as ``train1`` and ``test1``."""

from pathlib import Path
from typing import Any, NamedTuple

from charon.errors import DataError

_PARTNERS = ("test", "val", "testing", "valid", "validation", "eval", "dev")


class Split(NamedTuple):
    """The clips to train on and to test on, by their names; no clip is in both."""

    name: str  # "train1/test1"
    train: frozenset[str]
    test: frozenset[str]
    note: str  # which was chosen

    def has(self, clip: str) -> bool:
        """Return whether the clip is in a list."""
        return clip in self.train or clip in self.test


def choose_split(lists: Any, wanted: str, path: Path) -> Split | None:
    """Return the split that is wanted, or the first by name; None where there are no lists.

    A list whose name has ``train`` belongs with that of the same name with ``test`` or ``val``
    instead (``xsub_train`` and ``xsub_val``). ``wanted`` is ``auto``, the name of a training list,
    or both names, ``train2/test2``.

    Raises:
        DataError: the lists are of another kind, none is a training list with its test list, or
            a clip is in both; or ``wanted`` is none of them.
    """
    if lists is None or lists == {}:
        if wanted != "auto":
            raise DataError(f"{path} has no split, so leave out data.split.")
        return None
    if not isinstance(lists, dict) or not all(
        isinstance(name, str)
        and isinstance(clips, list | tuple | set)
        and all(isinstance(clip, str) for clip in clips)
        for name, clips in lists.items()
    ):
        raise DataError(f"{path}: `split` must have lists of clip names by the names of the lists.")
    pairs = _pairs(sorted(lists))
    known = ", ".join(f"{train}/{test}" for train, test in pairs.items())
    train, _, test = wanted.partition("/")
    if wanted == "auto":
        train = min(pairs, default="")
    test = test or pairs.get(train, "")
    if train not in lists or test not in lists or train == test:
        what = f"has no split {wanted}" if wanted != "auto" else "has no training and test list"
        remedy = f"choose of {known}" if known else "say which, as data.split=TRAIN/TEST"
        raise DataError(f"{path} {what} among its lists {', '.join(sorted(lists))}; {remedy}.")
    both = sorted(set(lists[train]) & set(lists[test]))
    if both:
        raise DataError(
            f"{path}: clip {both[0]} is in both {train} and {test}; remove it from one."
        )
    note = f"the split is {train}/{test}"
    if len(pairs) > 1:
        note += f" of {known}; data.split chooses another"
    return Split(f"{train}/{test}", frozenset(lists[train]), frozenset(lists[test]), note)


def _pairs(names: list[str]) -> dict[str, str]:
    """Return the test list of each training list."""
    pairs = {}
    for name in names:
        word = "training" if "training" in name else "train"
        others = [name.replace(word, partner) for partner in _PARTNERS]
        found = next((other for other in others if other in names and other != name), None)
        if word in name and found:
            pairs[name] = found
    if not pairs and len(names) == 2 and sum("train" in name for name in names) == 1:
        train, test = sorted(names, key=lambda name: "train" not in name)
        return {train: test}
    return pairs
