"""Kills in bursts: studies on Ray whose processes are killed or stopped, resumed and compared.

Run    python tests/faults/bursts.py --faults 100
Says   a table: of each kind how many were injected, struck and survived, and of the studies how
       much was lost, doubled or different.

A fault is a process that ends itself at a named moment (in a report, in a checkpoint's rename, in a
batch to MLflow, in Optuna's tell, between the journal and a database), or a process, several or all
that are ended at a random one: trials, the driver, Ray's own, a machine of a cluster of three. Some
are stopped instead (SIGSTOP): a trial until the study ends it as hung, a driver or a machine until
it goes on. Every fault must prove that it struck. A study has several, one a sitting; then it is
resumed to its end, its history is checked, and a grid must be what nothing happened to.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
HERE = Path(__file__).parent

from faults.facts import facts  # noqa: E402
from faults.history import broken  # noqa: E402
from faults.moments import sitecustomize as moments  # noqa: E402
from faults.sweep import differences  # noqa: E402
from tuning.study_runs import STUDY, write_clips  # noqa: E402

from charon.tuning.cluster.cluster import prepare_environment  # noqa: E402

EPOCHS = 60
"""Of a task, which takes a second or two: long enough to be killed in."""

HUNG_MINUTES = 1.0
LONGEST_SECONDS = 900
"""Of a sitting; one that takes longer is stuck, and ended."""

TRIES = 3
"""For a fault to strike before its study is over."""

INTERRUPTED = 130


@dataclass(frozen=True)
class Fault:
    """What is done to a study.

    Attributes:
        kind: its row in the table.
        moment: the named moment at which a process strikes itself; empty for one from outside.
        target: whose processes are struck from outside, or the row's own.
        how: the signal.
        number: of the call at the moment, or of the reports to wait for.
        pause: seconds to wait after them.
    """

    kind: str
    moment: str = ""
    target: str = ""
    how: str = "SIGKILL"
    number: int = 1
    pause: float = 0.0


OUTSIDE = {
    "a trial": ("trial", "SIGKILL"),
    "all trials": ("trials", "SIGKILL"),
    "the driver": ("driver", "SIGKILL"),
    "the driver and a trial": ("driver and trial", "SIGKILL"),
    "Ray's node here": ("raylet", "SIGKILL"),
    "Ray's head": ("gcs_server", "SIGKILL"),
    "all processes": ("all", "SIGKILL"),
    "a trial, stopped": ("trial", "SIGSTOP"),
    "the driver, stopped for a while": ("driver", "SIGSTOP"),
}
OF_A_CLUSTER = {
    "a machine": ("machine", "SIGKILL"),
    "a machine and the driver": ("machine and driver", "SIGKILL"),
    "a machine, stopped for a while": ("machine", "SIGSTOP"),
}
SEARCH_ONLY = ("Optuna's tell", "the rename of Optuna's database")


def draw(number, seed, kinds):
    """Return so many faults, each kind about as often as any other, by a seed."""
    rng = random.Random(seed)
    known = [*(f"in {name}" for name in moments.MOMENTS), "in a report, stopped"]
    known += ["in a checkpoint's rename, stopped", *OUTSIDE, *OF_A_CLUSTER]
    known = [kind for kind in known if not kinds or kind in kinds]
    order = [
        kind for _ in range(-(-number // len(known))) for kind in rng.sample(known, len(known))
    ]
    faults = []
    for kind in order[:number]:
        target, how = {**OUTSIDE, **OF_A_CLUSTER}.get(kind, ("", "SIGKILL"))
        moment = "" if target else kind.removeprefix("in ").removesuffix(", stopped")
        how = "SIGSTOP" if kind.endswith("stopped") else how
        at = {"Optuna's tell": 2, "the rename of Optuna's database": 1}.get(moment, 4)
        faults.append(
            Fault(kind, moment, target, how, rng.randint(1, at), round(rng.uniform(0, 2), 1))
        )
    return faults


def bursts_of(faults):
    """Return studies: mode, whether on a cluster, and up to four faults that go together."""
    groups = {}
    for fault in faults:
        mode = "search" if fault.moment in SEARCH_ONLY else "grid"
        groups.setdefault((mode, fault.kind in OF_A_CLUSTER), []).append(fault)
    return [
        (mode, on_cluster, group[start : start + 4])
        for (mode, on_cluster), group in groups.items()
        for start in range(0, len(group), 4)
    ]


# Processes.


def processes():
    """Return the parent and the command of every process there is."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            if stat[0] != "Z":
                command = (folder / "cmdline").read_text().replace("\0", " ").strip()
                found[int(folder.name)] = (int(stat[1]), command)
    return found


def below(root):
    """Return the commands of the processes that a process has started, and those that they have."""
    known, found, added = processes(), {}, [root]
    while added:
        added = [pid for pid, (parent, _) in known.items() if parent in added]
        found |= {pid: known[pid][1] for pid in added}
    return found


def state_of(pid):
    """Return a process's state as /proc has it; empty if it is gone."""
    with suppress(OSError):
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    return ""


def has_struck(pid, how, seconds=20.0):
    """Whether a process is gone, or stopped, as it should be by now."""
    end = time.monotonic() + seconds
    wanted = ("T",) if how == "SIGSTOP" else ("", "Z", "X")
    while time.monotonic() < end:
        if state_of(pid) in wanted:
            return True
        time.sleep(0.05)
    return False


def is_trial(command):
    """Whether a process learns a trial; one that waits for its next is called otherwise."""
    return command.startswith("ray::charon_tiny ") and " trials" not in command


# A sitting.


class Sitting:
    """A study that runs: its process, and the lines it has said."""

    def __init__(self, place, mode, *flags, fault=None, address=None):
        command = [sys.executable, str(STUDY), mode, "--data", str(place / "tiny.npz")]
        command += ["--results", str(place / "results"), "--cache", str(place / "cache")]
        command += ["--set", f"optimiser.epochs={EPOCHS}", "--hung-after", str(HUNG_MINUTES)]
        command += ["--confirm-seeds", "0"] if mode == "search" else []
        command += ["--address", address] if address else []
        self.log = place / "struck"
        self.log.unlink(missing_ok=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([str(HERE / "moments"), str(ROOT)])
        if fault and fault.moment:
            more = {"MOMENT": fault.moment, "NUMBER": fault.number, "SIGNAL": fault.how}
            environment |= {f"FAULT_{k}": str(v) for k, v in {**more, "LOG": self.log}.items()}
        self.process = subprocess.Popen(
            [*command, *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=place,
            start_new_session=True,
        )
        self.lines, self.known, self.struck = [], {}, []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def reports(self):
        return sum(" task " in line for line in self.lines)

    def wait_for_reports(self, number):
        """Wait until so many are said; return whether they were before the study ended."""
        end = time.monotonic() + LONGEST_SECONDS
        while self.reports() < number and time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            time.sleep(0.05)
        return self.process.poll() is None

    def trials(self):
        found = below(self.process.pid) if self.machines is None else self.machines()
        return [pid for pid, command in found.items() if is_trial(command)]

    machines = None
    """Returns the processes of a cluster that was started elsewhere."""

    def look(self):
        """Remember the processes that the study has started."""
        self.known |= below(self.process.pid)

    def end(self):
        """Wait for the end; return the status, None if the study was stuck and had to be ended."""
        end = time.monotonic() + LONGEST_SECONDS
        while self.process.poll() is None:
            self.look()
            if time.monotonic() > end:
                self.process.kill()
                self.process.wait()
                return None
            time.sleep(0.3)
        return self.process.returncode


class Machines:
    """A Ray cluster on this machine: a head that takes no trial, and two that take one each."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        prepare_environment()
        os.environ["PYTHONPATH"] = str(ROOT)
        self.cluster = Cluster()
        soon = {"health_check_period_ms": 1000, "health_check_failure_threshold": 5}
        self.cluster.add_node(
            num_cpus=0, include_dashboard=False, dashboard_port=None, _system_config=soon
        )
        self.mend()

    def mend(self):
        """Have two machines that take trials, in the place of those that are gone."""
        for node, (raylet,) in self.raylets().items():
            if state_of(raylet) in ("", "Z"):
                self.cluster.remove_node(node, allow_graceful=False)
        while len(self.cluster.list_all_nodes()) < 3:
            self.cluster.add_node(num_cpus=1)

    def raylets(self):
        """Return the processes of Ray on the machines that take trials."""
        nodes = self.cluster.list_all_nodes()[1:]
        return {node: [p.process.pid for p in node.all_processes["raylet"]] for node in nodes}

    def commands(self):
        """Return the processes of all machines."""
        return {
            p: c for pids in self.raylets().values() for pid in pids for p, c in below(pid).items()
        }


@dataclass
class Struck:
    """What came of a fault: whether it struck, and what is wrong with how the study took it."""

    fault: Fault
    struck: bool = False
    wrong: list = field(default_factory=list)


def strike(fault, sitting, machines, rng):
    """Do to a running study what a fault from outside says; return whether it struck."""
    if not sitting.wait_for_reports(fault.number):
        return False
    time.sleep(fault.pause)
    driver, trials = sitting.process.pid, sitting.trials()
    if "trial" in fault.target:
        end = time.monotonic() + 30
        while not trials and sitting.process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
            trials = sitting.trials()
        if not trials:
            return False
    all_below = below(driver)
    targets = {
        "trial": lambda: [rng.choice(trials)],
        "trials": lambda: trials,
        "driver": lambda: [driver],
        "driver and trial": lambda: [driver, rng.choice(trials)],
        "raylet": lambda: [p for p, c in all_below.items() if "/raylet/raylet " in c],
        "gcs_server": lambda: [p for p, c in all_below.items() if "/gcs_server " in c],
        "all": lambda: [driver, *all_below],
        "machine": lambda: _machine(machines, rng),
        "machine and driver": lambda: [*_machine(machines, rng), driver],
    }[fault.target]()
    if sitting.process.poll() is not None or not targets:
        return False
    sitting.look()
    for pid in targets:
        with suppress(ProcessLookupError):
            os.kill(pid, getattr(signal, fault.how))
    sitting.struck = targets
    struck = all(has_struck(pid, fault.how) for pid in targets)
    if fault.how == "SIGSTOP" and fault.target != "trial":
        time.sleep(20.0 if fault.target == "machine" else 3.0 + fault.pause)
        for pid in targets:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    return struck


def _machine(machines, rng):
    (raylet,) = rng.choice(list(machines.raylets().values()))
    return [raylet, *below(raylet)]


def continue_driver(sitting, log):
    """Continue a driver that has stopped itself at a named moment; a trial is left to the study."""
    pid = int(log.read_text())
    if pid == sitting.process.pid:
        time.sleep(3.0)
        os.kill(pid, signal.SIGCONT)


def inject(fault, place, mode, machines, rng, *, resumes):
    """Run a sitting with a fault; return what came of it, the status, and the sitting."""
    address = machines.cluster.address if machines else None
    flags = ["--resume"] if resumes else []
    sitting = Sitting(place, mode, *flags, fault=fault, address=address)
    if machines:
        sitting.machines = machines.commands
    found = Struck(fault)
    if fault.moment:
        end = time.monotonic() + LONGEST_SECONDS
        while sitting.process.poll() is None and not _said(sitting.log) and time.monotonic() < end:
            sitting.look()
            time.sleep(0.1)
        if _said(sitting.log):
            found.struck = has_struck(int(sitting.log.read_text()), fault.how)
            if fault.how == "SIGSTOP":
                continue_driver(sitting, sitting.log)
    else:
        found.struck = strike(fault, sitting, machines, rng)
    known = {pid: command for pid, (_, command) in processes().items()}
    status = sitting.end()
    if machines:
        end_processes({pid: command for pid, command in known.items() if pid in sitting.struck})
        machines.mend()
    expected = (0, INTERRUPTED, -signal.SIGKILL)
    if status not in expected:
        found.wrong.append(f"status {status} after {fault.kind}")
        found.wrong += sitting.lines[-5:]
    if status != -signal.SIGKILL and any("Traceback" in line for line in sitting.lines):
        found.wrong.append(f"a traceback after {fault.kind}")
    return found, status, sitting


def _said(log):
    with suppress(OSError):
        return log.read_text().endswith("\n")
    return False


def burst(place, mode, machines, faults, calm, rng):
    """Run a study with its faults, one a sitting, to its end, and again while some are left.

    Returns:
        What came of each fault, and what the study has lost, doubled, or otherwise.
    """
    found, wrong, known, status = [], [], {}, 0
    for fault in faults:
        for _ in range(TRIES):
            if status == 0:
                shutil.rmtree(place / "results", ignore_errors=True)
            struck, status, sitting = inject(fault, place, mode, machines, rng, resumes=status != 0)
            known |= sitting.known
            if (place / "results" / "tiny" / "journal.jsonl").exists():
                wrong += broken(place / "results")
            wrong += compare(place, mode, calm) if status == 0 else []
            if struck.struck or status != 0:
                break
        found.append(struck)
    for _ in range(3):
        if status != 0:
            address = machines.cluster.address if machines else None
            last = Sitting(place, mode, "--resume", address=address)
            status = last.end()
            known |= last.known
            wrong += compare(place, mode, calm) if status == 0 else []
    if status != 0:
        wrong += [f"status {status} in the end", *last.lines[-3:]]
    end_processes(known)  # what was stopped, and what Ray has left
    return found, wrong


def end_processes(known):
    """Kill processes, where they are still called as they were."""
    there = processes()
    for pid, command in known.items():
        if there.get(pid, (0, ""))[1] == command:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def compare(place, mode, calm):
    """Return what a study that has ended has otherwise than the one that nothing happened to."""
    try:
        left = facts(place / "results", place / "cache", "tiny")
    except Exception as error:  # an assertion, or something is missing
        return [f"{type(error).__name__}: {error}"]
    # Of a search the suggestions depend on when it was interrupted; its history is checked.
    return list(differences(calm, left))[:5] if mode == "grid" else []


def kind_of(problem):
    if re.search(r"twice|is new", problem):
        return "doubled"
    return "lost" if re.search(r"lost|lacks|status|Error", problem) else "different"


def run(number, seed, kinds):
    """Inject so many faults; print a table, and return the number of studies with a problem."""
    rng, table, bad, machines = random.Random(seed), {}, Counter(), None
    # All studies lie in the same place, which their settings name.
    with tempfile.TemporaryDirectory(prefix="bursts-") as folder:
        place = Path(folder)
        write_clips(place / "tiny.npz")
        last = Sitting(place, "grid")
        if last.end() != 0:
            sys.exit("\n".join(["The study does not run undisturbed either:", *last.lines[-5:]]))
        calm = facts(place / "results", place / "cache", "tiny")
        for mode, on_cluster, faults in bursts_of(draw(number, seed, kinds)):
            if on_cluster and machines is None:
                machines = Machines()
            on = machines if on_cluster else None
            found, wrong = burst(place, mode, on, faults, calm, rng)
            wrong += [problem for struck in found for problem in struck.wrong]
            bad.update({kind_of(problem) for problem in wrong})
            for struck in found:
                row = table.setdefault(struck.fault.kind, Counter())
                row["injected"] += 1
                row["struck"] += struck.struck
                row["survived"] += struck.struck and not wrong
            names = "; ".join(
                struck.fault.kind + ("" if struck.struck else " (did not strike)")
                for struck in found
            )
            print(
                f"{mode}: {names}", *(f"    {problem}" for problem in wrong), sep="\n", flush=True
            )
    if machines is not None:
        machines.cluster.shutdown()
    print(f"\n{'fault':<44}{'injected':>9}{'struck':>9}{'survived':>9}")
    for kind in sorted(table):
        row = table[kind]
        print(f"{kind:<44}{row['injected']:>9}{row['struck']:>9}{row['survived']:>9}")
    total = sum(table.values(), Counter())
    print(
        f"{total['injected']} faults injected, {total['struck']} struck, {total['survived']} "
        f"survived; {bad['lost']} studies lost something, {bad['doubled']} doubled, "
        f"{bad['different']} different"
    )
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", nargs="+", default=[], help="rows of the table")
    given = parser.parse_args()
    began = time.time()
    total = run(given.faults, given.seed, given.kind)
    print(f"{(time.time() - began) / 60:.0f} minutes")
    sys.exit(0 if total["survived"] == total["struck"] > 0 else 1)


if __name__ == "__main__":
    main()
