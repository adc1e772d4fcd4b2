"""Closing of a study: its analysis, and where its results are."""

import shlex
import subprocess
import sys

from rich.console import Console

from charon.report.command import analysis_of
from charon.text import counted, tool
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.records.journal import Journal
from charon.tuning.records.status import hung_sentence
from charon.tuning.session.provenance import run_command
from charon.tuning.study.first_tasks import SAVED
from charon.tuning.tracking.sender import Sender


def start_analysis(ready: ReadyStudy) -> subprocess.Popen[str]:
    """Start the study's analysis, its own or the general one.

    It needs neither torch nor Ray, so it runs in a separate process while they end.
    """
    program = analysis_of(ready.script, is_search=ready.study.is_search)
    return subprocess.Popen(
        [sys.executable, *program, "--results", str(ready.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def show_analysis(process: subprocess.Popen[str], console: Console) -> bool:
    """Print the analysis; return whether it succeeded."""
    out, problem = process.communicate()
    console.print()
    console.out(out.rstrip(), highlight=False)
    if process.returncode:
        last = (problem.strip().splitlines() or ["no reason given"])[-1]
        console.print(f"The analysis failed: {last}", style="red", markup=False)
        console.print(f"Repeat it: {shlex.join(map(str, process.args))}", markup=False)  # type: ignore[arg-type]
    return process.returncode == 0


def close(
    ready: ReadyStudy,
    sender: Sender,
    analysis: subprocess.Popen[str],
    outcome: str,
    console: Console,
) -> bool:
    """Show the analysis, end the journal, and list the results; return if the analysis succeeded.

    MLflow gets the figures, and those tables that exist; most are a search's.
    """
    analysed = show_analysis(analysis, console)
    names = ("trials.csv", "curves.csv", "README.md", "selection.json", "winner.json")
    more = ("confirm.json", "gap.json", "gap.csv", "importance.csv", "table.csv", "table.tex")
    tables = [ready.folder / name for name in (*names, *more)]
    figures = sorted(ready.folder.glob("*.png"))
    artifacts = [str(path) for path in (*tables, *figures)]
    ready.journal.append("study_end", outcome=outcome, artifacts=artifacts)
    all_sent = sender.close()
    folder, store = ready.folder, ready.store
    hung = hung_sentence(ready.journal.records)
    lines = [
        *saved_lines(ready.journal),
        *([hung] if hung else []),
        "",
        *(f"Figure         {path}" for path in figures),
    ]
    if (folder / "README.md").exists():
        lines.append(f"Report         {folder / 'README.md'}")
    lines += [f"Tables         {folder / name}" for name in ("trials.csv", "curves.csv")]
    lines.append(f"Models         {folder / 'trials'}")
    if (folder / "winner.json").exists():
        words = ["--config", str(folder / "winner.json"), "--output", str(folder / "winner")]
        lines.append(f"Pages          {folder / 'plots'}")
        lines.append(f"Winner         {run_command(words, ready.cache, ready.cpus)}")
    if not store.is_remote:
        lines.append(f"MLflow         {tool('charon')} ui {shlex.quote(str(folder))}")
    elif sender.experiment_id:
        lines.append(f"MLflow         {store.page(sender.experiment_id)}")
    lines += sender.missing_lines(all_sent=all_sent)
    console.print(*lines, sep="\n", markup=False)
    return analysed


def saved_lines(journal: Journal) -> list[str]:
    """Return a sentence on the time saved by shared first tasks; empty if no trial could share."""
    seconds = [r.latest[SAVED] for r in journal.trials.values() if SAVED in r.latest]
    if not seconds:
        return []
    reused = sum(saved > 0 for saved in seconds)
    number, minutes = counted(len(seconds), "trial"), sum(seconds) / 60
    return [f"First task reused in {reused} of {number}, {minutes:.1f} minutes saved."]
