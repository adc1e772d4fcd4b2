"""Accuracy over tasks and forgetting of each task, from the rows of single tasks."""

import numpy as np
from report.made_studies import write_study

from charon.report.cases import cases_of
from charon.report.over_tasks import (
    draw_mean_matrices,
    draw_tasks,
    evenly_by_rank,
    forgetting_of,
    matrices_of,
)
from charon.report.results import read_results


def test_the_matrices_of_a_case_are_those_of_its_runs(intervals):
    case = cases_of(intervals)[0]
    matrices = matrices_of(case, intervals.curves, "test")
    assert matrices.shape == (3, 2, 2)
    assert np.isnan(matrices[0, 0, 1])
    assert matrices[1].tolist()[1] == [42.0, 62.0]


def test_forgetting_is_the_best_before_the_last_task_minus_the_end_by_hand():
    nan = np.nan
    run = [[90, nan, nan], [95, 80, nan], [40, 85, 70]]
    assert forgetting_of(np.array([run])).tolist() == [[55.0, -5.0]]
    assert forgetting_of(np.array([[[50.0]]])).shape == (1, 0)


def test_a_joint_stream_has_the_last_row_of_all_tasks(tmp_path):
    folder = write_study(tmp_path, [{"seed": 0, "faa": 50.0}])
    lines = (folder / "curves.csv").read_text().splitlines()
    (folder / "curves.csv").write_text("\n".join([lines[0], lines[2]]) + "\n")
    results = read_results(folder)
    (case,) = cases_of(results)
    matrices = matrices_of(case, results.curves, "test")
    assert matrices.tolist() == [[[40.0, 60.0]]]
    assert forgetting_of(matrices).shape == (1, 0)
    draw_tasks([case], results.curves, "test", tmp_path / "tasks.png", "made")
    draw_mean_matrices([case], results.curves, "test", tmp_path / "matrices.png", "made")


def test_figures_over_tasks_are_drawn(intervals, tmp_path):
    cases = cases_of(intervals)
    draw_tasks(cases, intervals.curves, "test", tmp_path / "tasks.png", "made")
    draw_mean_matrices(cases, intervals.curves, "test", tmp_path / "matrices.png", "made")
    assert {path.name for path in tmp_path.glob("*.pdf")} == {"tasks.pdf", "matrices.pdf"}


def test_of_many_cases_some_are_shown_evenly_by_rank_and_it_is_said(tmp_path):
    runs = [{"learner.alpha": n / 10, "seed": 0, "faa": 40.0 + n} for n in range(20)]
    cases = cases_of(read_results(write_study(tmp_path, runs, varied=["learner.alpha"])))
    shown, said = evenly_by_rank(cases, "test/faa", 3)
    assert [case.runs["test/faa"].item() for case in shown] == [59.0, 49.0, 40.0]
    assert "3 of 20 cases" in said
    assert evenly_by_rank(cases[:2], "test/faa", 3)[1] == ""
