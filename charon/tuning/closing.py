"""The end of a study: its table, its figure, and where everything is."""

import shlex
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from charon.text import tool
from charon.tuning.cluster.cluster import Cluster
from charon.tuning.session.commands import run_command
from charon.tuning.session.session import Session
from charon.tuning.tracking.sender import Sender

TABLES = (
    *("trials.csv", "curves.csv"),
    *("README.md", "selection.json", "winner.json", "confirm.json"),
    *("gap.json", "gap.csv", "importance.csv"),
)
"""Files of a study's folder that go to MLflow, where they are there; most are a search's."""


def start_analysis(session: Session, script: Path) -> subprocess.Popen[str]:
    """Start the analysis of the same name, ``analysis/NAME.py`` beside ``studies``.

    A study without one gets a plain table, a search the report of any search. It runs in a
    process of its own, for it needs neither torch nor Ray, and theirs may end meanwhile.
    """
    own = script.resolve().parent.parent / "analysis" / script.name
    plain = "charon.report.search" if session.study.is_search else "charon.report.generic"
    program = [str(own)] if own.exists() else ["-m", plain]
    return subprocess.Popen(
        [sys.executable, *program, "--results", str(session.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def show_analysis(process: subprocess.Popen[str], console: Console) -> bool:
    """Print what the analysis found; return whether it worked."""
    out, problem = process.communicate()
    console.print()
    console.out(out.rstrip(), highlight=False)
    if process.returncode:
        last = (problem.strip().splitlines() or ["no reason given"])[-1]
        console.print(f"The analysis failed: {last}", style="red", markup=False)
        console.print(f"Repeat it: {shlex.join(map(str, process.args))}", markup=False)  # type: ignore[arg-type]
    return process.returncode == 0


def figures(folder: Path) -> list[Path]:
    """Return the pictures in a study's folder."""
    return sorted(path for path in folder.iterdir() if path.suffix in (".png", ".svg"))


def dashboard_lines(cluster: Cluster) -> list[str]:
    """Return how to look at Ray while the study runs."""
    if not cluster.dashboard_url:
        return []
    return [
        f"Ray dashboard  {cluster.dashboard_url}  (trials are under Cluster, while they run)",
        f"  its token    {tool('ray')} get-auth-token  (paste its output into the page once)",
    ]


def closing_lines(session: Session, sender: Sender, *, all_sent: bool) -> list[str]:
    """Return where the results are and the commands that show them."""
    folder = session.folder
    lines = ["", *(f"Figure         {path}" for path in figures(folder))]
    lines += [f"Tables         {folder / name}" for name in ("trials.csv", "curves.csv")]
    lines += [f"Models         {folder / 'trials'}"]
    if (folder / "winner.json").exists():
        words = ["--config", str(folder / "winner.json"), "--output", str(folder / "winner")]
        lines += [f"Report         {folder / 'README.md'}", f"Pages          {folder / 'plots'}"]
        lines += [f"Winner         {run_command(words, session.cache, session.cpus)}"]
    command = session.store.command()
    if command:
        lines.append(f"MLflow         {command}")
    if sender.experiment_id:
        lines.append(f"  then open    {session.store.page(sender.experiment_id)}")
    lines += sender.missing_lines(all_sent=all_sent)
    if session.cluster is not None and session.options.address is None:
        lines.append(
            f"Ray dashboard  {session.cluster.dashboard_url} while a study runs; "
            f"its token: {tool('ray')} get-auth-token"
        )
    return lines
