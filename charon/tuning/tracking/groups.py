"""Trials by their setting: those that differ in nothing but the seed."""

from collections import defaultdict

from charon.tuning.records.journal import Journal, TrialRecord
from charon.tuning.study.trials import but_for_seed


class Groups:
    """Knows which trials of a journal are of one setting, also of those entered later."""

    def __init__(self, journal: Journal) -> None:
        """Begin with no trial: they are looked at when first asked for."""
        self._journal = journal
        self._number = 0
        self._groups = defaultdict[str, list[TrialRecord]](list)

    def of(self, record: TrialRecord) -> list[TrialRecord]:
        """Return the trials of a trial's setting, whatever their status, itself among them."""
        for other in self._journal.records[self._number :]:
            self._groups[but_for_seed(other.fields)].append(other)
            self._number += 1
        return self._groups[but_for_seed(record.fields)]
