"""What is printed to begin a study again, or to go on with it."""

import sys
from pathlib import Path

import pytest

from charon.tuning.commands import begin_command, go_on_command
from charon.tuning.options import Options

SCRIPT = Path("studies/search.py")


@pytest.fixture(autouse=True)
def typed(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["search.py", "--trials", "4", "--data", "my clips"])


def test_a_study_is_begun_as_it_was_typed():
    assert begin_command(SCRIPT) == "python studies/search.py --trials 4 --data 'my clips'"


def test_it_goes_on_with_what_it_remembers_and_what_is_chosen_anew_is_not_said_again():
    options = Options(data="my clips", confirm_seeds=0)
    assert go_on_command(SCRIPT, options) == "python studies/search.py --resume"


def test_what_is_to_be_extended_is_not_only_resumed():
    options = Options(extend=2, sampler="cmaes")
    assert go_on_command(SCRIPT, options) == "python studies/search.py --extend 2"


def test_where_things_are_is_said_again():
    options = Options(results=Path("my results"), cache=Path("c"), address="h:1", tracking_uri="u")
    places = "--results 'my results' --cache c --address h:1 --tracking-uri u"
    assert go_on_command(SCRIPT, options) == f"python studies/search.py {places} --resume"
