"""The table of data formats; each has a file."""

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
    """Return the list of formats for help and errors."""
    *others, last = (
        " ".join([each.takes, ", ".join(each.names)]).rstrip() for each in FORMATS.values()
    )
    return f"{', '.join(others)}, or {last}"


def format_named(word: str) -> Format | None:
    """Return the format of generated data that ``word`` names."""
    return next((each for each in FORMATS.values() if word in each.names), None)
