"""Ends or stops the process that reaches a named moment of a study: once, and says so.

Python imports this at its start wherever this folder is in PYTHONPATH: in the driver, and in every
process that Ray starts for it. The moment, how often it must be reached, the signal and the file
that says it struck are named by the variables that ``bursts.py`` sets.
"""

import functools
import importlib.abc
import importlib.util
import os
import pathlib
import signal
import sys

MOMENTS = {
    "a report": ("charon.tuning.execution.callbacks", "Recorder.on_trial_result", "before"),
    "half a line of the journal": ("charon.tuning.records.journal", "Journal._write", "half"),
    "between journal and MLflow": ("charon.tuning.tracking.runs", "Runs.send", "before"),
    "between MLflow and its position": ("charon.tuning.tracking.runs", "Runs.send", "after"),
    "a batch to MLflow": (
        "mlflow.store.tracking.sqlalchemy_store",
        "SqlAlchemyStore._log_metrics",
        "after",
    ),
    "Optuna's tell": ("optuna.study.study", "Study.add_trial", "after"),
    "between a checkpoint and its report": (
        "charon.tuning.execution.trainable",
        "save_checkpoint",
        "after",
    ),
    "a checkpoint's rename": ("pathlib", "Path.replace", "checkpoint.pt"),
    "the rename of Optuna's database": ("pathlib", "Path.replace", "optuna.db"),
}
"""Where each is: a module, a function in it, and when it strikes: before or after a call, when half
a line is written, or before a file takes this name."""

OF_A_TRIAL = ("between a checkpoint and its report", "a checkpoint's rename")
"""Moments of a trial's process; the others are the driver's."""


class Moment:
    """A function in whose n-th call, counted in each process, the first process strikes itself."""

    def __init__(self, when, number, how, log):
        self.when, self.left, self.how, self.log = when, number, how, log

    def strike(self):
        self.left -= 1
        if self.left:
            return
        try:  # only one process may
            file = os.open(self.log, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return
        os.write(file, f"{os.getpid()}\n".encode())
        os.close(file)
        os.kill(os.getpid(), getattr(signal, self.how))

    def around(self, function):
        @functools.wraps(function)
        def struck(*given, **more):
            if self.when == "half":
                line = given[-1]
                with pathlib.Path(given[0].path).open("ab", buffering=0) as file:
                    if self.left == 1:
                        file.write(line[: len(line) // 2])
                        self.strike()
                        os.truncate(file.fileno(), file.tell() - len(line) // 2)
                    else:
                        self.strike()
            elif self.when in ("before", *(getattr(each, "name", "") for each in given[1:])):
                self.strike()
            result = function(*given, **more)
            if self.when == "after":
                self.strike()
            return result

        return struck


def put(module, path, moment):
    """Put a moment around a function of a module."""
    *owner, name = path.split(".")
    place = functools.reduce(getattr, owner, module)
    setattr(place, name, moment.around(getattr(place, name)))


class Finder(importlib.abc.MetaPathFinder):
    """Puts a moment into a module once it is imported."""

    def __init__(self, module, path, moment):
        self.module, self.path, self.moment = module, path, moment

    def find_spec(self, name, path, target=None):
        if name != self.module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            put(module, self.path, self.moment)

        spec.loader.exec_module = exec_module
        return spec


def main():
    name = os.environ.get("FAULT_MOMENT")
    if not name:
        return
    module, path, when = MOMENTS[name]
    given = (os.environ[variable] for variable in ("FAULT_NUMBER", "FAULT_SIGNAL", "FAULT_LOG"))
    number, how, log = given
    moment = Moment(when, int(number), how, log)
    if module in sys.modules:
        put(sys.modules[module], path, moment)
    else:
        sys.meta_path.insert(0, Finder(module, path, moment))


main()
