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
from charon.data.streams import deal, domain_groups
from charon.data.transforms import load_clips
from charon.errors import DataError
from charon.seeding import numpy_generator


@dataclass(frozen=True)
class Task:
    """One task of a stream.

    Attributes:
        classes: that its evaluation clips have, positions of the class order.
        train: rows of the archive.
        test: rows of the archive.
        learned: from the first class of its training clips to the last class seen in the stream so
            far. It differs from ``classes`` where classes come again.
    """

    classes: range
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    learned: range


def union(tasks: Sequence[Task]) -> Task:
    """Return consecutive tasks as one."""
    return Task(
        range(min(task.classes.start for task in tasks), max(task.classes.stop for task in tasks)),
        np.concatenate([task.train for task in tasks]),
        np.concatenate([task.test for task in tasks]),
        range(min(task.learned.start for task in tasks), max(task.learned.stop for task in tasks)),
    )


class Tasks:
    """A prepared set cut into tasks as the settings say; reads no frames until :meth:`load`.

    ``seed`` is that of the training crops, and of the clips that leave their task or are few.

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
            classes=settings.classes,
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
        if settings.domain == "none":
            classes, train, test = self._homes_by_class(rows.train, evaluated)
        else:
            classes, train, test = self._homes_by_domain(rows.train, evaluated)
        position = self._position[archive.label[rows.train]]
        task_of = deal(
            train,
            position,
            len(classes),
            numpy_generator(seed, "stream"),
            blurred=settings.blurred,
            returning=settings.returning,
            shots=settings.shots,
        )
        self.tasks: list[Task] = []
        seen = 0
        for number, of_task in enumerate(classes):
            is_in = task_of == number
            for what, there in (("training", is_in), (settings.evaluate_on, test == number)):
                if not there.any():
                    raise DataError(
                        f"{archive.source}: task {number + 1} has no {what} clip under "
                        f"{self.protocol}; choose other classes_per_task or another benchmark."
                    )
            seen = max(seen, int(position[is_in].max()) + 1)
            learned = range(int(position[is_in].min()), seen)
            self.tasks.append(Task(of_task, rows.train[is_in], evaluated[test == number], learned))

    def _homes_by_class(
        self, train: NDArray[np.int64], evaluated: NDArray[np.int64]
    ) -> tuple[Sequence[range], NDArray[np.int64], NDArray[np.int64]]:
        """Return the classes of each task, and the task of each training and evaluation row."""
        classes = task_classes(self.num_classes, self._settings.classes_per_task)
        task_at = np.repeat(np.arange(len(classes)), [len(each) for each in classes])
        homes = [task_at[self._position[self._archive.label[rows]]] for rows in (train, evaluated)]
        return classes, homes[0], homes[1]

    def _homes_by_domain(
        self, train: NDArray[np.int64], evaluated: NDArray[np.int64]
    ) -> tuple[Sequence[range], NDArray[np.int64], NDArray[np.int64]]:
        """Return the same where a task has all classes, of its domains.

        Raises:
            DataError: the domains are unknown, or not those of the evaluation clips, or a task
                lacks a class.
        """
        archive, settings, domain = self._archive, self._settings, self._settings.domain
        of_clip = {
            "performer": archive.subject,
            "camera": archive.camera,
            "setup": archive.setup,
        }[domain]
        of_train, of_test = of_clip[train], of_clip[evaluated]
        if not (of_train.all() and of_test.all()):
            raise DataError(
                f"{archive.source} does not say the {domain} of its clips, so data.domain={domain} "
                "cannot be; choose another."
            )
        for ids, others, has, lacks in (
            (of_train, of_test, "training", settings.evaluate_on),
            (of_test, of_train, settings.evaluate_on, "training"),
        ):
            alone = np.setdiff1d(ids, others)
            if len(alone):
                more = f" and {len(alone) - 1} more have" if len(alone) > 1 else " has"
                remedy = "choose another benchmark"
                if len(alone) == len(np.unique(ids)):
                    remedy = f"choose a benchmark that does not split by {domain}"
                if settings.evaluate_on == "val":
                    remedy = "validation holds people out, so choose another domain"
                raise DataError(
                    f"{archive.source}: {domain} {alone[0]}{more} {has} clips but no {lacks} clips "
                    f"under {self.protocol}; {remedy}."
                )
        groups = domain_groups(of_train, settings.domains_per_task)
        task_at = {int(each): number for number, group in enumerate(groups) for each in group}
        homes = [np.array([task_at[each] for each in ids.tolist()]) for ids in (of_train, of_test)]
        for number, group in enumerate(groups):
            there = set(archive.label[train[homes[0] == number]].tolist())
            missing = [label for label in self.order if label not in there]
            if missing:
                name = archive.description.class_names[missing[0]]
                raise DataError(
                    f"{archive.source}: task {number + 1} ({domain} "
                    f"{', '.join(map(str, group.tolist()))}) has no training clip of class "
                    f"{missing[0]} ({name}), but a stream by {domain} has all classes in every "
                    "task; choose other classes, another benchmark or domains_per_task."
                )
        return [range(self.num_classes)] * len(groups), homes[0], homes[1]

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
