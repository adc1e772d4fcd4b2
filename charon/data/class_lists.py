"""Lists of classes, by number or name: on a command line, in a declaration, or in a text file."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from charon.data.source import Description
from charon.errors import ConfigError

ClassList = str | tuple[int, ...]
"""Labels from 0, or words between commas (semicolons, where a name has a comma)."""

HOW = (
    "labels from 0, names, or NTU's A1, A2, ..., with commas between them (semicolons, where a "
    "name has a comma)"
)

FILE_ENDING = ".txt"


def in_full(given: ClassList) -> ClassList:
    """Return the list that a text file holds, one class a line; all else as it is.

    What names no file with the ending ``.txt`` is no file. Empty lines are skipped.

    Raises:
        ConfigError: the file cannot be read, or is empty.
    """
    if not isinstance(given, str) or not given.endswith(FILE_ENDING):
        return given
    try:
        text = Path(given).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"The list of classes {given} cannot be read ({reason}).") from error
    lines = [line.strip() for line in text.splitlines()]
    words = [line.rstrip(",;") for line in lines if line]
    if not words:
        raise ConfigError(f"The list of classes {given} is empty; write one class a line.")
    if len(words) == 1:
        return words[0] if re.search("[,;]", words[0]) else f"{words[0]},"
    return (";" if any("," in word for word in words) else ",").join(words)


def is_list(given: ClassList) -> bool:
    """Whether it lists classes; names of orders and ``present`` do not."""
    return isinstance(given, tuple) or "," in given or ";" in given


def labels_of(given: ClassList, about: Description, field: str) -> tuple[int, ...]:
    """Return the labels of listed classes, in the order of the list.

    Raises:
        ConfigError: a class is unknown or listed twice; ``field`` is named.
    """
    labels = tuple(_label(word, about, field) for word in _words(given))
    twice = [label for label, number in Counter(labels).items() if number > 1]
    if twice:
        raise ConfigError(f"{field} lists class {_named(twice[0], about)} twice; list it once.")
    return labels


def check_complete(labels: Sequence[int], classes: Sequence[int], about: Description) -> None:
    """Raise a ConfigError unless an order has every one of ``classes``, and no other."""
    missing = [label for label in classes if label not in set(labels)]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ConfigError(
            f"class_order lists {len(labels)} classes, but there are {len(classes)}: it lacks "
            f"class {_named(missing[0], about)}{more}; add them, or choose classes with "
            "data.classes."
        )
    other = [label for label in labels if label not in set(classes)]
    if other:
        raise ConfigError(
            f"class_order lists class {_named(other[0], about)}, which is not in this stream; "
            "leave it out."
        )


def _words(given: ClassList) -> list[str]:
    if isinstance(given, tuple):
        return [str(label) for label in given]
    words = given.split(";" if ";" in given else ",")
    return [word.strip() for word in words if word.strip()]


def _label(word: str, about: Description, field: str) -> int:
    names = [name.casefold() for name in about.class_names]
    if word.casefold() in names:
        return names.index(word.casefold())
    action = re.fullmatch(r"[Aa](\d+)", word) if about.is_ntu else None
    label = int(action[1]) - 1 if action else int(word) if word.isdecimal() else -1
    if not 0 <= label < len(names):
        raise ConfigError(
            f"{field} lists `{word}`, which is no class of {about.name}; its {len(names)} classes "
            f"are named by {HOW}, such as 0 or `{about.class_names[0]}`."
        )
    return label


def _named(label: int, about: Description) -> str:
    return f"{label} ({about.class_names[label]})"
