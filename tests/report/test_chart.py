"""The general figure: its kind is chosen from what varies."""

from dataclasses import replace

import pytest
from report.made_studies import write_study

from charon.report import chart
from charon.report.cases import cases_of
from charon.report.chart import (
    draw_chart,
    draw_lines,
    draw_rows,
    is_plane,
    lines_over,
    number_fields,
)
from charon.report.results import read_results
from charon.report.style import new_figure

ALPHA, BETA = "learner.alpha", "learner.beta"


def cases(folder, varied, runs):
    return cases_of(read_results(write_study(folder, runs, varied=varied)))


def test_a_number_is_an_axis_and_words_are_lines(intervals):
    found = cases_of(intervals)
    assert number_fields(found) == ["learner.sampling_interval"]
    _, (axes,) = new_figure(4, 3)
    draw_lines(axes, found, "learner.sampling_interval", "test/faa")
    assert axes.get_legend_handles_labels()[1] == ["ER", "CHARON"]
    assert axes.get_xlabel() == "sampling interval s"
    assert axes.get_ylabel() == "test FAA, percent"
    means = axes.get_lines()[0].get_ydata()
    assert list(means) == [52.0, 53.0, 56.0]


def test_a_method_without_the_number_is_a_level_line(tmp_path):
    runs = [{"learner.masking_ratio": eta, "seed": 0, "faa": 50.0} for eta in (0.0, 0.5)]
    runs.append({"learner": "finetune", "seed": 0, "faa": 16.0})
    found = cases(tmp_path, ["learner", "learner.masking_ratio"], runs)
    _, (axes,) = new_figure(4, 3)
    draw_lines(axes, found, "learner.masking_ratio", "test/faa")
    level = next(line for line in axes.get_lines() if line.get_label() == "FT")
    assert list(level.get_ydata()) == [16.0, 16.0]


def test_bytes_are_in_kilobytes_and_many_fields_name_only_what_differs(tmp_path):
    fields = ["learner.codec", "learner.storage", "learner.bodies", "learner.buffer_bytes"]
    stored = [("thinned", "float32", "all"), ("dct", "float32", "all"), ("dct", "int8", "present")]
    stored.append(("thinned", "int8", "all"))
    runs = [
        {
            **dict(zip(fields, (*how, size), strict=True)),
            "learner": "charon",
            "seed": 0,
            "faa": 50.0,
        }
        for how in stored
        for size in (9_000, 36_000)
    ]
    runs += [{**run, "learner": "er"} for run in runs[:2]]
    _, (axes,) = new_figure(4, 3)
    found = cases(tmp_path, ["learner", *fields], runs)
    draw_lines(axes, found, "learner.buffer_bytes", "test/faa")
    assert axes.get_xlabel() == "buffer size in kB"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["9", "36"]
    assert axes.get_legend_handles_labels()[1] == [
        "CHARON",
        "CHARON, codec = dct",
        "CHARON, codec = dct, storage = int8, bodies = present",
        "CHARON, storage = int8",
        "ER",
    ]


def test_numbers_that_span_a_decade_are_on_a_logarithmic_axis(tmp_path):
    runs = [{"learner.buffer_size": m, "seed": 0, "faa": 50.0} for m in (100, 500, 2000)]
    _, (axes,) = new_figure(4, 3)
    draw_lines(
        axes, cases(tmp_path, ["learner.buffer_size"], runs), "learner.buffer_size", "test/faa"
    )
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["100", "500", "2000"]


@pytest.mark.parametrize(
    ("alphas", "whole", "plane"), [(3, True, True), (3, False, False), (2, True, False)]
)
def test_every_combination_of_two_numbers_is_a_heat_map(tmp_path, alphas, whole, plane):
    runs = [
        {ALPHA: 0.1 * (a + 1), BETA: 0.1 * (b + 1), "seed": 0, "faa": 50.0 + a}
        for a in range(alphas)
        for b in range(3)
    ]
    found = cases(tmp_path, [ALPHA, BETA], runs if whole else runs[1:])
    assert is_plane(found, number_fields(found)) == plane
    assert draw_chart(found, "test/faa", tmp_path / "figure.png", "made").exists()


def test_words_alone_are_rows_with_their_intervals(tmp_path):
    runs = [
        {"learner.masking": kind, "seed": seed, "faa": 50.0 + seed}
        for kind in ("random", "deterministic")
        for seed in range(3)
    ]
    found = cases(tmp_path, ["learner.masking"], runs)
    _, (axes,) = new_figure(4, 3)
    draw_rows(axes, found, "test/faa")
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        *("masking = random", "masking = deterministic"),
    ]


def test_a_figure_is_a_picture_and_a_pdf(intervals, tmp_path):
    draw_chart(cases_of(intervals), "test/faa", tmp_path / "figure.png", "made")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_a_case_without_runs_is_left_out_of_its_line(intervals):
    found = cases_of(intervals)
    found[0] = replace(found[0], runs=found[0].runs.iloc[:0])
    _, (axes,) = new_figure(4, 3)
    draw_lines(axes, found, "learner.sampling_interval", "test/faa")
    assert len(axes.get_lines()[0].get_xdata()) == 2


def test_more_lines_than_can_be_told_apart_are_rows(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(chart, "draw_rows", lambda axes, cases, metric: drawn.append(len(cases)))
    for number in (9, 10):
        learners = ["charon"] + [f"own{k}" for k in range(number - 1)]
        runs = [
            {"learner": name, "learner.alpha": alpha, "seed": 0, "faa": 50.0}
            for name in learners
            for alpha in (0.1, 0.3, 1.0)
        ]
        found = cases(tmp_path / str(number), ["learner", ALPHA], runs)
        draw_chart(found, "test/faa", tmp_path / "figure.png", "made")
    assert drawn == [30]


def test_of_two_numbers_that_with_fewer_lines_is_the_axis(tmp_path):
    values = [(0.1, 8), (0.3, 8), (0.3, 16), (0.3, 32)]
    runs = [{ALPHA: a, BETA: b, "seed": 0, "faa": 50.0} for a, b in values]
    found = cases(tmp_path, [ALPHA, BETA], runs)
    assert list(lines_over(found, ALPHA)) == ["β = 8", "β = 16", "β = 32"]
    assert list(lines_over(found, BETA)) == ["α = 0.1", "α = 0.3"]
