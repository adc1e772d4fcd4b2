"""What a study of thousands of trials costs: a program that runs one whose trials learn nothing.

Run    python tests/tuning/scale.py --trials 10000
Says   the time to the first trial, trials a second at the beginning and at the end, the driver's
       memory, the journal's size, MLflow's rate; after an interruption at nine tenths, the time
       until ``--resume`` goes on; the time of the report.

A real trial of the stand-in is learned once. Each of the others takes 10 ms to report what it
reported and leaves links to its outputs, so all that is timed is the study's own. Linux only.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from charon.tuning import Study, main
from charon.tuning.execution import runner
from charon.tuning.execution.trainable import CharonTrial, TrialContext, outputs_folder
from charon.tuning.records.journal import FINISHED, Journal

SECONDS = 0.01
"""Of a trial."""

SEEDS = 5
REPORT = Path(__file__).parents[2] / "analysis" / "report.py"

learned = Study("learned", "What does a trial report?", base={"learner": "charon"}, seeds=(0,))


def scale(trials: int) -> Study:
    """Return a study of so many trials: five seeds of each setting."""
    settings = [round((n + 1) / (trials // SEEDS), 6) for n in range(trials // SEEDS)]
    question = "What does a study of many trials cost?"
    return Study("scale", question, grid={"learner.alpha": settings}, seeds=tuple(range(SEEDS)))


class QuickTrial(CharonTrial):
    """Reports what the one real trial reported."""

    def setup(self, config: dict[str, Any]) -> None:
        """Take the first trial."""
        self._reports = quick_reports(config["trial"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial."""
        self._reports = quick_reports(new_config["trial"])
        return True


def quick_reports(trial: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the reports of the real trial, and leave its outputs."""
    folder = Path(TrialContext(**trial["context"]).folder)
    reports = json.loads((folder.parent / "reports.json").read_text(encoding="utf-8"))
    for report in reports:
        time.sleep(SECONDS / len(reports))
        if report["task"] == report["num_tasks"]:
            outputs = outputs_folder(folder, trial["name"])
            outputs.mkdir(parents=True, exist_ok=True)
            for file in next((folder.parent / "learned" / "trials").iterdir()).iterdir():
                (outputs / file.name).unlink(missing_ok=True)
                os.link(file, outputs / file.name)
        yield report


def measure(trials: int, results: Path) -> None:
    """Run the study, interrupt it, let it go on, make the report; print what each took."""
    command = [sys.executable, __file__, "--results", str(results), "--trials", str(trials)]
    subprocess.run([*command, "--study", "learned"], check=True, stdout=subprocess.DEVNULL)
    real = Journal(results / "learned" / "journal.jsonl").of_kind("report")
    reports = [{k: v for k, v in r.items() if k not in ("kind", "time", "trial")} for r in real]
    for report in reports:
        report["device"] = report.pop("tags")["device"]
    (results / "reports.json").write_text(json.dumps(reports), encoding="utf-8")

    path = results / "scale" / "journal.jsonl"
    began = time.time()
    driver = subprocess.Popen([*command, "--study", "scale"], stdout=subprocess.DEVNULL)
    while ended(path) < 0.9 * trials:
        time.sleep(1.0)
    memory = memory_of(driver.pid)
    driver.send_signal(signal.SIGINT)
    driver.wait()
    stopped = time.time()
    journal = Journal(path)
    starts = [event["time"] for event in journal.of_kind("start")]
    ends = [event["time"] for event in journal.of_kind("end") if event["outcome"] == FINISHED]
    sent = json.loads((results / "scale" / "tracking.json").read_text())["position"]
    tenth = len(ends) // 10
    say("first trial", starts[0] - began, "s after the command")
    say("first tenth", tenth / (ends[tenth - 1] - starts[0]), "trials a second")
    say("last tenth", tenth / (ends[-1] - ends[-1 - tenth]), "trials a second")
    say("driver", memory / 1e6, "MB of memory")
    say("journal", path.stat().st_size / 1e6, f"MB, {len(journal.events)} events")
    say("MLflow", sent / (stopped - began), f"events a second; it had {sent} when stopped")
    say("stopping", stopped - ends[-1], "s after the last trial that ended")

    began = time.time()
    resumed = subprocess.Popen(
        [*command, "--study", "scale", "--resume"], stdout=subprocess.DEVNULL
    )
    known = path.stat().st_size
    while ended(path, "start", known) == 0:
        time.sleep(0.05)
    say("resumed", time.time() - began, "s until a trial starts")
    resumed.wait()
    journal = Journal(path)
    last = max(e["time"] for e in journal.of_kind("end") if e["outcome"] == FINISHED)
    finished = sum(record.status == FINISHED for record in journal.records)
    say("closing", time.time() - last, f"s after the last trial; {finished} finished")

    began = time.time()
    subprocess.run([sys.executable, str(REPORT), "--results", str(results)], check=True)
    say("report", time.time() - began, "s")


def ended(path: Path, kind: str = "end", after: int = 0) -> int:
    """Return how many trials a journal says have ended, or started, ``after`` so many bytes."""
    if not path.exists():
        return 0
    with path.open("rb") as journal:
        journal.seek(after)
        return journal.read().count(f'{{"kind": "{kind}"'.encode())


def memory_of(process: int) -> int:
    """Return the most bytes of memory that a process has had."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def say(name: str, value: float, unit: str) -> None:
    """Print a row."""
    print(f"{name:12} {value:10,.1f} {unit}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000, help="a multiple of 50")
    parser.add_argument("--results", type=Path, default=None, help="default: a temporary folder")
    parser.add_argument("--study", choices=("learned", "scale"), help=argparse.SUPPRESS)
    given, more = parser.parse_known_args()
    if given.study == "learned":
        main(learned, ["--set", "optimiser.epochs=1", "--results", str(given.results), *more])
    if given.study == "scale":
        runner.CharonTrial = QuickTrial  # type: ignore[misc]
        main(scale(given.trials), ["--results", str(given.results), *more])
    if given.trials < 50 or given.trials % 50:
        parser.error("--trials takes a multiple of 50.")
    with tempfile.TemporaryDirectory() as temporary:
        measure(given.trials, given.results or Path(temporary))
