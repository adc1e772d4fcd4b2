"""Comparison of runs: paired by identity, corrected, and honest where it shows nothing."""

import json

import pytest
from report.made_studies import TAGS, over_interval, write_study

from charon.errors import ConfigError
from charon.report.compare import as_json, compare, describe
from charon.report.results import read_results

VARIED = ["learner", "learner.sampling_interval"]


def study(folder, runs, **other):
    return read_results(write_study(folder, runs, **other))


def test_methods_are_compared_in_pairs_that_agree_in_all_else(intervals):
    # Nine pairs, but only three seeds: the three intervals of a seed count as one.
    reference, charon = compare([intervals], by=["method"]).rows
    assert (reference.case.name, charon.case.name) == ("ER", "CHARON")
    assert charon.difference.apart.mean == pytest.approx(10.0)
    assert charon.difference.apart.n == 3
    assert charon.verdict == "higher"
    averaged = "Runs of a pair that differ in what is not compared count as one, by their mean."
    assert averaged in describe(compare([intervals], by=["method"]))
    assert averaged not in describe(compare([intervals]))


def test_all_cases_are_compared_with_one_of_them_and_p_is_corrected(intervals):
    found = compare([intervals], against="CHARON, s = 5")
    assert found.rows[0].verdict == "the reference"
    assert {row.difference.apart.mean for row in found.rows[1:]} == {
        -14.0,
        -13.0,
        -10.0,
        -4.0,
        -3.0,
    }
    assert "corrected for 5 comparisons (Holm)" in describe(found)


def test_of_several_class_orders_each_counts_as_one_pair(tmp_path):
    runs = [
        {"learner": learner, "data.class_order": f"shuffled({order})", "seed": seed, "faa": faa}
        for order, gain in enumerate((6.0, 2.0, 4.0))
        for seed in range(4)
        for learner, faa in (("er", 50.0 + seed), ("charon", 50.0 + seed + gain))
    ]
    found = compare([study(tmp_path, runs)], by=["method"])
    assert found.rows[1].difference.values == pytest.approx((6.0, 2.0, 4.0))
    assert "A pair is a class order, its seeds averaged." in describe(found)
    assert "class order, its" not in describe(compare([study(tmp_path, runs)]))


def test_rows_of_two_studies_are_paired_by_seed_and_never_by_their_order(tmp_path):
    runs = [{"seed": seed, "faa": 50.0 + 3 * seed} for seed in range(4)]
    better = [{"seed": seed, "faa": 51.0 + 3 * seed, "learner.alpha": 1.0} for seed in (3, 2, 1, 0)]
    runs = [{**run, "learner.alpha": 0.3} for run in runs]
    found = compare([study(tmp_path / "a", runs), study(tmp_path / "b", better)])
    assert [row.case.name for row in found.rows] == ["α = 0.3", "α = 1"]
    assert found.rows[1].difference.values == (1.0, 1.0, 1.0, 1.0)


def test_runs_on_other_data_are_no_pairs(tmp_path):
    runs = [{"seed": seed, "faa": 50.0} for seed in range(3)]
    other = [{**run, "learner.alpha": 1.0} for run in runs]
    first = study(tmp_path / "a", [{**run, "learner.alpha": 0.3} for run in runs])
    second = study(tmp_path / "b", other, tags={**TAGS, "fingerprint": "other"})
    found = compare([first, second])
    assert found.rows[1].verdict.startswith("no pair")
    assert "data: a ffffffff, b other" in describe(found)


def test_the_same_runs_in_two_folders_differ_by_their_study_alone(tmp_path):
    runs = [{"seed": seed, "faa": 50.0 + seed} for seed in range(3)]
    found = compare([study(tmp_path / "a", runs), study(tmp_path / "b", runs)])
    assert [row.case.name for row in found.rows] == ["study = a", "study = b"]
    assert found.rows[1].verdict == "the same"


def test_what_has_no_pair_is_no_comparison_that_is_corrected_for(tmp_path):
    runs = [
        {"learner.alpha": alpha, "seed": seed, "faa": 50.0 + 10 * alpha + seed + alpha * seed % 0.3}
        for alpha, seeds in ((0.1, range(3)), (0.2, range(3)), (0.3, range(7, 9)))
        for seed in seeds
    ]
    found = compare([study(tmp_path, runs)])
    assert [row.difference.apart.n for row in found.rows[1:]] == [3, 0]
    assert found.rows[1].of == 1
    assert "p of a paired t-test" in describe(found)


def test_one_pair_shows_nothing_and_few_say_how_many_it_would_take(tmp_path):
    def both(values):
        return [
            {"learner.alpha": alpha, "seed": seed, "faa": faa if alpha == 1.0 else 50.0}
            for seed, faa in enumerate(values)
            for alpha in (0.3, 1.0)
        ]

    varied = ["learner.alpha"]
    single = compare([study(tmp_path / "a", both([60.0]), varied=varied)])
    assert single.rows[1].verdict == "one pair shows nothing"
    few = compare([study(tmp_path / "b", both([50.0, 52.0, 54.0]), varied=varied)])
    # Mean 2, standard deviation 2: an effect of 1 takes 10 pairs.
    assert few.rows[1].verdict == (
        "undecided; about 7 more pairs would show a difference this large"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metric": "test/fa"}, "did you mean 'test/faa'"),
        ({"by": ["learner.sampling_intervall"]}, "did you mean 'learner.sampling_interval'"),
        ({"against": "ER, s = 3"}, "No case is called"),
    ],
)
def test_what_there_is_not_is_one_sentence(intervals, arguments, message):
    with pytest.raises(ConfigError, match=message):
        compare([intervals], **arguments)


def test_a_single_case_is_nothing_to_compare(tmp_path):
    with pytest.raises(ConfigError, match="nothing to compare: all finished runs are CHARON"):
        compare([study(tmp_path, [{"seed": 0, "faa": 1.0}])], by=None)


def test_scripts_get_the_same_as_json(intervals):
    content = json.loads(json.dumps(as_json(compare([intervals], by=["method"])), default=float))
    assert content["rows"][1]["difference"]["mean"] == pytest.approx(10.0)
    assert content["rows"][1]["verdict"] == "higher"
    assert content["provenance"]["data"] == ["ffffffff"]


def test_runs_that_have_not_finished_do_not_count(tmp_path):
    runs = over_interval()
    runs[0]["status"] = "failed"
    found = compare([study(tmp_path, runs, varied=VARIED)], by=["method"])
    assert len(found.rows[0].case.runs) == 8
