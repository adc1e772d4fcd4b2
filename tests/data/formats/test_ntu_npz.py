"""The field's npz files of NTU RGB+D: rows get their names back, copies go, errors are said."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from data.raw_clips import random_raw_clip
from data.set_makers import NTU_NPZ, write_large_ntu_npz, write_ntu_npz

from charon.data import ntu
from charon.data.actors import prepare_clip
from charon.data.formats.ntu_npz import FORMAT, NtuNpz
from charon.data.source import Unreadable
from charon.errors import DataError


def people(rng, num_frames=20, num_people=1):
    """A clip as the field stores it: centred on the first body's spine."""
    x = rng.normal(size=(num_frames, 2, 25, 3)).astype(np.float32)
    x[:, num_people:] = 0
    return np.where(x != 0, x - x[0, 0, 1], 0).astype(np.float32)


def read(path, workers=2):
    return list(NtuNpz(path).clips(workers))


@pytest.mark.parametrize(
    ("name", "benchmark"),
    NTU_NPZ,
)
def test_eight_names_stand_for_four_protocols(tmp_path, name, benchmark):
    for path in (tmp_path / name, tmp_path / "other" / name.lower()):
        assert FORMAT.recognises(path)
        assert NtuNpz(path).description.name == benchmark
    assert not FORMAT.recognises(tmp_path / f"my_{name}")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_row_is_what_the_preparation_of_its_raw_text_gives(tmp_path, save):
    rng = np.random.default_rng(0)
    prepared = []
    while len(prepared) < 12:
        try:
            prepared.append(prepare_clip(random_raw_clip(rng)))
        except DataError:
            continue
    rows = [(label, x) for label, x in enumerate(prepared)]
    path = write_ntu_npz(tmp_path / "NTU60_XSub.npz", rows[:8], rows[8:], save=save)
    for clip, (label, x) in zip(read(path), rows, strict=True):
        np.testing.assert_array_equal(clip.x, x)
        assert clip.label == label
        assert not clip.duplicated


@pytest.mark.parametrize(
    "benchmark", ["ntu60-xview", pytest.param("ntu120-xset", marks=pytest.mark.slow)]
)
def test_the_rows_of_a_whole_protocol_get_their_names_and_ids_back(tmp_path, benchmark):
    file = {"ntu60-xview": "NTU60_CV.npz", "ntu120-xset": "NTU120_XSet.npz"}[benchmark]
    arrays = {}
    for part, names in zip(("train", "test"), ntu.row_names(benchmark), strict=True):
        label = ntu.parse_names(names).label
        # One frame a clip keeps the file small; what matters is the number of rows.
        x = np.ones((len(names), 1, 150), np.float32)
        arrays[f"x_{part}"] = np.cumsum(x, axis=2)
        arrays[f"y_{part}"] = np.eye(ntu.num_classes_of(benchmark), dtype=np.uint8)[label]
    np.savez(tmp_path / "any name.npz", **arrays)
    assert NtuNpz(tmp_path / "any name.npz").description.name == benchmark
    (tmp_path / "any name.npz").rename(tmp_path / file)
    source = NtuNpz(tmp_path / file)
    train, test = ntu.row_names(benchmark)
    assert len(source) == len(train) + len(test)
    for clip, name in zip(source.clips(2), train + test, strict=True):
        assert clip.name == name
        ids = (clip.setup, clip.camera, clip.subject, clip.replication, clip.label)
        assert ids == ntu.parse_name(name)
    assert source.description.name == benchmark


def test_the_protocol_of_a_file_of_any_name_is_said_or_that_of_all_its_rows(tmp_path):
    x = people(np.random.default_rng(0))
    path = write_ntu_npz(tmp_path / "mine.npz", [(0, x), (1, x)], [(1, x)])
    assert FORMAT.recognises(path)
    with pytest.raises(DataError, match=r"nor all rows of a protocol; say which .*ntu120-xset, nt"):
        len(NtuNpz(path).description.class_names)
    source = NtuNpz(path, benchmark="ntu60-xsub")
    assert source.description.name == "ntu60-xsub"
    assert source.identity() != NtuNpz(path, benchmark="ntu60-xview").identity()
    named = read(write_ntu_npz(tmp_path / "NTU60_XSub.npz", [(0, x), (1, x)], [(1, x)]))
    for clip, other in zip(source.clips(2), named, strict=True):
        np.testing.assert_array_equal(clip.x, other.x)
        assert (clip.name, clip.label, clip.in_train) == (other.name, other.label, other.in_train)
    with pytest.raises(DataError, match=r"`y_train` must be one-hot \(2, 120\), a row for each"):
        len(NtuNpz(path, benchmark="ntu120-xset"))


def test_the_name_of_a_file_says_its_protocol_whatever_is_said(tmp_path):
    x = people(np.random.default_rng(0))
    path = write_ntu_npz(tmp_path / "NTU60_CV.npz", [(0, x)], [(1, x)])
    assert NtuNpz(path, benchmark="ntu60-xsub").description.name == "ntu60-xview"
    assert NtuNpz(path, benchmark="ntu60-xsub").identity() == NtuNpz(path).identity()


def test_another_npz_is_none_of_the_fields(tmp_path):
    np.savez(tmp_path / "set.npz", x=np.zeros(3))
    (tmp_path / "cut.npz").write_bytes(b"PK")
    for name in ("set.npz", "cut.npz", "gone.npz"):
        assert not FORMAT.recognises(tmp_path / name)


def test_rows_of_any_other_file_stay_unnamed_and_that_is_said(tmp_path, caplog):
    rng = np.random.default_rng(0)
    rows = [(label, people(rng)) for label in range(4)]
    with caplog.at_level(logging.WARNING):
        clips = read(write_ntu_npz(tmp_path / "NTU60_XSub.npz", rows[:3], rows[3:]))
    assert [clip.name for clip in clips] == [
        *("train-000000", "train-000001", "train-000002"),
        "test-000000",
    ]
    assert [clip.in_train for clip in clips] == [True, True, True, False]
    assert {clip.subject for clip in clips} == {0}
    assert "has not the rows of ntu60-xsub in the field's order (40,091 for train" in caplog.text
    assert "only its own split can be used" in caplog.text


def test_a_copied_second_body_is_zeroed_marked_and_said_once(tmp_path, caplog):
    rng = np.random.default_rng(0)
    copied, pair, alone = people(rng), people(rng, num_people=2), people(rng)
    copied[:, 1] = copied[:, 0]
    # A copy but for one value is no copy.
    almost = copied.copy()
    almost[5, 1, 3, 0] += 1e-6
    rows = [(106, copied), (107, pair), (108, alone), (109, almost)]
    with caplog.at_level(logging.WARNING):
        clips = read(write_ntu_npz(tmp_path / "NTU120_XSub.npz", rows, rows, num_classes=120))
    assert [clip.duplicated for clip in clips] == 2 * [True, False, False, False]
    assert not clips[0].x[:, 1].any()
    np.testing.assert_array_equal(clips[0].x[:, 0], copied[:, 0])
    np.testing.assert_array_equal(clips[1].x, pair)
    np.testing.assert_array_equal(clips[3].x, almost)
    assert caplog.text.count("in 2 clips body 2 is an exact copy of body 1") == 1


def test_an_uncentred_file_is_centred(tmp_path):
    x = people(np.random.default_rng(0))
    moved = np.where(x != 0, x + np.float32(2), 0)
    moved[0, 0, 1] = 2  # the origin itself
    (clip, _) = read(write_ntu_npz(tmp_path / "NTU60_CS.npz", [(0, moved)], [(1, x)]))
    assert not clip.x[0, 0, 1].any()
    np.testing.assert_allclose(clip.x, x, atol=1e-6)


def test_a_row_of_zeros_is_unreadable(tmp_path):
    x = people(np.random.default_rng(0))
    clips = read(write_ntu_npz(tmp_path / "NTU60_CS.npz", [(0, x * 0), (1, x)], [(1, x)]))
    assert isinstance(clips[0], Unreadable)
    assert clips[0].name == "train-000000"


BAD = {
    "missing": ({"y_test": None}, r"NTU60_CS\.npz has no array `y_test`; it has: x_test, x_t"),
    "too few axes": ({"x_train": np.zeros((2, 150), np.float32)}, r"`x_train` must be float32 "),
    "other joints": ({"x_train": np.zeros((2, 9, 120), np.float32)}, r"is float32 \(2, 9, 120\)"),
    "no numbers": ({"x_train": np.zeros((2, 9, 150), int)}, r"is int64 \(2, 9, 150\)"),
    "labels too many": ({"y_train": np.eye(60)[:3]}, r"must be one-hot \(2, 60\), a row for each"),
    "labels of 120": ({"y_train": np.eye(120)[:2]}, r"but it is float64 \(2, 120\)"),
    "labels plain": ({"y_train": np.arange(2)}, r"`y_train` must be one-hot .* is int64 \(2,\)"),
    "two hot": ({"y_test": np.ones((1, 60))}, r"row 0 of `y_test` is not one-hot"),
    "none hot": ({"y_train": np.eye(60)[:2] * [[1], [0]]}, r"row 1 of `y_train` is not one-hot"),
    "objects": ({"x_train": np.array([None, {}])}, r"`x_train` holds Python objects, which can c"),
    "label objects": ({"y_train": np.array([None, {}])}, r"`y_train` holds Python objects"),
    "nan": ({"x_test": np.full((1, 9, 150), np.nan, np.float32)}, r"`x_test`: row 0 .* NaN or inf"),
    "infinite": ({"x_test": np.full((1, 9, 150), np.inf, np.float32)}, r"`x_test`: row 0 .* NaN "),
    "by columns": (
        {"x_train": np.asfortranarray(np.ones((2, 9, 150), np.float32))},
        r"`x_train` is stored column by column; save it again with numpy\.ascontiguousarray",
    ),
}


@pytest.mark.parametrize(("replaced", "said"), BAD.values(), ids=BAD)
def test_a_bad_array_is_said(tmp_path, replaced, said):
    x = people(np.random.default_rng(0))
    path = write_ntu_npz(tmp_path / "NTU60_CS.npz", [(0, x), (1, x)], [(2, x)], **replaced)
    with pytest.raises(DataError, match=said) as error:
        read(path)
    assert str(error.value).startswith(str(path))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_clips(tmp_path):
    peaks = []
    for num_clips in (600, 6_000):  # 0.1 and 1.1 GB
        folder = tmp_path / str(num_clips)
        folder.mkdir()
        path = write_large_ntu_npz(folder / "NTU120_XSub.npz", num_clips // 2, num_clips // 2)
        peaks.append(peak_bytes(path, folder / "cache"))
        shutil.rmtree(folder)
    assert peaks[1] - peaks[0] < 150e6
    assert max(peaks) < 1e9


def peak_bytes(path, cache):
    """The largest memory of a fresh process that prepares ``path`` with 8 workers."""
    script = f"""
import resource
from pathlib import Path
from charon.data.prepare import prepare
prepare({str(path)!r}, Path({str(cache)!r}), workers=8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
    root = Path(ntu.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return int(subprocess.check_output([sys.executable, "-c", script], env=environment))
