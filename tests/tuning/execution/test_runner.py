"""Which trials a sitting runs, under which ids, and what a study leaves behind when it is over."""

import subprocess
import sys

import pytest
from tuning.driven_search import SETTING

from charon.tuning.execution.runner import Entries, remove_leftovers
from charon.tuning.execution.trainable import checkpoint_folder
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, PRUNED, Journal
from charon.tuning.study.first_tasks import first_tasks_folder


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.jsonl")


def entered(journal):
    """Return a study's trials as the runner enters them in each sitting."""
    journal.append("study")
    entries = Entries(journal, "1a2b3c4d", {"dataset": "tiny"}, SETTING)
    fields = {"learner": "charon", "seed": 0}
    return entries, [entries.enter(place, f"label {place}", fields) for place in range(5)]


def test_a_trial_has_an_id_of_the_studys_own_that_stays(journal):
    _, names = entered(journal)
    assert names[:2] == ["1a2b3_00000", "1a2b3_00001"]
    assert entered(Journal(journal.path))[1] == names
    assert len(list(Journal(journal.path).of_kind("trial"))) == len(names)


def test_a_trial_is_told_what_holds_for_all_and_how_it_is_repeated_alone(journal):
    entered(journal)
    tags = journal.trials["1a2b3_00000"].tags
    assert tags["dataset"] == "tiny"
    assert "charon run --learner charon" in tags["command"]


def test_a_sitting_runs_what_is_neither_finished_nor_pruned(journal):
    _, names = entered(journal)
    for name, outcome in zip(names, (FINISHED, PRUNED, FAILED, INTERRUPTED), strict=False):
        journal.append("end", name, outcome=outcome)
    entries, _ = entered(Journal(journal.path))
    assert [trial["id"] for trial in entries.waiting()] == names[2:]


def test_of_a_study_that_is_over_only_failed_trials_keep_what_they_go_on_from(tmp_path, journal):
    for outcome in (FINISHED, PRUNED, FAILED):
        journal.append("trial", outcome, label="", fields={}, tags={})
        journal.append("end", outcome, outcome=outcome)
        checkpoint_folder(str(tmp_path), outcome).mkdir(parents=True)
    first_tasks_folder(str(tmp_path)).mkdir()
    remove_leftovers(tmp_path, journal)
    assert [path.name for path in tmp_path.glob("checkpoints/*")] == [FAILED]
    assert not first_tasks_folder(str(tmp_path)).exists()


HAS_NO_VARIABLES = """
from ray.tune.execution import class_cache
assert class_cache.DEFAULT_ENV_VARS == {"PL_DISABLE_FORK": "1"}, class_cache.DEFAULT_ENV_VARS
class_cache.DEFAULT_ENV_VARS.clear()
class Actor: pass
made = class_cache._ActorClassCache().get(Actor)
print(made._default_options["runtime_env"])
"""


def test_rays_actors_still_have_no_variables_once_its_private_default_is_cleared():
    """With any, no trial would get a process that Ray has made ready: seconds a study."""
    done = subprocess.run(
        [sys.executable, "-c", HAS_NO_VARIABLES], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] in ("{}", "{'env_vars': {}}")
