"""What any study gets: figures, tables, a page."""

import csv
import subprocess
import sys
from pathlib import Path

from report.made_studies import write_study

from charon.report.results import read_results
from charon.report.summary import describe

ROOT = Path(__file__).parents[2]


def test_a_study_of_ones_own_gets_figures_tables_and_a_page(intervals):
    text = describe(intervals)
    assert "CHARON" in text
    folder = intervals.folder
    names = {path.name for path in folder.iterdir()}
    for name in ("figure", "tasks", "matrices"):
        assert {f"{name}.png", f"{name}.pdf"} <= names
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert page.startswith("# Which?")
    assert "synthetic stand-in, not NTU RGB+D" in page
    assert "![The objective of each case](figure.png)" in page


def test_the_table_has_a_column_for_each_field_and_its_interval(intervals):
    lines = describe(intervals).splitlines()
    assert lines[0].split()[:4] == ["method", "sampling", "interval", "s"]
    # 51, 52, 53: mean 52, standard deviation 1, 4.303 / sqrt(3) = 2.48.
    assert lines[2].split()[:8] == ["ER", "1", "52.0", "±", "1.0", "49.5", "to", "54.5"]


def test_the_table_is_csv_and_latex_too(intervals):
    describe(intervals)
    with (intervals.folder / "table.csv").open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["case"], float(first["test/faa mean"]), first["n"]) == ("ER, s = 1", 52.0, "3")
    tex = (intervals.folder / "table.tex").read_text(encoding="utf-8")
    assert r"\toprule" in tex
    assert r"52.0 $\pm$ 1.0" in tex


def test_old_and_new_classes_have_columns_where_tasks_are_uneven(tmp_path):
    more = {"seed": 0, "faa": 50.0, "test/old": 40.0, "test/new": 60.0, "test/harmonic_mean": 48.0}
    columns = ["old", "classes", "new", "classes", "harmonic", "mean"]

    def header(name, **fields):
        results = read_results(write_study(tmp_path / name, [{**more, **fields}]))
        return describe(results).splitlines()[0].split()

    for number, fields in enumerate([{"data.classes_per_task": "4,1,1"}, {"data.shots": 5}]):
        assert " ".join(columns) in " ".join(header(f"uneven{number}", **fields))
    plain = {"data.classes_per_task": 10, "data.shots": 0}
    assert not set(columns) & set(header("even", **plain))
    watched = header("watched", **plain, **{"test/lowest_accuracy": 30.0})
    assert " ".join(watched).count("lowest accuracy") == 1


def test_missing_runs_are_marked_in_the_table(tmp_path):
    runs = [{"seed": 0, "faa": 50.0}, {"seed": 1, "faa": 0.0, "status": "failed"}]
    assert "1 of 2" in describe(read_results(write_study(tmp_path, runs)))


def test_of_many_cases_the_console_shows_the_first_and_the_page_all(tmp_path):
    runs = [{"learner.alpha": float(n), "seed": 0, "faa": 20.0 + n % 50} for n in range(60)]
    results = read_results(write_study(tmp_path, runs, varied=["learner.alpha"]))
    *table, _, more = describe(results).splitlines()
    assert table[-1].split()[:2] == ["39", "59.0"]
    assert more == "These are the first 40 of 60; README.md and table.csv have all."
    page = (results.folder / "README.md").read_text(encoding="utf-8")
    assert sum(line.startswith("| ") for line in page.splitlines()) == 62


def test_before_a_trial_has_finished_there_is_a_sentence(tmp_path):
    runs = [{"seed": 0, "faa": 50.0, "status": "running"}]
    assert describe(read_results(write_study(tmp_path, runs))) == "No trial has finished."


def test_a_report_needs_neither_torch_nor_ray(intervals):
    code = (
        "import sys, runpy; sys.argv = ['a', '--results', sys.argv[1]];"
        "runpy.run_module('charon.report.summary', run_name='__main__');"
        "assert not {'torch', 'ray', 'mlflow', 'optuna'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, str(intervals.folder)]
    subprocess.run(command, check=True, capture_output=True, env={"PYTHONPATH": str(ROOT)})
