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
    for _ in range(2):
        journal.append("hung", "a", seconds=3600.0)
    journal.append("end", "a", outcome="failed", error="for a reason")
    assert main(["status", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "failed; 1 failed; 0 of 1 left" in text
    assert "run a failed: for a reason" in text
    assert "Hung, ended and started again: 1 trial: run a (2 times)." in text
    assert "FAA %" in text
    assert main(["status", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["state"], said["trials"][0]["hung"]) == ("failed", 2)


def test_a_folder_without_a_study_is_one_sentence(tmp_path, capsys):
    assert main(["status", str(tmp_path)]) == 1
    assert "holds no study" in capsys.readouterr().err
