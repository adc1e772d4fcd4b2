"""Reservoir sampling: a fair chance for every clip; it resumes as it was saved."""

import pytest
import torch
from memory.buffers import make_memory, numbered, of_bodies
from tiny_runs import assert_same

from charon.memory.budget import Budget


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


# A clip of one body takes 10 + 48 bytes, one of two 10 + 96.
BODIES = Budget.of_bytes(1000, 10, 48)


def test_clips_of_one_body_leave_room_for_more():
    memory = of_bodies(BODIES)
    for first in range(0, 60, 7):
        memory.offer(numbered(first, 7))
        used = int(memory.costs.sum())
        assert used <= 1000
        assert memory.labels.unique().numel() == len(memory)
    held = memory.at(torch.arange(len(memory)))
    assert (held.clips.x[:, 0, 0, 0, 0] == memory.labels).all()
    assert held.clips.present.tolist() == [[True, label % 2 == 0] for label in memory.labels]
    assert (held.clips.x[~held.clips.present[:, 1], ..., 1] == 0).all()


def test_the_budget_of_bytes_is_filled_again_after_a_clip_has_gone():
    memory = of_bodies(BODIES)
    left = []
    for first in range(0, 4000, 4):
        memory.offer(numbered(first, 4))
        left.append(1000 - int(memory.costs.sum()))
    assert min(left) >= 0
    # On average less than a clip of two bodies is free.
    assert sum(left) / len(left) < 106


def test_clips_of_all_sizes_are_as_likely_to_be_stored_whenever_they_came():
    num_clips, num_runs = 60, 1000
    counts, budget = torch.zeros(num_clips), Budget.of_bytes(1500, 10, 48)
    for seed in range(num_runs):
        memory = of_bodies(budget, seed=seed)
        for first in range(0, num_clips, 7):
            memory.offer(numbered(first, min(7, num_clips - first)))
        counts[memory.labels] += 1
    for parity in (0, 1):
        of_size = counts[parity::2]
        mean = of_size.mean()
        deviation = (of_size - mean).square() / (mean * (1 - mean / num_runs))
        # Chi-square with 29 degrees of freedom: above 58.3 once in a thousand.
        assert deviation.sum() < 58.3
    # The larger ones fit the last place less often, and nothing else sets them apart.
    assert 0.8 < counts[0::2].mean() / counts[1::2].mean() < 1


def test_clips_of_one_size_are_taken_as_algorithm_r_takes_them():
    """In slots of another order, so that other clips make room."""
    even, uneven = make_memory(4, seed=3), of_bodies(Budget.of_bytes(4 * 106, 10, 48), seed=3)
    taken = []
    for number in range(200):
        clip = numbered(2 * number, 1)  # of two bodies
        for memory in (even, uneven):
            memory.offer(clip)
        taken.append([2 * number in memory.labels for memory in (even, uneven)])
        assert len(even) == len(uneven) == min(number + 1, 4)
    assert all(one == other for one, other in taken)
    assert 8 < sum(one for one, _ in taken) < 40


def test_a_restored_memory_of_bodies_goes_on_as_the_saved_one():
    memory = of_bodies(BODIES)
    memory.offer(numbered(0, 30))
    restored = of_bodies(BODIES, seed=99)
    restored.offer(numbered(70, 9))
    restored.load_state_dict(memory.state_dict())
    for one in (memory, restored):
        one.offer(numbered(30, 30))
    assert_same(memory.state_dict(), restored.state_dict())
    drawn, same = memory.draw(5), restored.draw(5)
    assert torch.equal(drawn.clips.x, same.clips.x)
    assert torch.equal(drawn.slots, same.slots)
