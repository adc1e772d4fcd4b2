"""Reservoir sampling: a fair chance for every clip; it resumes as it was saved."""

import pytest
import torch
from memory.buffers import make_memory, numbered


def test_the_first_clips_are_all_stored():
    memory = make_memory(5)
    memory.offer(numbered(0, 3))
    assert len(memory) == 3
    assert memory.labels.tolist() == [0, 1, 2]
    memory.offer(numbered(3, 4))
    assert len(memory) == 5
    assert memory.num_seen == 7


def test_every_clip_ever_offered_is_as_likely_to_be_stored():
    num_clips, capacity, num_runs = 60, 12, 1000
    counts = torch.zeros(num_clips)
    for seed in range(num_runs):
        memory = make_memory(capacity, (1, 1, 1, 1), seed=seed)
        for first in range(0, num_clips, 7):
            memory.offer(numbered(first, min(7, num_clips - first), (1, 1, 1, 1)))
        assert len(memory.labels.unique()) == capacity
        counts[memory.labels] += 1
    chance = capacity / num_clips
    deviation = (counts - num_runs * chance) ** 2 / (num_runs * chance * (1 - chance))
    # Chi-square with 59 degrees of freedom: above 98.3 once in a thousand.
    assert deviation.sum() < 98.3


@pytest.mark.parametrize("batch", [1, 4, 50])
def test_it_stores_what_a_plain_reservoir_does(batch):
    """Vitter's algorithm R, clip by clip, on the same random numbers."""
    capacity, num_clips = 8, 50
    memory = make_memory(capacity, num_logits=3, interval=2)
    generator = torch.Generator().manual_seed(0)
    stored = {}
    seen = 0
    for first in range(0, num_clips, batch):
        clips = numbered(first, min(batch, num_clips - first))
        logits = clips.label[:, None] * torch.tensor([1.0, 2, 3])
        memory.offer(clips, logits)
        for row, chance in enumerate(torch.rand(len(clips), dtype=float, generator=generator)):
            slot = seen if seen < capacity else int(chance * (seen + 1))
            if slot < capacity:
                stored[slot] = clips.label[row].item()
            seen += 1
    expected = [stored[slot] for slot in range(capacity)]
    assert memory.labels.tolist() == expected
    held = memory.at(torch.arange(capacity))
    assert held.clips.x[:, 0, 3, 0, 1].tolist() == expected
    assert held.clips.present[:, 1].tolist() == [label % 2 == 0 for label in expected]
    assert held.logits[:, 2].tolist() == [3 * label for label in expected]


def test_a_restored_memory_goes_on_as_the_saved_one():
    memory = make_memory(4, num_logits=1, interval=3)
    memory.offer(numbered(0, 9), torch.arange(9.0)[:, None])
    state = memory.state_dict()
    restored = make_memory(4, num_logits=1, interval=3, seed=99)
    restored.load_state_dict(state)
    for one in (memory, restored):
        one.offer(numbered(9, 20), torch.arange(20.0)[:, None])
    assert torch.equal(memory.labels, restored.labels)
    drawn, same = memory.draw(3), restored.draw(3)
    assert torch.equal(drawn.slots, same.slots)
    assert torch.equal(drawn.logits, same.logits)
    assert torch.equal(drawn.clips.x, same.clips.x)
    assert torch.equal(drawn.clips.present, same.clips.present)


def test_a_state_is_a_copy():
    memory = make_memory(2)
    memory.offer(numbered(0, 2))
    state = memory.state_dict()
    memory.offer(numbered(5, 50))
    assert state["num_seen"] == 2
    assert state["stored"][2].tolist() == [0, 1]
    assert state["stored"][0].flatten(1)[:, 0].tolist() == [0, 1]
