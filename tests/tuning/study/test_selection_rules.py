"""Rules of selection: their meaning, and what they cannot judge."""

import pytest

from charon.errors import ConfigError
from charon.tuning.study.selection_rules import (
    FIRST_TASKS,
    RULES,
    TEST,
    VALIDATION,
    Rule,
    choose_rule,
    evaluation_benchmark,
)

FAA, BYTES = "val/faa", "memory/bytes"


def test_every_rule_says_what_it_looks_at():
    assert [name for name, text in RULES.items() if "validation" not in text] == [TEST]
    assert Rule(FIRST_TASKS, 2).meaning == "validation accuracy after the first 2 tasks only"
    assert Rule(VALIDATION).meaning == "validation accuracy after the last task"


@pytest.mark.parametrize(
    ("name", "first", "objectives", "message"),
    [
        (FIRST_TASKS, 7, [FAA], "--first-tasks must be from 1 to the 6 tasks"),
        (FIRST_TASKS, 1, ["val/forgetting"], "nothing is forgotten"),
        (TEST, 2, ["val/forgetting"], "nothing for the objective 'val/forgetting'"),
    ],
)
def test_a_rule_that_cannot_judge_is_one_sentence(name, first, objectives, message):
    with pytest.raises(ConfigError, match=message):
        choose_rule(name, first, 6, objectives)


def test_a_rule_that_can_judge_is_returned():
    assert choose_rule(FIRST_TASKS, 2, 6, [FAA]) == Rule(FIRST_TASKS, 2)
    assert choose_rule(TEST, 2, 6, [FAA, BYTES]) == Rule(TEST)


def test_gtep_under_another_protocol_is_one_sentence():
    for given in ("ntu120-xset", "ntu60-xsub ntu60-xview", "auto"):
        with pytest.raises(ConfigError, match="tunes under ntu60-xsub or ntu60-xview"):
            evaluation_benchmark(given)
    assert evaluation_benchmark("ntu60-xsub") == "ntu120new-xsub"
