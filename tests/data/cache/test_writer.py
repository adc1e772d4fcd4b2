"""The writer: presence, fingerprints that are those of the contents, and names that are unique."""

from dataclasses import replace

import numpy as np
import pytest
from data.set_makers import OTHER, description_of_ntu, ntu_clip, random_clips

from charon.data.cache.archive import Archive
from charon.data.cache.writer import write_archive
from charon.errors import DataError


def write(folder, clips, about=OTHER):
    folder.mkdir(parents=True)
    write_archive(folder, about, "somewhere", clips)
    return Archive(folder)


def test_presence_is_any_nonzero_coordinate_of_a_body(tmp_path):
    rng = np.random.default_rng(0)
    names = ("S001C001P001R001A001", "S001C001P001R001A050")
    clips = [ntu_clip(rng, name, num_people=n) for n, name in enumerate(names, 1)]
    archive = write(tmp_path / "set", clips, description_of_ntu())
    assert archive.present.tolist() == [[True, False], [True, True]]


def test_the_fingerprint_is_that_of_the_contents(tmp_path):
    clips = random_clips()
    first = write(tmp_path / "a", clips).fingerprint
    # The same wherever it lies, and in any order.
    assert write(tmp_path / "b" / "c", clips[::-1]).fingerprint == first
    # Another with any change of a coordinate, a label, a name, an id, or the split.
    moved = clips[0].x.copy()
    moved[2, 0, 1, 0] = np.nextafter(moved[2, 0, 1, 0], np.float32(9))
    changes = ({"x": moved}, {"label": 1}, {"name": "z"}, {"subject": 9}, {"in_train": True})
    others = {
        write(tmp_path / f"{i}", [replace(clips[0], **change), *clips[1:]]).fingerprint
        for i, change in enumerate(changes)
    }
    assert len(others | {first}) == 6


def test_the_fingerprint_of_ntu_clips_does_not_depend_on_the_file_they_came_in(tmp_path):
    clip = ntu_clip(np.random.default_rng(0), "S001C001P001R001A001")
    a = write(tmp_path / "a", [clip], description_of_ntu())
    split = replace(clip, in_train=True)
    b = write(tmp_path / "b", [split], description_of_ntu(name="ntu60-xsub"))
    assert a.fingerprint == b.fingerprint


def test_two_clips_of_one_name_are_refused(tmp_path):
    clips = random_clips()
    with pytest.raises(DataError, match="clip clip 0 is there 2 times"):
        write(tmp_path / "set", [*clips, clips[0]])
