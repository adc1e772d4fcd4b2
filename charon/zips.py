"""Members of zip files, of which no claim about sizes is believed."""

import errno
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

_MOST_DEFLATED = 1032
"""Bytes that a packed byte can hold at most.

Source: zlib's technical notes, "maximum compression factor".
"""


def open_zip(path: Path) -> ZipFile:
    """Open a zip for reading.

    Raises:
        OSError: it cannot be read, or is no file.
        Exception: it is damaged; the standard library raises many kinds.
    """
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return ZipFile(path)


def open_member(archive: ZipFile, name: str) -> tuple[IO[bytes], int]:
    """Open a member for reading; return it with the number of its bytes once they are unpacked.

    Nothing is unpacked before it is read, and then no more than is asked for. The number is one
    that the file can hold: at most some thousand times what the member takes in it.

    Raises:
        ValueError: the member is encrypted, packed in a way that cannot be bounded, or says that
            it has more bytes than it can hold.
        Exception: it is damaged; the standard library raises many kinds.
    """
    member = archive.getinfo(name)
    if member.flag_bits & 1:
        raise ValueError("it is encrypted")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        # bz2 and LZMA unpack whole blocks at once, however large they are.
        raise ValueError("it is packed in another way than deflate")
    times = 1 if member.compress_type == ZIP_STORED else _MOST_DEFLATED
    there = archive.fp.seek(0, 2) if archive.fp else 0
    if member.file_size > times * min(member.compress_size, there):
        raise ValueError(f"it says that it has {member.file_size:,} bytes, which it cannot hold")
    return archive.open(member), member.file_size
