import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data.raw_clips import format_skeleton, raw_clip, standing

from charon.data import ntu
from charon.data.actors import prepare_clip
from charon.data.formats import is_raw
from charon.data.formats.skeleton_folder import (
    MAX_BYTES,
    SkeletonFolder,
    Unlabelled,
    is_skeleton_file,
)
from charon.data.source import SourceClip, Unreadable
from charon.errors import DataError

NAMES = [f"S{s:03d}C{c:03d}P001R002A{a:03d}" for s in (1, 2) for c in (1, 3) for a in range(1, 11)]


def recording(name):
    """A short recording that differs from name to name."""
    seed = sum(map(ord, name)) + 7 * int(name[3])
    first = standing(range(14), "1", shift=seed / 100, sway=0.5)
    gappy = standing([*range(6), *range(8, 14)], "2", shift=3, sway=0.1)
    return raw_clip(first + gappy, num_frames=14)


@pytest.fixture
def folder(tmp_path):
    """40 files in two folders, written in no particular order."""
    for index, name in enumerate(reversed(NAMES)):
        below = tmp_path / "skeletons" / f"part{index % 2}"
        below.mkdir(parents=True, exist_ok=True)
        text = format_skeleton(recording(name)).replace("\n", "\r\n")
        (below / f"{name}.skeleton").write_bytes(text.encode())
    return tmp_path / "skeletons"


def zip_of(folder, compression=zipfile.ZIP_DEFLATED):
    path = folder.parent / "skeletons.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder.parent))
    return path


def readable(source, workers=1):
    clips = list(source.clips(workers))
    assert len(clips) == len(source)
    assert all(isinstance(clip, SourceClip) for clip in clips), clips
    return clips


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("packed", [False, True])
def test_clips_come_in_name_order_prepared_and_with_their_ids(folder, packed, workers):
    source = SkeletonFolder(zip_of(folder) if packed else folder)
    clips = readable(source, workers)
    assert [clip.name for clip in clips] == NAMES
    for clip in clips:
        np.testing.assert_array_equal(clip.x, prepare_clip(recording(clip.name)))
        assert f"S{clip.setup:03d}C{clip.camera:03d}P{clip.subject:03d}" == clip.name[:12]
        assert (clip.replication, clip.label + 1) == (2, int(clip.name[-3:]))
        assert clip.in_train is None
        assert not clip.duplicated


def test_gaps_are_kept_where_that_is_asked_for(folder):
    clip = next(SkeletonFolder(folder, keep_gaps=True).clips(1))
    np.testing.assert_array_equal(clip.x, prepare_clip(recording(NAMES[0]), keep_gaps=True))
    assert not np.array_equal(clip.x, prepare_clip(recording(NAMES[0])))


def test_it_is_described_as_ntu_60_or_120_by_its_classes(folder):
    description = SkeletonFolder(folder).description
    assert description.name == "ntu60"
    assert description.class_names == ntu.CLASS_NAMES[:60]
    assert (description.num_joints, description.num_bodies, description.num_channels) == (25, 2, 3)
    assert description.centre_joint == 1
    assert description.is_ntu
    assert not description.is_standin
    text = format_skeleton(recording(NAMES[0]))
    (folder / "S018C001P008R001A060.skeleton").write_text(text)
    assert SkeletonFolder(folder).description.name == "ntu60"
    (folder / "S018C001P008R001A061.skeleton").write_text(text)
    description = SkeletonFolder(folder).description
    assert description.name == "ntu120"
    assert description.class_names == ntu.CLASS_NAMES


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("packed", [False, True])
def test_one_bad_file_is_named_with_its_line_and_does_not_end_it(folder, packed, workers):
    paths = {path.stem: path for path in folder.rglob("*.skeleton")}
    cut, garbled, empty = paths[NAMES[3]], paths[NAMES[17]], paths[NAMES[39]]
    cut.write_bytes(cut.read_bytes()[:5000])
    garbled.write_bytes(garbled.read_bytes().replace(b"25\r\n", b"19\r\n"))
    empty.write_bytes(b"")
    clips = list(SkeletonFolder(zip_of(folder) if packed else folder).clips(workers))
    assert [clip.name for clip in clips] == NAMES
    bad = {clip.name: clip.reason for clip in clips if isinstance(clip, Unreadable)}
    assert sorted(bad) == [NAMES[3], NAMES[17], NAMES[39]]
    assert f"{cut.name}, line " in bad[NAMES[3]]
    assert f"{garbled.name}, line 4: the number of joints must be 25" in bad[NAMES[17]]
    assert f"{empty.name} is empty" in bad[NAMES[39]]


def test_a_clip_without_a_usable_body_is_unreadable(folder):
    path = next(folder.rglob(f"{NAMES[0]}.skeleton"))
    path.write_text("2\n0\n0\n")
    clip = next(SkeletonFolder(folder).clips(1))
    assert clip == Unreadable(NAMES[0], f"{path}: none of its 2 frames has a body.")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("walking", "is not a clip name of NTU RGB"),
        ("S001C001P001R001A001_copy", "is not a clip name of NTU RGB"),
        ("S001C001P001R001A121", "the action must be from 1 to 120, but is 121"),
        ("S001C004P001R001A001", "the camera must be from 1 to 3, but is 4"),
    ],
)
def test_a_file_whose_name_is_no_clips_name_is_unreadable(tmp_path, name, reason):
    (tmp_path / f"{name}.skeleton").write_text(format_skeleton(recording(NAMES[0])))
    source = SkeletonFolder(tmp_path)
    assert source.description.name == "ntu60"
    (clip,) = source.clips(1)
    assert isinstance(clip, Unreadable)
    assert clip.name == name
    assert reason in clip.reason


def test_the_clips_that_ntu_lists_as_missing_are_left_out(folder):
    text = format_skeleton(recording(NAMES[0]))
    assert not ntu.MISSING_NAMES & set(NAMES)
    for name in sorted(ntu.MISSING_NAMES)[:3]:
        (folder / f"{name}.skeleton").write_text(text)
    assert [clip.name for clip in readable(SkeletonFolder(folder))] == NAMES


def test_a_folder_of_missing_clips_only_is_refused(tmp_path):
    (tmp_path / f"{min(ntu.MISSING_NAMES)}.skeleton").write_text("0\n")
    with pytest.raises(DataError, match=r"no \.skeleton file but 1 of those that NTU RGB.D lists"):
        SkeletonFolder(tmp_path)


def test_other_files_and_hidden_files_are_passed_over(folder):
    (folder / "README.txt").write_text("hello")
    (folder / f"._{NAMES[0]}.skeleton").write_bytes(b"\x00\x05\x16\x07")
    assert len(SkeletonFolder(folder)) == 40
    assert len(readable(SkeletonFolder(zip_of(folder)))) == 40


def test_a_second_file_of_the_same_name_is_unreadable(folder):
    twin = folder / "zz" / f"{NAMES[5]}.skeleton"
    twin.parent.mkdir()
    twin.write_text(format_skeleton(recording(NAMES[6])))
    clips = list(SkeletonFolder(folder).clips(1))
    assert [clip.name for clip in clips if isinstance(clip, SourceClip)] == NAMES
    (bad,) = (clip for clip in clips if isinstance(clip, Unreadable))
    assert bad.name == f"zz/{twin.name}"
    assert "has the name of another file; remove one of them" in bad.reason


def test_a_dangling_link_is_unreadable(folder):
    (folder / "S001C002P001R001A001.skeleton").symlink_to(folder / "nowhere")
    bad = [clip for clip in SkeletonFolder(folder).clips(1) if isinstance(clip, Unreadable)]
    assert [clip.name for clip in bad] == ["S001C002P001R001A001"]
    assert "cannot be read: No such file or directory" in bad[0].reason


def test_a_damaged_member_of_a_zip_is_unreadable_and_the_others_are_read(folder):
    path = zip_of(folder, zipfile.ZIP_STORED)
    with zipfile.ZipFile(path) as archive:
        member = next(one for one in archive.infolist() if NAMES[8] in one.filename)
    data = bytearray(path.read_bytes())
    data[member.header_offset + 500] ^= 1
    path.write_bytes(data)
    clips = list(SkeletonFolder(path).clips(1))
    (bad,) = (clip for clip in clips if isinstance(clip, Unreadable))
    assert bad.name == NAMES[8]
    assert "cannot be unpacked: Bad CRC-32" in bad.reason
    assert str(path) in bad.reason


def test_a_member_that_would_unpack_to_far_too_much_is_unreadable(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{NAMES[0]}.skeleton", bytes(65 * 2**20))
    (clip,) = SkeletonFolder(path).clips(1)
    assert isinstance(clip, Unreadable)
    assert "has 65 MiB, but no recording has more" in clip.reason


def test_a_file_that_is_far_too_large_is_not_even_read(tmp_path):
    path = tmp_path / f"{NAMES[0]}.skeleton"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 2**20)  # sparse
    (clip,) = SkeletonFolder(tmp_path).clips(1)
    assert isinstance(clip, Unreadable)
    assert f"{path} has 65 MiB, but no recording has more" in clip.reason


def test_what_is_no_folder_and_no_zip_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"none\.zip cannot be opened .*No such file"):
        SkeletonFolder(tmp_path / "none.zip")
    (tmp_path / "a.zip").write_text("hello")
    with pytest.raises(DataError, match=r"a\.zip is neither a folder nor a readable zip"):
        SkeletonFolder(tmp_path / "a.zip")


def test_a_truncated_zip_is_refused(folder):
    path = zip_of(folder)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"neither a folder nor a readable zip.*download it again"):
        SkeletonFolder(path)


def test_a_folder_without_skeleton_files_says_what_was_looked_for(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.txt").write_text("hello")
    with pytest.raises(DataError, match=r"has no \.skeleton file, neither itself nor in its fold"):
        SkeletonFolder(tmp_path)


def test_its_identity_changes_with_any_file_and_option_and_with_nothing_else(folder):
    first = SkeletonFolder(folder).identity()
    assert SkeletonFolder(folder).identity() == first
    assert SkeletonFolder(Path(os.path.relpath(folder))).identity() == first
    seen = {first, SkeletonFolder(folder, keep_gaps=True).identity()}
    seen.add(SkeletonFolder(zip_of(folder)).identity())
    path = next(folder.rglob("*.skeleton"))
    old = path.stat()
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns + 1))
    seen.add(SkeletonFolder(folder).identity())
    path.write_bytes(path.read_bytes() + b"\r\n")
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
    seen.add(SkeletonFolder(folder).identity())
    path.rename(folder / path.name)
    seen.add(SkeletonFolder(folder).identity())
    path = folder / path.name
    path.unlink()
    seen.add(SkeletonFolder(folder).identity())
    assert len(seen) == 7


def test_a_source_travels_to_other_processes(folder):
    source = pickle.loads(pickle.dumps(SkeletonFolder(folder)))
    assert [clip.name for clip in readable(source)] == NAMES


def test_a_caller_that_stops_early_leaves_no_open_file(folder):
    # An open zip would be a ResourceWarning, which is an error here.
    clips = SkeletonFolder(zip_of(folder)).clips(1)
    next(clips)
    clips.close()


@pytest.mark.parametrize("suffix", [".skeleton.txt", ".SKELETON.TXT", ".Skeleton"])
def test_files_may_be_called_text(folder, suffix):
    for path in folder.rglob("*.skeleton"):
        path.rename(path.with_name(path.stem + suffix))
    source = SkeletonFolder(folder)
    assert [clip.name for clip in readable(source)] == NAMES
    one = next(folder.rglob(f"*{suffix}"))
    assert is_skeleton_file(one)
    assert len(Unlabelled(one)) == 1
    assert [clip.name for clip in readable(SkeletonFolder(zip_of(folder)))] == NAMES


def packed_twice(folder, compression=zipfile.ZIP_DEFLATED):
    """A zip of two zips, each of one of the folders."""
    outer = folder.parent / "outer.zip"
    with zipfile.ZipFile(outer, "w", compression) as archive:
        for below in sorted(folder.iterdir()):
            inner = zip_of(below)
            archive.write(inner, f"downloads/{below.name}.zip")
            inner.unlink()
    return outer


@pytest.mark.parametrize("workers", [1, 2])
def test_zips_in_a_zip_are_read_and_leave_nothing(folder, workers, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    outer = packed_twice(folder)
    before = sorted(path.name for path in tmp_path.iterdir())
    source = SkeletonFolder(outer)
    clips = readable(source, workers)
    assert [clip.name for clip in clips] == NAMES
    np.testing.assert_array_equal(clips[7].x, prepare_clip(recording(NAMES[7])))
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert source.identity() == SkeletonFolder(outer).identity()


def test_zips_in_a_folder_are_read_where_it_has_no_other_files(folder):
    downloads = folder.parent / "downloads"
    downloads.mkdir()
    for below in sorted(folder.iterdir()):
        zip_of(below).rename(downloads / f"{below.name}.zip")
    assert [clip.name for clip in readable(SkeletonFolder(downloads), 2)] == NAMES
    name = f"{NAMES[0]}.skeleton"
    (downloads / name).write_bytes(next(folder.rglob(name)).read_bytes())
    assert [clip.name for clip in readable(SkeletonFolder(downloads))] == NAMES[:1]


def test_a_damaged_zip_in_a_zip_is_named(folder):
    outer = folder.parent / "outer.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("inner.zip", zip_of(folder).read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"outer\.zip/inner\.zip is no readable zip \(.*remove it"):
        SkeletonFolder(outer)


def test_a_damaged_file_in_a_zip_in_a_zip_is_unreadable(folder):
    path = next(folder.rglob(f"{NAMES[4]}.skeleton"))
    path.write_bytes(path.read_bytes()[:5000])
    clips = list(SkeletonFolder(packed_twice(folder)).clips(1))
    (bad,) = (clip for clip in clips if isinstance(clip, Unreadable))
    assert bad.name == NAMES[4]
    assert f"outer.zip/downloads/{path.parent.name}.zip/{path.parent.name}/{path.name}, line" in (
        bad.reason
    )


def swaying(sway):
    return raw_clip(standing(range(14), "1", sway=sway), num_frames=14)


@pytest.fixture
def recordings(tmp_path):
    root = tmp_path / "recordings"
    (root / "b").mkdir(parents=True)
    (root / "b" / "walk.skeleton").write_text(format_skeleton(swaying(0.1)))
    (root / "walk.skeleton").write_text(format_skeleton(swaying(0.2)))
    (root / "notes.txt").write_text("hello")
    (root / ".hidden.skeleton").write_text("hello")
    return root


def test_clips_are_prepared_and_named_by_their_paths(recordings):
    clips = list(Unlabelled(recordings).clips(1))
    assert [clip.name for clip in clips] == ["b/walk.skeleton", "walk.skeleton"]
    for clip, sway in zip(clips, (0.1, 0.2), strict=True):
        np.testing.assert_array_equal(clip.x, prepare_clip(swaying(sway)))
        assert (clip.label, clip.subject, clip.in_train) == (0, 0, None)


def test_a_single_file_and_a_zip_are_read_too(recordings):
    (clip,) = Unlabelled(recordings / "walk.skeleton").clips(1)
    assert clip.name == "walk.skeleton"
    with zipfile.ZipFile(recordings / "a.zip", "w") as archive:
        archive.write(recordings / "walk.skeleton", "below/walk.skeleton")
    (packed,) = Unlabelled(recordings / "a.zip").clips(1)
    assert packed.name == "below/walk.skeleton"
    np.testing.assert_array_equal(packed.x, clip.x)


def test_the_only_class_is_unknown_and_the_set_is_none_of_ntus(recordings):
    about = Unlabelled(recordings).description
    assert (about.name, about.class_names, about.is_ntu) == ("recordings", ("unknown",), False)
    assert (about.num_joints, about.bones) == (25, ntu.BONES)


def test_a_garbled_file_is_unreadable(recordings):
    (recordings / "walk.skeleton").write_text("two")
    good, bad = Unlabelled(recordings).clips(1)
    assert isinstance(bad, Unreadable)
    assert "walk.skeleton, line 1" in bad.reason
    assert not isinstance(good, Unreadable)


def test_the_same_files_with_labels_have_another_identity(recordings):
    assert Unlabelled(recordings).identity() != SkeletonFolder(recordings).identity()


def test_a_folder_without_skeleton_files_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has no \.skeleton file, .*; give a \.skeleton file, or"):
        Unlabelled(tmp_path)


def test_what_may_hold_recordings_is_told_by_its_name(recordings):
    assert is_skeleton_file(recordings / "walk.skeleton")
    assert not is_skeleton_file(recordings)
    for path in (recordings, recordings / "walk.skeleton"):
        assert is_raw(path)
    for path in (recordings / "notes.txt", recordings / "gone.skeleton", recordings / "gone.zip"):
        assert not is_raw(path)
