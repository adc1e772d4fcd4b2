"""Tables and figures from a study's files."""

import json
import subprocess
import sys
from pathlib import Path
from runpy import run_path

import pandas as pd
import pytest

from charon.errors import CheckpointError
from charon.files import STUDY_VERSION
from charon.report.generic import generic_table
from charon.report.matrix import draw_matrix
from charon.report.style import NOTE_LETTERS, new_figure, note
from charon.report.tables import mean_and_spread, plus_minus, read_results, text_table

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    """A finished study of two masking ratios, two seeds, and fine-tuning."""
    trials, curves = [], []
    for learner, eta, seed, faa in [
        ("charon", 0.0, 0, 60.0),
        ("charon", 0.0, 1, 64.0),
        ("charon", 0.5, 0, 50.0),
        ("charon", 0.5, 1, 50.0),
        ("finetune", None, 0, 16.0),
    ]:
        about = {
            "trial_id": f"{learner}{eta}{seed}",
            "learner": learner,
            "learner.masking_ratio": eta,
            "seed": seed,
            "status": "finished",
        }
        final = {
            "test/faa": faa,
            "test/forgetting": 20.0,
            "train/epochs_per_hour": 100 + 1000 * seed,
        }
        trials.append(about | final)
        curves += [
            about | {"task": task, "test/faa": faa, "test/acc/task_01": faa} for task in (1, 2)
        ]
    pd.DataFrame(trials).to_csv(tmp_path / "trials.csv", index=False)
    pd.DataFrame(curves).to_csv(tmp_path / "curves.csv", index=False)
    write_study(tmp_path, is_standin=True)
    return tmp_path


def write_study(folder, *, is_standin, settings=None):
    study = {
        "version": STUDY_VERSION,
        "question": "Which?",
        "num_trials": 5,
        "extensions": 0,
        "budget": None,
        "data": "standin" if is_standin else "ntu60",
        "is_standin": is_standin,
        "protocol": "ntu60-xview",
        "scale": "small",
        "objectives": ["test/faa"],
        "varied": ["learner.masking_ratio", "learner"],
        "options": {"settings": settings or {}},
    }
    (folder / "study.json").write_text(json.dumps(study))


def run(script, folder):
    command = [sys.executable, str(script), "--results", str(folder)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT)}
    )


def test_the_analysis_of_the_masking_ratio_prints_a_table_and_leaves_figures(folder):
    done = run(ROOT / "analysis" / "masking_ratio.py", folder)
    assert done.returncode == 0, done.stderr
    assert "62.0 ± 2.8" in done.stdout
    assert "fine-tuning" in done.stdout
    assert {path.name for path in folder.glob("*.png")} == {"masking_ratio.png", "tasks.png"}


def test_numbers_of_the_stand_in_are_labelled_and_never_stand_beside_the_papers(folder):
    shown = run(ROOT / "analysis" / "masking_ratio.py", folder).stdout
    assert "synthetic stand-in, not NTU RGB+D" in shown
    assert "73.6" not in shown


def test_recorded_data_are_not_called_a_stand_in(folder):
    write_study(folder, is_standin=False)
    assert "stand-in" not in read_results(folder).provenance


def test_what_the_command_line_set_for_all_runs_stands_beside_the_numbers(folder):
    assert "scale small · 5 finished runs" in read_results(folder).provenance
    write_study(folder, is_standin=True, settings={"model.precision": "bf16"})
    assert "scale small · model.precision=bf16 · 5 finished runs" in read_results(folder).provenance


def test_a_long_note_is_broken_at_the_width_of_its_figure():
    figure, _ = new_figure(3.0, 2.0)
    note(figure, f"{'word ' * 30}\na line of its own")
    *first, last = figure.get_supxlabel().splitlines()
    assert len(first) > 1
    assert max(map(len, first)) <= 3.0 * NOTE_LETTERS
    assert last == "a line of its own"


def test_a_folder_without_a_study_is_one_sentence(tmp_path):
    done = run(ROOT / "analysis" / "masking_ratio.py", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error:")
    assert len(done.stderr.splitlines()) == 1


def test_a_study_of_another_version_is_refused(folder):
    study = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps(study | {"version": STUDY_VERSION - 1}))
    with pytest.raises(CheckpointError, match="report it with that version"):
        read_results(folder)


def test_the_generic_table_has_a_row_for_each_setting(folder):
    table = generic_table(read_results(folder))
    assert "charon 0.5" in table
    assert "finetune" in table


def test_an_analysis_needs_neither_torch_nor_ray(folder):
    code = (
        "import sys, runpy; sys.argv = ['a', '--results', sys.argv[2]];"
        f"runpy.run_path({str(ROOT / 'analysis' / 'masking_ratio.py')!r}, run_name='__main__');"
        "assert not {'torch', 'ray', 'mlflow', 'optuna'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, "--results", str(folder)]
    subprocess.run(command, check=True, capture_output=True, env={"PYTHONPATH": str(ROOT)})


def test_means_are_over_seeds_and_a_single_run_has_no_spread():
    frame = pd.DataFrame({"eta": [0, 0, 1], "faa": [60.0, 64.0, 50.0]})
    table = mean_and_spread(frame, ["eta"], ["faa"])
    assert table.loc[0, ("faa", "mean")] == 62.0
    assert table.loc[0, ("faa", "std")] == pytest.approx(2.8284, abs=1e-4)
    assert plus_minus(50.0, float("nan")) == "50.0"
    assert plus_minus(float("nan"), 1.0) == "–"


def test_a_text_table_lines_its_columns_up():
    assert text_table(["a", "bb"], [["ccc", "1"]]) == "a    bb\n───  ──\nccc   1"


def test_the_accuracy_matrix_is_a_picture(tmp_path):
    path = draw_matrix([[90.0, None], [50.0, 80.0]], "some run", tmp_path / "matrix.png")
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def table_1(tmp_path):
    """A finished study of some methods, two sizes and two seeds; one method beats JT."""
    trials = []
    for learner, stream, size, faa in [
        ("finetune", "split", None, 16.0),
        ("finetune", "joint", None, 70.0),
        ("er", "split", 72, 17.0),
        ("er", "split", 288, 60.0),
        ("charon", "split", 288, 72.0),
    ]:
        trials += [
            {
                "trial_id": f"{learner}{stream}{size}{seed}",
                "learner": learner,
                "data.stream": stream,
                "data.benchmark": "auto",
                "learner.buffer_size": size,
                "seed": seed,
                "status": "finished",
                "test/faa": faa + seed,
                "test/forgetting": None if stream == "joint" else 20.0,
                "test/acc/task_01": 1.0,
                "test/acc/task_02": 95.0,
                "memory/bytes": 1000.0 * (size or 0),
                "model/parameters": 5000.0,
            }
            for seed in (0, 1)
        ]
    pd.DataFrame(trials).to_csv(tmp_path / "trials.csv", index=False)
    pd.DataFrame({"trial_id": []}).to_csv(tmp_path / "curves.csv", index=False)
    write_study(tmp_path, is_standin=True)
    return tmp_path


def test_table_1_has_a_row_for_each_method_and_size_in_the_papers_order(table_1):
    done = run(ROOT / "analysis" / "baselines.py", table_1)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[2:7]]
    assert [row[:2] for row in rows] == [
        ["FT", "–"],
        ["JT", "–"],
        ["ER", "72"],
        ["ER", "288"],
        ["CHARON", "288"],
    ]
    assert rows[3][2:] == ["60.5", "±", "0.7", "20.0", "±", "0.0", "288.0", "–", "5000", "2"]
    assert (table_1 / "baselines.png").exists()


def test_what_is_not_as_expected_stands_in_the_readme_of_the_result(table_1):
    run(ROOT / "analysis" / "baselines.py", table_1)
    page = (table_1 / "README.md").read_text(encoding="utf-8")
    assert "synthetic stand-in, not NTU RGB+D" in page
    assert "FT knows 95.0 % of its last task and 1.0 % of the 1 before it." in page
    assert "CHARON with M=288, 72.5 %, is above JT, 70.5 %." in page
    assert "ER with M=72, 17.5 %, is not above FT, 16.5 %, by 2 points." in page
    assert page.count("Not as expected") == 2


def test_each_protocol_has_its_own_table(table_1):
    trials = pd.read_csv(table_1 / "trials.csv")
    both = [trials.assign(**{"data.benchmark": name}) for name in ("ntu60-xview", "ntu60-xsub")]
    pd.concat(both).to_csv(table_1 / "trials.csv", index=False)
    shown = run(ROOT / "analysis" / "baselines.py", table_1).stdout.splitlines()
    assert [line for line in shown if line.startswith("ntu60-") and len(line) < 12] == [
        "ntu60-xview",
        "ntu60-xsub",
    ]


@pytest.fixture
def pairs(tmp_path):
    """A function that leaves runs in both precisions: bf16 better by so much, seed by seed."""

    def write(differences):
        trials = [
            {
                "trial_id": f"{precision}{seed}",
                "learner": "charon",
                "data.benchmark": "auto",
                "model.precision": precision,
                "seed": seed,
                "status": "finished",
                "test/faa": 50.0 + seed + (by if precision == "bf16" else 0),
            }
            for seed, by in enumerate(differences)
            for precision in ("fp32", "bf16")
        ]
        # A seed that has finished in one precision only is in no pair.
        trials.append(trials[0] | {"trial_id": "alone", "seed": 99})
        pd.DataFrame(trials).to_csv(tmp_path / "trials.csv", index=False)
        pd.DataFrame({"trial_id": []}).to_csv(tmp_path / "curves.csv", index=False)
        write_study(tmp_path, is_standin=True)
        return tmp_path

    return write


def test_precisions_are_compared_pair_by_pair_with_the_interval_of_the_mean(pairs):
    # Mean 0, standard deviation 1, four pairs: t(0.975, 3) / sqrt(4) = 1.591.
    folder = pairs([-1.224745, 0.0, 0.0, 1.224745])
    done = run(ROOT / "analysis" / "precision.py", folder)
    assert done.returncode == 0, done.stderr
    assert "(Student's t, 4 pairs): -1.6 to +1.6 points" in done.stdout
    assert "so 4 pairs do not decide it" in done.stdout
    assert (folder / "precision.png").exists()


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        ([0.2, 0.3, 0.4], "within ±1.5 points, so both end with the same FAA"),
        ([5.0, 5.1, 5.2], "beyond ±1.5 points, so they do not end with the same FAA"),
        ([0.2], "One pair says nothing of the difference"),
    ],
)
def test_the_verdict_on_precisions_is_of_the_whole_interval(pairs, differences, words):
    describe = run_path(str(ROOT / "analysis" / "precision.py"))["describe"]
    said = describe(read_results(pairs(differences)))
    assert words in said
    assert "nan" not in said


def test_a_switch_is_worth_the_mean_difference_over_seeds(tmp_path):
    settings = {
        "paper": ({}, [50.0, 60.0]),
        "argmax = all": ({"argmax": "all"}, [50.0, 60.0]),
        "learner.replay_draws = 2": ({"learner.replay_draws": 2}, [52.0, 61.0]),
        "all of them": ({"argmax": "all", "learner.replay_draws": 2}, [40.0, 50.0]),
    }
    trials = [
        {"trial_id": f"{name}{seed}", "learner": "charon", "seed": seed, "status": "finished"}
        | {"argmax": "seen", "learner.replay_draws": 1, **fields}
        | {"test/faa": faa, "test/forgetting": 20.0}
        for name, (fields, by_seed) in settings.items()
        for seed, faa in enumerate(by_seed)
    ]
    # In the real study most switches are off in most runs.
    trials += [
        trials[0] | {"trial_id": f"more{k}", "seed": 2 + k, "status": "finished"} for k in range(3)
    ]
    pd.DataFrame(trials).to_csv(tmp_path / "trials.csv", index=False)
    pd.DataFrame({"trial_id": []}).to_csv(tmp_path / "curves.csv", index=False)
    write_study(tmp_path, is_standin=True)
    study = json.loads((tmp_path / "study.json").read_text())
    varied = ["argmax", "learner.replay_draws"]
    (tmp_path / "study.json").write_text(json.dumps(study | {"varied": varied}))
    done = run(ROOT / "analysis" / "fidelity.py", tmp_path)
    assert done.returncode == 0, done.stderr
    rows = {line[:26].strip(): line[26:].split() for line in done.stdout.splitlines()[2:6]}
    assert rows.keys() == settings.keys()
    assert rows["argmax = all"][-2:] == ["same", "2"]
    assert rows["learner.replay_draws = 2"][-4:] == ["+1.5", "±", "0.7", "2"]
    assert rows["all of them"][-4:] == ["-10.0", "±", "0.0", "2"]
    assert (tmp_path / "fidelity.png").exists()
