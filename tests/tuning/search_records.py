"""Records of trials as a search leaves them, with accuracies that can be worked out by hand."""

from charon.tuning.records.journal import FINISHED, PRUNED, TrialRecord


def record(name, faas, num_tasks=6, status=None, num_bytes=1000.0, **fields):
    """A trial with these mean accuracies after task 1, 2, ...; stopped where they end early."""
    curve = {
        task: {"val/faa": faa, "memory/bytes": num_bytes, "val/acc/task_01": faa}
        for task, faa in enumerate(faas, start=1)
    }
    over = FINISHED if len(faas) == num_tasks else PRUNED
    named = {key.replace("__", "."): value for key, value in fields.items()}
    return TrialRecord(
        name, f"label {name}", {"learner": "charon", "seed": 0, **named}, status or over, num_tasks,
        curve, started=100.0, ended=160.0, seconds=60.0,
    )  # fmt: skip


PAPER = record("paper", [90, 80, 70, 62, 56, 50])
EARLY = record("early", [99, 70, 60, 50, 45, 40])
LATE = record("late", [80, 78, 74, 70, 64, 60])
STOPPED = record("stopped", [99, 98, 97, 95])
FAILED = record("failed", [99, 99], status="failed")
RECORDS = [PAPER, EARLY, STOPPED, LATE, FAILED]
TESTED = {"paper": {"test/faa": 52.0}, "early": {"test/faa": 57.0}, "late": {"test/faa": 55.0}}
