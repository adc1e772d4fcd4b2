"""Notes: what MLflow's pages say of a study and of a trial, as Markdown.

They are made from the journal, with numbers rounded; the metrics beside them are exact.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import pandas as pd

from charon.report.cases import assignment, grouped, varied_among, with_methods
from charon.report.names import SYMBOLS, method_of, number_text
from charon.settings import Value
from charon.text import byte_size, clock, counted
from charon.tuning.records.journal import FINISHED, PENDING, RUNNING, TrialRecord
from charon.tuning.tracking.metrics import faa_of

NOTE_TAG = "mlflow.note.content"
"""MLflow shows it as a run's description; it takes 8000 characters."""

QUESTION_TAG = "question"

FEWEST = 3
"""Runs of a setting from which on their interval is given."""

MOST_ROWS = 30
"""Of a note's table."""

MOST_SEEDS = 20
"""Of a setting that a note lists one by one."""

WIDTH = 80
"""Characters in a line of a command; the page does not break it and would put what is beside
the description, and the values of the metrics, out of sight."""

GAP = "\u00a0" * 3
"""At the end of a table's cells, between which the page leaves nothing."""

HOW_TO_READ = """\
### How to read

- Each child run is a trial: one setting and one seed through all tasks.
- `test/faa` (of a search `val/faa`) is the mean accuracy over the tasks seen; its step is their \
number. `final/faa` is FAA, which only finished trials have.
- `epoch/train/loss/total` and `epoch/train/accuracy` are means over the mini-batches of an epoch \
as they were learned from (rotated, masked); their step is the epoch, counted over all tasks.
- To compare settings, group the charts by `setting` or by a field: seeds become a mean. \
`charon compare` says how sure a difference is.
- `best_faa` and `mean_faa` are of all trials finished so far. The best of several runs is partly \
luck: compare means.
"""


def setting_text(fields: Mapping[str, Value], varied: Iterable[str]) -> str:
    """Return a run's setting in the field's symbols, such as ``"CHARON, η = 0.3, s = 5"``.

    It has the paper's hyperparameters, and the ``varied`` fields of the study, but no seed.
    """
    return ", ".join([method_of(fields), *_assignments(fields, [*SYMBOLS, *varied])])


def group_name(fields: Mapping[str, Value], varied: Iterable[str]) -> str:
    """Return what tells a run's setting from others of the study, such as ``"η = 0.3, CHARON"``.

    The method is last: the page has room for a dozen letters.
    """
    return ", ".join([*_assignments(fields, varied), method_of(fields)])


def _assignments(fields: Mapping[str, Value], names: Iterable[str]) -> list[str]:
    known = [name for name in dict.fromkeys(names) if name in fields]
    return [assignment(name, fields[name]) for name in known if name not in ("learner", "seed")]


def study_note(study: Mapping[str, Any], records: Sequence[TrialRecord]) -> str:
    """Return the note of a study, given its ``study`` event: question, table, how to read."""
    tags = study["tags"]
    question = tags.get(QUESTION_TAG) or tags.get(NOTE_TAG, "")  # older journals have only a note
    finished = [record for record in records if record.status == FINISHED]
    standin = tags.get("standin") == "true"
    about = [
        f"{tags['dataset']} (synthetic stand-in, not NTU RGB+D)" if standin else tags["dataset"],
        tags.get("protocol", ""),
        f"{len(finished)} of {counted(len(records), 'run')} finished",
    ]
    parts = [f"**{question}**"]
    if any(faa_of(record) is not None for record in finished):
        parts += _results(records, study["varied"])
    return "\n\n".join([*parts, " · ".join(filter(None, about)), HOW_TO_READ])


def _results(records: Sequence[TrialRecord], varied: Sequence[str]) -> list[str]:
    """Return a table of the settings, and a sentence on the best run."""
    # Imported here because the statistics take most of a second, which is not the start's.
    from charon.report.tables import case_table, markdown_table

    part = "test" if any("test/faa" in record.final for record in records) else "val"
    metrics = [f"{part}/faa", f"{part}/forgetting"]
    # Of thousands of trials, all fields and metrics would take most of a minute.
    fields = ["learner", "data.stream", "seed", *varied]
    rows = [
        {name: record.fields[name] for name in fields if name in record.fields}
        | {name: record.final[name] for name in metrics if name in record.final}
        | {"status": record.status}
        for record in records
    ]
    trials = with_methods(pd.DataFrame(rows))
    metrics = [name for name in metrics if name in trials]
    cases = grouped(trials, varied_among(trials, varied))
    shown = [case for case in cases if not case.runs.empty]
    if len(shown) > MOST_ROWS:
        shown = sorted(shown, key=lambda case: -case.runs[metrics[0]].mean())[:MOST_ROWS]
    header, cells = case_table(shown, metrics)
    header, *cells = [[f"{cell}{GAP}" for cell in row] for row in (header, *cells)]
    parts = [markdown_table(header, cells)]
    if len(shown) < len(cases):
        parts.append(f"{len(cases) - len(shown)} more are in `trials.csv`.")
    parts.append("Mean ± standard deviation over seeds; the 95 % interval is Student's t.")
    best = max((record for record in records if faa_of(record) is not None), key=_faa)
    return [*parts, f"Best single run: {best.label}, {_faa(best):.1f} %."]


def trial_note(record: TrialRecord, group: Sequence[TrialRecord], varied: Sequence[str]) -> str:
    """Return the note of a trial: setting, result, its group's mean, the command that repeats it.

    Args:
        record: the trial.
        group: all trials of its setting, whatever their seed and status, itself among them.
        varied: fields in which the study's trials differ by design.
    """
    setting = setting_text(record.fields, varied)
    result = [_outcome(record), _of_group(group) if record.status == FINISHED else ""]
    # What stands in one paragraph is seen before "Show more" is clicked.
    parts = [f"**{setting}**, seed {record.fields['seed']}", " ".join(filter(None, result))]
    if "command" in record.tags:
        parts.append(f"Repeat it:\n\n```sh\n{in_lines(record.tags['command'])}\n```")
    return "\n\n".join(filter(None, parts))


def _outcome(record: TrialRecord) -> str:
    """Return how a trial ended, in a sentence; empty while it runs or waits."""
    if record.status in (PENDING, RUNNING):
        return ""
    if record.error:
        return f"It failed: {record.error}"
    if record.status != FINISHED:
        seen = f" after {record.tasks_seen} of {counted(record.num_tasks, 'task')}"
        return f"It was {record.status}{seen if record.num_tasks else ''}."
    final, part = record.final, "test" if "test/faa" in record.final else "val"
    words = [f"FAA **{number_text(final.get(f'{part}/faa'))} %** ({part} clips)"]
    if f"{part}/forgetting" in final:
        words.append(f"forgetting {final[f'{part}/forgetting']:.1f}")
    if final.get("memory/bytes"):
        words.append(f"memory {byte_size(final['memory/bytes'], 3)}")
    return f"{', '.join([*words, f'learned in {clock(record.seconds)}'])}."


def _of_group(group: Sequence[TrialRecord]) -> str:
    """Return the mean FAA of a setting's finished runs, with its interval if they are enough."""
    known = [record for record in group if faa_of(record) is not None]
    seeds = f"seeds {', '.join(str(record.fields['seed']) for record in known)}"
    seeds = seeds if len(known) <= MOST_SEEDS else counted(len(known), "seed")
    values = [_faa(record) for record in known]
    if len(values) < 2:
        return "No other run of this setting has finished."
    if len(values) < FEWEST:
        mean = f"{fmean(values):.1f} %; an interval takes {FEWEST} runs"
        return f"This setting, {seeds}: mean FAA {mean}."
    # Imported here because the statistics take most of a second, which is not the start's.
    from charon.report.statistics import mean_of

    return f"This setting, {seeds}: FAA in percent {mean_of(values)}."


def in_lines(command: str) -> str:
    """Return a command broken before options, as a shell continues it."""
    lines = [""]
    for word in map(shlex.quote, shlex.split(command)):
        if word.startswith("--") and len(lines[-1]) > WIDTH - 40:
            lines.append("   ")
        lines[-1] += f" {word}" if lines[-1] else word
    return " \\\n".join(lines)


def _faa(record: TrialRecord) -> float:
    faa = faa_of(record)
    assert faa is not None, "only asked of trials that have it"
    return faa
