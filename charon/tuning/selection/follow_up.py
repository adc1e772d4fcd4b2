"""Follow-up of a search: selection of the winner, protocol gap, confirm stage.

The winner is written (``selection.json``, ``winner.json``) before any saved model meets the test
set (``gap.json``, ``gap.csv``); then the winner and the paper's setting are learned anew (folder
``confirm``). Each step can be repeated: models are not scored nor runs learned again, unless the
winner or its seeds have changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console

from charon.errors import CharonError
from charon.files import write_json
from charon.report.results import StudySummary
from charon.text import counted, first_line, seeds_text
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.execution.runner import outcome_of, run_study
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, Journal, TrialRecord
from charon.tuning.sampling.optuna_study import load_optuna_study
from charon.tuning.sampling.plots import FRONTS, write_plots
from charon.tuning.selection import confirm
from charon.tuning.selection.protocol_gap import GAP, GAP_TABLE, measure_gap, write_gap
from charon.tuning.selection.scoring import ScoringError, score_trials
from charon.tuning.selection.winner import Selection, Tested, finished, select, selection_facts
from charon.tuning.session.data import StudyData, prepare_runs
from charon.tuning.study.objectives import can_prune, directions
from charon.tuning.study.selection_rules import FLATTERS, TEST
from charon.tuning.tracking.sender import Sender

SELECTION, WINNER, CONFIRMED = "selection.json", "winner.json", "confirm.json"


def draw_pages(search: ReadyStudy, records: Sequence[TrialRecord]) -> None:
    """Draw Optuna's pages of a search's trials."""
    objectives, folder = search.study.objectives, search.folder
    summary = StudySummary.of(vars(search.plan))
    measured_on = summary.measured_on(len(finished(records)), search.study.preset)
    write_plots(load_optuna_study(folder, search.plan), objectives, measured_on, folder)


@dataclass
class FollowUp:
    """The steps after a search.

    Attributes:
        search: whose trials are over, as its journal has them.
        score: scores saved models on the test set.
        draw: draws Optuna's pages.
        prepare, learn: prepare the clips of the confirm stage, and run it.
    """

    search: ReadyStudy
    console: Console
    score: Callable[..., Tested] = score_trials
    draw: Callable[..., None] = draw_pages
    prepare: Callable[..., StudyData] = prepare_runs
    learn: Callable[[ReadyStudy, Console], Sender] = run_study

    def __post_init__(self) -> None:
        assert self.search.selection is not None
        self._plan = self.search.selection
        self._study = self.search.study
        self._journal = self.search.journal
        self._records = self._journal.records

    def run(self, outcome: str) -> str:
        """Take all steps; return the outcome of the search, given that of its trials.

        A step that fails is reported in a sentence.
        """
        rule = self._plan.rule
        try:
            tested = self._score() if rule.name == TEST else None
            selection = select(self._records, self._study.objectives, rule, tested)
            self._write_selection(selection)
            self._say(selection)
            self._write_gap(tested)
            self._draw()
            confirmed = self._confirm(selection.winner) if self._plan.seeds else FINISHED
        except KeyboardInterrupt:
            return INTERRUPTED
        except CharonError as error:
            self._print(str(error), style="red")
            return FAILED
        return outcome if confirmed == FINISHED else confirmed

    def _score(self) -> Tested:
        search = self.search
        return self.score(
            finished(self._records),
            search.folder,
            search.cache,
            cpus=search.cpus,
            gpus=search.gpus,
            on_scored=lambda done, total: self._print(
                f"Scored {done} of {total} finished trials on the test set"
            ),
        )

    def _write_selection(self, selection: Selection) -> None:
        """Write the winner down, in files and in the tags of the trials."""
        search, study, plan, records = self.search, self._study, self._plan, self._records
        for name in (CONFIRMED, GAP, GAP_TABLE):  # they may be of another winner
            (search.folder / name).unlink(missing_ok=True)
        facts = selection_facts(
            records, selection, plan.rule, study.varied, search.cache, search.cpus
        ) | {
            "objectives": list(study.objectives),
            "directions": directions(study.objectives),
            "scored": can_prune(study.objectives),
            "sampler": study.sampler,
            "pruner": study.pruner,
            "extensions": search.plan.extensions,
            "seed": study.seeds[0],
            "validation": search.data.tasks.val_rule,
            "confirm_seeds": list(plan.seeds),
            "refused": [event["number"] for event in self._journal.of_kind("refused")],
        }
        write_json(search.folder / SELECTION, facts)
        seed = (*plan.seeds, study.seeds[0])[0]
        fields = confirm.confirmed_fields(selection.winner.fields, seed, plan.benchmark)
        write_json(search.folder / WINNER, fields)
        _tag(self._journal, records, selection=plan.rule.name)
        _tag(self._journal, [selection.winner], winner="true")
        # A search that was extended may have had another winner.
        others = [r for r in records if r is not selection.winner and "winner" in r.tags]
        _tag(self._journal, others, winner="false")

    def _say(self, selection: Selection) -> None:
        objectives, rule = self._study.objectives, self._plan.rule
        lines = [f"Winner by {rule.meaning}: {selection.winner.label}"]
        if selection.winner.fields == self._records[0].fields:
            lines.append("It is the paper's setting, the first trial; nothing found is better.")
        if len(objectives) > 1:
            number = counted(len(selection.front), "trial")
            lines.append(f"It has the best {objectives[0]} on the Pareto front, of {number}.")
            if len(objectives) not in FRONTS:
                lines.append(f"Optuna draws no front of so many objectives; {SELECTION} lists it.")
        if rule.name == TEST:
            lines.append(FLATTERS)
        self._print(*lines)

    def _write_gap(self, tested: Tested | None) -> None:
        try:
            tested = self._score() if tested is None else tested
        except ScoringError as error:
            self._print(f"No gap report: {error} --resume tries it again.", style="yellow")
            return
        gap = measure_gap(self._records, tested, self._plan.first_tasks)
        write_gap(gap, self.search.folder)

    def _draw(self) -> None:
        """Draw Optuna's pages; a failure does not prevent the confirm stage."""
        try:
            self.draw(self.search, self._records)
        except Exception as error:
            reason = f"{type(error).__name__}: {first_line(error)}"
            self._print(f"Optuna's pages are not all drawn ({reason}).", style="yellow")

    def _confirm(self, winner: TrialRecord) -> str:
        """Learn the winner and the paper's setting anew; return the outcome."""
        paper, plan = self._records[0].fields, self._plan
        trials = confirm.confirm_trials(
            winner.fields, paper, plan.seeds, self._study.varied, plan.benchmark
        )
        data = self.prepare([trials[0].fields], self.search.cache, self.console)
        stage = confirm.confirm_study(self.search, trials, plan.seeds, data)
        self._print(
            f"Confirming on all training clips of {data.protocol}: "
            f"{counted(len(trials), 'run')}, {seeds_text(plan.seeds)}"
        )
        if stage.progress.done:
            self._print(stage.progress.sentence)
        sender, journal = self.learn(stage, self.console), stage.journal
        outcome = outcome_of(journal, stage.plan.num_trials)
        records = journal.records
        _tag(journal, records, stage=confirm.FOLDER, selection=plan.rule.name)
        failed = [record for record in records if record.status == FAILED]
        self._print(*(f"{record.label} failed: {record.error}" for record in failed))
        about = {"seeds": list(plan.seeds), "protocol": data.protocol}
        write_json(self.search.folder / CONFIRMED, confirm.confirmed(records) | about)
        tables = [str(stage.folder / name) for name in ("trials.csv", "curves.csv")]
        journal.append("study_end", outcome=outcome, artifacts=tables)
        self._print(*sender.missing_lines(all_sent=sender.close()))
        return outcome

    def _print(self, *lines: str, style: str | None = None) -> None:
        for line in lines:
            self.console.print(line, style=style, markup=False)


def _tag(journal: Journal, records: Sequence[TrialRecord], **tags: str) -> None:
    """Tag the trials that do not have the tags yet."""
    for record in records:
        if not tags.items() <= record.tags.items():
            journal.append("tag", record.trial_id, tags=tags)
