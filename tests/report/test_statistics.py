"""Intervals, tests and verdicts against published examples, numbers by hand, and simulation."""

import math

import numpy as np
import pandas as pd
import pytest

from charon.report.significance import (
    Difference,
    corrected,
    difference_of,
    equivalence,
    runs_needed,
    spearman,
)
from charon.report.statistics import mean_of

# Student (1908): additional hours of sleep of ten patients with two drugs.
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_an_interval_of_three_runs_by_hand():
    # 60, 62, 64: mean 62, standard deviation 2, so 4.303 * 2 / sqrt(3) = 4.968.
    found = mean_of([60.0, 62.0, 64.0])
    assert (found.mean, found.std, found.n) == (62.0, 2.0, 3)
    assert found.half == pytest.approx(4.968, abs=1e-3)
    assert str(found) == "62.0 ± 2.0 (95 % interval 57.0 to 67.0, n = 3)"


def test_a_single_run_has_neither_spread_nor_interval():
    found = mean_of([61.26])
    assert math.isnan(found.std)
    assert math.isnan(found.half)
    assert str(found) == "61.3 (n = 1)"
    assert math.isnan(mean_of([]).mean)


def test_a_figure_shows_the_interval_of_three_runs_and_not_of_two():
    assert math.isnan(mean_of([60.0, 64.0]).bar)
    found = mean_of([60.0, 62.0, 64.0])
    assert found.bar == found.half


def test_students_own_example_of_paired_differences():
    found = difference_of(pd.Series(SECOND), pd.Series(FIRST))
    assert found.apart.mean == pytest.approx(1.58)
    assert found.apart.low == pytest.approx(0.7001142, abs=1e-6)
    assert found.apart.high == pytest.approx(2.4598858, abs=1e-6)
    assert found.p == pytest.approx(0.002833, abs=1e-6)
    assert found.wins == 0.95  # nine higher, one equal
    assert found.is_decided


def test_runs_are_paired_by_their_names_and_never_by_their_rows():
    first = pd.Series({"a": 1.0, "b": 2.0, "c": 9.0})
    second = pd.Series({"b": 1.0, "a": 0.5, "d": 0.0})
    assert difference_of(first, second).values == (0.5, 1.0)


def test_a_single_pair_decides_nothing():
    found = difference_of(pd.Series([90.0]), pd.Series([10.0]))
    assert math.isnan(found.p)
    assert not found.is_decided


def test_pairs_that_are_all_equal_are_no_difference_and_constant_ones_are():
    same = difference_of(pd.Series([1.0, 2.0]), pd.Series([1.0, 2.0]))
    assert same.p == 1.0
    assert same.wins == 0.5
    assert difference_of(pd.Series([2.0, 3.0]), pd.Series([1.0, 2.0])).p == 0.0


def test_p_values_are_corrected_by_holms_method_as_by_hand():
    # In order 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, and never below the one before.
    apart = mean_of([1.0, 2.0])
    made = [Difference(apart, p, 1.0, p) for p in (0.01, 0.04, 0.03, 0.005)]
    single = Difference(mean_of([1.0]), math.nan, 1.0, math.nan)
    found = corrected([*made, single])
    assert [one.adjusted for one in found[:4]] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert math.isnan(found[4].adjusted)


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_the_pairs_that_an_effect_takes_are_those_of_the_usual_tables(effect, pairs):
    # Cohen's small, medium and large effect, two-sided paired t-test, 5 %, power 80 %.
    assert runs_needed(effect, 1.0) == pairs
    assert runs_needed(-2 * effect, 2.0) == pairs


def test_nothing_to_show_takes_no_number_of_pairs():
    assert runs_needed(0.0, 1.0) is None
    assert runs_needed(1.0, math.nan) is None
    assert runs_needed(0.01, 1.0) is None
    assert runs_needed(50.0, 1.0) == 2


def test_with_several_comparisons_more_pairs_are_needed():
    assert runs_needed(0.5, 1.0, comparisons=10) > runs_needed(0.5, 1.0)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.2, 0.3, 0.4], "within"),
        ([5.0, 5.1, 5.2], "outside"),
        ([-5.0, -5.1, -5.2], "outside"),
        ([-3.0, 0.0, 3.0], "undecided"),
        ([0.0], "undecided"),
    ],
)
def test_equivalence_is_of_the_whole_interval(values, verdict):
    assert equivalence(mean_of(values), margin=2.0) == verdict


@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_cover_the_truth_in_95_of_100_simulated_studies(n):
    rng = np.random.default_rng(n)
    studies = [mean_of(values) for values in rng.normal(50, 3, (2000, n))]
    covered = np.mean([study.low <= 50 <= study.high for study in studies])
    assert 0.935 <= covered <= 0.965


def test_the_verdicts_error_rates_are_those_that_are_stated():
    rng = np.random.default_rng(0)
    at_margin = [equivalence(mean_of(v), 2.0) for v in rng.normal(2.0, 1.0, (2000, 5))]
    # At the margin itself "within" is wrong in 5 % of studies, "outside" in 2.5 %.
    assert np.mean([v == "within" for v in at_margin]) == pytest.approx(0.05, abs=0.015)
    assert np.mean([v == "outside" for v in at_margin]) == pytest.approx(0.025, abs=0.012)
    none = [
        difference_of(pd.Series(v), pd.Series(np.zeros(5))) for v in rng.normal(0, 1, (2000, 5))
    ]
    assert np.mean([one.is_decided for one in none]) == pytest.approx(0.05, abs=0.015)


def test_spearman_without_ties_by_hand():
    # Ranks 1 2 3 4 against 2 1 4 3: differences of 1, so 1 - 6 * 4 / (4 * 15) = 0.6.
    assert spearman([10, 20, 30, 40], [2.0, 1.0, 4.0, 3.0]) == pytest.approx(0.6)


def test_spearman_with_ties_by_hand():
    # Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4. About the mean of 2.5: -1.5 0 0 1.5 against
    # -1.5 .5 -.5 1.5; products add up to 4.5, squares to 4.5 and 5: 4.5 / sqrt(22.5) = 0.9487.
    assert spearman([10, 20, 20, 40], [1, 3, 2, 4]) == pytest.approx(0.9487, abs=1e-4)


def test_only_the_order_matters():
    assert spearman([1, 2, 3], [1, 10, 1000]) == pytest.approx(1)
    assert spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)


@pytest.mark.parametrize(("first", "second"), [([1, 2], [1, 2]), ([], []), ([1, 2, 3], [5, 5, 5])])
def test_where_there_is_no_order_to_compare_there_is_no_number(first, second):
    assert math.isnan(spearman(first, second))
