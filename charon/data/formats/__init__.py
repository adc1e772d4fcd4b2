"""The table of data formats; each has a file."""

from pathlib import Path

from charon.data.formats import (
    agcn_pair,
    ntu_npz,
    nw_ucla,
    plain_npz,
    pyskl_pickle,
    skeleton_folder,
)
from charon.data.source import Format, Source


def _open_standin(name: Path) -> Source:
    # Here, because the stand-in's random generators import torch, which takes a second.
    from charon.data.standin.source import StandIn

    make = StandIn.full if name.name.endswith("-full") else StandIn.small
    return make(120 if "-120" in name.name else 60)


FORMATS: dict[str, Format] = {
    "nw_ucla": nw_ucla.FORMAT,
    "agcn_pair": agcn_pair.FORMAT,
    "skeleton_folder": skeleton_folder.FORMAT,
    "ntu_npz": ntu_npz.FORMAT,
    "plain_npz": plain_npz.FORMAT,
    "pyskl_pickle": pyskl_pickle.FORMAT,
    "standin": Format(
        takes="one of the synthetic sets",
        open=_open_standin,
        names=("standin", "standin-full", "standin-120", "standin-120-full"),
    ),
}
"""A path is of the first format that recognises it."""


def known_formats() -> str:
    """Return the list of formats for help and errors."""
    *others, last = (
        " ".join([each.takes, ", ".join(each.names)]).rstrip() for each in FORMATS.values()
    )
    return f"{', '.join(others)}, or {last}"


def format_of(path: Path) -> Format | None:
    """Return the format of an existing path, or None if no format recognises it."""
    return next((each for each in FORMATS.values() if each.recognises(path)), None)


def is_raw(path: Path) -> bool:
    """Return whether this is a `.skeleton` file, or a folder or zip that may have them."""
    return skeleton_folder.is_skeleton_file(path) or format_of(path) is skeleton_folder.FORMAT


def format_named(word: str) -> Format | None:
    """Return the format of generated data that ``word`` names."""
    return next((each for each in FORMATS.values() if word in each.names), None)
