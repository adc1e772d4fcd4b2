"""The data formats: one a file, and the table of them all."""

from charon.data import standin
from charon.data.formats import ntu_npz, plain_npz, pyskl_pickle, skeleton_folder
from charon.data.source import Format

FORMATS: dict[str, Format] = {
    "skeleton_folder": skeleton_folder.FORMAT,
    "ntu_npz": ntu_npz.FORMAT,
    "plain_npz": plain_npz.FORMAT,
    "pyskl_pickle": pyskl_pickle.FORMAT,
    "standin": standin.FORMAT,
}
"""A path is of the first format that recognises it."""


def known_formats() -> str:
    """Return what can be read, as help and errors list it."""
    *others, last = (
        " ".join([each.takes, ", ".join(each.names)]).rstrip() for each in FORMATS.values()
    )
    return f"{', '.join(others)}, or {last}"


def format_named(word: str) -> Format | None:
    """Return the format that has ``word`` as a name for data made on the spot."""
    return next((each for each in FORMATS.values() if word in each.names), None)
