"""`charon compare`: any two results, as text and as JSON."""

import json

import pytest
from report.made_studies import over_interval, write_study

from charon.cli.main import main


@pytest.fixture
def folder(tmp_path):
    varied = ["learner", "learner.sampling_interval"]
    return write_study(tmp_path / "own", over_interval(), varied=varied)


def test_two_methods_of_a_study_are_compared(folder, capsys):
    assert main(["compare", str(folder), "--by", "method"]) == 0
    text = capsys.readouterr().out
    assert "method: ER, CHARON" in text
    assert "+10.0" in text
    assert "higher" in text


def test_scripts_get_json(folder, capsys):
    assert main(["compare", str(folder), "--against", "CHARON, s = 5", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["rows"][0]["case"] == "CHARON, s = 5"


def test_a_folder_without_a_study_is_one_sentence(tmp_path, capsys):
    assert main(["compare", str(tmp_path)]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
