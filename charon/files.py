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
from charon.text import first_line, printable

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


MOST_JSON_BYTES = 64 * 2**20
"""Of a JSON file; parsed, it takes up to thirty times as much memory."""


def parse_json(text: str | bytes) -> Any:
    """Return what JSON text holds.

    Raises:
        ValueError: it is not JSON, is nested too deep, or holds half a character.
    """
    if isinstance(text, bytes):
        text = text.decode()
    try:
        content = json.loads(text)
        if "\\u" in text:  # by which JSON can name half a character, which cannot be printed
            json.dumps(content, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return content


def read_json(path: Path) -> Any:
    """Return what a JSON file of at most 64 MiB holds.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not JSON, is nested too deep, or is too large.
    """
    with path.open("rb") as file:
        data = file.read(MOST_JSON_BYTES + 1)
    if len(data) > MOST_JSON_BYTES:
        raise ValueError(f"it has more than {MOST_JSON_BYTES // 2**20} MiB")
    return parse_json(data)


@contextmanager
def reading_from(what: object, remedy: str, kind: type[CharonError]) -> Iterator[None]:
    """Raise an error of this kind for whatever the block raises while it reads ``what``.

    This is the boundary of a reader: parsers meet damaged files with errors of any class. The
    sentence names ``what`` and the reason, and ends in ``remedy``.
    """
    try:
        yield
    except kind:
        raise
    except OSError as error:
        problem = f"cannot be read ({error.strerror or first_line(error)})"
        raise kind(f"{what} {problem}; {remedy}.") from error
    except Exception as error:
        raise kind(f"{what} is truncated or damaged ({reason_of(error)}); {remedy}.") from error


def reason_of(error: BaseException) -> str:
    """Return why a parser failed, in a clause: what it said, short, or else what it raised."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, MemoryError):
        return "it asks for too much memory"
    said = printable(first_line(error))[:200].rstrip()
    # Alone, the key of a KeyError says nothing.
    return f"{type(error).__name__}: {said}" if isinstance(error, LookupError) else said


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
