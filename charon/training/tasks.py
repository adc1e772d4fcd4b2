"""The tasks of a stream: the classes and clips of each, loaded when they are needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from charon.clips import Clips
from charon.data.cache.archive import Archive
from charon.data.class_orders import class_order, task_classes
from charon.data.protocols import split
from charon.data.settings import DataSettings
from charon.data.transforms import load_clips
from charon.errors import DataError


@dataclass(frozen=True)
class Task:
    """One task of a stream."""

    classes: range  # positions of the class order
    train: NDArray[np.int64]  # rows of the archive, as are those of ``test``
    test: NDArray[np.int64]


def union(tasks: Sequence[Task]) -> Task:
    """Return consecutive tasks as one."""
    return Task(
        range(tasks[0].classes.start, tasks[-1].classes.stop),
        np.concatenate([task.train for task in tasks]),
        np.concatenate([task.test for task in tasks]),
    )


class Tasks:
    """A prepared set cut into tasks as the settings say; reads no frames until :meth:`load`.

    ``seed`` is that of the training crops.

    Attributes:
        tasks: in the order they are evaluated; the split stream learns them one by one.
        order: the class order: original label of each position.
        protocol: the benchmark's name, resolved.
        val_rule: how validation clips were chosen, ``"none"`` where there are none.
        clip_shape: (channel, frame, joint, body) of every clip.
        num_classes: of the whole stream.
        class_names: by their position in the class order.

    Raises:
        ConfigError: the settings do not fit the set.
        DataError: a task has no clip to learn from, or none to evaluate on.
    """

    def __init__(self, archive: Archive, settings: DataSettings, seed: int) -> None:
        self._archive = archive
        self._settings = settings
        self._seed = seed
        on_val = settings.evaluate_on == "val"
        # One cut for every run: trials of a search must be judged by the same clips.
        rows = split(
            archive,
            settings.benchmark,
            val_fraction=settings.val_fraction if on_val else 0.0,
            seed=0,
        )
        self.protocol, self.val_rule = rows.protocol, rows.val_rule
        about = archive.description
        self.order = class_order(settings.class_order, about, rows.classes)
        self.num_classes = len(self.order)
        self.class_names = [about.class_names[label] for label in self.order]
        joints, bodies = about.num_joints, about.num_bodies
        self.clip_shape = (about.num_channels, settings.num_frames, joints, bodies)
        self._position = np.full(len(about.class_names), -1)
        self._position[list(self.order)] = np.arange(self.num_classes)
        evaluated = rows.val if on_val else rows.test
        self.tasks = [
            Task(classes, self._in(rows.train, classes), self._in(evaluated, classes))
            for classes in task_classes(self.num_classes, settings.classes_per_task)
        ]
        for number, task in enumerate(self.tasks, 1):
            for what, clips in (("training", task.train), (settings.evaluate_on, task.test)):
                if not len(clips):
                    raise DataError(
                        f"{archive.source}: task {number} has no {what} clip under "
                        f"{self.protocol}; choose other classes_per_task or another benchmark."
                    )

    def _in(self, rows: NDArray[np.int64], classes: range) -> NDArray[np.int64]:
        position = self._position[self._archive.label[rows]]
        return rows[(position >= classes.start) & (position < classes.stop)]

    @property
    def num_training_clips(self) -> int:
        """Training clips of all tasks."""
        return sum(len(task.train) for task in self.tasks)

    def load(
        self, rows: NDArray[np.int64], crop: Literal["train", "test"], epoch: int = 0
    ) -> Clips:
        """Return the clips at rows of the archive, cropped and resized, on the CPU.

        The crop is random for training, from (seed, clip, epoch), where ``epoch`` only matters
        under ``crop="epoch"`` of the settings; it is centred for evaluation.
        """
        key = (self._seed, epoch if self._settings.crop == "epoch" else 0)
        x, present = load_clips(
            self._archive,
            rows,
            num_frames=self._settings.num_frames,
            crop_key=key if crop == "train" else None,
            duplicate_bodies=self._settings.duplicate_bodies,
        )
        label = self._position[self._archive.label[rows]]
        return Clips(torch.from_numpy(x), torch.from_numpy(present), torch.from_numpy(label))
