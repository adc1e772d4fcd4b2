"""Small sets as a user has them, files on disk, and the settings of a run small enough."""

import numpy as np
from data.raw_clips import format_skeleton

from charon.data.source import Recording

NUM_CLASSES, CLIPS_OF_A_CLASS = 4, 6

TINY = {
    "data.num_frames": 12,
    "data.classes_per_task": 2,
    "model.size": "nano",
    "model.frames_per_tuple": 3,
    "optimiser.epochs": 1,
    "optimiser.batch_size": 4,
    "learner.buffer_size": 2,
    "learner.sampling_interval": 3,
    "device": "cpu",
}


def tiny(**changes):
    """Settings of a run that takes a second; dots are two underscores, None leaves out."""
    settings = TINY | {name.replace("__", "."): value for name, value in changes.items()}
    return [
        word for name, v in settings.items() if v is not None for word in ("--set", f"{name}={v}")
    ]


def npz_arrays(num_joints=25, num_bodies=2, seed=0):
    """Classes that differ in pose; half of the clips of each train; odd clips show one person."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(NUM_CLASSES), CLIPS_OF_A_CLASS)
    number = np.tile(np.arange(CLIPS_OF_A_CLASS), NUM_CLASSES)
    n_frames = rng.integers(10, 20, len(label))
    poses = rng.normal(size=(NUM_CLASSES, 3, 1, num_joints, num_bodies))
    x = poses[label] + rng.normal(0, 0.1, (len(label), 3, 20, num_joints, num_bodies))
    x[number % 2 == 1, ..., 1:] = 0
    for row, frames in enumerate(n_frames):
        x[row, :, frames:] = 0
    return {
        "x": x.astype(np.float32),
        "n_frames": n_frames,
        "label": label,
        "train_mask": number < CLIPS_OF_A_CLASS // 2,
        "class_names": np.array(["wave", "sit", "run", "jump"]),
    }


def write_npz(path, **replaced):
    """Write :func:`npz_arrays`; an array given as None is left out."""
    arrays = npz_arrays() | replaced
    np.savez(path, **{name: a for name, a in arrays.items() if a is not None})
    return path


def skeleton_text(num_frames=20, seed=0, num_people=1):
    """The text of a recording of people who stand and sway."""
    rng = np.random.default_rng(seed)
    body = np.stack([np.linspace(0, 0.5, 25), np.linspace(0, 1.7, 25), np.full(25, 3.0)], axis=1)
    xyz = body + rng.normal(0, 0.05, (num_frames * num_people, 25, 3))
    return format_skeleton(
        Recording(
            name="made",
            num_frames=num_frames,
            frame=np.repeat(np.arange(num_frames), num_people),
            body_id=tuple(str(person) for _ in range(num_frames) for person in range(num_people)),
            xyz=xyz.astype(np.float32),
        )
    )


def write_skeletons(folder, names):
    """Write a `.skeleton` file of each name."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        (folder / f"{name}.skeleton").write_text(skeleton_text(seed=seed))
    return folder


def ntu_names(actions):
    return [f"S001C001P001R001A{action:03d}" for action in actions]
