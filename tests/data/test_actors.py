import numpy as np
import pytest
from data.raw_clips import random_raw_clip, raw_clip, standing

from charon.data.actors import centre, motion_of, prepare_clip, two_bodies
from charon.errors import DataError


def prepare_plainly(clip, keep_gaps=False):
    """Rule after rule, frame after frame: the oracle. None where the clip is unreadable."""
    bodies = {}
    counter = -1
    for frame in range(clip.num_frames):
        here = [i for i in range(len(clip.frame)) if clip.frame[i] == frame]
        if not here:
            continue
        counter += 1
        for i in here:
            body = bodies.setdefault(clip.body_id[i], {"xyz": [], "frames": []})
            following = body["frames"][-1] + 1 if body["frames"] else counter
            body["frames"].append(counter if keep_gaps else following)
            body["xyz"].append(clip.xyz[i])
    if not bodies:
        return None
    num_frames = counter + 1
    slots = np.zeros((num_frames, 2, 25, 3), dtype=np.float32)

    def write(body, slot):
        for frame, xyz in zip(body["frames"], body["xyz"], strict=True):
            slots[frame, slot] = xyz

    def variance(frames):
        return np.sum(np.var(np.concatenate(frames), axis=0))  # float32, as the field does

    several = len(bodies) > 1
    left = dict(bodies)
    if several:
        for body in left.values():
            body["motion"] = variance(body["xyz"])
        left = {key: body for key, body in left.items() if len(body["frames"]) > 11}
        if not left:
            return None
        if len(left) > 1:
            for key, body in list(left.items()):
                if len(left) == 1:
                    break
                valid = []
                for xyz in body["xyz"]:
                    width = float(xyz[:, 0].max() - xyz[:, 0].min())
                    height = float(xyz[:, 1].max() - xyz[:, 1].min())
                    if width <= 0.8 * height:
                        valid.append(xyz)
                if len(valid) == len(body["xyz"]):
                    continue
                if 1 - len(valid) / len(body["xyz"]) >= 0.69754:
                    del left[key]
                else:
                    body["motion"] = min(body["motion"], variance(valid))
    order = list(left.values())
    if len(order) > 1:
        order.sort(key=lambda body: -body["motion"])
    write(order[0], 0)
    start1, end1 = order[0]["frames"][0], order[0]["frames"][-1]
    end2 = 0
    for body in order[1:]:
        start, end = body["frames"][0], body["frames"][-1]
        if min(end1, end) - max(start1, start) <= 0:
            write(body, 0)
            start1, end1 = min(start1, start), max(end1, end)
        elif min(end2, end) - max(0, start) <= 0:
            write(body, 1)
            end2 = max(end2, end)
    if several:
        slots = np.array([frame for frame in slots if frame.reshape(150).sum() != 0])
    origin = next(frame[0, 1] for frame in slots if frame[0].any())
    result = np.zeros_like(slots)
    for frame in range(len(slots)):
        for slot in range(2):
            if slots[frame, slot].any():
                result[frame, slot] = slots[frame, slot] - origin
    return result


@pytest.mark.parametrize("keep_gaps", [False, True])
def test_prepares_what_the_plain_rules_prepare(keep_gaps):
    num_frames, outcomes = set(), {"unreadable": 0, "one actor": 0, "two actors": 0}
    for seed in range(300):
        clip = random_raw_clip(seed, num_frames=40)
        expected = prepare_plainly(clip, keep_gaps)
        if expected is None:
            outcomes["unreadable"] += 1
            with pytest.raises(DataError, match=r"^random: none of its"):
                prepare_clip(clip, keep_gaps=keep_gaps)
            continue
        x = prepare_clip(clip, keep_gaps=keep_gaps)
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, expected)  # to the last bit
        num_frames.add(len(x))
        outcomes["two actors" if x[:, 1].any() else "one actor"] += 1
    assert len(num_frames) > 15
    assert all(count >= 5 for count in outcomes.values()), outcomes


def xyz_of(appearances):
    return np.array([xyz for _, _, xyz in appearances], dtype=np.float32)


def test_frames_without_a_body_are_dropped():
    one = standing([2, 3, 7], sway=0.1)
    x = prepare_clip(raw_clip(one, num_frames=10))
    assert x.shape == (3, 2, 25, 3)
    np.testing.assert_array_equal(x[:, 0], xyz_of(one) - xyz_of(one)[0, 1])
    assert not x[:, 1].any()


def test_a_single_short_body_is_kept():
    # Rule (a) is for two or more ids.
    assert len(prepare_clip(raw_clip(standing([0]), num_frames=1))) == 1


def test_the_origin_is_actor_1s_spine_in_its_first_frame():
    x = prepare_clip(raw_clip(standing(range(5), sway=0.5), num_frames=5))
    assert x[0, 0, 1].tolist() == [0, 0, 0]
    assert x[1, 0, 1, 0] == -1.0


def test_the_origin_waits_for_actor_1():
    # Body 2 moves more, so it is actor 1, but it enters at frame 3.
    still = standing(range(20), "1")
    lively = standing(range(3, 20), "2", shift=5, sway=0.5)
    x = prepare_clip(raw_clip(still + lively, num_frames=20))
    assert not x[:3, 0].any()
    assert x[3, 0, 1].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(x[0, 1], xyz_of(still)[0] - xyz_of(lively)[0, 1])


def test_gaps_of_a_track_pull_its_later_frames_forward_unless_they_are_kept():
    # Body 2 is seen in frames 0-5 and 10-19 of 20: its interval is 0-15.
    lively = standing(range(20), "1", sway=0.5)
    gappy = standing([*range(6), *range(10, 20)], "2", shift=2, sway=0.1)
    clip = raw_clip(lively + gappy, num_frames=20)
    x = prepare_clip(clip)
    assert x[:, 1].any(axis=(1, 2)).tolist() == [True] * 16 + [False] * 4
    np.testing.assert_array_equal(x[:16, 1], xyz_of(gappy) - clip.xyz[0, 1])
    x = prepare_clip(clip, keep_gaps=True)
    assert x[:, 1].any(axis=(1, 2)).tolist() == [True] * 6 + [False] * 4 + [True] * 10
    np.testing.assert_array_equal(x[10:, 1], (xyz_of(gappy) - clip.xyz[0, 1])[6:])


def test_a_bodies_seen_in_11_frames_or_fewer_are_dropped():
    long = standing(range(20), "1")
    for num_frames, is_kept in [(11, False), (12, True)]:
        short = standing(range(num_frames), "2", shift=2, sway=0.5)
        x = prepare_clip(raw_clip(long + short, num_frames=20))
        assert bool(x[:, 1].any()) is is_kept


def test_a_if_no_body_is_left_the_clip_is_unreadable():
    clip = raw_clip(standing(range(11), "1") + standing(range(9, 20), "2"), num_frames=20)
    with pytest.raises(DataError, match=r"^S001.*: none of its 2 bodies is seen in more than 11"):
        prepare_clip(clip)


def test_a_if_one_body_is_left_its_spread_does_not_matter_and_empty_frames_go():
    # Lying all the time: rule (b) would drop it, were there another one.
    lying = standing(range(4, 20), "1", height=0.5, width=2)
    x = prepare_clip(raw_clip(lying + standing(range(6), "2"), num_frames=20))
    np.testing.assert_array_equal(x[:, 0], xyz_of(lying) - xyz_of(lying)[0, 1])
    assert x.shape == (16, 2, 25, 3)  # (d): frames 0-3 had only the short body
    assert not x[:, 1].any()


@pytest.mark.parametrize(("num_lying", "is_kept"), [(697, True), (698, False)])
def test_b_a_body_is_dropped_from_an_invalid_share_of_0_69754(num_lying, is_kept):
    upright = standing(range(1000), "1", sway=0.5)
    lying = standing(range(num_lying), "2", height=0.5, width=2)
    rest = standing(range(num_lying, 1000), "2")
    x = prepare_clip(raw_clip(upright + lying + rest, num_frames=1000))
    assert bool(x[:, 1].any()) is is_kept


@pytest.mark.parametrize(("width", "is_kept"), [(1.5999, True), (1.6001, False)])
def test_b_a_frame_is_invalid_when_wider_than_0_8_of_its_height(width, is_kept):
    upright = standing(range(20), "1", sway=0.5)
    wide = standing(range(20), "2", height=2, width=width)
    x = prepare_clip(raw_clip(upright + wide, num_frames=20))
    assert bool(x[:, 1].any()) is is_kept


def test_b_the_last_body_left_is_not_judged():
    # Both lie all the time: the first one seen goes, then one is left and stays.
    first = standing(range(20), "1", height=0.5, width=2, sway=1)
    second = standing(range(20), "2", height=0.5, width=2, shift=9)
    clip = raw_clip(first + second, num_frames=20)
    x = prepare_clip(clip)
    np.testing.assert_array_equal(x[:, 0], xyz_of(second) - xyz_of(second)[0, 1])
    assert not x[:, 1].any()


def test_b_invalid_frames_do_not_count_as_motion():
    # Body 2 jumps 10 m only while it lies (a third of its frames): without those it is still.
    steady = standing(range(30), "1", sway=0.1)
    jumping = standing(range(20), "2", shift=5)
    jumping += standing(range(20, 30), "2", height=0.5, width=2, shift=15)
    x = prepare_clip(raw_clip(steady + jumping, num_frames=30))
    np.testing.assert_array_equal(x[:, 0], xyz_of(steady) - xyz_of(steady)[0, 1])
    assert x[:, 1].any(axis=(1, 2)).all()  # its invalid frames stay in the clip


def test_c_the_body_with_most_motion_is_actor_1():
    still = standing(range(20), "1", sway=0.1)
    lively = standing(range(20), "2", shift=3, sway=0.2)
    x = prepare_clip(raw_clip(still + lively, num_frames=20))
    np.testing.assert_array_equal(x[:, 0], xyz_of(lively) - xyz_of(lively)[0, 1])
    np.testing.assert_array_equal(x[:, 1], xyz_of(still) - xyz_of(lively)[0, 1])


def test_c_of_equal_motion_the_body_seen_first_is_actor_1():
    one = standing(range(20), "9")
    behind = [(frame, "1", xyz + np.array([0, 0, 1])) for frame, _, xyz in one]
    x = prepare_clip(raw_clip(one + behind, num_frames=20))
    np.testing.assert_array_equal(x[:, 0], xyz_of(one) - xyz_of(one)[0, 1])
    np.testing.assert_array_equal(x[:, 1], xyz_of(behind) - xyz_of(one)[0, 1])


@pytest.mark.parametrize(("start", "slot"), [(20, 0), (19, 0), (18, 1)])
def test_c_a_body_that_shares_at_most_one_frame_with_actor_1_joins_it(start, slot):
    # Actor 1 is in frames 0-19. Ends are inclusive: from frame 19 on one frame is shared, which
    # is no overlap, and the later body takes it.
    first = standing(range(20), "1", sway=0.5)
    later = standing(range(start, 40), "2", shift=2, sway=0.1)
    clip = raw_clip(first + later, num_frames=40)
    x = prepare_clip(clip)
    np.testing.assert_array_equal(x[start:, slot], xyz_of(later) - clip.xyz[0, 1])
    np.testing.assert_array_equal(x[:start, 0], (xyz_of(first) - clip.xyz[0, 1])[:start])


def test_c_a_body_that_joins_actor_1_extends_its_interval():
    # 1: 0-19, 2: 20-39 joins it; 3: 25-45 overlaps the joined interval, so it is actor 2.
    first = standing(range(20), "1", sway=0.5)
    second = standing(range(20, 40), "2", sway=0.4)
    third = standing(range(25, 46), "3", sway=0.3)
    x = prepare_clip(raw_clip(first + second + third, num_frames=46))
    assert x[:, 0].any(axis=(1, 2)).tolist() == [True] * 40 + [False] * 6
    assert x[:, 1].any(axis=(1, 2)).tolist() == [False] * 25 + [True] * 21


def test_c_the_joined_interval_also_extends_backwards():
    # 1: 20-39, 2: 0-19 joins it; 3: 2-16 overlaps only what has joined, so it is actor 2.
    first = standing(range(20, 40), "1", sway=0.5)
    second = standing(range(20), "2", sway=0.4)
    third = standing(range(2, 17), "3", sway=0.3)
    x = prepare_clip(raw_clip(first + second + third, num_frames=40))
    assert x[:, 0].any(axis=(1, 2)).all()
    assert x[:, 1].any(axis=(1, 2)).tolist() == [False] * 2 + [True] * 15 + [False] * 23


def test_c_actor_2s_interval_starts_at_frame_0_whoever_it_is():
    # 1 is everywhere. 2 (frames 20-39) is actor 2, whose interval becomes 0-39, so 3 (frames
    # 0-14) finds no slot although actor 2 was absent then. 4 (frames 39-50) still fits.
    first = standing(range(60), "1", sway=0.5)
    second = standing(range(20, 40), "2", sway=0.4)
    third = standing(range(15), "3", sway=0.3)
    fourth = standing(range(39, 51), "4", sway=0.2)
    x = prepare_clip(raw_clip(first + second + third + fourth, num_frames=60))
    assert x[:, 1].any(axis=(1, 2)).tolist() == [False] * 20 + [True] * 31 + [False] * 9


def test_d_frames_in_which_nobody_is_left_are_dropped():
    # Frames 20-24 hold only the short body 3.
    first = standing(range(20), "1", sway=0.5)
    second = standing(range(25, 40), "2", sway=0.1)
    short = standing(range(20, 25), "3")
    clip = raw_clip(first + second + short, num_frames=40)
    x = prepare_clip(clip)
    expected = np.concatenate([xyz_of(first), xyz_of(second)]) - clip.xyz[0, 1]
    np.testing.assert_array_equal(x[:, 0], expected)


def test_a_clip_in_which_nobody_was_seen_is_unreadable():
    with pytest.raises(DataError, match=r"^S001.*: none of its 7 frames has a body\.$"):
        prepare_clip(raw_clip([], num_frames=7))


def test_a_clip_of_zeros_is_unreadable():
    zero = [(frame, "1", np.zeros((25, 3))) for frame in range(20)]
    with pytest.raises(DataError, match=r"^S001.*: the first body is zero in every frame"):
        prepare_clip(raw_clip(zero, num_frames=20))


def test_an_id_that_is_seen_more_often_than_there_are_frames_is_unreadable():
    twice = standing(range(5), "77") + standing(range(5), "77")
    with pytest.raises(DataError, match=r"^S001.*: body 77 is seen 10 times in 5 frames\.$"):
        prepare_clip(raw_clip(twice, num_frames=5))


@pytest.mark.parametrize(("num_bodies", "num_joints", "num_channels"), [(1, 20, 3), (2, 17, 2)])
def test_centre_takes_any_skeleton_and_leaves_its_input_alone(num_bodies, num_joints, num_channels):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, num_bodies, num_joints, num_channels)).astype(np.float32)
    x[:2, 0] = 0
    x[4, -1] = 0
    before = x.copy()
    centred = centre(x, 3)
    np.testing.assert_array_equal(x, before)
    assert centred.dtype == np.float32
    assert not centred[:2, 0].any()
    assert not centred[4, -1].any()
    assert not centred[2, 0, 3].any()
    np.testing.assert_array_equal(centred[5], x[5] - x[2, 0, 3])


def test_centre_needs_a_first_body():
    with pytest.raises(DataError, match="the first body is zero in every frame"):
        centre(np.zeros((3, 2, 25, 3), dtype=np.float32), 1)


def test_the_two_bodies_that_weigh_most_are_kept_in_their_order_of_weight():
    x = np.random.default_rng(0).normal(size=(3, 4, 2, 3)).astype(np.float32)
    np.testing.assert_array_equal(two_bodies(x, np.array([1.0, 3, 0, 2])), x[:, [1, 3]])
    np.testing.assert_array_equal(two_bodies(x, np.array([1.0, 1, 2, 1])), x[:, [2, 0]])
    np.testing.assert_array_equal(two_bodies(x[:, :2], np.array([0.0, 1])), x[:, :2])


def test_motion_counts_the_frames_in_which_a_body_is_present():
    x = np.zeros((4, 3, 2, 2), np.float32)
    x[:2, 0] = [[[1, 5], [3, 5]], [[1, 5], [3, 5]]]
    x[:, 1] = 7
    assert motion_of(x).tolist() == [1.0, 0.0, 0.0]
