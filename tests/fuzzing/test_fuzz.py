"""A short stride of the fuzzing: no reader raises anything but the package's errors."""

import pytest
from fuzzing import readers as table
from fuzzing.fuzz import fuzz, inputs, outcome_of, prepared

EACH = {"clips": 40, "prepared sets": 40, "runs": 4, "studies": 10, "command lines": 40}
"""Inputs of each reader; some open in a millisecond, a run takes a hundred."""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("group", table.GROUPS)
def test_only_declared_errors_are_raised(tmp_path, group):
    for reader in table.readers(group, tmp_path):
        with prepared(reader) as folder:
            assert all(outcome_of(reader, folder, seed) == "read" for seed in reader.seeds)
        counts, _ = fuzz(reader, EACH[group])
        assert counts.keys() <= {"read", "declared"}, f"{reader.name}: {counts}"


def test_the_same_seed_gives_the_same_inputs_and_they_differ_from_the_valid(tmp_path):
    reader, *_ = table.readers("command lines", tmp_path)
    first, again = inputs(reader, seed=3), inputs(reader, seed=3)
    made = [next(first) for _ in range(50)]
    assert made == [next(again) for _ in range(50)]
    assert sum(data != reader.seeds[0] for _, data in made) > 40
    assert next(inputs(reader, seed=3, start=20)) == made[20]


class Broken:
    name, form, file, seeds = "broken", "bytes", "file", [b"a"]

    @staticmethod
    def read(folder):
        raise RecursionError("too deep")


def test_an_error_that_is_not_declared_is_counted_with_its_kind(tmp_path):
    assert outcome_of(Broken, tmp_path, b"b") == "RecursionError: too deep (outside the package)"
