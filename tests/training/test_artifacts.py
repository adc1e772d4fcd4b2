"""What a finished run leaves behind."""

import csv
import json

import numpy as np
import pytest
import torch
from tiny_runs import learn, random_clips, tiny_run

from charon.errors import CheckpointError
from charon.training.artifacts import load_model, write_outputs


@pytest.fixture(scope="module")
def finished(two_bodies, tmp_path_factory):
    """A folder with the outputs of a stream, and the stream."""
    stream, _ = learn(tiny_run(data__class_order="shuffled(1)"), two_bodies)
    folder = tmp_path_factory.mktemp("outputs") / "new"
    write_outputs(folder, stream)
    return folder, stream


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_the_model_predicts_as_the_run_did(finished):
    folder, stream = finished
    model = load_model(folder, "cpu")
    clips = random_clips(4)
    assert torch.equal(model.learner.predict(clips), stream.learner.predict(clips))
    assert model.class_names == tuple(f"class {label}" for label in stream.tasks.order)
    assert model.clip_shape == (3, 12, 5, 2)
    assert model.run == stream.run


def test_the_model_holds_no_clip(finished):
    """Its size is that of the network: what it learned from stays behind."""
    folder, stream = finished
    saved = torch.load(folder / "model.pt", weights_only=True)["learner"]
    assert saved.keys() == {"network", "means"}
    assert len(saved["means"]) == 0
    assert saved["network"].keys() == stream.learner.network.state_dict().keys()


def test_the_run_describes_itself(finished):
    folder, stream = finished
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert about["class_order"] == list(stream.tasks.order)
    assert about["run"] == stream.run.to_flat()
    assert about["fingerprint"] == stream.archive.fingerprint
    assert about["protocol"] == "given split"
    assert about["is_standin"] is False


def test_the_tables_say_what_was_measured(finished):
    folder, stream = finished
    names = [f"class {label}" for label in stream.tasks.order]
    matrix = table(folder / "accuracy_matrix.csv")
    assert matrix[0] == ["tasks_seen", "task_01", "task_02", "task_03"]
    assert [row[0] for row in matrix[1:]] == ["1", "2", "3"]
    assert matrix[1][2:] == ["", ""]  # not learned yet
    assert [float(a) for a in matrix[3][1:]] == stream.accuracy_matrix[2].round(4).tolist()
    confusion = table(folder / "confusion.csv")
    assert confusion[0] == ["true_class", *names]
    counts = stream.evaluation.confusion()
    assert [[int(n) for n in row[1:]] for row in confusion[1:]] == counts.tolist()
    per_class = table(folder / "per_class.csv")
    assert per_class[0] == ["class", "clips", "accuracy"]
    assert [row[0] for row in per_class[1:]] == names
    right = counts.diagonal() / 2 * 100  # two test clips of each class
    assert [float(row[2]) for row in per_class[1:]] == right.tolist()


def test_every_accuracy_follows_from_what_was_predicted_for_each_clip(finished):
    folder, stream = finished
    with np.load(folder / "predictions.npz") as clips:
        correct = clips["prediction"] == clips["label"]
        by_task = [100 * correct[clips["task"] == k].mean() for k in range(3)]
        assert by_task == pytest.approx(stream.accuracy_matrix[2].tolist())
        # The prediction is the class with the highest score, and scores fall from there.
        assert (clips["top_class"][:, 0] == clips["prediction"]).all()
        assert (np.diff(clips["top_score"].astype(float), axis=1) <= 0).all()
        assert {clips[name].dtype for name in ("task", "label", "prediction")} == {np.dtype("i2")}


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.pt"):
        load_model(tmp_path)


def test_the_folder_of_a_study_is_told_from_those_of_its_trials(tmp_path):
    (tmp_path / "trials" / "a").mkdir(parents=True)
    (tmp_path / "trials" / "a" / "model.pt").touch()
    with pytest.raises(CheckpointError, match=r"is a study; give .* such as .*trials/a\.$"):
        load_model(tmp_path)
