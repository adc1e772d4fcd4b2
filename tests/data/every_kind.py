"""One small made set of every kind of file that is read, and the fields that come with some.

The NTU sets hold clips of the stand-in, written as NTU RGB+D's own tools write theirs.
"""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from cli.small_sets import npz_arrays
from data.raw_clips import format_skeleton
from data.set_makers import (
    NTU_NPZ,
    flat_annotation,
    flat_annotations,
    write_agcn,
    write_ntu_npz,
    write_pickle,
    write_ucla,
)

from charon.data import ntu
from charon.data.standin.source import StandIn, make_clip, make_raw_clip

CLIPS_OF_A_PART = 2
"""Of each class on each side of ntu60-xview, or of ntu120-xset; 6 for a part of the classes."""


@dataclass(frozen=True)
class Kind:
    """A kind of data: what it is, how it is made, the words of the command line, its clips.

    ``make`` writes below a folder and returns the path that ``--data`` is given.
    """

    name: str
    make: Callable[[Path], Path | str]
    num_clips: int
    num_classes: int
    words: Sequence[str] = ()


@cache
def names_of(num_classes: int, num_clips: int = CLIPS_OF_A_PART, chosen: int = 0) -> list[str]:
    """Return names with so many clips of each (or of ``chosen``) class on each side."""
    benchmark = "ntu60-xview" if num_classes == 60 else "ntu120-xset"
    by_side: dict[tuple[int, bool], list[str]] = {}
    for name in StandIn.small(num_classes).names:
        ids = ntu.parse_name(name)
        if ids.label < (chosen or num_classes):
            side = is_training(name, benchmark)
            by_side.setdefault((ids.label, side), []).append(name)
    # Spread over people and cameras.
    taken = (names[:: max(1, len(names) // num_clips)][:num_clips] for names in by_side.values())
    return sorted(name for names in taken for name in names)


def is_training(name: str, benchmark: str) -> bool:
    ids = ntu.parse_name(name)
    return bool(
        ntu.in_training_set(
            benchmark,
            setup=np.array([ids.setup]),
            camera=np.array([ids.camera]),
            performer=np.array([ids.performer]),
        )[0]
    )


@cache
def joints(name: str, num_classes: int):
    """Return the prepared clip, float32 (frame, body, joint, channel)."""
    return make_clip(name, num_classes, 0).x


def labelled(names, num_classes):
    return [(ntu.parse_name(name).label, joints(name, num_classes)) for name in names]


def skeletons(folder: Path, names=None, suffix=".skeleton", mark="") -> Path:
    place = folder / "nturgb+d_skeletons"
    place.mkdir()
    for name in names or names_of(60):
        text = mark + format_skeleton(make_raw_clip(name, 60, 0))
        (place / f"{name}{suffix}").write_text(text, encoding="utf-8")
    return place


def zipped(folder: Path, source: Path, inner: str = "") -> Path:
    """Return a zip of the files of ``source``, inside another zip of that name."""
    path = folder / (inner or "set.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for each in sorted(source.iterdir()):
            file.write(each, f"{source.name}/{each.name}")
    if not inner:
        return path
    with zipfile.ZipFile(folder / "outer.zip", "w") as file:
        file.write(path, path.name)
    return folder / "outer.zip"


def zip_in_zip(folder: Path) -> Path:
    return zipped(folder, skeletons(folder, suffix=".skeleton.txt", mark="\ufeff"), "inner.zip")


def ntu_npz(name: str, benchmark: str) -> Callable[[Path], Path]:
    num_classes = 60 if benchmark.startswith("ntu60") else 120

    def make(folder: Path) -> Path:
        sides: dict[bool, list[str]] = {True: [], False: []}
        for clip in names_of(num_classes):
            sides[is_training(clip, benchmark)].append(clip)
        train, test = (labelled(sides[side], num_classes) for side in (True, False))
        return write_ntu_npz(folder / name, train, test, num_classes)

    return make


def pickle_of_ntu(num_classes: int) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        annotations = [
            {
                "frame_dir": name,
                "label": ntu.parse_name(name).label,
                "keypoint": joints(name, num_classes).swapaxes(0, 1).astype(np.float16),
                "total_frames": len(joints(name, num_classes)),
            }
            for name in names_of(num_classes)
        ]
        return write_pickle(folder / f"ntu{num_classes}_3danno.pkl", annotations)

    return make


def flat_ntu(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    made = [flat_annotation(rng, n, ntu.parse_name(n).label) for n in names_of(60)]
    split = {"xview_train": [], "xview_val": [], "xsub_train": [], "xsub_val": []}
    for name in names_of(60):
        for benchmark in ("xview", "xsub"):
            side = "train" if is_training(name, f"ntu60-{benchmark}") else "val"
            split[f"{benchmark}_{side}"].append(name)
    return write_pickle(folder / "ntu60_hrnet.pkl", made, split=split)


def flat(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        annotations, split = flat_annotations(num_classes=5, clips_of_a_class=12)
        return write_pickle(folder / name, annotations, split=split)

    return make


def agcn(folder: Path) -> Path:
    place = folder / "xview"
    for part, is_train in (("train", True), ("val", False)):
        names = [n for n in names_of(60) if is_training(n, "ntu60-xview") == is_train]
        x = np.zeros((len(names), 3, 300, 25, 2), np.float32)
        for row, name in enumerate(names):
            clip = joints(name, 60).transpose(3, 0, 2, 1)
            for start in range(0, 300, clip.shape[1]):  # repeated, as the field fills clips up
                x[row, :, start : start + clip.shape[1]] = clip[:, : 300 - start]
        labels = [ntu.parse_name(name).label for name in names]
        write_agcn(place, part, [f"{name}.skeleton" for name in names], labels, x)
    return place


UCLA = [
    f"a{action:02d}_s{person:02d}_e00_v{view:02d}"
    for action in (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)
    for person in (1, 2)
    for view in (1, 2, 3)
]


def ucla(folder: Path) -> Path:
    write_ucla(folder / "all_sqe", UCLA, np.random.default_rng(0), num_frames=30)
    return folder / "all_sqe"


def any_npz(**changed: Callable[[dict], np.ndarray | None]) -> Callable[[Path], Path]:
    """Return a maker of the general npz with arrays replaced, or left out."""

    def make(folder: Path) -> Path:
        arrays = npz_arrays()
        arrays["x"] *= np.float32(0.3)  # metres, as people are
        arrays |= {name: change(arrays) for name, change in changed.items()}
        np.savez(folder / "set.npz", **{k: a for k, a in arrays.items() if a is not None})
        return folder / "set.npz"

    return make


def end_to_end(arrays):
    """The frames of all clips one after the other: (frame, channel, joint, body)."""
    pairs = zip(arrays["x"], arrays["n_frames"], strict=True)
    return np.concatenate([x[:, :n].transpose(1, 0, 2, 3) for x, n in pairs])


PYSKL = tuple(f"{name}_hrnet.pkl" for name in ("gym", "ucf101", "hmdb51", "diving48"))

XVIEW = ("--benchmark", "ntu60-xview")

KINDS = (
    Kind(".skeleton folder", skeletons, 240, 60),
    Kind(".skeleton zip", lambda folder: zipped(folder, skeletons(folder)), 240, 60),
    Kind(".skeleton.txt, zip in zip", zip_in_zip, 240, 60, XVIEW),
    *(
        Kind(name, ntu_npz(name, of), *((240, 60) if "60" in of else (480, 120)))
        for name, of in NTU_NPZ
    ),
    Kind("NTU npz of any name", ntu_npz("mine.npz", "ntu60-xview"), 240, 60, XVIEW),
    Kind("ntu60_3danno.pkl", pickle_of_ntu(60), 240, 60),
    Kind("ntu120_3danno.pkl", pickle_of_ntu(120), 480, 120),
    *(Kind(name, flat(name), 60, 5) for name in PYSKL),
    Kind("ntu60_hrnet.pkl", flat_ntu, 240, 60),
    Kind("2s-AGCN pairs", agcn, 240, 60),
    Kind("NW-UCLA folder", ucla, 60, 10),
    Kind("NW-UCLA zip", lambda folder: zipped(folder, ucla(folder)), 60, 10),
    Kind("any npz", any_npz(), 24, 4),
    Kind(
        "npz, text labels, no lengths",
        any_npz(
            label=lambda a: a["class_names"][a["label"]],
            class_names=lambda a: None,
            n_frames=lambda a: None,
        ),
        24,
        4,
    ),
    Kind("npz, frames end to end", any_npz(x=end_to_end), 24, 4),
    Kind("standin", lambda folder: "standin", 2880, 60),
    Kind("standin-120", lambda folder: "standin-120", 5760, 120),
)
"""Every row of the README's table; not the two large stand-ins, whose clips are made alike."""


def set_fields(*settings: str) -> tuple[str, ...]:
    return tuple(word for setting in settings for word in ("--set", setting))


def class_order_file(folder: Path) -> Path:
    (folder / "order.txt").write_text("jump\nwave\nrun\nsit\n", encoding="utf-8")
    return any_npz()(folder)


def part_of_ntu(folder: Path) -> Path:
    return skeletons(folder, names_of(60, 6, 12))


QUESTIONS = (
    Kind(
        "axes by name",
        any_npz(x=lambda a: np.ascontiguousarray(a["x"].transpose(0, 2, 3, 1, 4))),
        *(24, 4, set_fields("data.axes=NTVCM")),
    ),
    Kind("scores as a channel", flat(PYSKL[2]), 60, 5, set_fields("data.scores=channel")),
    Kind("another split", flat(PYSKL[2]), 60, 5, set_fields("data.split=train2")),
    Kind("12 of NTU's 60 classes", part_of_ntu, 144, 12, set_fields("data.classes=present")),
    Kind("classes by name", any_npz(), 24, 3, set_fields("data.classes=wave,sit,jump")),
    Kind("domains: performers", lambda folder: "standin", 2880, 60,
         ("--stream", "performers", *XVIEW)),
    Kind("domains: cameras", lambda folder: "standin", 2880, 60,
         ("--stream", "cameras", "--benchmark", "ntu60-xsub")),
    Kind("domains: setups", lambda folder: "standin", 2880, 60,
         ("--stream", "setups", *XVIEW)),
    Kind("class order from a file", class_order_file, 24, 4,
         ("--class-order", "order.txt", *set_fields("optimiser.learning_rate=0.02"))),
    Kind("poet (few-shot)", skeletons, 240, 60, ("--stream", "poet")),
    Kind("elsenet (50 + 10 x 1)", skeletons, 240, 60, ("--stream", "elsenet")),
    Kind("30+5x6", skeletons, 240, 60, ("--stream", "30+5x6")),
    Kind("12x5", skeletons, 240, 60, ("--stream", "12x5")),
    Kind("24x5", pickle_of_ntu(120), 480, 120, ("--stream", "24x5")),
    Kind("online", any_npz(), 24, 4, ("--stream", "online")),
    Kind("blurry", flat(PYSKL[2]), 60, 5, ("--stream", "blurry")),
    Kind("returning", flat(PYSKL[2]), 60, 5, ("--stream", "returning")),
)  # fmt: skip
"""What is asked of a set: parts, orders, streams with a name. Words name files beside the set."""
