"""Settings of the data: source, benchmark, tasks, cropping, evaluation."""

from dataclasses import dataclass
from typing import Literal

from charon.data.formats import known_formats
from charon.data.ntu import Benchmark
from charon.data.source import Reading, Scores
from charon.settings import Settings, checked


@dataclass(frozen=True)
class DataSettings(Settings):
    """The source, the benchmark and the stream of tasks."""

    path: str = checked("standin", known_formats())
    benchmark: Literal["auto", Benchmark] = checked(
        "auto",
        "the protocol; auto: ntu60-xview or ntu120-xset, or the data's own split; "
        "ntu120new: only the 60 classes that NTU-60 lacks",
    )
    class_order: str = checked(
        "auto", "paper, released, natural, shuffled(SEED); auto: paper for NTU, else natural"
    )
    classes_per_task: int | tuple[int, ...] = checked(
        0, "classes of a task, or of each task; 0: 10 for NTU, else a fifth of the classes"
    )
    stream: Literal["split", "joint"] = checked(
        "split", "split: the tasks one after the other; joint: all as one (JT)"
    )
    num_frames: int = checked(120, "F, frames a clip is resized to (Sec. 4.1)", at_least=2)
    crop: Literal["clip", "epoch"] = checked(
        "clip", "whether a training clip is cropped once (released code) or anew each epoch"
    )
    rotation: float = checked(
        0.3, "largest angle of the random rotation about each axis, radians", at_least=0
    )
    duplicate_bodies: Literal["drop", "keep"] = checked(
        "drop", "what happens to second bodies that copy the first (the field's NTU-120 files)"
    )
    keep_gaps: bool = checked(
        False, "place frames of .skeleton files where they were seen; the field closes gaps"
    )
    axes: str = checked(
        "auto",
        "order of the axes of x in an .npz, of the letters N clip, C channel, T frame, V joint, "
        "M body, e.g. NTVCM; auto: the only one that is possible",
    )
    split: str = checked(
        "auto",
        "of a .pkl with several splits the training list, e.g. train2, or both, e.g. "
        "train2/test2; auto: the first by name",
    )
    scores: Scores = checked(
        "threshold",
        "scores of detected 2-D joints: threshold leaves out those of at most min_score; channel "
        "has the scores as a third channel, too, which is neither centred nor rotated",
    )
    min_score: float = checked(
        0.01, "a detected joint with this score or a smaller one is absent", at_least=0, below=1
    )
    evaluate_on: Literal["test", "val"] = checked(
        "test", "test: train on all training clips; val: hold performers out and never see test"
    )
    val_fraction: float = checked(
        0.1, "share of the training clips held out under evaluate_on=val", above=0, below=1
    )

    @property
    def reading(self) -> Reading:
        """How the source is read."""
        return Reading(
            keep_gaps=self.keep_gaps,
            axes=self.axes,
            split=self.split,
            scores=self.scores,
            min_score=self.min_score,
            benchmark=self.benchmark,
        )
