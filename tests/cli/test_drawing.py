"""The strip as a picture: a row a version, a column a moment, no body that is not there."""

import numpy as np
import pytest

from charon.cli.drawing import draw
from charon.cli.strip import Strip, Version

MOMENTS = np.array([2, 7])


def strip(*versions, bodies=2):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(2, bodies, 4, 3)).astype(np.float32)
    return Strip(
        title="wave",
        subtitle="some clip",
        note="made by hand",
        moments=MOMENTS,
        num_frames=10,
        present=np.ones(bodies, bool),
        bones=((0, 1), (1, 2), (2, 3)),
        truth=truth,
        versions=versions or (Version("the clip", ("10 frames",), truth[None]),),
    )


def height(path):
    return int.from_bytes(path.read_bytes()[20:24], "big")  # of a PNG's header


def test_every_version_is_a_row_and_an_error_curve_needs_more(tmp_path):
    plain = Version("one", (), strip().truth[None])
    curved = Version("two", (), strip().truth[None], error=np.linspace(0, 0.1, 10))
    heights = []
    for number, versions in enumerate([(plain,), (plain, plain), (plain, curved)]):
        draw(strip(*versions), tmp_path / f"{number}.png")
        heights.append(height(tmp_path / f"{number}.png"))
    assert heights == sorted(set(heights))


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_hidden_bodies_labels_and_seen_frames_are_drawn_in_every_format(tmp_path, suffix):
    hidden = np.zeros((10, 2), bool)
    hidden[:5, 1] = True
    version = Version(
        name="reconstructed",
        details=("half hidden",),
        poses=strip().truth[None],
        labels=("body 2 hidden", "seen"),
        error=np.full(10, 0.05),
        hidden=hidden,
        seen=np.arange(0, 10, 5),
    )
    draw(strip(version), tmp_path / f"a.{suffix}")
    assert (tmp_path / f"a.{suffix}").stat().st_size > 4000


def test_a_folder_that_is_not_there_is_an_error_and_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        draw(strip(), tmp_path / "no" / "a.png")
    assert list(tmp_path.iterdir()) == []
