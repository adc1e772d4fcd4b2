"""Versions of a clip: what is kept, what is rebuilt, how far it is from the truth; bones."""

import numpy as np
import pytest
from cli.small_sets import npz_arrays, write_npz

from charon.cli.strip import (
    bones_of,
    choose_moments,
    rebuilt,
    reconstructed,
    shortest_tree,
    thinned,
)
from charon.data.prepare import prepare
from charon.memory.codecs.dct import Dct
from charon.memory.codecs.thinned import Thinned
from charon.memory.storages.float16 import Float16
from charon.training.artifacts import load_model

BOTH = np.array([True, True])


def line(num_frames=12):
    """A clip in which everything moves 1 m a frame: interpolation is exact."""
    x = np.ones((num_frames, 2, 3, 3), np.float32)
    return x * np.arange(num_frames, dtype=np.float32)[:, None, None, None]


def codec(interval, num_frames=12, num_bodies=2, kind=Thinned, storage=None):
    return kind((3, num_frames, 3, num_bodies), interval, storage=storage)


def test_moments_lie_half_way_between_stored_frames():
    assert choose_moments(codec(5, 120)).tolist() == [7, 27, 42, 62, 77, 92, 112]
    assert choose_moments(codec(1, 120)).tolist() == [8, 25, 42, 60, 77, 94, 111]
    assert choose_moments(codec(2, 4)).tolist() == [1, 3]  # a short clip has fewer


def test_a_thinned_clip_shows_the_kept_frames_around_a_moment():
    version = thinned(line(), codec(5), np.array([2, 7, 11]))  # keeps 0, 5 and 10
    assert version.poses[:, :, 0, 0, 0].tolist() == [[0, 5, 10], [5, 10, 10]]
    assert version.labels == ("0 and 5", "5 and 10", "10")
    assert "keeps 3 of 12 frames" in version.details
    every = thinned(line(), codec(1), np.array([2]))
    assert every.labels == ("2",)


def test_a_rebuilt_clip_deviates_only_where_interpolation_does():
    x = line()
    x[1, 0, 0, 0] += 0.3  # one of three joints of one of two bodies, between frames 0 and 2
    version = rebuilt(x, codec(2), np.array([1]), BOTH)
    expected = np.zeros(12)
    expected[1] = np.sqrt(0.3**2 / 6)
    expected[11] = np.sqrt(3)  # the last kept frame, 10, is held
    assert version.error == pytest.approx(expected, abs=1e-5)
    mse = (0.3**2 + 6 * 3) / x.size
    assert version.details == ("linear interpolation", f"MSE {mse:.1e} m²".replace("e-02", "·10⁻²"))


def test_an_absent_body_does_not_make_errors_smaller():
    x = line()
    one = rebuilt(x[:, :1], codec(5, num_bodies=1), np.array([1]), BOTH[:1])
    x[:, 1] = 0
    present = np.array([True, False])
    assert rebuilt(x, codec(5), np.array([1]), present).details == one.details


def test_a_codec_tells_how_it_stores_and_what_it_loses():
    x = line() + np.float32(0.1)  # not a float16
    half = codec(1, storage=Float16())
    assert thinned(x, half, np.array([2])).details[0] == "sampling interval 1, float16"
    version = rebuilt(x, half, np.array([2]), BOTH)
    assert 0 < version.error.max() < 0.01
    assert (rebuilt(x, codec(1), np.array([2]), BOTH).error == 0).all()


def test_a_codec_that_stores_no_frames_shows_none():
    dct = codec(3, kind=Dct)
    assert thinned(line(), dct, np.array([2])) is None
    assert len(choose_moments(dct)) == 7
    assert rebuilt(line(), dct, np.array([2]), BOTH).details[0] == "inverse DCT"


def test_a_model_rebuilds_what_it_did_not_see(finished):
    model = load_model(finished.folder, "cpu")
    x = npz_arrays()["x"][0, :, :12].transpose(1, 3, 2, 0).copy()
    version = reconstructed(model, x, np.array([1, 5]), BOTH)
    assert version.poses.shape == (1, 2, 2, 25, 3)
    # 4 tuples of 3 frames at η = 0.3: floor(2.8) are kept, each body's own, whole tuples.
    assert version.hidden.shape == (12, 2)
    assert version.hidden.sum(axis=0).tolist() == [6, 6]
    assert (version.hidden.reshape(4, 3, 2).sum(axis=1) % 3 == 0).all()
    assert version.details[0] == "η = 0.5: 50 % hidden"
    words = {(0, 0): "seen", (0, 1): "body 2 hidden", (1, 0): "body 1 hidden", (1, 1): "hidden"}
    assert version.labels == tuple(words[*bodies] for bodies in version.hidden[[1, 5]].tolist())
    again = reconstructed(model, x, np.array([1, 5]), BOTH)
    assert (again.poses == version.poses).all()


def test_the_shortest_tree_worked_out_by_hand():
    # Joints at 0, 1, 3 and 10 on a line: each is joined to its neighbour.
    place = np.array([0.0, 10.0, 1.0, 3.0])
    tree = shortest_tree(np.abs(place[:, None] - place))
    assert {frozenset(bone) for bone in tree} == {
        *(frozenset((0, 2)), frozenset((2, 3)), frozenset((3, 1)))
    }


def test_a_set_that_names_no_bones_gets_those_that_keep_their_length(tmp_path):
    """A chain of four joints whose links keep their lengths while all else moves."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(-1, 1, (24, 20, 3)).cumsum(axis=2)
    links = np.stack([np.cos(angle), np.sin(angle)], axis=1)  # (clip, channel, frame, link)
    joints = np.concatenate([np.zeros((24, 2, 20, 1)), links.cumsum(axis=3)], axis=3)
    x = np.concatenate([joints, np.zeros((24, 1, 20, 4))], axis=1)[..., None] + 0.5
    path = write_npz(tmp_path / "chain.npz", x=x.astype(np.float32), n_frames=np.full(24, 20))
    archive = prepare(str(path), tmp_path / "cache")
    assert not archive.description.bones
    assert {frozenset(bone) for bone in bones_of(archive)} == {
        *(frozenset((0, 1)), frozenset((1, 2)), frozenset((2, 3)))
    }
