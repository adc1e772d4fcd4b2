"""The classes of the stand-in: every line of the moves is a program, and lengths differ."""

import numpy as np
import pytest

from charon.data import ntu
from charon.data.standin.body import NUM_ANGLES, Angle, mirrored
from charon.data.standin.classes import HANGING, MOVES, log_mean_frames, program


def test_every_class_has_a_program_for_its_people():
    assert len(MOVES) == 120
    for label, line in enumerate(MOVES):
        first, *partner = (part.split() for part in line.split("|"))
        moves = program(0, label, 0)
        assert moves.change.shape == (len(first), NUM_ANGLES)
        assert len(moves.kind) == len(moves.count) == len(first) > 0
        assert len(program(0, label, 1).kind) == (len(partner[0]) if partner else 0)


def test_two_people_act_in_the_two_person_classes():
    assert {label for label, moves in enumerate(MOVES) if "|" in moves} == ntu.TWO_PERSON


def test_a_program_is_what_its_line_says_but_for_the_accent():
    # r:mouth:lift*1.1 h:lookup:lift t:backward:mid
    moves = program(0, 0, 0)
    assert moves.kind == ("lift", "lift", "mid")
    assert moves.count == (1, 1, 1)
    assert not moves.stands
    arm = np.zeros(NUM_ANGLES)
    arm[Angle.ARM_RAISE : Angle.LEFT_ARM] = 1.1 * np.deg2rad(
        np.subtract((50, -5, 25, 135, 10), HANGING)
    )
    assert np.abs(moves.change[0] - arm).max() < 0.6
    assert (moves.change[0] != 0).tolist() == (arm != 0).tolist()
    assert np.flatnonzero(moves.change[1]).tolist() == [Angle.NOD]


def test_both_arms_move_alike():
    label = MOVES.index("b:clap:lift b:sweep:shake5*0.8")
    poses = program(0, label, 0).change
    assert ((poses != 0) == (mirrored(poses) != 0)).all()
    assert program(0, label, 0).count == (1, 5)


def test_a_program_depends_on_seed_class_and_person_alone():
    again = program.__wrapped__(0, 7, 0)
    np.testing.assert_array_equal(again.change, program(0, 7, 0).change)
    assert (program(1, 7, 0).change != again.change).any()
    assert (program(1, 7, 0).bearing != again.bearing).any()


@pytest.mark.parametrize("num_classes", [60, 120])
def test_each_class_has_a_length_of_its_own(num_classes):
    means = log_mean_frames(num_classes)
    assert len(np.unique(means)) == num_classes
    assert np.exp(means.min()) == pytest.approx(50, rel=0.2)
    assert np.exp(means.max()) == pytest.approx(170, rel=0.2)
