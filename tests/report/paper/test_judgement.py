"""Cases beside the paper: recomputed, and within, outside or undecided."""

import numpy as np
import pytest
from report.made_studies import write_study

from charon.report.paper.judgement import is_stale, rows_of
from charon.report.paper.page import page
from charon.report.results import read_results
from charon.report.summary import describe
from charon.text import folder_name

PAPERS = {"is_standin": False, "scale": "paper", "name": "baselines"}


def charon(faas):
    return [{"learner.buffer_size": 500, "seed": seed, "faa": faa} for seed, faa in enumerate(faas)]


@pytest.mark.parametrize(
    ("faas", "verdict"),
    [
        ([73.5, 73.6, 73.7], "within"),
        ([66.0, 66.1, 66.2], "outside"),
        ([70.0, 73.0, 76.0], "undecided; about"),
        ([73.6], "undecided"),
    ],
)
def test_a_published_value_is_within_outside_or_undecided(tmp_path, faas, verdict):
    (row,) = rows_of(read_results(write_study(tmp_path, charon(faas), **PAPERS)))
    assert row.published.mean == 73.60
    assert row.verdict.startswith(verdict)


def test_the_stand_in_never_stands_beside_the_paper(tmp_path):
    (row,) = rows_of(read_results(write_study(tmp_path, charon([73.6]), name="baselines")))
    assert row.published is None
    assert row.verdict == ""


def test_faa_is_recomputed_from_single_predictions_and_what_disagrees_is_named(tmp_path):
    results = read_results(write_study(tmp_path, charon([50.0, 60.0])))
    for name, correct in (("run 0", [1, 0, 1, 0]), ("run 1", [1, 1, 1, 0])):
        folder = tmp_path / "trials" / folder_name(name)
        folder.mkdir(parents=True)
        clips = {"task": [0, 0, 1, 1], "label": [3] * 4, "prediction": np.where(correct, 3, 4)}
        np.savez(folder / "predictions.npz", **clips)
    (row,) = rows_of(results)
    assert row.recomputed == 2
    assert row.faa.mean == pytest.approx(62.5)  # 50, and the mean of 100 and 50
    assert row.disagree == ["run 1"]


def test_the_trials_of_a_search_have_the_faa_of_their_validation_clips(tmp_path):
    searched = [{**run, "data.evaluate_on": "val"} for run in charon([50.0])]
    table = write_study(tmp_path, searched) / "trials.csv"
    table.write_text(table.read_text().replace("test/faa", "val/faa"))
    results = read_results(tmp_path)
    (row,) = rows_of(results)
    assert row.faa.mean == 50.0
    assert "validation FAA %" in page([results])


def test_figures_of_tables_that_have_changed_are_stale(tmp_path):
    results = read_results(write_study(tmp_path, charon([50.0, 60.0])))
    assert not is_stale(results)
    describe(results)
    assert not is_stale(results)
    write_study(tmp_path, charon([50.0, 61.0]))
    assert is_stale(results)
