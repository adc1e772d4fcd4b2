"""Recordings of unknown class: any names, all of one class."""

import zipfile

import numpy as np
import pytest
from data.raw_clips import format_skeleton, raw_clip, standing

from charon.data import ntu
from charon.data.actors import prepare_clip
from charon.data.formats.skeleton_folder import SkeletonFolder
from charon.data.formats.unlabelled import Unlabelled, is_raw, is_skeleton_file
from charon.data.source import Unreadable
from charon.errors import DataError


def recording(sway):
    return raw_clip(standing(range(14), "1", sway=sway), num_frames=14)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "recordings"
    (root / "b").mkdir(parents=True)
    (root / "b" / "walk.skeleton").write_text(format_skeleton(recording(0.1)))
    (root / "walk.skeleton").write_text(format_skeleton(recording(0.2)))
    (root / "notes.txt").write_text("hello")
    (root / ".hidden.skeleton").write_text("hello")
    return root


def test_clips_are_prepared_and_named_by_their_paths(folder):
    clips = list(Unlabelled(folder).clips(1))
    assert [clip.name for clip in clips] == ["b/walk.skeleton", "walk.skeleton"]
    for clip, sway in zip(clips, (0.1, 0.2), strict=True):
        np.testing.assert_array_equal(clip.x, prepare_clip(recording(sway)))
        assert (clip.label, clip.subject, clip.in_train) == (0, 0, None)


def test_a_single_file_and_a_zip_are_read_too(folder):
    (clip,) = Unlabelled(folder / "walk.skeleton").clips(1)
    assert clip.name == "walk.skeleton"
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.write(folder / "walk.skeleton", "below/walk.skeleton")
    (packed,) = Unlabelled(folder / "a.zip").clips(1)
    assert packed.name == "below/walk.skeleton"
    np.testing.assert_array_equal(packed.x, clip.x)


def test_the_only_class_is_unknown_and_the_set_is_none_of_ntus(folder):
    about = Unlabelled(folder).description
    assert (about.name, about.class_names, about.is_ntu) == ("recordings", ("unknown",), False)
    assert (about.num_joints, about.bones) == (25, ntu.BONES)


def test_a_garbled_file_is_unreadable(folder):
    (folder / "walk.skeleton").write_text("two")
    good, bad = Unlabelled(folder).clips(1)
    assert isinstance(bad, Unreadable)
    assert "walk.skeleton, line 1" in bad.reason
    assert not isinstance(good, Unreadable)


def test_the_same_files_with_labels_have_another_identity(folder):
    assert Unlabelled(folder).identity() != SkeletonFolder(folder).identity()


def test_a_folder_without_skeleton_files_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has no \.skeleton file, .*; give a \.skeleton file, or"):
        Unlabelled(tmp_path)


def test_what_may_hold_recordings_is_told_by_its_name(folder):
    assert is_skeleton_file(folder / "walk.skeleton")
    assert not is_skeleton_file(folder)
    for path in (folder, folder / "walk.skeleton"):
        assert is_raw(path)
    for path in (folder / "notes.txt", folder / "gone.skeleton", folder / "gone.zip"):
        assert not is_raw(path)
