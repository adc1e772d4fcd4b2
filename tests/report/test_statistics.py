"""Intervals and rank correlations against published tables and numbers worked out by hand."""

import math

import pytest

from charon.report.statistics import mean_of, spearman


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
