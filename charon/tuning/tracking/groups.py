"""Trials by their setting: those that differ in nothing but the seed."""

from collections import defaultdict

from charon.settings import Value
from charon.tuning.records.journal import Journal, TrialRecord


class Groups:
    """Knows which trials of a journal are of one setting, also of those entered later."""

    def __init__(self, journal: Journal) -> None:
        """Begin with no trial: they are looked at when first asked for."""
        self._journal = journal
        self._number = 0
        self._groups = defaultdict[frozenset[tuple[str, Value]], list[TrialRecord]](list)

    def of(self, record: TrialRecord) -> list[TrialRecord]:
        """Return the trials of a trial's setting, whatever their status, itself among them."""
        for other in self._journal.records[self._number :]:
            self._groups[_setting(other)].append(other)
            self._number += 1
        return self._groups[_setting(record)]


def _setting(record: TrialRecord) -> frozenset[tuple[str, Value]]:
    return frozenset((name, value) for name, value in record.fields.items() if name != "seed")
