"""`charon ui`: the server of a study's pages."""

import json

import pytest

from charon.cli.commands import ui
from charon.cli.main import main


@pytest.fixture
def served(monkeypatch):
    """The commands that the process would become."""
    commands = []
    monkeypatch.setattr(ui.os, "execve", lambda *call: commands.append(call))
    return commands


def test_a_studys_folder_leads_to_its_runs(tmp_path, capsys, served):
    (tmp_path / "study").mkdir()
    (tmp_path / "mlflow.db").touch()
    state = {"uri": "sqlite:////moved/since/mlflow.db", "position": 3, "experiment_id": "7"}
    (tmp_path / "study" / "tracking.json").write_text(json.dumps(state))
    main(["ui", str(tmp_path / "study"), "--port", "5055"])
    assert "http://127.0.0.1:5055/#/experiments/7/runs" in capsys.readouterr().out
    ((program, command, environment),) = served
    assert program == command[0]
    assert command[-1] == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_a_folder_of_results_leads_to_all_of_them(tmp_path, capsys, served):
    (tmp_path / "mlflow.db").touch()
    main(["ui", str(tmp_path)])
    assert capsys.readouterr().out == "Open http://127.0.0.1:5000/\n"


def test_a_study_that_was_sent_to_a_server_is_there_already(tmp_path, capsys, served):
    state = {"uri": "http://host:5000", "position": 3, "experiment_id": "7"}
    (tmp_path / "tracking.json").write_text(json.dumps(state))
    assert main(["ui", str(tmp_path)]) == 0
    assert "http://host:5000/#/experiments/7/runs" in capsys.readouterr().out
    assert not served


def test_a_folder_where_nothing_was_tracked_is_one_sentence(tmp_path, capsys):
    assert main(["ui", str(tmp_path)]) == 1
    assert "holds nothing that was tracked" in capsys.readouterr().err
