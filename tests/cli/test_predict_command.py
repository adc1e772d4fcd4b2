"""`charon predict`: new clips of every kind get a class, a probability and two runners-up."""

import csv
import io
import zipfile

import numpy as np
import pytest
from cli.small_sets import npz_arrays, skeleton_text, tiny, write_npz, write_skeletons
from data.set_makers import flat_annotations, write_pickle

from charon.training.artifacts import load_model
from charon.training.checkpoint import load, save

COLUMNS = [
    *("clip", "predicted_class", "probability"),
    *("second_class", "second_probability", "third_class", "third_probability"),
]


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_clips_get_the_classes_that_the_run_gave_them(finished, charon):
    said = charon("predict", finished.folder, finished.data, "--cache", finished.cache)
    assert said.status == 0
    rows = table(said.out)
    assert list(rows[0]) == COLUMNS
    assert [row["clip"] for row in rows] == [f"clip-{k:06d}" for k in range(24)]
    confusion = np.loadtxt(finished.folder / "confusion.csv", delimiter=",", dtype=str)
    names, counts = list(confusion[0, 1:]), confusion[1:, 1:].astype(int)
    arrays = npz_arrays()
    found = np.zeros_like(counts)
    for row, label, trains in zip(rows, arrays["label"], arrays["train_mask"], strict=True):
        found[label, names.index(row["predicted_class"])] += not trains
    assert (found == counts).all()


def test_clips_are_read_as_those_that_the_model_has_learned(charon, tmp_path):
    annotations, split = flat_annotations()
    path = write_pickle(tmp_path / "set.pkl", annotations, split=split)
    fields = tiny(data__classes_per_task=1, data__scores="channel")
    cache = ("--cache", tmp_path / "cache")
    assert charon("run", "--data", path, *fields, "--output", tmp_path / "run", *cache).status == 0
    said = charon("predict", tmp_path / "run", path, *cache)
    assert [row["clip"] for row in table(said.out)] == [each["frame_dir"] for each in annotations]
    assert {row["predicted_class"] for row in table(said.out)} <= {f"class {k}" for k in range(3)}


def test_probabilities_fall_and_stay_below_one(finished, charon):
    rows = table(charon("predict", finished.folder, finished.data, "--cache", finished.cache).out)
    for row in rows:
        p = [float(row[name]) for name in COLUMNS if name.endswith("probability")]
        assert 1 >= p[0] >= p[1] >= p[2] >= 0
        assert sum(p) <= 1.0002
        assert len({row[name] for name in COLUMNS if name.endswith("class")}) == 3


def test_one_skeleton_file_of_any_name(finished, charon, tmp_path):
    folder = write_skeletons(tmp_path / "mine", ["my clip"])
    said = charon("predict", finished.folder, folder / "my clip.skeleton")
    assert [row["clip"] for row in table(said.out)] == ["my clip.skeleton"]
    assert "Labelled 1 clip." in said.err


def test_a_folder_and_a_zip_of_any_names_agree_and_leave_no_cache(finished, charon, tmp_path):
    folder = write_skeletons(tmp_path / "mine", ["a", "b", "S001C001P001R001A001"])
    write_skeletons(folder / "more", ["a"])
    cache = tmp_path / "cache"
    one = charon("predict", finished.folder, folder, "--cache", cache)
    assert [row["clip"] for row in table(one.out)] == [
        *("S001C001P001R001A001.skeleton", "a.skeleton", "more/a.skeleton", "b.skeleton")
    ]
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for path in folder.rglob("*.skeleton"):
            archive.write(path, path.relative_to(folder))
    other = charon("predict", finished.folder, tmp_path / "mine.zip", "--cache", cache)
    assert other.out == one.out
    assert list(cache.iterdir()) == []


def test_broken_files_are_listed_and_the_others_labelled(finished, charon, tmp_path):
    folder = write_skeletons(tmp_path / "mine", ["good"])
    whole = skeleton_text()
    (folder / "cut.skeleton").write_text(whole[: len(whole) // 2])
    said = charon("predict", finished.folder, folder)
    assert said.status == 0
    assert [row["clip"] for row in table(said.out)] == ["good.skeleton"]
    assert "1 clip cannot be read and is left out:\n  cut.skeleton: " in said.err


def test_a_broken_file_alone_is_refused(finished, refused, tmp_path):
    (tmp_path / "cut.skeleton").write_text(skeleton_text()[:1000])
    said = refused("predict", finished.folder, tmp_path / "cut.skeleton")
    assert "cut.skeleton" in said
    assert "line" in said


@pytest.mark.parametrize(
    ("arrays", "shape"),
    [
        ({"num_joints": 20}, "20 x 3 x 2"),
        ({"num_bodies": 1}, "25 x 3 x 1"),
    ],
)
def test_clips_of_another_shape_are_refused(finished, refused, tmp_path, arrays, shape):
    path = write_npz(tmp_path / "other.npz", **npz_arrays(**arrays))
    said = refused("predict", finished.folder, path, "--cache", tmp_path / "cache")
    for words in ("other.npz", shape, str(finished.folder), "25 x 3 x 2"):
        assert words in said
    assert not (tmp_path / "cache").exists()


def test_the_table_goes_to_a_file_whole_or_not_at_all(finished, charon, refused, tmp_path):
    words = ["predict", finished.folder, finished.data, "--cache", finished.cache]
    said = charon(*words, "--output", tmp_path / "labels.csv")
    assert said.out == ""
    assert f"Labelled 24 clips in {tmp_path / 'labels.csv'}." in said.err
    assert (tmp_path / "labels.csv").read_text() == charon(*words).out
    assert "--output" in refused(*words, "--output", tmp_path / "labels.csv" / "x.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]


def test_what_is_no_model_is_refused(finished, refused, tmp_path):
    assert "There is no" in refused("predict", tmp_path, finished.data)
    (tmp_path / "model.pt").write_bytes(b"garbled")
    assert "model.pt cannot be read" in refused("predict", tmp_path, finished.data)
    checkpoint = (finished.folder / "checkpoint.pt").read_bytes()
    (tmp_path / "model.pt").write_bytes(checkpoint)
    assert "not the model of a finished run" in refused("predict", tmp_path, finished.data)


def test_a_model_of_another_version_is_refused(finished, refused, tmp_path):
    saved = load(finished.folder / "model.pt")
    saved["learner"]["network"].popitem()
    save(tmp_path / "model.pt", saved)
    assert "does not fit this version" in refused("predict", tmp_path, finished.data)


def test_what_is_no_set_of_clips_is_refused(finished, refused, tmp_path):
    assert "does not exist" in refused("predict", finished.folder, tmp_path / "x.skeleton")
    (tmp_path / "empty").mkdir()
    assert "has no .skeleton file" in refused("predict", finished.folder, tmp_path / "empty")
    (tmp_path / "bad.zip").write_bytes(b"garbled")
    assert "bad.zip" in refused("predict", finished.folder, tmp_path / "bad.zip")


def test_the_models_classes_are_those_of_its_run(finished):
    model = load_model(finished.folder, "cpu")
    assert model.class_names == ("wave", "sit", "run", "jump")
    assert not model.is_standin
