"""PYSKL's pickles of NTU RGB+D: ntu60_3danno.pkl and ntu120_3danno.pkl.

A pickle is a program: this unpickler builds plain containers, and arrays of numbers or text
from checked types, shapes and bytes; it refuses whatever asks for anything else before it gets
it. numpy's unpickling would believe the file: a wrong type there crashes the process.
"""

import errno
import mmap
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.actors import prepare_padded
from charon.data.slabs import are_finite
from charon.data.source import Description, Format, SourceClip, SourceFile, Unreadable
from charon.errors import DataError
from charon.files import reason_of
from charon.pickles import check_pickle

_REMEDY = (
    "make it again with PYSKL, or download ntu60_3danno.pkl or ntu120_3danno.pkl from its authors"
)
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
    """A file of PYSKL with 3-D skeletons of NTU RGB+D, in camera coordinates.

    All protocols follow from the clips' NTU names; the split lists, which say the same, are
    not read.

    Raises:
        DataError: the file cannot be read, carries code, or an annotation is wrong.
    """

    kind = "pyskl pickle"

    @property
    def description(self) -> Description:
        """60 classes if no clip's label is above, else 120."""
        num_classes = 120 if any(clip["label"] >= 60 for clip in self._annotations) else 60
        return ntu.description(f"ntu{num_classes}", num_classes)

    def __len__(self) -> int:
        return len(self._annotations)

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every clip in the file's order; too little is left to do for ``workers``."""
        for annotation in self._annotations:
            name, keypoint = annotation["frame_dir"], annotation["keypoint"]
            if not are_finite(keypoint):
                raise DataError(
                    f"{self._path}: clip {name} has a value that is NaN or infinite, or beyond "
                    "1e9; repair or remove that clip."
                )
            num_bodies, num_frames = keypoint.shape[:2]
            x = np.zeros((num_frames, ntu.NUM_BODIES, ntu.NUM_JOINTS, 3), np.float32)
            x[:, :num_bodies] = keypoint.swapaxes(0, 1)
            yield prepare_padded(ntu.parse_name(name).clip(name, x))

    @cached_property
    def _annotations(self) -> list[dict[str, Any]]:
        content = read_plain_pickle(self._path)
        # Not `content.get`: an ordered dictionary of a file may have attributes of any name.
        annotations = dict.get(content, "annotations") if isinstance(content, dict) else None
        if not isinstance(annotations, list):
            raise DataError(f"{self._path} has no list `annotations`; {_REMEDY}.")
        for index, annotation in enumerate(annotations):
            problem = _problem(annotation)
            if problem:
                raise DataError(f"{self._path}: annotation {index} {problem}; {_REMEDY}.")
        return annotations


def _problem(annotation: Any) -> str:
    """Return what is wrong with an annotation, or nothing."""
    if not isinstance(annotation, dict):
        return "is not a dictionary"
    for key, kinds in (
        ("frame_dir", str),
        ("label", (int, np.integer)),
        ("keypoint", np.ndarray),
        ("total_frames", (int, np.integer)),
    ):
        if key not in annotation:
            return f"has no `{key}`"
        if not isinstance(annotation[key], kinds):
            return f"has a `{key}` that is a {type(annotation[key]).__name__}"
    name, shape = annotation["frame_dir"], annotation["keypoint"].shape
    if annotation["keypoint"].dtype.kind != "f" or shape[2:] != (ntu.NUM_JOINTS, 3):
        return f"({name}) must have a float `keypoint` of shape (body, frame, 25, 3), not {shape}"
    if len(shape) != 4 or not 1 <= shape[0] <= ntu.NUM_BODIES or shape[1] < 1:
        return f"({name}) must have a `keypoint` of 1 or 2 bodies and a frame, not {shape}"
    if annotation["total_frames"] != shape[1]:
        return f"({name}) has {annotation['total_frames']} `total_frames`, but {shape[1]} in it"
    try:
        label = ntu.parse_name(name).label
    except DataError as error:
        return f"has a wrong `frame_dir`: {error}".rstrip(".")
    if annotation["label"] != label:
        return f"({name}) has label {annotation['label']}, but its name says {label}"
    return ""


FORMAT = Format(
    takes="a .pkl of PYSKL",
    open=PysklPickle,
    recognises=lambda path: path.suffix.lower() == ".pkl",
)
