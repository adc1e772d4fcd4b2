"""The stand-in is matched to what was measured on real recordings.

Each number is held within 20 %, autocorrelations within 0.05. How each is computed is said in
standin_statistics.py. "Real" is NTU RGB+D, prepared as the field does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from data.standin import standin_statistics as statistics
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.source import SourceClip
from charon.data.standin.source import StandIn, make_raw_clip


@dataclass(frozen=True)
class Clips:
    """All clips of the small stand-in; positions are body 1's."""

    positions: list[NDArray[np.float64]]  # (frame, joint, xyz) each
    resized: NDArray[np.float32]  # (clip, 120, joint, xyz)
    length: NDArray[np.int64]
    label: NDArray[np.int64]
    subject: NDArray[np.int64]
    camera: NDArray[np.int64]
    is_pair: NDArray[np.bool_]
    apart: NDArray[np.float64]  # metres, of the clips with two bodies


def read(clips: Sequence[SourceClip]) -> Clips:
    positions = [clip.x[:, 0].astype(np.float64) for clip in clips]
    label = np.array([clip.label for clip in clips])
    return Clips(
        positions=positions,
        resized=np.stack([statistics.resized(x) for x in positions]).astype(np.float32),
        length=np.array([len(x) for x in positions]),
        label=label,
        subject=np.array([clip.subject for clip in clips]),
        camera=np.array([clip.camera for clip in clips]),
        is_pair=np.isin(label, sorted(ntu.TWO_PERSON)),
        apart=np.array([statistics.apart(clip.x) for clip in clips if clip.x[:, 1].any()]),
    )


@pytest.fixture(scope="module")
def small() -> Clips:
    clips = list(StandIn.small().clips(workers=2))
    assert all(isinstance(clip, SourceClip) for clip in clips)
    return read(clips)


@pytest.fixture(scope="module")
def people() -> Clips:
    """One clip of "drink water" of every NTU RGB+D 60 performer in each of his setups."""
    names = [
        name
        for name in StandIn.full().names
        if ntu.parse_name(name)[1] == 2 and ntu.parse_name(name)[3:] == (1, 0)
    ]
    return read(list(StandIn(tuple(names)).clips(workers=1)))


def within(share: float, **wanted: float):
    return {name: pytest.approx(value, rel=share) for name, value in wanted.items()}


def test_bones_have_the_lengths_of_real_people(people):
    lengths = statistics.bone_lengths(people.positions, people.subject)
    means = {name: float(values.mean()) for name, values in lengths.items()}
    assert means == within(
        0.2,
        base_mid=0.300,
        mid_shoulders=0.224,
        shoulders_neck=0.075,
        neck_head=0.123,
        shoulder=0.165,
        upper_arm=0.239,
        forearm=0.235,
        hand=0.077,
        hip=0.076,
        thigh=0.333,
        shank=0.379,
        foot=0.110,
        tip=0.062,
        thumb=0.046,
    )
    real = {"base_mid": 0.024, "upper_arm": 0.027, "forearm": 0.021, "thigh": 0.035, "shank": 0.050}
    deviations = {name: float(lengths[name].std(ddof=1)) for name in real}
    assert deviations == within(0.2, **real)


def test_lengths_are_lognormal_with_class_means_of_50_to_170_frames(small):
    length, label = small.length, small.label
    assert length.min() >= 32
    assert length.max() <= 300
    logarithm = np.log(length)
    assert np.exp(logarithm.mean()) == pytest.approx(np.exp(4.373), rel=0.2)
    assert logarithm.std() == pytest.approx(0.342, rel=0.2)
    by_class = [length[label == k] for k in range(60)]
    means = [values.mean() for values in by_class]
    assert min(means) == pytest.approx(50, rel=0.2)
    assert max(means) == pytest.approx(170, rel=0.2)
    variation = np.mean([values.std() / values.mean() for values in by_class])
    assert variation == pytest.approx(0.22, rel=0.2)


def test_white_noise_grows_from_trunk_to_thumbs_and_has_heavy_tails(small):
    assert statistics.noise(small.positions) == within(
        0.2, trunk=0.5, elbows=1.3, wrists=3.3, hands=4.2, feet=4.6, tips=6.9, thumbs=9.6
    )
    assert statistics.kurtosis(small.positions) > 6  # a normal distribution has 3


def test_coordinates_spread_as_in_real_clips(small):
    deviation = dict(zip("xyz", statistics.spread(small.positions).tolist(), strict=True))
    assert deviation == within(0.2, x=0.20, y=0.40, z=0.25)


def test_people_stand_2_5_to_4_metres_from_the_camera():
    raw = [make_raw_clip(name, num_classes=60, seed=0) for name in StandIn.small().names[::41]]
    distance = np.array([clip.xyz[0, ntu.CENTRE_JOINT, 2] for clip in raw])
    assert np.quantile(distance, 0.02) > 2.5
    assert np.quantile(distance, 0.98) < 4.0


@pytest.mark.parametrize(("camera", "real"), [(1, -26), (2, 8), (3, 30)])
def test_each_camera_sees_the_shoulders_turned_its_own_way(small, camera, real):
    # One-person classes: pairs face each other, so half of them look away.
    chosen = np.flatnonzero((small.camera == camera) & ~small.is_pair)
    yaw = statistics.shoulder_yaw([small.positions[i] for i in chosen])
    assert yaw.mean() == pytest.approx(real, rel=0.2)
    assert 15 * 0.8 < yaw.std() < 32 * 1.2


def test_a_fifth_of_the_clips_shows_two_bodies_a_metre_apart(small):
    assert len(small.apart) / len(small.label) == pytest.approx(0.196, rel=0.2)
    assert small.apart.mean() == pytest.approx(0.96, rel=0.2)
    assert small.apart.std() == pytest.approx(0.24, rel=0.2)


def test_positions_are_correlated_in_time(small):
    found = statistics.autocorrelation(small.positions, lags=(1, 5, 10, 20))
    assert found.tolist() == pytest.approx([0.94, 0.68, 0.35, -0.09], abs=0.05)


def test_most_power_is_at_one_cycle_a_clip(small):
    found = statistics.power(small.positions)
    assert found.tolist() == pytest.approx([0.64, 0.15, 0.07, 0.04], rel=0.2)


def test_poses_move_in_about_eight_dimensions(small):
    assert statistics.pose_dimensions(small.positions) == pytest.approx(8, rel=0.2)


def test_a_class_is_a_small_part_of_the_variance(small):
    found = statistics.differences(small.resized, small.label, small.subject)
    assert found == {
        (True, True): pytest.approx(0.029, rel=0.2),  # same class, same person
        (True, False): pytest.approx(0.042, rel=0.2),
        (False, True): pytest.approx(0.036, rel=0.2),
        (False, False): pytest.approx(0.053, rel=0.2),
    }


def test_the_nearest_raw_clip_is_often_of_another_class(small):
    # Neither the person nor the camera was seen in training.
    trained = np.isin(small.subject, sorted(ntu.XSUB_TRAIN[60]))
    training, test = trained & (small.camera != 1), ~trained & (small.camera == 1)
    chosen = training | test
    accuracy = statistics.nearest_neighbour(
        small.resized[chosen], small.label[chosen], training[chosen]
    )
    assert 40 < accuracy < 75


@pytest.mark.parametrize(
    ("interval", "exact", "delayed"),
    [(2, 3.5e-5, 7.3e-5), (5, 1.9e-4, 4.9e-4), (10, 5.9e-4, 1.45e-3), (20, 2.0e-3, 3.6e-3)],
)
def test_thinned_clips_are_rebuilt_as_well_as_real_ones(small, interval, exact, delayed):
    clips = small.resized
    found = statistics.interpolation_error(clips, interval, delayed=False)
    assert found == pytest.approx(exact, rel=0.2)
    found = statistics.interpolation_error(clips, interval, delayed=True)
    assert found == pytest.approx(delayed, rel=0.2)
