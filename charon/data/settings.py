"""Settings of the data: source, benchmark, tasks, cropping, evaluation."""

from dataclasses import dataclass
from typing import Literal

from charon.data.formats import known_formats
from charon.data.ntu import Benchmark
from charon.settings import Settings, setting


@dataclass(frozen=True)
class DataSettings(Settings):
    """The source, the benchmark and the stream of tasks."""

    path: str = setting("standin", known_formats())
    benchmark: Literal["auto", Benchmark] = setting(
        "auto",
        "the protocol; auto: ntu60-xview or ntu120-xset, or the data's own split; "
        "ntu120new: only the 60 classes that NTU-60 lacks",
    )
    class_order: str = setting(
        "auto", "paper, released, natural, shuffled(SEED); auto: paper for NTU, else natural"
    )
    classes_per_task: int | tuple[int, ...] = setting(
        0, "classes of a task, or of each task; 0: 10 for NTU, else a fifth of the classes"
    )
    stream: Literal["split", "joint"] = setting(
        "split", "split: the tasks one after the other; joint: all as one (JT)"
    )
    num_frames: int = setting(120, "F, frames a clip is resized to (Sec. 4.1)", at_least=2)
    crop: Literal["clip", "epoch"] = setting(
        "clip", "whether a training clip is cropped once (released code) or anew each epoch"
    )
    rotation: float = setting(
        0.3, "largest angle of the random rotation about each axis, radians", at_least=0
    )
    duplicate_bodies: Literal["drop", "keep"] = setting(
        "drop", "what happens to second bodies that copy the first (the field's NTU-120 files)"
    )
    keep_gaps: bool = setting(
        False, "place frames of .skeleton files where they were seen; the field closes gaps"
    )
    evaluate_on: Literal["test", "val"] = setting(
        "test", "test: train on all training clips; val: hold performers out and never see test"
    )
    val_fraction: float = setting(
        0.1, "share of the training clips held out under evaluate_on=val", above=0, below=1
    )
