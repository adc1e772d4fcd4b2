"""`charon run`: learn, stop, continue; and what is refused before anything is written."""

import argparse
import json
import os
import signal
import subprocess
import sys

import pytest
import torch
from cli.small_sets import npz_arrays, tiny, write_npz

from charon.cli.commands.run import given_fields, resumed_run
from charon.cli.run_folder import RunFolder
from charon.config import Run
from charon.data.standin.source import StandIn
from charon.errors import CheckpointError, ConfigError
from charon.training.checkpoint import load, save

OUTPUTS = {
    *("accuracy_matrix.csv", "checkpoint.pt", "confusion.csv", "metrics.jsonl"),
    *("model.pt", "per_class.csv", "predictions.npz", "run.json"),
}


def metrics_of(folder):
    """The metrics of every task, but those of the clock."""
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    clock = ("time/", "train/epochs_per_hour", "train/clips_per_second")
    return [{k: v for k, v in line.items() if not k.startswith(clock)} for line in lines]


def assert_same_result(one, other):
    for name in ("accuracy_matrix.csv", "confusion.csv", "per_class.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert metrics_of(one) == metrics_of(other)
    a, b = (load(folder / "model.pt")["learner"]["network"] for folder in (one, other))
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def run(finished):
    """The words of a run on the shared data into a folder of the test's."""

    def words(output, *more, settings=None):
        some = tiny() if settings is None else settings
        return [
            "run",
            "--data",
            finished.data,
            "--cache",
            finished.cache,
            "--output",
            output,
            *some,
            *more,
        ]

    return words


def test_a_run_leaves_its_model_and_all_its_numbers(finished):
    assert {path.name for path in finished.folder.iterdir()} == OUTPUTS
    lines = metrics_of(finished.folder)
    assert [line["task"] for line in lines] == [1, 2]
    assert "test/acc/task_02" in lines[1]


def test_a_line_is_said_for_each_task_and_where_the_model_is(tmp_path, run, charon):
    said = charon(*run(tmp_path / "out"))
    assert said.status == 0
    assert "2 tasks of 2 classes; 12 training clips; seed 0; cpu." in said.out
    [first, second] = [line for line in said.out.splitlines() if line.startswith("task ")]
    for word in ("task 1/2", "FAA", "memory 6 clips"):
        assert word in first
    for word in ("task 2/2", "FAA", "forgetting", "epochs/h"):
        assert word in second
    assert f"charon predict {tmp_path / 'out'} PATH" in said.out
    assert "stand-in" not in said.out


def test_an_interrupted_run_continues_to_the_same_bits(
    tmp_path, run, charon, finished, monkeypatch
):
    save = RunFolder.save

    def interrupted(self, stream, result):
        save(self, stream, result)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "save", interrupted)
    stopped = charon(*run(tmp_path / "out"))
    assert stopped.status == 130
    assert f"charon run --resume --output {tmp_path / 'out'}" in stopped.err
    assert not (tmp_path / "out/model.pt").exists()

    monkeypatch.setattr(RunFolder, "save", save)
    words = ["run", "--resume", "--output", tmp_path / "out", "--cache", finished.cache]
    resumed = charon(*words)
    assert resumed.status == 0
    assert "Continues after task 1." in resumed.out
    assert_same_result(tmp_path / "out", finished.folder)

    # Once more: there is nothing left to learn, and nothing changes.
    assert charon(*words).status == 0
    assert_same_result(tmp_path / "out", finished.folder)


def test_a_run_interrupted_in_its_first_task_begins_again(
    tmp_path, run, charon, finished, monkeypatch
):
    def interrupted(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("charon.training.evaluation.Evaluation.measure_untrained", interrupted)
        assert charon(*run(tmp_path / "out")).status == 130
    resumed = charon(*run(tmp_path / "out", "--resume"))  # the whole command, and --resume
    assert "Begins again" in resumed.out
    assert_same_result(tmp_path / "out", finished.folder)


def test_after_a_full_disk_a_run_continues_to_the_same_bits(
    tmp_path, run, charon, refused, finished, small_files
):
    with small_files(20_000):
        said = refused(*run(tmp_path / "out"))
    assert f"{tmp_path / 'out'} has no space left" in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"run.json", "metrics.jsonl"}
    assert charon(*run(tmp_path / "out", "--resume")).status == 0
    assert_same_result(tmp_path / "out", finished.folder)


def test_an_output_that_holds_something_is_refused(tmp_path, run, refused):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("precious")
    assert "is not empty" in refused(*run(tmp_path / "out"))
    assert "holds no run to resume" in refused(*run(tmp_path / "out", "--resume"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_output_that_cannot_be_written_is_refused(tmp_path, run, refused):
    (tmp_path / "file").write_text("")
    said = refused(*run(tmp_path / "file" / "out"))
    assert f"{tmp_path / 'file' / 'out'}" in said
    assert "--output" in said


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--seed", 1], "seed=0, but 1"),
        (["--set", "learner.alpha=0.5"], "learner.alpha=0.3, but 0.5"),
        (["--learner", "finetune"], "learner='charon', but 'finetune'"),
        (["--set", "data.num_frames=24"], "data.num_frames=12, but 24"),
        (["--preset", "released"], "data.class_order='auto', but 'released'"),
    ],
    ids=["seed", "setting", "learner", "frames", "preset"],
)
def test_another_run_than_the_folders_is_not_continued(finished, refused, more, named):
    words = ["run", "--resume", "--output", finished.folder, "--cache", finished.cache]
    said = refused(*words, *more)
    assert named in said
    assert str(finished.folder) in said


def test_a_run_is_not_continued_on_other_clips(tmp_path, charon, refused):
    path = write_npz(tmp_path / "small.npz")
    words = ["run", "--data", path, "--cache", tmp_path / "cache", "--output", tmp_path / "out"]
    charon(*words, *tiny())
    write_npz(path, **npz_arrays(seed=1))
    said = refused("run", "--resume", "--output", tmp_path / "out", "--cache", tmp_path / "cache")
    assert "other clips" in said


def test_a_damaged_run_is_refused(tmp_path, run, charon, refused):
    charon(*run(tmp_path / "out"))
    (tmp_path / "out/checkpoint.pt").write_bytes(b"garbled")
    assert "checkpoint.pt cannot be read" in refused(*run(tmp_path / "out", "--resume"))
    (tmp_path / "out/run.json").write_text("{")
    assert "run.json is truncated or damaged" in refused(*run(tmp_path / "out", "--resume"))


def test_a_checkpoint_of_another_version_is_refused(tmp_path, run, charon, refused):
    charon(*run(tmp_path / "out"))
    saved = load(tmp_path / "out/checkpoint.pt")
    saved["state"]["learner"]["network"].popitem()
    save(tmp_path / "out/checkpoint.pt", saved)
    assert "does not fit this version" in refused(*run(tmp_path / "out", "--resume"))


@pytest.mark.parametrize("label", [-1, 4])
def test_a_memory_of_classes_that_there_are_not_is_refused(tmp_path, run, charon, refused, label):
    charon(*run(tmp_path / "out"))
    saved = load(tmp_path / "out/checkpoint.pt")
    *_, labels, _logits = saved["state"]["learner"]["memory"]["stored"]
    labels[0] = label
    save(tmp_path / "out/checkpoint.pt", saved)
    said = refused(*run(tmp_path / "out", "--resume"))
    assert "its memory has labels from" in said
    assert "there are 4 classes" in said


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (["--set", f"learner.buffer_size={10**15}"], ["learner.buffer_size <= 1000000000"]),
        (["--set", "data.benchmark=ntu60"], ["data.benchmark", "ntu60-xview"]),
        (["--set", "data.benchmark=ntu60-xview"], ["ntu60-xview", "small.npz", "auto"]),
        (["--set", "learner.masking=odd"], ["learner.masking", "deterministic"]),
        (["--set", "learner.masking_ratio=1"], ["learner.masking_ratio < 1"]),
        (["--set", "learner.masking_ration=0.3"], ["did you mean 'learner.masking_ratio'?"]),
        (["--set", "learner=charron"], ["charron", "finetune"]),
        (["--set", "data.classes_per_task=9"], ["classes_per_task", "4 classes"]),
        (["--set", "data.classes_per_task=1,1"], ["classes_per_task", "adds up to 2"]),
        (["--set", "data.class_order=paper"], ["class order", "natural"]),
        (["--set", "optimiser.epochs"], ["FIELD=VALUE"]),
        (["--set", "optimiser.epochs=2.5"], ["optimiser.epochs", "int"]),
        (["--set", "optimiser.learning_rate=nan"], ["optimiser.learning_rate", "finite"]),
        (["--set", "device=gpu"], ["device", "auto"]),
        (["--seed", "0", "--set", "seed=1"], ["seed is given twice"]),
        (["--data", "nothing-there"], ["nothing-there does not exist"]),
    ],
)
def test_what_cannot_be_run_is_refused_and_nothing_is_written(
    tmp_path, finished, refused, settings, named
):
    words = ["run", "--output", tmp_path / "out", "--cache", finished.cache]
    if "--data" not in settings:
        words += ["--data", finished.data]
    said = refused(*words, *settings)
    for word in named:
        assert word in said
    assert not (tmp_path / "out").exists()


def test_an_empty_task_is_refused(tmp_path, refused):
    arrays = npz_arrays()
    mask = arrays["train_mask"] | (arrays["label"] < 2)
    path = write_npz(tmp_path / "small.npz", train_mask=mask)
    words = ["run", "--data", path, "--cache", tmp_path / "cache", "--output", tmp_path / "out"]
    assert "task 1 has no test clip" in refused(*words, *tiny())
    assert not (tmp_path / "out").exists()


def test_a_loss_that_is_not_finite_ends_the_run_in_one_sentence(tmp_path, run, refused):
    said = refused(*run(tmp_path / "out", settings=tiny(optimiser__learning_rate=1e18)))
    assert "lower optimiser.learning_rate" in said


def test_a_memory_that_holds_every_clip_is_warned_of(tmp_path, run, charon):
    said = charon(*run(tmp_path / "out", settings=tiny(learner__buffer_size=3)))
    assert "Warning: the memory can hold" not in said.err
    said = charon(*run(tmp_path / "more", settings=tiny(learner__buffer_size=4)))
    assert "lower learner.buffer_size" in said.err
    settings = tiny(learner__buffer_size=None, learner__buffer_bytes=10**6)
    said = charon(*run(tmp_path / "bytes", settings=settings))
    assert "lower learner.buffer_bytes" in said.err


def test_the_stand_in_is_said_to_be_one(tmp_path, charon, monkeypatch):
    names = [f"S001C{c:03d}P001R001A{a:03d}" for a in range(1, 61) for c in (1, 2)]
    monkeypatch.setattr(StandIn, "small", lambda num_classes: StandIn(tuple(names), num_classes))
    settings = tiny(data__classes_per_task=30, learner__buffer_size=5)
    said = charon("run", "--cache", tmp_path / "cache", "--output", tmp_path / "out", *settings)
    assert said.status == 0
    assert "This is the synthetic stand-in" in said.out
    assert "of the synthetic stand-in: its numbers are not comparable" in said.out


def test_ctrl_c_says_how_to_continue(tmp_path, run):
    words = [str(w) for w in run(tmp_path / "out", settings=tiny(optimiser__epochs=100_000))]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "charon.cli.main", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with process:
        assert process.stdout.readline()  # its title: it learns now
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "charon run --resume --output" in err
    assert "Traceback" not in err


def test_one_body_and_any_learner_run(tmp_path, charon):
    path = write_npz(tmp_path / "one.npz", **npz_arrays(num_joints=5, num_bodies=1))
    words = ["run", "--data", path, "--cache", tmp_path / "cache", "--learner", "finetune"]
    settings = tiny(learner__buffer_size=None, learner__sampling_interval=None)
    said = charon(*words, "--output", tmp_path / "out", *settings)
    assert said.status == 0
    assert "memory" not in said.out


def test_the_settings_of_a_file_are_taken_and_the_command_line_replaces_them(
    tmp_path, run, charon, finished
):
    settings = json.loads((finished.folder / "run.json").read_text())["run"]
    config = tmp_path / "winner.json"
    config.write_text(json.dumps({**settings, "seed": 7}))
    words = ["--config", config, "--cache", finished.cache, "--seed", settings["seed"]]
    assert charon("run", *words, "--output", tmp_path / "out").status == 0
    assert_same_result(tmp_path / "out", finished.folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not a JSON file"),
        ("[1]", "must hold one JSON object"),
        ('{"learner": {"alpha": 1}}', "must hold one JSON object"),
        ('{"learner.alpa": 1}', "did you mean 'learner.alpha'"),
    ],
)
def test_a_file_of_settings_that_cannot_be_used_is_one_sentence(tmp_path, charon, content, message):
    config = tmp_path / "some.json"
    if content is not None:
        config.write_text(content)
    said = charon("run", "--config", config, "--output", tmp_path / "out")
    assert said.status == 1
    assert message in said.err
    assert not (tmp_path / "out").exists()


def given(*, config=None, data=None, learner=None, seed=None, stream=None, settings=()):
    flags = {"config": config, "data": data, "learner": learner, "seed": seed, "stream": stream}
    return given_fields(argparse.Namespace(**flags, settings=settings))


def folder_of(path, run):
    (path / "run.json").write_text(json.dumps({"run": run.to_flat()}))
    return RunFolder(path)


def test_a_stream_by_name_sets_fields_that_others_replace(tmp_path):
    poet = {"data.classes_per_task": "40,5,5,5,5", "data.shots": 5}
    assert given(stream="poet") == poet
    assert given(stream="poet", settings=["data.shots=1"]) == {**poet, "data.shots": 1}
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"data.shots": 2, "learner": "er"}))
    assert given(stream="poet", config=file) == {**poet, "learner": "er"}


def test_flags_and_set_name_fields():
    assert given() == {}
    assert given(data="d", learner="er", seed=3, settings=["learner.alpha=0.5", "argmax=all"]) == {
        "data.path": "d",
        "learner": "er",
        "seed": 3,
        "learner.alpha": 0.5,
        "argmax": "all",
    }


def test_the_command_line_replaces_the_file(tmp_path):
    (tmp_path / "winner.json").write_text('{"seed": 7, "learner.alpha": 0.1}')
    fields = given(config=tmp_path / "winner.json", seed=1)
    assert fields == {"seed": 1, "learner.alpha": 0.1}


def test_a_field_given_twice_is_refused():
    with pytest.raises(ConfigError, match=r"learner\.beta is given twice"):
        given(settings=["learner.beta=0.5", "learner.beta=0.5"])
    with pytest.raises(ConfigError, match="learner is given twice"):
        given(learner="er", settings=["learner=der"])


def test_a_resumed_run_is_the_folders_and_may_compute_elsewhere(tmp_path):
    run = Run.from_flat({"seed": 3, "learner.alpha": 0.5})
    folder = folder_of(tmp_path, run)
    assert resumed_run(folder, {}, None) == run
    assert resumed_run(folder, {"learner.alpha": 0.5}, "paper") == run
    assert resumed_run(folder, {"device": "cpu"}, None) == run.replace({"device": "cpu"})


@pytest.mark.parametrize(
    ("fields", "preset", "named"),
    [
        ({"seed": 1}, None, "seed=0, but 1"),
        ({"learner": "er"}, None, "learner='charon', but 'er'"),
        ({}, "released", "argmax='seen', but 'all'|class_order='auto', but 'released'"),
    ],
)
def test_another_run_than_the_folders_is_refused(tmp_path, fields, preset, named):
    with pytest.raises(CheckpointError, match=named):
        resumed_run(folder_of(tmp_path, Run()), fields, preset)
