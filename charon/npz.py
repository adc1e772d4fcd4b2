"""A reader of .npz arrays, the large ones a slab of rows at a time; nothing is unpickled."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from charon.errors import DataError
from charon.files import reading_from, reason_of
from charon.text import printable, shown
from charon.zips import open_member, open_zip

# Large enough for the disk, small enough to hold a few in memory.
_SLAB_BYTES = 32 * 2**20
# Of a row, a clip: ten hours of two bodies of 25 joints. Rows come out of the file whole.
_MOST_ROW_BYTES = 512 * 2**20
_MOST_BYTES = 2**30
"""Of an array that is read whole."""
# Bytes unpacked at once: they stay in the processor's cache until they are copied.
_PIECE_BYTES = 2**20


_MOST_HEADER_BYTES = 10_000
_PART = re.compile(
    r"'descr':\s*'(?P<descr>[^']{1,20})'"
    r"|'fortran_order':\s*(?P<fortran>True|False)"
    r"|'shape':\s*\((?P<shape>\s*|(?:\s*[0-9]{1,18}L?\s*,)+(?:\s*[0-9]{1,18}L?\s*)?)\)"
)
"""Of a header; Python 2 wrote whole numbers with an L."""


class ArrayHeader(NamedTuple):
    """Shape and type of an array in the file."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]


class NpzReader:
    """An open .npz; ``remedy`` ends what is said of a damaged one.

    Raises:
        DataError: from every method: the file is truncated or no .npz, the array is missing,
            or it holds Python objects. The message names the file and the array.
    """

    def __init__(self, path: Path, remedy: str = "copy or make it again") -> None:
        self.path, self._remedy = path, remedy
        try:
            self._zip = open_zip(path)
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
        except Exception as error:  # zipfile raises whatever a damaged directory leads to
            raise DataError(
                f"{path} is not an .npz, or it is truncated or damaged ({reason_of(error)}); "
                f"{remedy}."
            ) from error
        self.keys = {n.removesuffix(".npy") for n in self._zip.namelist() if n.endswith(".npy")}
        self.close = self._zip.close

    def header(self, key: str) -> ArrayHeader:
        """Return shape and type of an array."""
        with self._opened(key) as (header, _):
            return header

    def wrong(self, key: str, wanted: str) -> DataError:
        """Return the error for an array that has not the type or shape wanted."""
        header = self.header(key)
        return DataError(
            f"{self.path}: `{key}` must be {wanted}, but it is {header.dtype} {header.shape}."
        )

    def read(self, key: str) -> NDArray[Any]:
        """Return a whole array; for ids, labels and names, at most 1 GiB."""
        with self._opened(key) as ((shape, is_fortran, dtype), member):
            num_bytes = prod(shape) * dtype.itemsize
            if num_bytes > _MOST_BYTES:
                raise DataError(f"{self.path}: `{key}` has shape {shape}, which is too large.")
            data = member.read(num_bytes)
            if len(data) < num_bytes:
                raise EOFError("it ends too early")
            return np.ndarray(shape, dtype, data, order="F" if is_fortran else "C")

    def slabs(self, key: str) -> Iterator[NDArray[Any]]:
        """Yield the array's rows in order, about 32 MiB at a time."""
        with self._opened(key) as ((shape, is_fortran, dtype), member):
            if is_fortran:
                raise DataError(
                    f"{self.path}: `{key}` is stored column by column; save it again with "
                    "numpy.ascontiguousarray."
                )
            num_rows, *row = shape
            row_bytes = prod(row) * dtype.itemsize
            if row_bytes > _MOST_ROW_BYTES:
                raise DataError(f"{self.path}: `{key}` has rows of {row}, which are too large.")
            step = max(1, _SLAB_BYTES // max(1, row_bytes))
            for start in range(0, num_rows, step):
                slab = np.empty((min(step, num_rows - start), *row), dtype)
                view = memoryview(slab.reshape(-1).view(np.uint8).data)
                while view:
                    data = member.read(min(len(view), _PIECE_BYTES))
                    if not data:
                        raise EOFError("it ends too early")
                    view[: len(data)] = data
                    view = view[len(data) :]
                yield slab

    @contextmanager
    def _opened(self, key: str) -> Iterator[tuple[ArrayHeader, IO[bytes]]]:
        if key not in self.keys:
            known = ", ".join(map(printable, sorted(self.keys))) or "nothing"
            raise DataError(f"{self.path} has no array `{key}`; it has: {known}.")
        with reading_from(f"{self.path}: `{key}`", self._remedy, DataError):
            member, num_bytes = open_member(self._zip, f"{key}.npy")
            with member:
                yield self._read_header(key, member, num_bytes), member

    def _read_header(self, key: str, member: IO[bytes], num_bytes: int) -> ArrayHeader:
        header = _read_header(member, num_bytes)
        if header.dtype.hasobject:
            raise DataError(
                f"{self.path}: `{key}` holds Python objects, which can carry code and are not "
                "read; save it as a plain array of numbers or text."
            )
        return header


def map_npy(path: Path) -> NDArray[Any]:
    """Return the array of an .npy file, memory-mapped and read-only.

    Raises:
        OSError: it cannot be read.
        Exception: it is damaged, or holds no numbers.
    """
    with path.open("rb") as file:
        shape, is_fortran, dtype = _read_header(file, path.stat().st_size)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        order: Literal["F", "C"] = "F" if is_fortran else "C"
        return np.memmap(path, dtype, "r", offset=file.tell(), shape=shape, order=order)


def _read_header(file: IO[bytes], num_bytes: int) -> ArrayHeader:
    """Return the header of an array in a file of so many bytes, all of which it describes."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its format {version} is not known")
    width = 2 if version == (1, 0) else 4
    length = int.from_bytes(file.read(width), "little")
    header = _parse_header(file.read(min(length, _MOST_HEADER_BYTES)).decode("latin1"))
    if header.dtype.hasobject:
        return header
    if header.dtype.kind not in "biufcSU" or not header.dtype.itemsize:
        raise ValueError(f"its type {header.dtype} is not that of a number or of text")
    there = num_bytes - file.tell()
    if prod(header.shape) * header.dtype.itemsize != there:
        raise ValueError(
            f"it says that it has the shape {shown(header.shape)} of {header.dtype}, but "
            f"{there:,} bytes follow"
        )
    return header


def _parse_header(text: str) -> ArrayHeader:
    """Return what a header says, without taking it for a Python expression, as numpy does.

    Raises:
        ValueError, TypeError: it is no header, or its type is not known.
    """
    found: dict[str, str] = {}
    for match in _PART.finditer(text):
        found |= {name: part for name, part in match.groupdict().items() if part is not None}
    if found.keys() != {"descr", "fortran", "shape"} or _PART.sub("", text).strip(" {},\n"):
        raise ValueError(f"its header is {shown(text)}")
    shape = tuple(int(size) for size in re.findall("[0-9]+", found["shape"]))
    return ArrayHeader(shape, found["fortran"] == "True", np.dtype(found["descr"]))
