"""The look of all figures."""

from charon.report.style import NOTE_LETTERS, look, new_figure, note


def test_a_long_note_is_broken_at_the_width_of_its_figure():
    figure, _ = new_figure(3.0, 2.0)
    note(figure, f"{'word ' * 30}\na line of its own")
    *first, last = figure.get_supxlabel().splitlines()
    assert len(first) > 1
    assert max(map(len, first)) <= 3.0 * NOTE_LETTERS
    assert last == "a line of its own"


def test_many_series_are_told_apart_by_colour_and_marker_together():
    assert len({tuple(look(place).values()) for place in range(42)}) == 42
