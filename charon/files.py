"""Files that are written wholly or not at all."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the name ``path`` when the block ends without an error.

    Until then, and after an error, ``path`` is what it was before.

    Raises:
        OSError: the folder cannot be written, or has no space left.
    """
    # Processes of two machines may have the same number.
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8, wholly or not at all."""
    with whole_file(path) as file:
        file.write(text.encode())


def is_full(error: OSError) -> bool:
    """Whether something could not be written because there was no space left for it."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
