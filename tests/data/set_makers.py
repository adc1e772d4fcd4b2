"""Small sets in every format, and sources that behave as a test wants."""

import json
import pickle
import zipfile
from dataclasses import dataclass, field

import numpy as np

from charon.data import ntu
from charon.data.actors import centre
from charon.data.source import Description, SourceClip

OTHER = Description("other", ("a", "b"), 4, 1, 3, 1)

NTU_NPZ = (
    ("NTU60_XSub.npz", "ntu60-xsub"),
    ("NTU60_CS.npz", "ntu60-xsub"),
    ("NTU60_XView.npz", "ntu60-xview"),
    ("NTU60_CV.npz", "ntu60-xview"),
    ("NTU120_XSub.npz", "ntu120-xsub"),
    ("NTU120_CSub.npz", "ntu120-xsub"),
    ("NTU120_XSet.npz", "ntu120-xset"),
    ("NTU120_CSet.npz", "ntu120-xset"),
)
"""Names of the field's files, and their protocols."""


def description_of_ntu(num_classes=60, name=None):
    return Description(
        name or f"ntu{num_classes}",
        ntu.CLASS_NAMES[:num_classes],
        *(25, 2, 3, 1),
        bones=ntu.BONES,
        parts=ntu.PARTS,
        is_ntu=True,
    )


@dataclass
class ListSource:
    """A source of the given clips; an exception among them is raised when its turn comes."""

    content: list
    description: Description = OTHER
    version: str = "1"
    times_read: int = field(default=0, init=False)

    def identity(self):
        return f"list {self.version}"

    def __len__(self):
        return len(self.content)

    def notes(self):
        return ()

    def clips(self, workers):
        self.times_read += 1
        for clip in self.content:
            if isinstance(clip, BaseException):
                raise clip
            yield clip


def random_clip(rng, name, label=0, num_frames=None, about=OTHER, **ids):
    shape = (about.num_bodies, about.num_joints, about.num_channels)
    x = rng.normal(size=(num_frames or rng.integers(5, 40), *shape)).astype(np.float32)
    return SourceClip(name, centre(x, about.centre_joint), label, **ids)


def random_clips(seed=0, num_clips=12):
    rng = np.random.default_rng(seed)
    return [random_clip(rng, f"clip {i}", i % 2, subject=1 + i // 2 % 3) for i in range(num_clips)]


def ntu_clip(rng, name, num_frames=20, num_people=1):
    """A prepared clip with the ids of its name."""
    ids = ntu.parse_name(name)
    x = rng.normal(size=(num_frames, 2, 25, 3)).astype(np.float32)
    x[:, num_people:] = 0
    return SourceClip(
        name,
        centre(x, 1),
        ids.label,
        subject=ids.performer,
        camera=ids.camera,
        setup=ids.setup,
        replication=ids.replication,
    )


def write_ntu_npz(path, train, test, num_classes=60, num_frames=300, save=np.savez, **replaced):
    """Write (label, float32 (frame, 2, 25, 3)) pairs as the field pads them."""
    arrays = {}
    for part, clips in (("train", train), ("test", test)):
        x = np.zeros((len(clips), num_frames, 150), np.float32)
        for row, (_, clip) in enumerate(clips):
            x[row, : len(clip)] = clip.reshape(len(clip), 150)
        arrays[f"x_{part}"] = x
        arrays[f"y_{part}"] = np.eye(num_classes)[[label for label, _ in clips]]
    arrays |= replaced
    save(path, **{key: array for key, array in arrays.items() if array is not None})
    return path


def any_arrays(seed=0, num_clips=6):
    """The arrays of a small set of 2 classes, 3 subjects, 5 joints, 2-D, 2 bodies."""
    rng = np.random.default_rng(seed)
    n_frames = rng.integers(3, 9, num_clips)
    x = rng.normal(size=(num_clips, 2, 10, 5, 2)).astype(np.float32)
    for row, num_frames in enumerate(n_frames):
        x[row, :, num_frames:] = 0
    return {
        "x": x,
        "n_frames": n_frames,
        "label": np.arange(num_clips) % 2,
        "subject": 1 + np.arange(num_clips) // 2,
        "train_mask": np.arange(num_clips) < num_clips // 2,
    }


def pyskl_annotation(rng, name, num_frames=20, num_people=1, **replaced):
    return {
        "frame_dir": name,
        "label": int(name[-3:]) - 1,
        "keypoint": rng.normal(size=(num_people, num_frames, 25, 3)).astype(np.float16),
        "total_frames": num_frames,
    } | replaced


def flat_annotation(rng, name, label=0, num_frames=12, num_people=1, num_joints=17, **replaced):
    """Joints that were detected in an image of 480 x 640, as PYSKL writes them."""
    shape = (num_people, num_frames, num_joints)
    return {
        "frame_dir": name,
        "label": label,
        "img_shape": (480, 640),
        "original_shape": (480, 640),
        "total_frames": num_frames,
        "keypoint": rng.uniform(1, 480, (*shape, 2)).astype(np.float16),
        "keypoint_score": rng.uniform(0.5, 1, shape).astype(np.float16),
    } | replaced


def flat_annotations(num_classes=3, clips_of_a_class=6, seed=0):
    """Clips of classes that differ in pose, and the lists of two splits of them."""
    rng = np.random.default_rng(seed)
    annotations, split = [], {"train1": [], "test1": [], "train2": [], "test2": []}
    for label in range(num_classes):
        pose = rng.uniform(100, 400, (1, 1, 17, 2))
        for number in range(clips_of_a_class):
            name = f"v_{label}_{number}"
            made = flat_annotation(rng, name, label, num_frames=int(rng.integers(8, 16)))
            noise = rng.normal(0, 5, made["keypoint"].shape)
            made["keypoint"] = (pose + noise).astype(np.float16)
            annotations.append(made)
            split["train1" if number % 2 else "test1"].append(name)
            split["test2" if number % 2 else "train2"].append(name)
    return annotations, split


def write_agcn(folder, part, names, labels, x, array="data_joint"):
    """Write a pair of files as 2s-AGCN does."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{part}_{array}.npy", x)
    with (folder / f"{part}_label.pkl").open("wb") as file:
        pickle.dump((names, labels), file)


def write_ucla(folder, names, rng, num_frames=9):
    """Write JSON files as NW-UCLA is packed for CTR-GCN; return their joints by name."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name in names:
        x = rng.normal(size=(num_frames, 20, 3)).round(4)
        content = {"file_name": name, "skeletons": x.tolist(), "label": int(name[1:3])}
        (folder / f"{name}.json").write_text(json.dumps(content))
        written[name] = x.astype(np.float32)
    return written


def write_pickle(path, annotations, protocol=4, split=None):
    split = {"xsub_train": [], "xsub_val": []} if split is None else split
    content = {"split": split, "annotations": annotations}
    with path.open("wb") as file:
        pickle.dump(content, file, protocol=protocol)
    return path


def write_large_ntu_npz(path, num_train, num_test, num_classes=120, clips_at_once=200):
    """Write a file of NTU's layout and lengths, slab by slab: any size in little memory."""
    rng = np.random.default_rng(0)
    pool = rng.normal(size=(clips_at_once, 300, 150)).astype(np.float32)
    lengths = np.clip(rng.lognormal(4.373, 0.342, clips_at_once), 32, 300).astype(int)
    for row, length in enumerate(lengths):
        pool[row, length:] = 0
        if row % 5:
            # The field's copy of the only body.
            pool[row, :, 75:] = pool[row, :, :75]
    with zipfile.ZipFile(path, "w") as file:
        for part, num_clips in (("train", num_train), ("test", num_test)):
            label = np.arange(num_clips) % num_classes
            with file.open(f"y_{part}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.eye(num_classes)[label])
            with file.open(f"x_{part}.npy", "w", force_zip64=True) as member:
                header = {"descr": "<f4", "fortran_order": False, "shape": (num_clips, 300, 150)}
                np.lib.format.write_array_header_1_0(member, header)
                for start in range(0, num_clips, clips_at_once):
                    member.write(pool[: num_clips - start].tobytes())
    return path


def write_large_pickle(path, num_clips, num_classes=120):
    """Write a file of PYSKL's layout with NTU's lengths; needs as much memory as its arrays."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(4.373, 0.342, num_clips), 32, 300).astype(int)
    names = ntu.all_names(num_classes)[-num_clips:]
    annotations = [
        pyskl_annotation(rng, name, length, 1 + (row % 5 == 0))
        for row, (name, length) in enumerate(zip(names, lengths.tolist(), strict=True))
    ]
    return write_pickle(path, annotations)
