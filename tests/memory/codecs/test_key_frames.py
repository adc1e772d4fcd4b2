"""Key frames: the best of all choices, tried one by one."""

from itertools import combinations

import pytest
import torch
from memory.codecs.plain import clip_of, interpolated, noise

from charon.memory.codecs.key_frames import KeyFrames, best_frames


def squared_error(x, frames):
    return float((interpolated(x[:, :, list(frames)], frames, x.shape[2]) - x).square().sum())


def test_the_corner_of_a_path_is_a_key_frame():
    codec = KeyFrames((1, 9, 1, 1), 3)
    x = clip_of([0, 1, 2, 3, 4, 5, 4, 3, 2])
    kept, numbers = codec.encode(x)
    assert numbers.tolist() == [[0, 5, 8]]
    assert kept.flatten().tolist() == [0, 5, 2]
    torch.testing.assert_close(codec.decode((kept, numbers)), x)


@pytest.mark.parametrize("count", range(2, 9))
def test_no_other_frames_err_less(count):
    x = noise(8).cumsum(dim=2)
    found = best_frames(x, count)
    for row in range(len(x)):
        clip = x[row : row + 1]
        choices = [(0, *inner, 7) for inner in combinations(range(1, 7), count - 2)]
        least = min(squared_error(clip, frames) for frames in choices)
        assert squared_error(clip, found[row].tolist()) == pytest.approx(least, abs=1e-5)


def test_every_clip_has_its_frames_and_they_come_back_unchanged():
    x = noise(20).cumsum(dim=2)
    codec = KeyFrames(x.shape[1:], 4)
    kept, numbers = codec.encode(x)
    assert numbers.dtype == torch.uint8
    assert len({tuple(row) for row in numbers.tolist()}) == 3
    rebuilt = codec.decode((kept, numbers))
    for row, frames in enumerate(numbers.long()):
        torch.testing.assert_close(rebuilt[row][:, frames], x[row][:, frames])
        expected = interpolated(x[row : row + 1][:, :, frames], frames.tolist(), 20)
        torch.testing.assert_close(rebuilt[row : row + 1], expected)


def test_the_numbers_of_long_clips_take_two_bytes():
    codec = KeyFrames((1, 300, 1, 1), 150)
    assert codec.encode(torch.zeros(1, 1, 300, 1, 1))[1].dtype == torch.int16
    assert codec.bytes_per_clip == 2 * (4 + 2)
