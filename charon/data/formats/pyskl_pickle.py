"""PYSKL's and MMAction2's pickles of annotations, and a reader of pickles that runs no code.

A pickle is a program: this unpickler builds plain containers, and arrays of numbers or text
from checked types, shapes and bytes; it refuses whatever asks for anything else before it gets
it. numpy's unpickling would believe the file: a wrong type there crashes the process.
"""

import errno
import mmap
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from charon.data.formats.pyskl_clips import AnyClips, Choice, NtuClips
from charon.data.source import Description, Format, Scores, SourceClip, SourceFile, Unreadable
from charon.errors import DataError
from charon.files import reason_of
from charon.pickles import check_pickle

# Booleans, integers, floats, and text and bytes of bounded length; no Python objects.
_DTYPE_NAME = re.compile(r"b1|[iu][1248]|f[248]|[US][1-9]\d{0,3}")


class _Call(NamedTuple):
    """A function that a pickle may call, without attributes that the pickle could set."""

    function: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


class _DType:
    """A type of numbers or text, which takes only the state that numpy gives it."""

    __slots__ = ("dtype", "name")

    def __init__(self, name: str, *_: Any) -> None:
        if not _DTYPE_NAME.fullmatch(name):
            raise pickle.UnpicklingError(f"it has an array of the type {name[:20]!r}")
        self.name = name

    def __setstate__(self, state: Any) -> None:
        dtype = np.dtype(self.name).newbyteorder(state[1])
        if state != dtype.__reduce__()[2]:
            raise pickle.UnpicklingError(f"it has a type {self.name} that is not numpy's")
        self.dtype = dtype


class _Array(np.ndarray[Any, Any]):
    """An array, empty until it takes a checked state."""

    def __new__(cls, *_: Any) -> Self:
        return super().__new__(cls, 0)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, is_fortran, data = state
        array: Any = _array(data, dtype, shape, "F" if is_fortran else "C")
        super().__setstate__(array.__reduce__()[2])


def _array(
    data: bytes | bytearray, dtype: _DType, shape: tuple[int, ...], order: Literal["C", "F"]
) -> NDArray[Any]:
    if not isinstance(data, bytes | bytearray):
        raise pickle.UnpicklingError("it has an array that is not made of bytes")
    array: NDArray[Any] = np.ndarray(shape, dtype.dtype, bytes(data), order=order)
    if array.nbytes != len(data):
        raise pickle.UnpicklingError(f"it has {len(data)} bytes for an array {array.shape}")
    return array


def _scalar(dtype: _DType, data: bytes) -> Any:
    return _array(data, dtype, (), "C")[()]


def _latin1(text: str, encoding: str) -> bytes:
    """Do what ``_codecs.encode`` does, by which old protocols write bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it has text in the encoding {encoding}")
    return text.encode("latin-1")


def _bytes_of(kind: type[bytes] | type[bytearray]) -> Callable[..., bytes | bytearray]:
    def make(data: Any = b"", encoding: str = "latin1") -> bytes | bytearray:
        if isinstance(data, str):
            data = _latin1(data, encoding.replace("-", ""))
        if not isinstance(data, bytes):  # of a number there would be so many
            raise pickle.UnpicklingError("it has bytes that are not made of bytes")
        return kind(data)

    return make


class _Maker:
    """Makes sets and ordered dictionaries of a file, of no more items than that can have."""

    def __init__(self, most_items: int) -> None:
        self.left = most_items

    def make(self, kind: Callable[..., Any], items: Any = ()) -> Any:
        """Return a collection of a list of numbers and text, or of pairs that begin with these."""
        if not isinstance(items, list | tuple):
            raise pickle.UnpicklingError("it has a collection that is not made of a list")
        self.left -= len(items)
        if self.left < 0:
            raise pickle.UnpicklingError("it copies a list so often that reading would not end")
        keys = [item[0] for item in items] if kind is OrderedDict else items
        if not all(isinstance(key, str | bytes | int | float | np.generic) for key in keys):
            raise pickle.UnpicklingError("it has a collection of others than numbers and text")
        return kind(items)


# The names that pickles of numpy have; its core was `numpy.core` before numpy 2.
_ALLOWED: dict[str, Any] = {
    "numpy.ndarray": _Call(_Array),
    "numpy.dtype": _Call(_DType),
    "_codecs.encode": _Call(_latin1),
}
for _core in ("numpy.core", "numpy._core"):
    _ALLOWED[f"{_core}.multiarray._reconstruct"] = _Call(_Array)
    _ALLOWED[f"{_core}.multiarray.scalar"] = _Call(_scalar)
    _ALLOWED[f"{_core}.numeric._frombuffer"] = _Call(_array)
_COLLECTIONS: dict[str, Callable[..., Any]] = {"collections.OrderedDict": OrderedDict}
# Protocols 0 to 2 use Python 2's name of the built-ins.
for _module in ("builtins", "__builtin__"):
    for _kind in (bytes, bytearray):
        _ALLOWED[f"{_module}.{_kind.__name__}"] = _Call(_bytes_of(_kind))
    for _collection in (set, frozenset):
        _COLLECTIONS[f"{_module}.{_collection.__name__}"] = _collection


class _Refused(pickle.UnpicklingError):
    """The pickle asks for a name that is not allowed."""


class _ArrayUnpickler(pickle.Unpickler):
    def __init__(self, file: Any, maker: _Maker) -> None:
        super().__init__(file)
        self._maker = maker

    def find_class(self, module: str, name: str) -> Any:
        asked = f"{module}.{name}"
        if asked in _COLLECTIONS:
            return _Call(partial(self._maker.make, _COLLECTIONS[asked]))
        try:
            return _ALLOWED[asked]
        except KeyError:
            raise _Refused(asked) from None


def read_plain_pickle(path: Path) -> Any:
    """Return the arrays and plain containers in a pickle.

    Raises:
        DataError: the file holds anything else, none of which is run, or cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is no file")
        # Mapped: what asks for more bytes than there are gets those that there are.
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            check_pickle(data)
            data.seek(0)
            return _ArrayUnpickler(data, _Maker(len(data))).load()
    except _Refused as error:
        raise DataError(
            f"{path} carries code (it asks for `{error}`) and was refused; nothing of it was run. "
            "Only numpy arrays, numbers, text, lists and dictionaries are read."
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    except Exception as error:
        # A damaged pickle is a random program, which can stumble in any way.
        raise DataError(
            f"{path} is no pickle, or it is truncated or damaged "
            f"({reason_of(error)}); copy it again."
        ) from error


class PysklPickle(SourceFile):
    """A file of PYSKL or MMAction2: a dictionary of ``split`` and ``annotations``, or a list.

    Source: PYSKL, tools/data/README.md. Files of NTU RGB+D in 3-D are read by
    :class:`~charon.data.formats.pyskl_clips.NtuClips`, all others by
    :class:`~charon.data.formats.pyskl_clips.AnyClips`. The arguments are those of
    :class:`charon.data.source.Reading`. Every conversion is a note.

    Raises:
        DataError: the file cannot be read, carries code, or an annotation is wrong.
    """

    kind = "pyskl pickle"

    def __init__(
        self,
        path: Path,
        *,
        split: str = "auto",
        scores: Scores = "threshold",
        min_score: float = Choice().min_score,
    ) -> None:
        super().__init__(path)
        self._choice = Choice(split, scores, min_score)

    @property
    def description(self) -> Description:
        """What all clips have in common."""
        return self._set.description

    def identity(self) -> str:
        """Return a string that changes with the file's path, size or time, or with a choice."""
        chosen = "" if self._choice == Choice() else f" {self._choice}"
        return super().identity() + chosen

    def notes(self) -> Sequence[str]:
        """Return every conversion in a sentence."""
        return self._set.notes

    def __len__(self) -> int:
        return len(self._set)

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every clip in the file's order; too little is left to do for ``workers``."""
        yield from self._set.clips()

    @cached_property
    def _set(self) -> NtuClips | AnyClips:
        content = read_plain_pickle(self._path)
        if isinstance(content, list) and content and isinstance(content[0], dict):
            content = {"annotations": content}  # what custom_2d_skeleton.py writes
        # Not `content.get`: an ordered dictionary of a file may have attributes of any name.
        has_names = isinstance(content, dict)
        annotations = dict.get(content, "annotations") if has_names else None
        if not isinstance(annotations, list):
            raise DataError(
                f"{self._path} has no list `annotations`; make it again with PYSKL, or download it "
                "from its authors."
            )
        kind = NtuClips if NtuClips.takes(annotations) else AnyClips
        return kind(self._path, annotations, dict.get(content, "split"), self._choice)


FORMAT = Format(
    takes="a .pkl of PYSKL or MMAction2",
    open=PysklPickle,
    recognises=lambda path: path.suffix.lower() == ".pkl",
    options=("split", "scores", "min_score"),
)
