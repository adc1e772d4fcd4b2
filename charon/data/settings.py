"""Settings of the data: source, benchmark, tasks, cropping, evaluation."""

from dataclasses import dataclass
from typing import Literal

from charon.data.class_lists import HOW, in_full
from charon.data.formats import known_formats
from charon.data.ntu import Benchmark
from charon.data.source import Reading, Scores
from charon.data.streams import Domain, in_words
from charon.errors import ConfigError
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
    classes: str | tuple[int, ...] = checked(
        "all",
        "all; present: those with training and test clips; or some: "
        f"{HOW}, or a .txt file with one a line",
    )
    class_order: str | tuple[int, ...] = checked(
        "auto",
        "paper, released, natural, shuffled(SEED); auto: paper for NTU, else natural; or all "
        "classes in an order of your own, listed as in data.classes",
    )
    classes_per_task: int | tuple[int, ...] = checked(
        0, "classes of a task, or of each task; 0: 10 for NTU, else a fifth of the classes"
    )
    stream: Literal["split", "joint"] = checked(
        "split", "split: the tasks one after the other; joint: all as one (JT)"
    )
    shots: int = checked(
        0, "clips of each class that a task after the first has; 0: all", at_least=0
    )
    blurred: float = checked(
        0.0, "share of each class's training clips in all other tasks", at_least=0, below=1
    )
    returning: float = checked(
        0.0, "share of each class's training clips in the tasks after its own", at_least=0, below=1
    )
    domain: Domain = checked(
        "none", "what makes a task: classes (none), or all classes by performer, camera or setup"
    )
    domains_per_task: int = checked(
        0, "performers, cameras or setups of a task, ascending; 0: a fifth of them", at_least=0
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
    evaluate_every: int = checked(
        0,
        "steps from one evaluation of the tasks learned before to the next, on the way through a "
        "task (stability gap); 0: only after tasks",
        at_least=0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("classes", "class_order"):
            # A file may change: what it lists is recorded.
            object.__setattr__(self, name, in_full(getattr(self, name)))
        if self.blurred and self.returning:
            raise ConfigError(
                f"blurred={self.blurred} and returning={self.returning} say two things of where a "
                "class's clips go; set one of them to 0."
            )
        if self.domain == "none" and self.domains_per_task:
            raise ConfigError(
                f"domains_per_task={self.domains_per_task} has no meaning without a domain; set "
                "data.domain to performer, camera or setup."
            )
        if self.domain != "none" and self.classes_per_task != 0:
            raise ConfigError(
                f"classes_per_task={self.classes_per_task} does not go with data.domain="
                f"{self.domain}, where every task has all classes; set data.domains_per_task."
            )

    @property
    def repeats_classes(self) -> bool:
        """Whether a task may have classes that an earlier one had."""
        is_split = self.stream == "split"
        return is_split and (self.domain != "none" or max(self.blurred, self.returning) > 0)

    @property
    def tasks_in_words(self) -> str:
        """What is special about the tasks, as the end of a sentence; empty if nothing is."""
        return in_words(
            shots=self.shots,
            blurred=self.blurred,
            returning=self.returning,
            domain=self.domain,
            is_joint=self.stream == "joint",
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
