"""The order of what follows a search: first the winner is written down, then anything is tested."""

import io
import json
from types import SimpleNamespace

import pytest
from rich.console import Console
from tuning.search_folder import SPACE, searched_records

from charon.errors import DataError
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.execution.runner import outcome_of
from charon.tuning.records.journal import FINISHED, INTERRUPTED, Journal
from charon.tuning.selection.follow_up import FollowUp
from charon.tuning.selection.scoring import ScoringError
from charon.tuning.session.options import Options
from charon.tuning.session.planning import plan_selection
from charon.tuning.session.resume import StudyProgress
from charon.tuning.study.fields import complete
from charon.tuning.study.study import Study
from charon.tuning.tracking.sender import Sender
from charon.tuning.tracking.store import Store

STUDY = Study("some", "Which?", space=SPACE, seeds=(0,), pruner="asha")


@pytest.fixture
def journal(tmp_path):
    """The journal of a search that is over."""
    journal = Journal(tmp_path / "journal.jsonl")
    for record in searched_records():
        fields = complete({**record.fields, "data.evaluate_on": "val"})
        journal.append("trial", record.trial_id, label=record.label, fields=fields, tags={})
        for task, metrics in record.curve.items():
            report = {"metrics": metrics, "matrix": [], "seconds": 1.0}
            journal.append("report", record.trial_id, task=task, num_tasks=6, **report)
        journal.append("end", record.trial_id, outcome=record.status)
    return journal


class Steps:
    """Stands in for what runs on Ray, and remembers what was there when it was called."""

    def __init__(self, folder):
        self.folder = folder
        self.had_selection = []
        self.problem = None

    def score(self, records, *_, **__):
        self.had_selection.append((self.folder / "selection.json").exists())
        if self.problem:
            raise self.problem
        # On the test set the trials stand in the opposite order.
        return {r.trial_id: {"test/faa": 100 - r.final["val/faa"]} for r in records}


@pytest.fixture
def steps(tmp_path):
    return Steps(tmp_path)


def nothing(*_):
    """Do nothing, as a step that a test does not look at."""


def followed(journal, folder, steps, *, instead=None, **options):
    """Return the steps after a search, and what they write to."""
    said = io.StringIO()
    fields = complete({"learner": "charon", "data.evaluate_on": "val"})
    clips = SimpleNamespace(tasks=SimpleNamespace(tasks=[None] * 6, val_rule="held-out 3, 9"))
    given = Options(**{"confirm_seeds": 0, **options})
    search = ReadyStudy(
        study=STUDY,
        budget=None,
        notices=[],
        options=given,
        plan=SimpleNamespace(
            question="Which?",
            objectives=STUDY.objectives,
            varied=STUDY.varied,
            budget=None,
            num_trials=24,
            extensions=0,
            data="standin",
            is_standin=True,
            protocol="ntu60-xview",
            scale="small",
            command="python some.py",
            options={"settings": {}},
        ),
        trials=[SimpleNamespace(fields=fields)],
        selection=plan_selection(STUDY, given, fields, clips),
        script=folder / "some.py",
        folder=folder,
        cache=folder,
        data=clips,
        cpus=1.0,
        gpus=0.0,
        slots=1,
        dashboard_url="",
        check=lambda: None,
        journal=journal,
        progress=StudyProgress(24, 0, 24),
        store=None,
    )
    console = Console(file=said, width=1000)
    with_steps = {"score": steps.score, "draw": nothing, **(instead or {})}
    return FollowUp(search, console, **with_steps), said


def prepared_clips():
    about = SimpleNamespace(name="tiny", is_standin=False)
    archive = SimpleNamespace(description=about, fingerprint="f", source="tiny.npz")
    return SimpleNamespace(archive=archive, protocol="ntu60-xview")


def follow(journal, folder, steps, **options):
    """Follow a search up without its confirm stage; return how it ended and what was said."""
    after, said = followed(journal, folder, steps, **options)
    outcome = outcome_of(journal, 24)
    return (outcome if outcome == INTERRUPTED else after.run(outcome)), said.getvalue()


def written(folder, name):
    return json.loads((folder / name).read_text())


def test_the_test_set_is_touched_only_after_the_winner_is_written_down(journal, tmp_path, steps):
    follow(journal, tmp_path, steps)
    assert steps.had_selection == [True]
    assert written(tmp_path, "selection.json")["rule"] == "validation"
    gap = written(tmp_path, "gap.json")
    assert gap["picks"][0]["trial_id"] == written(tmp_path, "selection.json")["winner"]["trial_id"]
    assert gap["flattery"] > 0


def test_under_the_papers_rule_it_is_touched_before_and_that_is_said(journal, tmp_path, steps):
    _, said = follow(journal, tmp_path, steps, select="test")
    assert steps.had_selection == [False]
    assert "flatters" in said
    assert "flatters" in written(tmp_path, "selection.json")["warning"]
    assert {r.tags["selection"] for r in journal.trials.values()} == {"test"}


def test_every_trial_is_tagged_with_the_rule_and_one_as_the_winner(journal, tmp_path, steps):
    follow(journal, tmp_path, steps)
    number = len(journal.events)
    tags = [record.tags for record in journal.trials.values()]
    assert {one["selection"] for one in tags} == {"validation"}
    assert [one.get("winner") for one in tags].count("true") == 1
    follow(journal, tmp_path, steps)
    assert len(journal.events) == number  # nothing is tagged twice


def test_another_winner_takes_the_tag_over(journal, tmp_path, steps):
    follow(journal, tmp_path, steps)
    follow(journal, tmp_path, steps, select="first-tasks", first_tasks=1)
    assert [r.tags.get("winner") for r in journal.trials.values()].count("true") == 1


def test_what_was_confirmed_of_an_earlier_winner_does_not_stand_beside_another(
    journal, tmp_path, steps
):
    (tmp_path / "confirm.json").write_text("{}")
    steps.problem = KeyboardInterrupt()
    assert follow(journal, tmp_path, steps)[0] == INTERRUPTED
    assert (tmp_path / "selection.json").exists()
    assert not (tmp_path / "confirm.json").exists()


def test_the_winners_setting_is_ready_to_run_on_all_clips(journal, tmp_path, steps):
    follow(journal, tmp_path, steps)
    ready = written(tmp_path, "winner.json")
    assert complete(ready) == ready
    assert ready["data.evaluate_on"] == "test"
    winner = journal.trials[written(tmp_path, "selection.json")["winner"]["trial_id"]]
    assert {name: ready[name] for name in SPACE} == {name: winner.fields[name] for name in SPACE}


def test_a_model_that_cannot_be_scored_costs_the_gap_and_nothing_else(journal, tmp_path, steps):
    follow(journal, tmp_path, steps)
    steps.problem = ScoringError("some/model.pt is gone.")
    outcome, said = follow(journal, tmp_path, steps)
    assert outcome == "failed"  # as one of the trials did, and not for the gap
    assert "No gap report: some/model.pt is gone. --resume tries it again." in said
    assert (tmp_path / "winner.json").exists()
    assert not list(tmp_path.glob("gap.*"))


def test_a_page_that_cannot_be_drawn_does_not_keep_the_winner_from_being_confirmed(
    journal, tmp_path, steps
):
    def fail(*_):
        raise ValueError("2 or 3 objectives are needed.\nNot 4.")

    def prepare(*_):
        raise DataError("The clips are gone.")

    instead = {"draw": fail, "prepare": prepare}
    _, said = follow(journal, tmp_path, steps, instead=instead, confirm_seeds=1)
    assert "pages are not all drawn (ValueError: 2 or 3 objectives are needed)." in said
    assert said.endswith("The clips are gone.\n")  # so it was on its way to be confirmed


class Away(Sender):
    """A sender whose server is away."""

    def close(self, timeout=0.0):
        self.problem = "MLflow at http://some does not take events: no route"
        return False


def test_what_mlflow_lacks_of_the_confirm_stage_is_said(journal, tmp_path, steps):
    def learn(stage, console):
        sender = Away(journal, stage.folder, Store("http://some", None), "some_confirm")
        for trial in stage.trials:
            stage.journal.append("trial", trial.label, label=trial.label, fields={}, tags={})
            stage.journal.append("end", trial.label, outcome=FINISHED)
        return sender

    after, said = followed(
        journal,
        tmp_path,
        steps,
        instead={"prepare": lambda *_: prepared_clips(), "learn": learn},
        confirm_seeds=1,
    )
    assert after.run(FINISHED) == FINISHED  # whatever MLflow lacks
    problem = "MLflow at http://some does not take events: no route"
    assert f"MLflow lacks a part of some_confirm: {problem}\n" in said.getvalue()
    assert "it is sent with the next --resume" in said.getvalue()


def test_a_search_that_is_not_over_has_no_winner(journal, tmp_path, steps):
    journal.append("start", "t3")
    assert follow(journal, tmp_path, steps)[0] == INTERRUPTED
    assert not (tmp_path / "selection.json").exists()


def test_how_the_search_ended_is_kept(journal, tmp_path, steps):
    assert follow(journal, tmp_path, steps)[0] == "failed"  # one of its trials did
    journal.append("end", "t7", outcome="pruned")
    assert follow(journal, tmp_path, steps)[0] == FINISHED


def test_refused_suggestions_are_written_down_by_number(journal, tmp_path, steps):
    journal.append("refused", number=5, fields={}, refused="Over.", sampler={})
    follow(journal, tmp_path, steps)
    assert written(tmp_path, "selection.json")["refused"] == [5]
