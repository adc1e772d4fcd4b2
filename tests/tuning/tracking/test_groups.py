"""Which trials are of one setting."""

from charon.tuning.records.journal import Journal
from charon.tuning.tracking.groups import Groups


def test_a_group_differs_in_the_seed_alone_and_grows_with_the_journal(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")

    def enter(name, **fields):
        fields = {"learner": "charon", "learner.alpha": 0.3, **fields}
        journal.append("trial", name, label=name, fields=fields)
        return journal.trials[name]

    first, second, _ = enter("a", seed=0), enter("b", seed=1), enter("c", seed=0, learner="er")
    groups = Groups(journal)
    assert groups.of(first) == [first, second]
    other, third = enter("d", seed=0, **{"learner.alpha": 0.6}), enter("e", seed=2)
    assert groups.of(second) == [first, second, third]
    assert groups.of(other) == [other]
