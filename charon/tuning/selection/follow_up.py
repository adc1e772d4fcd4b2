"""What follows a search: its winner, what other rules would have chosen, and the winner's test.

In this order: the winner is written down (``selection.json``, ``winner.json``), only then do
saved models meet the test set (``gap.json``, ``gap.csv``), and at last the winner and the
paper's setting are learned anew (the folder ``confirm``). Each step can be repeated: what is
there already is neither scored nor learned again, unless the winner or its seeds are others.
"""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from charon.errors import CharonError
from charon.files import write_text
from charon.report.tables import measured_on
from charon.text import counted, first_line, seeds_text
from charon.tuning.execution.runner import outcome_of, run_study
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, Journal, TrialRecord
from charon.tuning.sampling.optuna_study import load_optuna_study
from charon.tuning.sampling.plots import FRONTS, write_plots
from charon.tuning.selection import confirm
from charon.tuning.selection import protocol_gap as gap
from charon.tuning.selection.files import (
    GAP,
    GAP_TABLE,
    SELECTION,
    WINNER,
    as_json,
    gap_csv,
    selection_facts,
)
from charon.tuning.selection.rules import FLATTERS, TEST, Selection, Tested, finished, select
from charon.tuning.selection.scoring import ScoringError, score_trials
from charon.tuning.session.selection_plan import judgement_of
from charon.tuning.session.session import Session
from charon.tuning.study.objectives import can_prune, directions

CONFIRMED = "confirm.json"


def follow_up(session: Session, journal: Journal, script: Path, console: Console) -> str:
    """Judge a search that is over; return how all of it has ended.

    What cannot be done is said in one sentence.
    """
    outcome = outcome_of(session, journal)
    if outcome == INTERRUPTED:
        return outcome
    try:
        confirmed = _Verdict(session, journal, console).reach(script)
    except KeyboardInterrupt:
        return INTERRUPTED
    except CharonError as error:
        console.print(str(error), style="red", markup=False)
        return FAILED
    return outcome if confirmed == FINISHED else confirmed


class _Verdict:
    """The steps after a search."""

    def __init__(self, session: Session, journal: Journal, console: Console) -> None:
        self._session = session
        self._study = session.study
        self._folder = session.folder
        self._journal = journal
        self._console = console
        self._judgement = judgement_of(
            session.study, session.options, session.trials[0].fields, session.clips
        )
        self._rule = self._judgement.rule
        self._records = list(journal.trials.values())
        self._paper = self._records[0].fields
        self._directions = directions(session.study.objectives)

    def reach(self, script: Path) -> str:
        """Take all steps; return how the last one has ended."""
        tested = self._score() if self._rule.name == TEST else None
        chosen = select(self._records, self._study.objectives, self._directions, self._rule, tested)
        self._write_selection(chosen)
        _tag(self._journal, self._records, selection=self._rule.name)
        _tag(self._journal, [chosen.winner], winner="true")
        # A search that was extended may have had another winner.
        others = [r for r in self._records if r is not chosen.winner]
        _tag(self._journal, [r for r in others if "winner" in r.tags], winner="false")
        self._say(chosen)
        self._write_gap(tested)
        self._draw()
        return self._confirm(chosen.winner, script)

    def _score(self) -> Tested:
        """Score the finished trials' models on the test set, each once."""
        return score_trials(
            finished(self._records),
            self._folder,
            self._session.cache,
            cpus=self._session.cpus,
            gpus=self._session.gpus,
            on_scored=lambda done, total: self._console.print(
                f"Scored {done} of {total} finished trials on the test set", markup=False
            ),
        )

    def _write_selection(self, chosen: Selection) -> None:
        for name in (CONFIRMED, GAP, GAP_TABLE):  # they may tell of another winner
            (self._folder / name).unlink(missing_ok=True)
        facts = selection_facts(
            self._records,
            chosen,
            self._rule,
            self._paper,
            self._study.varied,
            self._session.cache,
            self._session.cpus,
        ) | {
            "objectives": list(self._study.objectives),
            "directions": list(self._directions),
            "scored": can_prune(self._study.objectives),
            "sampler": self._study.sampler,
            "pruner": self._study.pruner,
            "extensions": self._session.plan.extensions,
            "seed": self._study.seeds[0],
            "validation": self._session.clips.tasks.val_rule,
            "confirm_seeds": list(self._judgement.seeds),
            "refused": [event["number"] for event in self._journal.of_kind("refused")],
        }
        write_text(self._folder / SELECTION, as_json(facts))
        seed = (*self._judgement.seeds, self._study.seeds[0])[0]
        ready = confirm.confirmed_fields(chosen.winner.fields, seed, self._judgement.benchmark)
        write_text(self._folder / WINNER, as_json(ready))

    def _say(self, chosen: Selection) -> None:
        lines = [f"Winner by {self._rule.meaning}: {chosen.winner.label}"]
        if chosen.winner.fields == self._paper:
            lines.append("It is the paper's setting, the first trial; nothing found is better.")
        if len(self._study.objectives) > 1:
            lines.append(
                f"It has the best {self._study.objective} on the Pareto front, of "
                f"{counted(len(chosen.front), 'trial')}."
            )
            if len(self._study.objectives) not in FRONTS:
                lines.append(f"Optuna draws no front of so many objectives; {SELECTION} lists it.")
        if self._rule.name == TEST:
            lines.append(FLATTERS)
        for line in lines:
            self._console.print(line, markup=False)

    def _write_gap(self, tested: Tested | None) -> None:
        try:
            tested = self._score() if tested is None else tested
        except ScoringError as error:
            self._console.print(
                f"No gap report: {error} --resume tries it again.", style="yellow", markup=False
            )
            return
        found = gap.measure_gap(self._records, tested, self._judgement.first_tasks)
        write_text(self._folder / GAP, as_json(gap.as_plain(found)))
        write_text(self._folder / GAP_TABLE, gap_csv(found, self._records, tested))

    def _draw(self) -> None:
        """Draw Optuna's pages; a search is confirmed without them, should that fail."""
        try:
            write_plots(
                load_optuna_study(self._folder, self._session.plan),
                self._records,
                self._study.objectives,
                self._directions,
                measured_on(vars(self._session.plan), len(finished(self._records))),
                self._folder,
            )
        except Exception as error:
            self._console.print(
                f"Optuna's pages are not all drawn ({type(error).__name__}: {first_line(error)}).",
                style="yellow",
                markup=False,
            )

    def _confirm(self, winner: TrialRecord, script: Path) -> str:
        """Learn the winner and the paper's setting anew; return how that has ended."""
        seeds = self._judgement.seeds
        if not seeds:
            return FINISHED
        trials = confirm.confirm_trials(
            winner.fields, self._paper, seeds, self._study.varied, self._judgement.benchmark
        )
        stage = confirm.confirm_session(self._session, trials, seeds, self._console)
        self._console.print(
            f"Confirming on all training clips of {stage.clips.protocol}: "
            f"{counted(len(trials), 'run')}, {seeds_text(seeds)}",
            markup=False,
        )
        if stage.standing.done:
            self._console.print(stage.standing.sentence, markup=False)
        journal, sender = run_study(stage, script, self._console)
        outcome, records = outcome_of(stage, journal), list(journal.trials.values())
        _tag(journal, records, stage=confirm.FOLDER, selection=self._rule.name)
        for record in records:
            if record.status == FAILED:
                self._console.print(f"{record.label} failed: {record.error}", markup=False)
        found = confirm.confirmed(records)
        results = {
            "winner": confirm.as_plain(found.winner),
            "paper": confirm.as_plain(found.paper),
            "seeds": list(seeds),
            "protocol": stage.clips.protocol,
        }
        write_text(self._folder / CONFIRMED, as_json(results))
        tables = [str(stage.folder / name) for name in ("trials.csv", "curves.csv")]
        journal.append("study_end", outcome=outcome, artifacts=tables)
        for line in sender.missing_lines(all_sent=sender.close()):
            self._console.print(line, markup=False)
        return outcome


def _tag(journal: Journal, records: Sequence[TrialRecord], **tags: str) -> None:
    """Tag trials, each once."""
    for record in records:
        if not tags.items() <= record.tags.items():
            journal.append("tag", record.trial_id, tags=tags)
