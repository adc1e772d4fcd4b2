"""Thinning: the grid of stored frames, the inverse."""

import math

import pytest
import torch
from torch.nn import functional as F

from charon.memory.codecs.thinned import Thinned


def thin(x, interval):
    return Thinned(x.shape[1:], interval).encode(x)[0]


def num_thinned_frames(num_frames, interval):
    return len(Thinned((3, num_frames, 5, 2), interval).stored_frames)


def rebuild(thinned, num_frames, interval, method="linear"):
    shape = (thinned.shape[1], num_frames, *thinned.shape[3:])
    return Thinned(shape, interval, method).decode((thinned,))


def clip_of(values):
    """A clip of one channel, joint and body."""
    return torch.tensor(values, dtype=torch.float32).view(1, 1, -1, 1, 1)


def ramp(num_frames):
    return clip_of(range(num_frames))


def noise(num_frames=120, num_clips=3):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(num_clips, 3, num_frames, 5, 2, generator=generator)


@pytest.mark.parametrize(
    ("num_frames", "interval", "kept"),
    [(12, 1, range(12)), (12, 5, (0, 5, 10)), (12, 4, (0, 4, 8)), (10, 3, (0, 3, 6, 9))],
)
def test_every_sth_frame_is_kept_from_the_first_on(num_frames, interval, kept):
    assert thin(ramp(num_frames), interval).flatten().tolist() == list(kept)
    assert num_thinned_frames(num_frames, interval) == len(kept)


def test_linear_rebuilding_by_hand():
    # Frames 0, 3 and 6 of 8 were kept; the last one is held.
    rebuilt = rebuild(clip_of([0, 3, 9]), 8, 3)
    torch.testing.assert_close(rebuilt, clip_of([0, 1, 2, 3, 5, 7, 9, 9]))


def test_resizing_by_hand():
    # 2 frames stretched to 4: frame f looks at (f + 1/2) / 2 - 1/2, within the clip.
    rebuilt = rebuild(clip_of([0, 4]), 4, 2, "resize")
    torch.testing.assert_close(rebuilt, clip_of([0, 1, 3, 4]))


@pytest.mark.parametrize("interval", [1, 2, 5, 7, 40, 119])
def test_kept_frames_come_back_unchanged_and_lines_are_exact(interval):
    whole = noise()
    thinned = thin(whole, interval)
    rebuilt = rebuild(thinned, 120, interval)
    assert rebuilt.shape == whole.shape
    assert torch.equal(thin(rebuilt, interval), thinned)
    last = (num_thinned_frames(120, interval) - 1) * interval
    expected = ramp(120).clamp(max=last)
    torch.testing.assert_close(rebuild(thin(ramp(120), interval), 120, interval), expected)


@pytest.mark.parametrize("interval", [2, 5, 7])
def test_linear_rebuilding_is_what_a_loop_does(interval):
    whole = noise(30)
    thinned = thin(whole, interval)
    expected = torch.empty_like(whole)
    for frame in range(30):
        before = math.floor(frame / interval)
        after = min(before + 1, thinned.shape[2] - 1)
        share = frame / interval - before
        expected[:, :, frame] = (1 - share) * thinned[:, :, before] + share * thinned[:, :, after]
    torch.testing.assert_close(rebuild(thinned, 30, interval), expected)


@pytest.mark.parametrize("interval", [2, 5, 7])
def test_resizing_is_torchs(interval):
    thinned = thin(noise(), interval)
    volume = thinned.permute(0, 1, 3, 4, 2).flatten(0, 3)[:, None]
    expected = F.interpolate(volume, size=120, mode="linear", align_corners=False)
    rebuilt = rebuild(thinned, 120, interval, "resize")
    torch.testing.assert_close(rebuilt.permute(0, 1, 3, 4, 2).reshape(-1, 1, 120), expected)


def test_resized_clips_come_late():
    # METHOD 0: by (s - 1) / 2 frames, here 2, the beginning held and the end frozen.
    rebuilt = rebuild(thin(ramp(120), 5), 120, 5, "resize").flatten()
    torch.testing.assert_close(rebuilt, (torch.arange(120) - 2.0).clamp(0, 115))


def test_an_interval_of_one_keeps_clips_as_they_are():
    whole = noise()
    for method in ("linear", "resize"):
        assert torch.equal(rebuild(thin(whole, 1), 120, 1, method), whole)


@pytest.mark.parametrize("method", ["linear", "resize"])
def test_no_clips_are_rebuilt_to_no_clips(method):
    assert rebuild(torch.zeros(0, 3, 4, 5, 2), 12, 3, method).shape == (0, 3, 12, 5, 2)
