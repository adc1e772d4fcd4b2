"""Tiny studies in forks of this process, whose libraries are imported: each takes a second."""

import atexit
import os
import pickle
import shutil
import sqlite3
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass, field

from faults import preload
from faults.facts import facts
from faults.one_process import stand_in_for_ray
from tuning.study_runs import write_clips

from charon.tuning import Study, main
from charon.tuning.cluster.cluster import log_to, prepare_environment
from charon.tuning.study.space import MaskingRatio, Real
from charon.tuning.tracking.store import choose_store, make_schema

BASE = {"data.classes_per_task": 3, "learner.masking_ratio": 0.3}

STUDIES = {
    "grid": Study(
        name="tiny",
        question="What is lost?",
        base=BASE,
        grid={"learner.alpha": [0.3, 0.6]},
        seeds=(0,),
    ),
    "search": Study(
        name="tiny",
        question="What is lost?",
        base=BASE,
        space={"learner.masking_ratio": MaskingRatio(0.0, 0.9), "learner.alpha": Real(0.1, 1.0)},
        num_trials=3,
        pruner="asha",
    ),
}
FLAGS = {"grid": [], "search": ["--confirm-seeds", "1"]}


@dataclass
class Ended:
    """How a study has ended: status (negative: a signal), what it said, its facts, strikes."""

    status: int
    said: str
    facts: object = None
    strikes: list = field(default_factory=list)


class Bench:
    """A place where studies of one kind run, always in the same folder, each in a fork."""

    def __init__(self, place, kind):
        """Import what a study imports, by running one, and make MLflow's empty database."""
        self.place, self.kind, self.home = place, kind, place / "home"
        self.clips = write_clips(place / "clips.npz")
        for folder in ("studies", "analysis"):
            (place / folder).mkdir()
        # A study's own analysis takes the place of the general one, which takes seconds.
        (place / "analysis" / "tiny.py").write_text("print('analysed')\n")
        self.store = place / "mlflow.db"
        prepare_environment()
        log_to(place / "driver.log")
        stand_in_for_ray()
        made = self._fork(self._make_store)
        assert made.status == 0, made.said
        first = self._fork(self._imports)
        assert first.status == 0, first.said
        for name in first.facts:
            with suppress(Exception):
                __import__(name)
        assert threading.active_count() == 1, threading.enumerate()

    def run(self, *flags, number=-1, kind=None, thread="driver", anew=True):
        """Run the study, whose n-th call fails; ``anew`` it finds an empty folder."""
        if anew:
            shutil.rmtree(self.home, ignore_errors=True)
            (self.home / "results").mkdir(parents=True)
            shutil.copy(self.store, self.home / "results" / "mlflow.db")
        log = self.place / "strikes.log"
        log.unlink(missing_ok=True)

        def study():
            preload.arm(self.home, number, kind, thread, log)
            status = self._main(*flags)
            preload.arm(self.home, -1, None, thread, log)
            return status, self._facts()

        ended = self._fork(study)
        ended.strikes = preload.strikes(log)
        return ended

    def _main(self, *flags):
        sys.modules["__main__"].__file__ = str(self.place / "studies" / "tiny.py")
        places = ["--results", str(self.home / "results"), "--cache", str(self.home / "cache")]
        size = ["--set", "optimiser.epochs=1", "--cpus-per-trial", "1"]
        sys.argv = ["tiny.py", "--data", str(self.clips), *places, *size, *FLAGS[self.kind], *flags]
        try:
            main(STUDIES[self.kind], sys.argv[1:])
        except SystemExit as end:
            return end.code

    def look(self):
        """Return the facts of the study as it lies there."""
        return self._fork(lambda: (0, self._facts()))

    def _facts(self):
        try:
            return facts(self.home / "results", self.home / "cache", "tiny")
        except Exception:  # an assertion, or a study that has not come so far
            return traceback.format_exc()

    def _imports(self):
        status = self._main("--results", str(self.place / "first"))
        return status, list(sys.modules)

    def _make_store(self):
        made = self.place / "first"
        made.mkdir()
        make_schema(choose_store(None, made))
        database = sqlite3.connect(made / "mlflow.db")
        database.execute("vacuum")
        database.close()
        shutil.copy(made / "mlflow.db", self.store)
        return 0, None

    def _fork(self, act):
        """Call a function in a fork of this process; it returns a status and facts."""
        said, result = self.place / "said.txt", self.place / "result.pickle"
        result.unlink(missing_ok=True)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            status = 70
            try:
                out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(out, 1)
                os.dup2(out, 2)
                status, found = act()
                result.write_bytes(pickle.dumps(found))
            except BaseException:
                traceback.print_exc()
            atexit._run_exitfuncs()
            sys.stdout.flush()
            os._exit(status)
        _, waited = os.waitpid(child, 0)
        found = pickle.loads(result.read_bytes()) if result.exists() else None
        return Ended(os.waitstatus_to_exitcode(waited), said.read_text(), found)
