"""What a study says and leaves behind when it is over."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from charon.tuning.execution.runner import closing_words, remove_leftovers
from charon.tuning.execution.trainable import checkpoint_folder
from charon.tuning.records.journal import EXHAUSTED, FAILED, FINISHED, PRUNED, Journal
from charon.tuning.study.first_tasks import first_tasks_folder


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.jsonl")


def test_of_a_study_that_is_over_only_failed_trials_keep_what_they_go_on_from(tmp_path, journal):
    for outcome in (FINISHED, PRUNED, FAILED):
        journal.append("trial", outcome, label="", fields={}, tags={})
        journal.append("end", outcome, outcome=outcome)
        checkpoint_folder(str(tmp_path), outcome).mkdir(parents=True)
    first_tasks_folder(str(tmp_path)).mkdir()
    remove_leftovers(tmp_path, journal)
    assert [path.name for path in tmp_path.glob("checkpoints/*")] == [FAILED]
    assert not first_tasks_folder(str(tmp_path)).exists()


def test_a_search_in_which_nothing_more_can_be_run_says_why(journal):
    journal.append("trial", "a", label="", fields={}, tags={})
    journal.append("end", "a", outcome=FINISHED)
    refused = {"fields": {}, "sampler": {}, "refused": "Its memory could take 900 B, over 500 B."}
    journal.append("refused", number=1, **refused)
    journal.append(EXHAUSTED)
    why, end = closing_words(journal, SimpleNamespace(num_trials=24, hours=None), EXHAUSTED)
    assert "Suggested, but not run: 1 configuration" in why
    assert "over 500 B" in why
    assert "after 1 of 24 trials" in end
    assert "--budget" in end
    assert "--resume" not in end


HAS_NO_VARIABLES = """
from ray.tune.execution import class_cache
assert class_cache.DEFAULT_ENV_VARS == {"PL_DISABLE_FORK": "1"}, class_cache.DEFAULT_ENV_VARS
class_cache.DEFAULT_ENV_VARS.clear()
assert "AWS_SECRET_ACCESS_KEY" in class_cache.ENV_VARS_TO_PROPAGATE
class_cache.ENV_VARS_TO_PROPAGATE.clear()
class Actor: pass
made = class_cache._ActorClassCache().get(Actor)
print(made._default_options["runtime_env"])
"""


def test_rays_actors_still_have_no_variables_once_its_private_ones_are_cleared(monkeypatch):
    """With any, no trial would get a process that Ray has made ready, and secrets were logged."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    done = subprocess.run(
        [sys.executable, "-c", HAS_NO_VARIABLES], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] in ("{}", "{'env_vars': {}}")
