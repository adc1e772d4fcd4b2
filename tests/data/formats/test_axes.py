"""The order of axes: documented, the only possible one, or named."""

import pytest

from charon.data.formats.axes import Known, find_axes
from charon.errors import DataError

NOTHING = Known(num_clips=60, longest=None, num_frames=None, num_joints=None)
FRAMES = Known(num_clips=60, longest=100, num_frames=4000, num_joints=None)
JOINTS = NOTHING._replace(num_joints=25)


@pytest.mark.parametrize(
    ("shape", "known"),
    [
        ((60, 3, 300, 25, 2), NOTHING),
        ((60, 2, 300, 25, 1), NOTHING),
        ((60, 2, 300, 17, 2), FRAMES),
        # So documented, though bodies and channels could be the other way round.
        ((60, 2, 300, 25, 2), NOTHING),
        ((60, 3, 25, 300, 2), NOTHING),
        # More bodies than two, where nothing else is possible.
        ((60, 3, 300, 25, 5), FRAMES),
        ((60, 3, 300, 25), NOTHING),
    ],
)
def test_the_documented_order_is_taken_where_it_is_possible(shape, known):
    assert find_axes(shape, known, "auto", "x") == ("NCTVM"[: len(shape)], "")


@pytest.mark.parametrize(
    ("shape", "known", "order"),
    [
        ((60, 300, 25, 3, 2), FRAMES, "NTVCM"),
        ((60, 2, 300, 25, 3), FRAMES._replace(num_joints=25), None),
        ((60, 1, 300, 25, 3), FRAMES, "NMTVC"),
        ((60, 300, 2, 25, 3), FRAMES, "NTMVC"),
        ((60, 300, 25, 3, 2), JOINTS, "NTVCM"),
        ((60, 300, 25, 3), FRAMES, "NTVC"),
        # Frames of all clips, one after the other.
        ((4000, 25, 3), FRAMES, "TVC"),
        ((4000, 2, 17), FRAMES, "TCV"),
        ((4000, 2, 25, 3), FRAMES, "TMVC"),
        ((4000, 3, 25, 2), FRAMES, "TCVM"),
    ],
)
def test_another_order_is_taken_where_it_alone_is_possible(shape, known, order):
    if order is None:
        with pytest.raises(DataError, match="can be read as NCTVM, NMTVC"):
            find_axes(shape, known, "auto", "x")
        return
    found, note = find_axes(shape, known, "auto", "x")
    assert found == order
    assert note == f"the axes of {shape} are read as {order}, the only order that is possible"


@pytest.mark.parametrize(
    ("shape", "known", "orders"),
    [
        ((60, 300, 25, 3, 2), NOTHING, "NTVCM, NVTCM"),
        ((60, 300, 25, 2, 2), FRAMES, "NTVCM, NTVMC"),
        ((4000, 2, 25, 2), FRAMES, "TCVM, TMVC"),
        ((60, 2, 300, 25, 3), NOTHING, "NCTVM, NMTVC, NMVTC"),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked_for(shape, known, orders):
    with pytest.raises(DataError, match=rf"^a: `x` has shape .* can be read as {orders} \(N cl"):
        find_axes(shape, known, "auto", "a: `x`")


def test_a_named_order_is_taken_with_any_number_of_bodies():
    assert find_axes((60, 300, 25, 2, 2), NOTHING, "NTVMC", "x") == ("NTVMC", "")
    assert find_axes((25, 3, 300, 4, 60), NOTHING, "VCTMN", "x") == ("VCTMN", "")
    assert find_axes((4000, 2, 25, 2), FRAMES, "TMVC", "x") == ("TMVC", "")


@pytest.mark.parametrize(
    ("shape", "known", "wanted", "said"),
    [
        ((60, 300, 25, 3, 2), FRAMES, "NTVC", "has 5 axes, so data.axes must be .* NCTVM"),
        ((60, 300, 25, 3, 2), FRAMES, "ntvcm", "but it is 'ntvcm'"),
        ((60, 300, 25, 3, 2), FRAMES, "NVTCM", "cannot have the axes NVTCM .*N 60, V 300, T 25"),
        ((60, 300, 25, 3, 2), FRAMES, "TNVCM", "cannot have"),
        ((4000, 2, 25, 2), FRAMES, "MTVC", "letters TCVM, T first, but it is 'MTVC'"),
        ((60, 4, 300, 25, 2), FRAMES, "auto", "of 60 clips as there are labels"),
        ((61, 3, 300, 25, 2), FRAMES, "auto", "of 60 clips as there are labels"),
        ((60, 300), FRAMES, "auto", r"but its shape is \(60, 300\)"),
        ((3999, 25, 3), FRAMES, "auto", r"its shape is \(3999, 25, 3\)"),
    ],
)
def test_what_no_order_fits_is_said(shape, known, wanted, said):
    with pytest.raises(DataError, match=said):
        find_axes(shape, known, wanted, "a: `x`")
