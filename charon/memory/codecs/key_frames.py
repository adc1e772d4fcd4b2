"""Key frames: store the frames between which linear interpolation errs least, clip by clip.

The frames are the best there are, found by dynamic programming over the squared error of every
straight line from one frame to a later one.
"""

import torch
from torch import Tensor

from charon.memory.codec import TemporalCodec
from charon.memory.weighted import hats


class KeyFrames(TemporalCodec):
    """Stores as many frames as thinning, the first and the last among them, and their numbers.

    A number takes 1 byte, in clips of more than 256 frames 2.
    """

    def keep(self, x: Tensor) -> tuple[Tensor, ...]:
        """Choose frames: (clip, channel, kept, joint, body) and their numbers, (clip, kept)."""
        # In parts: the errors of all lines of a clip take a hundred kilobytes.
        numbers = torch.cat([best_frames(part, self.num_kept) for part in x.split(64)])
        places = numbers[:, None, :, None, None].expand(-1, x.shape[1], -1, *x.shape[3:])
        kind = torch.uint8 if self.num_frames <= 256 else torch.int16
        return x.gather(2, places), numbers.to(kind)

    def restore(self, kept: Tensor, *others: Tensor) -> Tensor:
        """Interpolate between the frames of each clip."""
        (numbers,) = others
        weights = hats(numbers.double(), self.num_frames).to(kept.dtype)
        x: Tensor = (weights[:, None] @ kept.flatten(3)).unflatten(3, kept.shape[3:])
        return x

    @property
    def kept(self) -> str:
        """The number of frames."""
        return f"{self.num_kept} key frames"

    @property
    def rebuilt(self) -> str:
        """The interpolation."""
        return "linear interpolation"


def best_frames(x: Tensor, count: int) -> Tensor:
    """Return the frames of least squared error, int64 (clip, count), ascending.

    ``x`` is (clip, channel, frame, joint, body); at least 2 of its frames are chosen.
    """
    if count == x.shape[2]:
        return torch.arange(count, device=x.device).expand(len(x), -1)
    # (clip, later frame, frame): minima along the last axis are much faster.
    error = line_errors(x.permute(0, 2, 1, 3, 4).flatten(2)).mT.contiguous()
    least = error[:, :, 0]  # of the best lines from frame 0 to each frame, (clip, frame)
    came_from = []
    for _ in range(count - 2):
        least, previous = (least[:, None, :] + error).min(dim=2)
        came_from.append(previous)
    frames = [torch.full((len(x), 1), x.shape[2] - 1, device=x.device)]
    for previous in reversed(came_from):
        frames.append(previous.gather(1, frames[-1]))
    frames.append(torch.zeros_like(frames[0]))
    return torch.cat(frames[::-1], dim=1)


def line_errors(poses: Tensor) -> Tensor:
    """Return the squared error of straight lines, in place of the frames between two others.

    ``poses`` is (clip, frame, coordinate); the result float64 (clip, frame, later frame),
    infinite where the second is not later.
    """
    poses = poses.double()
    products = poses @ poses.mT
    frame = torch.arange(poses.shape[1], dtype=torch.float64, device=poses.device)
    first, last = frame[:, None], frame
    length = (last - first).clamp(min=1)
    # With w = (t-a)/(b-a), the error at t is |x_t - (1-w) x_a - w x_b|², summed over a < t < b.
    squares = products.diagonal(dim1=1, dim2=2)
    own = _sums_after(squares[:, None].expand_as(products))
    of_first, of_first_t = _sums_after(products), _sums_after(products * frame)
    of_last, of_last_t = _sums_before(products), _sums_before(products * frame)
    with_first = of_first - (of_first_t - first * of_first) / length
    with_last = (of_last_t - first * of_last) / length
    ends = (length - 1) * (2 * length - 1) / (6 * length)  # sum of w², and of (1-w)²
    both = (length * length - 1) / (6 * length)  # sum of w (1-w)
    lines = ends * (squares[:, :, None] + squares[:, None, :]) + 2 * both * products
    error = own - 2 * (with_first + with_last) + lines
    return error.masked_fill(first >= last, torch.inf)


def _sums_after(values: Tensor) -> Tensor:
    """Sum (clip, a, t) over a < t < b: (clip, a, b)."""
    total = values.cumsum(dim=2)
    return total - values - total.diagonal(dim1=1, dim2=2)[:, :, None]


def _sums_before(values: Tensor) -> Tensor:
    """Sum (clip, b, t) over a < t < b: (clip, a, b)."""
    total = values.cumsum(dim=2)
    upto = (total - values).diagonal(dim1=1, dim2=2)
    return upto[:, None, :] - total.mT
