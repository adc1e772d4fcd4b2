"""Bones: those of the set, or the likeliest."""

import numpy as np
from cli.small_sets import write_npz

from charon.cli.bones import bones_of, shortest_tree
from charon.data.prepare import prepare


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
