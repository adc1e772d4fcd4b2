"""What is printed to go on with a study, or to learn one of its runs alone."""

import sys
from pathlib import Path

import pytest

from charon.data.cache.archive import default_cache_dir
from charon.tuning.session.commands import (
    repeat_command,
    resume_command,
    run_command,
)
from charon.tuning.session.options import Options

SCRIPT = Path("studies/search.py")


@pytest.fixture(autouse=True)
def typed(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["search.py", "--trials", "4", "--data", "my clips"])


def test_it_goes_on_with_what_it_remembers_and_what_is_chosen_anew_is_not_said_again():
    options = Options(data="my clips", confirm_seeds=0)
    assert resume_command(SCRIPT, options) == "python studies/search.py --resume"


def test_what_is_to_be_extended_is_not_only_resumed():
    options = Options(extend=2, sampler="cmaes")
    assert resume_command(SCRIPT, options) == "python studies/search.py --extend 2"


def test_where_things_are_is_said_again():
    options = Options(results=Path("my results"), cache=Path("c"), address="h:1", tracking_uri="u")
    places = "--results 'my results' --cache c --address h:1 --tracking-uri u"
    assert resume_command(SCRIPT, options) == f"python studies/search.py {places} --resume"


def test_a_run_is_repeated_by_what_is_not_the_default():
    fields = {"learner": "er", "seed": 3, "data.path": "my clips", "learner.sampling_interval": 1}
    assert repeat_command(fields, default_cache_dir(), 1.0) == (
        "OMP_NUM_THREADS=1 charon run --learner er --set seed=3 --set 'data.path=my clips'"
    )


def test_a_run_alone_reads_the_clips_of_its_study():
    where = run_command(["--config", "winner.json"], Path("/my cache"), 1.0)
    assert where.endswith("charon run --config winner.json --cache '/my cache'")
    assert "--cache" not in run_command(["--config", "winner.json"], default_cache_dir(), 1.0)


@pytest.mark.parametrize(("cpus", "threads"), [(0.5, 1), (1.0, 1), (4.0, 4), (2.5, 2)])
def test_a_run_alone_has_as_many_threads_as_a_trial(cpus, threads):
    command = run_command([], default_cache_dir(), cpus)
    assert command == f"OMP_NUM_THREADS={threads} charon run"
