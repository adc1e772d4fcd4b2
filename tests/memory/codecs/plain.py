"""Clips, and plain loops over their frames that codecs are compared with."""

import math

import torch


def noise(num_frames=12, num_clips=3):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(num_clips, 3, num_frames, 5, 2, generator=generator)


def clip_of(values):
    """A clip of one channel, joint and body."""
    return torch.tensor(values, dtype=torch.float32).view(1, 1, -1, 1, 1)


def interpolated(values, knots, num_frames):
    """Values (clip, channel, knot, ...) at knots, held outside, frame by frame."""
    frames = []
    for frame in range(num_frames):
        after = next((k for k, knot in enumerate(knots) if knot >= frame), len(knots) - 1)
        before = max(after - 1, 0)
        width = knots[after] - knots[before]
        share = min(max((frame - knots[before]) / width, 0), 1) if width else 0.0
        frames.append((1 - share) * values[:, :, before] + share * values[:, :, after])
    return torch.stack(frames, dim=2)


def num_kept(num_frames, interval):
    return math.ceil(num_frames / interval)
