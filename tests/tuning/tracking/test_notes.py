"""What a person reads on MLflow's pages of a study and of a trial."""

import shlex

import pytest
from mlflow.utils.validation import MAX_TAG_VAL_LENGTH

from charon.tuning.records.journal import FAILED, FINISHED, PENDING, PRUNED, TrialRecord
from charon.tuning.tracking.notes import (
    group_name,
    in_lines,
    setting_text,
    study_note,
    trial_note,
)

ETA = "learner.masking_ratio"
STUDY = {
    "varied": [ETA],
    "tags": {"question": "Which?", "dataset": "tiny", "standin": "true", "protocol": "p"},
}


def trial(seed, faa=None, eta=0.3, status=FINISHED, learner="charon"):
    fields = {"learner": learner, "learner.sampling_interval": 5, "seed": seed}
    fields |= {ETA: eta} if learner == "charon" else {}
    record = TrialRecord(f"{learner} {eta} {seed}", f"{learner} {eta} {seed}", fields, status)
    record.tags["command"] = f"charon run --set seed={seed}"
    record.num_tasks, record.seconds = 3, 75.0
    if faa is not None:
        metrics = {"test/faa": faa, "test/forgetting": 12.345, "memory/bytes": 433123.0}
        record.curve[3 if status == FINISHED else 2] = metrics
    return record


def test_a_setting_is_in_the_symbols_of_the_field_and_has_no_seed():
    fields = {**trial(7).fields, "learner.masking": "random", "model.size": "nano"}
    varied = ["learner", ETA, "learner.masking", "seed"]
    assert setting_text(fields, varied) == "CHARON, η = 0.3, s = 5, masking = random"
    assert group_name(fields, varied) == "η = 0.3, masking = random, CHARON"
    assert group_name(trial(0, learner="finetune").fields, varied) == "FT"


def test_a_trial_says_its_setting_its_result_and_the_command_that_repeats_it():
    record = trial(1, 52.1875)
    note = trial_note(record, [record], [ETA])
    assert note.startswith("**CHARON, η = 0.3, s = 5**, seed 1\n")
    assert "FAA **52.2 %** (test clips), forgetting 12.3, memory 433 kB, learned in 1:15." in note
    assert "No other run of this setting has finished." in note
    assert note.endswith("```sh\ncharon run --set seed=1\n```")


def test_a_setting_has_an_interval_from_three_runs_on():
    group = [trial(seed, faa) for seed, faa in enumerate([50.0, 54.0, 52.0])]
    group.append(trial(3, 99.0, status=PRUNED))
    two, three = (trial_note(group[0], group[:n], [ETA]) for n in (2, 4))
    assert "This setting, seeds 0, 1: mean FAA 52.0 %; an interval takes 3 runs." in two
    # t = 4.303 with 2 degrees of freedom, s = 2: 4.303 · 2 / √3 = 4.97.
    interval = "52.0 ± 2.0 (95 % interval 47.0 to 57.0, n = 3)"
    assert f"This setting, seeds 0, 1, 2: FAA in percent {interval}." in three


def test_a_command_is_broken_into_lines_that_a_shell_joins_again():
    words = ["T=1", "charon", "run", "--data", "a b"]
    words += [word for n in range(9) for word in ("--set", f"learner.masking_ratio=0.{n}")]
    lines = in_lines(shlex.join(words))
    assert max(map(len, lines.splitlines())) < 90
    assert shlex.split(lines.replace("\\\n", "")) == words


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (PRUNED, "", "It was pruned after 2 of 3 tasks."),
        (FAILED, "It diverged.", "It failed: It diverged."),
        (PENDING, "", ""),
    ],
)
def test_a_trial_that_did_not_finish_says_why_and_has_no_result(status, error, sentence):
    record = trial(0, 50.0, status=status)
    record.error = error
    note = trial_note(record, [record], [ETA])
    assert sentence in note
    assert "FAA" not in note


def test_a_study_says_its_question_its_table_and_how_to_read_it():
    records = [trial(seed, 50.0 + seed, eta) for eta in (0.3, 0.9) for seed in range(3)]
    note = study_note(STUDY, [*records, trial(3, status=PENDING)])
    note = note.replace("\u00a0", "")
    assert note.startswith("**Which?**\n\n| masking ratio η | FAA % |")
    assert "tiny (synthetic stand-in, not NTU RGB+D) · p · 6 of 7 runs finished" in note
    assert "| 0.3 | 51.0 ± 1.0 | 48.5 to 53.5 | 12.3 | 3 of 4 |" in note
    assert "Best single run: charon 0.3 2, 52.0 %." in note
    assert "### How to read" in note


def test_a_study_without_a_result_has_a_question_and_no_table():
    note = study_note(STUDY, [trial(0, status=PENDING)])
    assert "**Which?**" in note
    assert "0 of 1 run finished" in note
    assert "|" not in note


def test_the_question_of_an_older_journal_is_its_note():
    tags = {"mlflow.note.content": "Which?", "dataset": "tiny"}
    assert study_note({"varied": [], "tags": tags}, []).startswith("**Which?**")


def test_a_large_study_shows_its_best_settings_and_fits_mlflows_limit():
    varied = [ETA, "learner.alpha", "learner.beta", "learner.gamma", "optimiser.learning_rate"]
    records = []
    for n in range(400):
        record = trial(0, n / 10, eta=n / 401)
        record.fields |= dict.fromkeys(varied[1:], n / 397)
        records.append(record)
    note = study_note({**STUDY, "varied": varied}, records)
    assert len(note) <= MAX_TAG_VAL_LENGTH
    assert "370 more are in `trials.csv`." in note
    assert "| 39.9\u00a0" in note
    assert "| 0.0\u00a0" not in note
