"""Every measure against numbers worked out by hand."""

import math

import numpy as np
import pytest

from charon.training.metrics import (
    average_accuracy,
    average_incremental_accuracy,
    backward_transfer,
    forgetting,
    forward_transfer,
    harmonic_mean,
    worst_case_accuracy,
)

NAN = math.nan
# Task 2 improved after task 3 was learned; task 1 was forgotten.
MATRIX = np.array([[90, NAN, NAN], [80, 70, NAN], [60, 75, 50]])


def test_faa_is_the_mean_of_the_last_row():
    assert average_accuracy(MATRIX[2]) == pytest.approx(185 / 3)


def test_a_curve_averages_over_the_tasks_seen():
    assert average_accuracy(MATRIX[1]) == 75
    assert average_incremental_accuracy(MATRIX) == pytest.approx((90 + 75 + 185 / 3) / 3)


def test_forgetting_is_the_fall_from_the_best_so_far():
    # Task 1 fell from 90 to 60; task 2 is at its best: 30 and 0. The last task does not count.
    assert forgetting(MATRIX) == 15
    # The best counts wherever it was reached: here after task 2.
    assert forgetting(np.array([[50, NAN, NAN], [80, 70, NAN], [60, 70, 90]])) == 10


def test_backward_transfer_is_the_change_since_learning():
    assert backward_transfer(MATRIX) == ((60 - 90) + (75 - 70)) / 2


def test_forward_transfer_is_the_lead_over_the_untrained_network():
    # Entry 0 is ignored: nothing was learned before task 1.
    before, untrained = np.array([99.0, 20, 10]), np.array([0.0, 15, 8])
    assert forward_transfer(before, untrained) == 3.5


def test_unlearned_tasks_do_not_count():
    so_far = np.array([[90, NAN, NAN], [80, 70, NAN], [NAN, NAN, NAN]])
    assert forgetting(so_far) == 10
    assert backward_transfer(so_far) == -10
    assert average_incremental_accuracy(so_far) == (90 + 75) / 2
    assert forward_transfer(np.array([NAN, 20, NAN]), np.array([NAN, 15, 8])) == 5


def test_what_one_task_does_not_define_is_nan():
    one = np.array([[90, NAN], [NAN, NAN]])
    assert math.isnan(forgetting(one))
    assert math.isnan(backward_transfer(one))
    assert math.isnan(forward_transfer(np.array([NAN, NAN]), np.array([NAN, 8])))
    assert average_incremental_accuracy(one) == 90


def test_the_harmonic_mean_is_near_the_smaller_of_both():
    assert harmonic_mean(60, 30) == 40
    assert harmonic_mean(50, 50) == 50
    assert harmonic_mean(80, 0) == harmonic_mean(0, 0) == 0


def test_the_worst_case_weighs_the_newest_task_as_one_of_all():
    assert worst_case_accuracy(lowest=20, new=80, num_seen=4) == 20 + 15
    assert worst_case_accuracy(lowest=20, new=80, num_seen=2) == 50
