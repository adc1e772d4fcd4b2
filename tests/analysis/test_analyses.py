"""The analyses of single studies: what they add to what every study gets."""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from report.made_studies import write_study

from charon.presets import PRESETS

ROOT = Path(__file__).parents[2]


def run(name, folder):
    command = [sys.executable, str(ROOT / "analysis" / f"{name}.py"), "--results", str(folder)]
    environment = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def shown(name, folder):
    done = run(name, folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_folder_without_a_study_is_one_sentence(tmp_path):
    done = run("masking_ratio", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error:")
    assert len(done.stderr.splitlines()) == 1


def test_the_masking_ratio_is_shown_with_speed_beside_accuracy(tmp_path):
    runs = [
        {"learner.masking_ratio": eta, "seed": seed, "faa": 60.0 + 4 * seed}
        for eta in (0.0, 0.5)
        for seed in (0, 1)
    ]
    runs.append({"learner": "finetune", "seed": 0, "faa": 16.0})
    runs = [{**run, "train/epochs_per_hour": 1000.0} for run in runs]
    write_study(tmp_path, runs, varied=["learner.masking_ratio", "learner"])
    text = shown("masking_ratio", tmp_path)
    assert "62.0 ± 2.8" in text
    assert "training epochs per hour" in text
    assert "73.6" not in text  # numbers of the stand-in never stand beside the paper's
    assert (tmp_path / "masking_ratio.png").exists()


@pytest.fixture
def table_1(tmp_path):
    """Some methods, two sizes and two seeds; CHARON beats JT, a small ER is hardly above FT."""
    runs = []
    for learner, stream, size, faa in [
        ("charon", "split", 288, 72.0),
        ("finetune", "split", None, 16.0),
        ("finetune", "joint", None, 70.0),
        ("er", "split", 72, 17.0),
        ("er", "split", 288, 60.0),
    ]:
        fields = {"learner": learner, "data.stream": stream, "learner.buffer_size": size}
        memory = {"memory/bytes": 1000.0 * (size or 0), "model/parameters": 5000.0}
        runs += [{**fields, **memory, "seed": seed, "faa": faa + seed} for seed in (0, 1)]
    return runs


VARIED = ["learner", "data.stream", "learner.buffer_size"]


def test_table_1_is_in_the_papers_order_with_its_memory(tmp_path, table_1):
    write_study(tmp_path, table_1, varied=VARIED)
    rows = [line.split() for line in shown("baselines", tmp_path).splitlines()[2:7]]
    assert [row[:2] for row in rows] == [
        ["FT", "–"],
        ["JT", "–"],
        ["ER", "72"],
        ["ER", "288"],
        ["CHARON", "288"],
    ]
    assert rows[3][-3:] == ["288.0", "5000", "2"]


def test_what_is_not_as_expected_is_said(tmp_path, table_1):
    write_study(tmp_path, table_1, varied=VARIED)
    shown("baselines", tmp_path)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "FT knows 26.5 % of its last task and 6.5 % of the 1 before it." in page
    assert "CHARON, M = 288, 72.5 %, is above JT, 70.5 %." in page
    assert "ER, M = 72, 17.5 %, is not above FT, 16.5 %, by 2 points." in page
    assert page.count("Not as expected") == 2


def test_each_protocol_has_its_own_expectations(tmp_path, table_1):
    both = [
        {**run, "data.benchmark": name} for name in ("ntu60-xview", "ntu60-xsub") for run in table_1
    ]
    write_study(tmp_path, both, varied=["data.benchmark", *VARIED])
    text = shown("baselines", tmp_path)
    assert "ntu60-xview: FT knows" in text
    assert "ntu60-xsub: Not as expected" in text


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        ([0.2, 0.3, 0.4], "within ±1.5 points, so both end with the same FAA"),
        ([5.0, 5.1, 5.2], "outside ±1.5 points, so they do not end with the same FAA"),
        ([-2.0, 0.0, 0.0, 2.0], "so these pairs do not decide"),
        ([0.2], "so these pairs do not decide"),
    ],
)
def test_the_verdict_on_precisions_is_of_the_whole_interval(tmp_path, differences, words):
    runs = [
        {
            "model.precision": precision,
            "seed": seed,
            "faa": 50.0 + seed + by * (precision == "bf16"),
        }
        for seed, by in enumerate(differences)
        for precision in ("fp32", "bf16")
    ]
    runs.append({"model.precision": "fp32", "seed": 99, "faa": 0.0})  # in no pair
    write_study(tmp_path, runs, varied=["model.precision"])
    text = shown("precision", tmp_path)
    assert words in text
    assert "nan" not in text


def test_a_switch_is_worth_its_paired_difference(tmp_path):
    fields = [f"learner.switch_{n}" for n in range(5)]
    settings = {
        "base": ({}, [50.0, 60.0]),
        "switch 0 = 1": ({fields[0]: 1}, [50.0, 60.0]),
        "switch 1 = 1": ({fields[1]: 1}, [52.0, 61.0]),
        "all of them": (dict.fromkeys(fields, 1), [40.0, 50.0]),
    }
    runs = [
        {**dict.fromkeys(fields, 0), **setting, "seed": seed, "faa": faa}
        for setting, by_seed in settings.values()
        for seed, faa in enumerate(by_seed)
    ]
    write_study(tmp_path, runs, varied=fields)
    text = shown("fidelity", tmp_path).partition("What differs")[2]
    rows = {name: line for name in settings for line in text.splitlines() if line.startswith(name)}
    assert "the same" in rows["switch 0 = 1"]
    assert "+1.5" in rows["switch 1 = 1"]
    assert "-10.0" in rows["all of them"]
    assert (tmp_path / "fidelity.png").exists()


def test_loss_weights_are_shown_alone_and_as_a_plane(tmp_path):
    runs = [
        {"learner.alpha": a, "learner.beta": b, "learner.gamma": g, "seed": 0, "faa": 50.0 + a + b}
        for a in (0.1, 0.3, 1.0)
        for b in (0.3, 0.8, 2.0)
        for g in (0.0, 0.5)
    ]
    write_study(tmp_path, runs, varied=["learner.alpha", "learner.beta", "learner.gamma"])
    assert "0.8" in shown("loss_weights", tmp_path)
    assert (tmp_path / "loss_weights.png").exists()


def test_bytes_names_what_no_other_way_beats(tmp_path):
    compact = PRESETS["compact"]
    whole = {name: {bool: False, float: 0.0}.get(type(v), "usual") for name, v in compact.items()}
    runs = []
    for learner, stored, size, faa, seconds in [
        ("er", whole, 10_000, 40.0, 5.0),
        ("er", whole, 40_000, 55.0, 5.0),  # a compact memory has more with less
        ("charon", whole, 10_000, 50.0, 8.0),
        ("charon", compact, 10_000, 70.0, 9.0),
        ("charon", compact, 40_000, 69.0, 9.0),
        ("charon", {**whole, "learner.storage": "float16"}, 10_000, 60.0, 8.0),
    ]:
        fields = {"learner": learner, "learner.buffer_bytes": size, **stored}
        measured = {"memory/bytes": float(size), "time/train_seconds": seconds}
        for seed in (0, 1):
            runs.append({**fields, **measured, "seed": seed, "faa": faa + seed})
    varied = ["learner", *whole, "learner.buffer_bytes"]
    write_study(tmp_path, runs, varied=varied)
    text = shown("bytes", tmp_path)
    front = text.partition("What no other way beats")[2]
    assert "| ER, 10.0 kB |" in front
    assert "| ER, 40.0 kB |" in front
    assert "| CHARON, compact, 10.0 kB | 70.5 ± 0.7 | 10.0 | 9.0 |" in front
    assert "| CHARON, storage = float16, 10.0 kB |" in front
    assert "| CHARON, 10.0 kB |" not in front
    assert "CHARON, compact, 40.0 kB" not in front
    assert (tmp_path / "bytes.pdf").exists()


def test_the_gallery_has_a_picture_of_each_study(tmp_path):
    weights = ("learner.alpha", "learner.beta", "learner.gamma")
    settings = list(itertools.product((0.1, 0.3), (0.8, 2.0), (0.0, 0.5)))
    runs = [{**dict(zip(weights, s, strict=True)), "seed": 0, "faa": 50.0} for s in settings]
    for name in ("reconstruction", "loss_weights", "not_a_study_of_ours"):
        write_study(tmp_path / "results" / name, runs, varied=weights, name=name)
    output = tmp_path / "pictures" / "shown"
    command = [str(ROOT / "analysis" / "gallery.py"), "--results", str(tmp_path / "results")]
    done = subprocess.run(
        [sys.executable, *command, "--output", str(output)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in output.iterdir()} == {"reconstruction.png", "loss_weights.png"}
    page = (tmp_path / "pictures" / "gallery.md").read_text(encoding="utf-8")
    assert "![reconstruction](shown/reconstruction.png)" in page
    assert "`python studies/loss_weights.py`" in page
    own = tmp_path / "results" / "loss_weights" / "loss_weights.png"
    assert (output / "loss_weights.png").read_bytes() == own.read_bytes()


def test_a_gallery_of_nothing_is_one_sentence(tmp_path):
    done = run("gallery", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no study under")
