"""A search without Ray: it is suggested settings, and its journal is told what came of them."""

from types import SimpleNamespace

from charon.tuning.execution.searcher import Entries
from charon.tuning.execution.trainable import TrialContext
from charon.tuning.records.journal import FINISHED, PRUNED, Journal
from charon.tuning.sampling.suggestions import Suggester
from charon.tuning.study.fields import complete
from charon.tuning.study.space import MaskingRatio, Real, SamplingInterval

SPACE = {
    "learner.masking_ratio": MaskingRatio(0.0, 0.9, tuples=20),
    "learner.alpha": Real(0.05, 1.0, log=True),
    "learner.sampling_interval": SamplingInterval(1, 10, frames=120),
}
START_FIELDS = complete({"learner": "charon"})
SETTING = TrialContext("charon_tiny", "/prepared", "/results/study", "faa", 1.0, 0.0)


def plan(**more):
    known = {"name": "study", "key": "1a2b3c4d", "space": SPACE, "objectives": ("val/faa",)}
    return SimpleNamespace(**{**known, "sampler": "tpe", "num_trials": 24, "budget": None, **more})


class DrivenSearch:
    """A sitting of the search whose journal lies in ``folder``."""

    def __init__(self, folder, space=SPACE, *, bytes_of=lambda fields: 0, **planned):
        self.journal = Journal(folder / "journal.jsonl")
        self.journal.append("study")
        self.entries = Entries(self.journal, plan().key, {}, SETTING)
        search = plan(space=space, **planned)
        self.suggester = Suggester(
            self.journal, search, 0, START_FIELDS, bytes_of, self.entries.enter
        )
        self.encoding = self.suggester.encoding

    def suggest(self):
        """Return the record of a new trial; None where nothing can be run."""
        return self.journal.trials.get(self.suggester.suggest())

    def report(self, record, task, faa, num_tasks=6, **metrics):
        self.journal.append(
            "report",
            record.trial_id,
            task=task,
            num_tasks=num_tasks,
            metrics={"val/faa": faa, **metrics},
            matrix=[],
            seconds=1.0,
        )

    def finish(self, record, faas, num_tasks=6, **metrics):
        """Report an accuracy a task and end the trial, pruned if these are too few."""
        for task, faa in enumerate(faas, start=1):
            self.report(record, task, faa, num_tasks, **metrics)
        outcome = FINISHED if len(faas) == num_tasks else PRUNED
        self.journal.append("end", record.trial_id, outcome=outcome)

    @property
    def study(self):
        """The search as Optuna knows it now."""
        return self.suggester.study()

    @property
    def refused(self):
        """What was refused, oldest first."""
        return list(self.journal.of_kind("refused"))
