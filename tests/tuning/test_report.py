"""Tables and figures from a study's files."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from charon.report.generic import generic_table
from charon.report.matrix import draw_matrix
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


def write_study(folder, *, is_standin):
    study = {
        "data": "standin" if is_standin else "ntu60",
        "is_standin": is_standin,
        "protocol": "ntu60-xview",
        "scale": "small",
        "objective": "test/faa",
        "varied": ["learner.masking_ratio", "learner"],
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


def test_a_folder_without_a_study_is_one_sentence(tmp_path):
    done = run(ROOT / "analysis" / "masking_ratio.py", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error:")
    assert len(done.stderr.splitlines()) == 1


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
