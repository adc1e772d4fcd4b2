"""The plan of a study, as it is written and read back."""

import json

import pytest
from tuning.session.test_resume import plan

from charon.errors import CheckpointError
from charon.files import STUDY_VERSION
from charon.tuning.records.plan import read_plan


def test_a_plan_comes_back_as_it_was_written(tmp_path):
    began = plan()
    began.write(tmp_path)
    assert read_plan(tmp_path) == began


def test_a_folder_without_a_plan_has_none(tmp_path):
    assert read_plan(tmp_path) is None


def test_the_title_names_study_data_scale_and_start():
    assert plan(started="2026-01-02T03:04:05").title == "some on tiny, small, 2026-01-02 03:04"


def test_a_plan_of_another_version_says_so(tmp_path):
    plan(version=STUDY_VERSION + 1).write(tmp_path)
    with pytest.raises(CheckpointError, match="left by version"):
        read_plan(tmp_path)


def test_a_damaged_plan_is_an_error(tmp_path):
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(CheckpointError, match="damaged"):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"trials": {}},
        {"trials": [{}]},
        {"trials": [{"label": "a", "fields": {"seed": []}, "role": ""}]},
        {"objectives": "test/faa"},
        {"space": []},
        {"space": {"learner.alpha": {}}},
        {"space": {"learner.alpha": {"kind": "real", "low": 2, "high": 1}}},
        {"started": "../../elsewhere"},
        {"num_trials": 10**400},
        {"options": None},
        {"more": 1},
    ],
)
def test_a_plan_of_other_types_is_an_error_that_names_the_file(tmp_path, change):
    plan().write(tmp_path)
    path = tmp_path / "study.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match=r"study\.json is truncated or damaged \(.*\); move"):
        read_plan(tmp_path)


@pytest.mark.parametrize("text", ["[]", "3", "[" * 100_000, '{"a":' * 100_000, "\x00"])
def test_what_is_no_plan_is_an_error(tmp_path, text):
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"study\.json (is trunc|was left by version None)"):
        read_plan(tmp_path)


def test_a_folder_in_the_plans_place_is_said(tmp_path):
    (tmp_path / "study.json").mkdir()
    with pytest.raises(CheckpointError, match=r"study\.json cannot be read \(Is a directory\)"):
        read_plan(tmp_path)
