"""Files that are written wholly or not at all: text, JSON, CSV."""

import csv
import errno
import io
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from charon.errors import CharonError

_PARTIAL = re.compile(r"\..+\.\d+-[0-9a-f]{8}")

STUDY_VERSION = 4
"""Of the files that a study leaves; code of another version neither resumes nor reads them."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the name ``path`` when the block ends without an error.

    Until then, and after an error, ``path`` is what it was before.

    Raises:
        OSError: the folder cannot be written, or has no space left.
    """
    # Processes of two machines may have the same number; _PARTIAL knows such names.
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def remove_partial_files(folder: Path) -> None:
    """Remove what killed processes left of files that they wrote below ``folder``.

    Who calls must be the only one to write there.
    """
    for path in list(folder.rglob(".*")):
        if _PARTIAL.fullmatch(path.name):
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, wholly or not at all."""
    with whole_file(path) as file:
        file.write(text.encode())


def write_json(path: Path, content: object) -> None:
    """Write a JSON file, wholly or not at all.

    Raises:
        ValueError: a number is not finite.
        OSError: the folder cannot be written, or has no space left.
    """
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not JSON.
    """
    return json.loads(path.read_text(encoding="utf-8"))


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_csv(path: Path, header: Sequence[object], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as a CSV file, wholly or not at all."""
    write_text(path, csv_text([header, *rows]))


def is_full(error: OSError) -> bool:
    """Whether something could not be written because there was no space left for it."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def writing_to(what: object, remedy: str, kind: type[CharonError] = CharonError) -> Iterator[None]:
    """Raise an error of this kind if the block cannot write ``what``, which ends in ``remedy``."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            problem = "has no space left; free some, or"
        else:
            problem = f"cannot be written ({error.strerror or error});"
        raise kind(f"{what} {problem} {remedy}.") from error
