"""Results as a study left them."""

import json

import pytest
from report.made_studies import study_content, write_study

from charon.errors import CheckpointError
from charon.files import STUDY_VERSION
from charon.report.results import read_results

RUNS = [{"seed": seed, "faa": 50.0} for seed in range(5)]


def test_recorded_data_are_not_called_a_stand_in(tmp_path):
    assert "stand-in" in read_results(write_study(tmp_path, RUNS)).provenance
    assert "stand-in" not in read_results(write_study(tmp_path, RUNS, is_standin=False)).provenance


def test_what_the_command_line_set_for_all_runs_stands_beside_the_numbers(tmp_path):
    assert "scale small · 5 finished runs" in read_results(write_study(tmp_path, RUNS)).provenance
    options = {"settings": {"model.precision": "bf16"}}
    provenance = read_results(write_study(tmp_path, RUNS, options=options)).provenance
    assert "scale small · model.precision=bf16 · 5 finished runs" in provenance


def test_a_class_order_and_a_preset_of_the_command_line_stand_beside_the_numbers(tmp_path):
    options = {"settings": {}, "class_order": ["natural"]}
    made = write_study(tmp_path, RUNS, options=options, tags={"preset": "compact"})
    provenance = read_results(made).provenance
    assert "scale small · data.class_order=natural · 5 finished runs · preset compact" in provenance
    options["class_order"] = ["paper", "natural"]  # which the table tells apart
    assert "order" not in read_results(write_study(tmp_path, RUNS, options=options)).provenance


def test_the_tags_are_those_with_which_the_journal_begins(tmp_path):
    assert read_results(write_study(tmp_path, RUNS)).tags["protocol"] == "ntu60-xview"
    (tmp_path / "journal.jsonl").write_text("torn")
    assert read_results(tmp_path).tags == {}


def test_a_study_of_another_version_is_refused(tmp_path):
    write_study(tmp_path, RUNS)
    content = study_content(version=STUDY_VERSION - 1)
    (tmp_path / "study.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="report it with that version"):
        read_results(tmp_path)


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="run the study first"):
        read_results(tmp_path)
