"""`charon status`: what is done and left, with the table so far."""

import json

from report.made_studies import over_interval, write_study
from tuning.session.test_resume import plan

from charon.cli.main import main
from charon.tuning.records.journal import Journal


def test_a_finished_study_has_its_table(tmp_path, capsys):
    write_study(tmp_path, over_interval())
    plan(num_trials=1).write(tmp_path)
    (tmp_path / "journal.jsonl").unlink()
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append("trial", "a", label="run a", fields={}, tags={})
    journal.append("end", "a", outcome="failed", error="for a reason")
    assert main(["status", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "failed; 1 failed; 0 of 1 left" in text
    assert "run a failed: for a reason" in text
    assert "FAA %" in text
    assert main(["status", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "failed"


def test_a_folder_without_a_study_is_one_sentence(tmp_path, capsys):
    assert main(["status", str(tmp_path)]) == 1
    assert "holds no study" in capsys.readouterr().err
