"""The picture of paired differences."""

from charon.report.compare import compare
from charon.report.differences import draw_differences


def test_differences_to_a_reference_are_a_picture(intervals, tmp_path):
    path = tmp_path / "differences.png"
    draw_differences(compare([intervals]), path, "made", margin=2.0)
    assert path.exists()
    assert path.with_suffix(".pdf").exists()
