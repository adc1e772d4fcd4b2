"""Preparation is measured on files of real size and content."""

import numpy as np
import pytest

from charon.benchmark.preparation import measure_padded, measure_skeleton_files, recorded_text
from charon.data.formats.skeleton_text import parse_skeleton
from charon.data.standin.source import make_raw_clip


def test_preparation_is_measured_on_files_of_a_real_size():
    # NTU RGB+D 60 has 14 GB in 56,880 files.
    done = measure_skeleton_files(repetitions=1)
    assert done["clips"] == 60
    assert done["num_bytes"] / done["clips"] == pytest.approx(246_000, rel=0.05)
    assert done["seconds"] > 0
    assert 0 < done["best"] == done["cpu_seconds"] == done["worst"]
    assert done["plain_seconds"] > 0
    assert done["clips_per_core_second"] == 60 / done["cpu_seconds"]
    assert done["times_plain"] == done["plain_seconds"] / done["cpu_seconds"]


def test_the_files_hold_the_clips_to_seven_digits():
    clip = make_raw_clip("S001C001P002R001A055", 60, seed=0)
    text = recorded_text(clip)
    read = parse_skeleton(text.encode(), "a")
    np.testing.assert_array_equal(read.frame, clip.frame)
    assert read.body_id == clip.body_id
    np.testing.assert_allclose(read.xyz, clip.xyz, rtol=1e-6)


def test_preparation_of_an_npz_is_measured_beside_reading_it():
    done = measure_padded(clips=240)
    assert done["clips"] == 240
    assert done["num_bytes"] == pytest.approx(240 * (300 * 150 * 4 + 60 * 8), rel=0.01)
    assert done["seconds"] > 0
    assert done["cpu_seconds"] > 0
    assert done["load_seconds"] > 0
