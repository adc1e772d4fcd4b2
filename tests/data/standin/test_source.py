"""The stand-in as a source: its layout, its independence of order, and its way through text."""

from pathlib import Path

import numpy as np
import pytest
from data.raw_clips import format_skeleton

from charon.data import ntu
from charon.data.formats.skeleton_folder import SkeletonFolder
from charon.data.formats.skeleton_text import parse_skeleton
from charon.data.source import SourceClip
from charon.data.standin.source import StandIn, make_clip, make_raw_clip, measure, person_yaw, view


def some(step: int, num_classes: int = 60, seed: int = 0) -> StandIn:
    names = StandIn.small(num_classes).names[::step]
    return StandIn(names, num_classes, seed)


def clips_of(standin: StandIn, workers: int = 1) -> list[SourceClip]:
    clips = list(standin.clips(workers))
    assert all(isinstance(clip, SourceClip) for clip in clips)
    return clips


def test_small_has_48_clips_a_class_and_every_protocol_has_both_sides():
    small = StandIn.small()
    assert len(small) == 2880
    ids = ntu.parse_names(small.names)
    assert np.bincount(ids.label).tolist() == [48] * 60
    columns = {"setup": ids.setup, "camera": ids.camera, "performer": ids.performer}
    by_view = ntu.in_training_set("ntu60-xview", **columns)
    assert by_view.sum() == 1920
    by_person = ntu.in_training_set("ntu60-xsub", **columns)
    assert np.bincount(ids.label[by_person]).tolist() == [30] * 60
    large = ntu.parse_names(StandIn.small(120).names)
    columns = {"setup": large.setup, "camera": large.camera, "performer": large.performer}
    for benchmark in ("ntu120-xsub", "ntu120-xset"):
        training = ntu.in_training_set(benchmark, **columns)
        assert np.bincount(large.label[training], minlength=120).min() >= 12
        assert np.bincount(large.label[~training], minlength=120).min() >= 12


@pytest.mark.parametrize("num_classes", [60, 120])
def test_full_has_the_names_of_ntu_and_small_some_of_them(num_classes):
    full = StandIn.full(num_classes)
    assert full.names == ntu.all_names(num_classes)
    assert set(StandIn.small(num_classes).names) <= set(full.names)


def test_it_says_what_it_is():
    about = StandIn.small().description
    assert (about.name, about.is_ntu, about.is_standin) == ("standin", True, True)
    assert about.class_names == ntu.CLASS_NAMES[:60]
    assert len(StandIn.small(120).description.class_names) == 120


def test_identity_changes_with_seed_and_clips():
    sources = [StandIn.small(), StandIn.small(seed=1), StandIn.small(120), some(2), StandIn.full()]
    assert len({source.identity() for source in sources}) == len(sources)
    assert StandIn.small().identity() == StandIn.small().identity()


def test_a_clip_depends_on_seed_and_name_alone():
    source = some(step=97)
    clips = clips_of(source)
    assert [clip.name for clip in clips] == list(source.names)
    # Made in another order, in processes of their own, and one by one.
    backwards = clips_of(StandIn(source.names[::-1]), workers=2)[::-1]
    for clip, again in zip(clips, backwards, strict=True):
        alone = make_clip(clip.name, num_classes=60, seed=0)
        assert clip.x.tobytes() == again.x.tobytes() == alone.x.tobytes()
        other = make_clip(clip.name, num_classes=60, seed=1)
        assert other.x.shape != clip.x.shape or not np.array_equal(other.x, clip.x)


def test_clips_are_prepared_and_carry_their_ids():
    for clip in clips_of(some(step=211, num_classes=120)):
        frames = len(clip.x)
        assert clip.x.dtype == np.float32
        assert clip.x.shape == (frames, 2, 25, 3)
        assert 32 <= frames <= 300
        assert not clip.x[0, 0, ntu.CENTRE_JOINT].any()  # the origin
        ids = ntu.parse_name(clip.name)
        found = (clip.setup, clip.camera, clip.subject, clip.replication, clip.label)
        assert found == tuple(ids)
        assert clip.in_train is None
        assert not clip.duplicated


def test_three_cameras_see_the_same_performance_from_three_sides():
    views = [make_clip(f"S001C00{c}P001R001A008", num_classes=60, seed=0).x for c in (1, 2, 3)]
    assert len({len(view) for view in views}) == 1

    # Distances inside the body do not depend on the view, but for noise.
    def reach(x):
        return np.linalg.norm(x[:, 0, 3] - x[:, 0, 0], axis=-1)

    assert np.median(np.abs(reach(views[0]) - reach(views[1]))) < 0.02
    differences = [np.abs(views[a] - views[b])[:, 0].mean() for a, b in [(0, 1), (1, 2), (0, 2)]]
    assert max(differences) > 0.05


def test_written_as_text_it_comes_back_bit_for_bit(tmp_path: Path):
    source = some(step=307)
    assert any(ntu.parse_name(name).label in ntu.TWO_PERSON for name in source.names)
    for name in source.names:
        raw = make_raw_clip(name, num_classes=60, seed=0)
        (tmp_path / f"{name}.skeleton").write_text(format_skeleton(raw))
        parsed = parse_skeleton(format_skeleton(raw).encode(), name)
        assert parsed.xyz.tobytes() == raw.xyz.tobytes()
        assert parsed.frame.tolist() == raw.frame.tolist()
        assert parsed.body_id == raw.body_id
    read = list(SkeletonFolder(tmp_path).clips(workers=1))
    made = clips_of(source)
    assert [clip.name for clip in read] == [clip.name for clip in made]
    for ours, theirs in zip(made, read, strict=True):
        assert isinstance(theirs, SourceClip)
        assert theirs.x.tobytes() == ours.x.tobytes()
        assert (theirs.label, theirs.subject, theirs.camera) == (
            ours.label,
            ours.subject,
            ours.camera,
        )


def test_about_12_percent_of_joints_are_inferred_for_a_while():
    rng = np.random.default_rng(0)
    states = [measure(np.zeros((90, 25, 3)), rng)[1] for _ in range(48)]
    assert {state.dtype for state in states} == {np.dtype(np.int8)}
    inferred = np.concatenate([state == 1 for state in states])
    assert inferred.mean() == pytest.approx(0.12, rel=0.2)
    # Correlated in time: what is inferred mostly was so in the frame before.
    again = sum(int((state[1:][state[:-1] == 1] == 1).sum()) for state in states)
    before = sum(int((state[:-1] == 1).sum()) for state in states)
    assert again / before > 0.5


def test_errors_are_small_and_larger_where_a_joint_is_inferred():
    places = np.random.default_rng(1).normal(size=(300, 25, 3))
    measured, state = measure(places, np.random.default_rng(0))
    assert measured.dtype == np.float32
    error = np.linalg.norm(measured - places, axis=-1)
    assert error[state == 2].mean() < 0.005 < error[state == 1].mean() < 0.1


def test_a_view_turns_and_moves_but_keeps_distances():
    bodies = np.random.default_rng(0).normal(size=(1, 5, 25, 3))
    views = [view(bodies, 0, 1, camera, 0.0, np.random.default_rng(0)) for camera in (1, 2, 3)]
    for seen in views:
        np.testing.assert_allclose(
            np.linalg.norm(seen[0, :, 3] - seen[0, :, 9], axis=-1),
            np.linalg.norm(bodies[0, :, 3] - bodies[0, :, 9], axis=-1),
        )
        assert 2 < seen[0, 0, 1, 2] < 5  # metres from the camera
    assert np.abs(views[0] - views[2]).max() > 0.1


def test_people_face_differently_and_always_in_the_same_way():
    angles = [person_yaw(0, performer) for performer in range(1, 41)]
    assert np.rad2deg(np.std(angles)) == pytest.approx(15, rel=0.2)
    assert person_yaw(0, 3) == person_yaw(0, 3) != person_yaw(1, 3)
