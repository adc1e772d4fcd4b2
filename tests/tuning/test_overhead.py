"""What the program that measures a study's overhead makes of a journal."""

from tuning.overhead import Spell, describe, gaps


def test_what_is_not_learning_is_the_wall_time_without_half_of_all_learning():
    """Two at a time: 10 to 20 and 11 to 22, then 21 to 30 and 24 to 32; the end at 35."""
    found = [Spell(10, 20, 9.5), Spell(11, 22, 11), Spell(21, 30, 9), Spell(24, 32, 8)]
    assert gaps(found) == [1, 2]
    seconds = [line[15:24].strip() for line in describe(found, 0, 35).splitlines()]
    assert seconds == ["35.00", "18.75", "16.25", "10.00", "1.50", "3.00"]
