"""Fields of a run by name: defaults, presets, unknown names."""

import pytest

from charon.errors import ConfigError
from charon.tuning.study.fields import check_known, complete, known_fields, preset


def test_a_learner_has_the_papers_values_and_only_its_fields():
    assert known_fields("charon")["learner.masking_ratio"] == 0.3
    assert "learner.masking_ratio" not in known_fields("finetune")


def test_what_is_not_named_has_the_papers_value():
    fields = complete({"learner": "er", "optimiser.epochs": 2})
    assert fields == {**known_fields("er"), "optimiser.epochs": 2}


def test_a_preset_is_a_set_of_fields():
    assert preset("paper") == {}
    assert preset("released")["argmax"] == "all"


def test_an_unknown_name_lists_the_known_names():
    with pytest.raises(
        ConfigError, match=r"no preset 'mine'; known are paper, released, compact\."
    ):
        preset("mine")
    with pytest.raises(ConfigError, match=r"no scale 'huge'; known are small, paper\."):
        check_known("scale", "huge", ("small", "paper"))
