"""A batch of clips: rows taken, batches joined."""

import torch
from tiny_runs import random_clips


def test_rows_are_taken_in_the_order_given():
    clips = random_clips(4)
    taken = clips.take(torch.tensor([2, 0]))
    assert len(taken) == 2
    for name in ("x", "present", "label"):
        assert torch.equal(getattr(taken, name), getattr(clips, name)[[2, 0]])


def test_batches_are_joined_one_after_the_other():
    clips = random_clips(5)
    parts = (
        clips.take(torch.arange(2)),
        clips.take(torch.arange(2, 3)),
        clips.take(torch.arange(3, 5)),
    )
    joined = parts[0].join(*parts[1:])
    for name in ("x", "present", "label"):
        assert torch.equal(getattr(joined, name), getattr(clips, name))
