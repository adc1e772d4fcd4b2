"""Loading clips: the fast path against a plain one, and against torch."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from data.set_makers import OTHER, description_of_ntu, ntu_clip, random_clip

from charon.data.cache.archive import Archive
from charon.data.cache.writer import write_archive
from charon.data.transforms import load_clips, middle_crop, random_crop, uniform_numbers


def resize_plainly(x, num_frames):
    """Linear resize with half-pixel centres of (frame, ...), one frame after the other."""
    scale = len(x) / num_frames
    resized = []
    for frame in range(num_frames):
        position = max((frame + 0.5) * scale - 0.5, 0.0)
        before = math.floor(position)
        after = min(before + 1, len(x) - 1)
        weight = position - before
        resized.append((1 - weight) * x[before].astype(float) + weight * x[after])
    return np.array(resized)


def resize_by_torch(x, num_frames):
    image = torch.from_numpy(x.reshape(len(x), -1).T.copy())[None, None]
    size = (image.shape[2], num_frames)
    resized = torch.nn.functional.interpolate(image, size, mode="bilinear", align_corners=False)
    return resized[0, 0].T.reshape(num_frames, *x.shape[1:]).numpy()


def load_plainly(clip, crop, share, place, num_frames, resize):
    """Load one clip as the field's feeder does; the uniform numbers are given."""
    valid = len(clip.x)
    if crop == "train":
        kept = min(max(math.floor((0.5 + 0.5 * share) * valid), 64), valid)
        start = math.floor(place * (valid - kept + 1))
        x = clip.x[start : start + kept]
    else:
        cut = int(0.05 * valid / 2)
        x = clip.x[cut : valid - cut]
    return resize(x, num_frames).transpose(3, 0, 2, 1)


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    lengths = [1, 2, 3, 40, 41, 63, 64, 65, 79, 80, 119, 120, 121, 130, 200, 300]
    return [
        random_clip(rng, f"clip {index}", index % 2, num_frames)
        for index, num_frames in enumerate(lengths * 3)
    ]


def write(folder, clips, about=OTHER):
    folder.mkdir(exist_ok=True, parents=True)
    write_archive(folder, about, "somewhere", clips)
    return Archive(folder)


@pytest.fixture(scope="module")
def archive(clips, tmp_path_factory):
    return write(tmp_path_factory.mktemp("sets") / "set", clips)


@pytest.mark.parametrize("crop", ["train", "test"])
@pytest.mark.parametrize("num_frames", [1, 7, 60, 120])
def test_loading_is_the_fields_crop_and_resize(archive, clips, crop, num_frames):
    rows = np.arange(len(clips))
    crop_key = (3, 2) if crop == "train" else None
    x, present = load_clips(archive, rows, num_frames=num_frames, crop_key=crop_key)
    assert x.shape == (len(clips), 3, num_frames, 4, 1)
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    assert present.all()
    shares, places = uniform_numbers(archive.names, 3, 2)
    for clip, share, place, loaded in zip(clips, shares, places, x, strict=True):
        plain = load_plainly(clip, crop, share, place, num_frames, resize_plainly)
        np.testing.assert_allclose(loaded, plain, rtol=0, atol=2e-6)
        # torch rounds positions to float32: 1e-5 frames, and the frames are metres apart here.
        by_torch = load_plainly(clip, crop, share, place, num_frames, resize_by_torch)
        np.testing.assert_allclose(loaded, by_torch, rtol=0, atol=1e-4)


def test_a_clip_of_the_right_length_is_not_touched(tmp_path):
    clip = random_clip(np.random.default_rng(0), "a", num_frames=39)
    x, _ = load_clips(write(tmp_path / "set", [clip]), np.array([0]), num_frames=39)
    np.testing.assert_array_equal(x[0], clip.x.transpose(3, 0, 2, 1))


def test_any_rows_in_any_order_give_the_same_clips(archive):
    rows = np.random.default_rng(0).permutation(archive.num_clips)
    whole, _ = load_clips(archive, np.arange(archive.num_clips), crop_key=(1, 0))
    some, _ = load_clips(archive, rows[:17], crop_key=(1, 0))
    np.testing.assert_array_equal(some, whole[rows[:17]])
    none, present = load_clips(archive, rows[:0], crop_key=(1, 0))
    assert none.shape == (0, 3, 120, 4, 1)
    assert present.shape == (0, 1)


def test_the_training_crop_is_a_function_of_seed_name_and_epoch(archive, clips, tmp_path):
    rows = np.arange(archive.num_clips)

    def load(seed=0, epoch=0):
        return load_clips(archive, rows, crop_key=(seed, epoch))[0]

    np.testing.assert_array_equal(load(), load())
    # Clips of up to 64 frames are never cropped; of the others, most change.
    is_long = archive.length > 65
    for other in (load(seed=1), load(epoch=1)):
        changed = (other != load()).any(axis=(1, 2, 3, 4))
        assert not changed[archive.length <= 64].any()
        assert changed[is_long].mean() > 0.9
    # The same clips elsewhere, in another order, are cropped in the same way.
    reverse = write(tmp_path / "set", clips[::-1])
    x, _ = load_clips(reverse, rows, crop_key=(0, 0))
    np.testing.assert_array_equal(x[::-1], load())


def test_training_crops_are_uniform():
    names = np.array([f"S001C001P001R001A{i:05d}" for i in range(20_000)])
    length = np.full(len(names), 200)
    first, kept = random_crop(names, length, 0, 0)
    assert kept.min() == 100
    assert kept.max() == 199
    assert abs(kept.mean() - 149.5) < 0.5
    # Every start is drawn that leaves the stretch inside the clip.
    assert first.min() == 0
    assert (first + kept).max() == 200
    assert abs((first / (200 - kept)).mean() - 0.5) < 0.01
    # 50 frames are too few to crop, and of 100 at least 64 are kept.
    assert (random_crop(names, length // 4, 0, 0)[1] == 50).all()
    assert random_crop(names, length // 2, 0, 0)[1].min() == 64


def test_uniform_numbers_are_independent_of_each_other():
    names = np.array([f"clip-{i:06d}" for i in range(20_000)])
    columns = [
        column
        for seed, epoch in ((0, 0), (0, 1), (1, 0))
        for column in uniform_numbers(names, seed, epoch)
    ]
    for column in columns:
        counts = np.histogram(column, bins=20, range=(0, 1))[0]
        # 1000 are expected in each bin, with a standard deviation of 31.
        assert abs(counts - 1000).max() < 150
    assert abs(np.corrcoef(columns) - np.eye(6)).max() < 0.03


def test_the_middle_crop_takes_int_of_a_fortieth_off_each_end():
    length = np.arange(1, 5000)
    first, kept = middle_crop(length)
    assert first.tolist() == [int(0.05 * v / 2) for v in length.tolist()]
    assert (first + kept + first == length).all()


def test_copies_of_a_body_are_put_back_only_when_asked_for(tmp_path):
    rng = np.random.default_rng(0)
    names = ("S001C001P001R001A001", "S001C001P001R001A002", "S001C001P001R001A050")
    copied, alone, pair = (
        ntu_clip(rng, name, num_people=1 + (name[-3:] == "050")) for name in names
    )
    clips = [replace(copied, duplicated=True), alone, pair]
    archive = write(tmp_path / "set", clips, description_of_ntu())
    rows = np.arange(3)
    x, present = load_clips(archive, rows)
    assert present.tolist() == [[True, False], [True, False], [True, True]]
    assert not x[:2, ..., 1].any()
    kept, present = load_clips(archive, rows, duplicate_bodies="keep")
    assert present.tolist() == [[True, True], [True, False], [True, True]]
    np.testing.assert_array_equal(kept[0, ..., 1], x[0, ..., 0])
    np.testing.assert_array_equal(kept[1:], x[1:])
    assert archive.present.tolist() == [[True, False], [True, False], [True, True]]
