"""The class-balancing reservoir: classes end up alike, and each is a fair sample of its clips."""

from collections import Counter

import torch
from memory.buffers import make_memory, numbered, of_bodies

from charon.clips import Clips
from charon.memory.balanced_reservoir import BalancedReservoirBuffer
from charon.memory.budget import Budget

SHAPE = (1, 1, 1, 1)


def make(capacity, seed=0):
    return make_memory(capacity, SHAPE, seed=seed, kind=BalancedReservoirBuffer)


def of_classes(labels):
    """Clips of these labels that say in their coordinate which of all they are."""
    clips = numbered(0, len(labels), SHAPE)
    return Clips(clips.x, clips.present, torch.tensor(labels))


def test_free_slots_are_filled_first():
    memory = make(5)
    memory.offer(of_classes([0, 0, 0]))
    assert memory.labels.tolist() == [0, 0, 0]
    memory.offer(of_classes([1, 0]))
    assert len(memory) == 5


def test_classes_end_up_alike_however_many_clips_they_had():
    memory = make(12)
    for labels in ([0] * 50, [1] * 7, [2] * 30):
        for part in torch.tensor(labels).split(4):
            memory.offer(of_classes(part.tolist()))
    assert Counter(memory.labels.tolist()) == {0: 4, 1: 4, 2: 4}


def test_a_class_with_few_clips_keeps_all_of_them():
    memory = make(10)
    memory.offer(of_classes([0] * 40))
    memory.offer(of_classes([1, 1]))
    memory.offer(of_classes([2] * 40))
    assert Counter(memory.labels.tolist()) == {0: 4, 1: 2, 2: 4}


def test_within_a_class_every_clip_is_as_likely_to_be_stored():
    num_clips, num_runs, counts = 24, 1500, torch.zeros(24)
    for seed in range(num_runs):
        memory = make(6, seed)
        clips = of_classes([0] * num_clips)
        for rows in torch.arange(num_clips).split(5):
            memory.offer(clips.take(rows))
        counts[memory.at(torch.arange(6)).clips.x.flatten().long()] += 1
    chance = 6 / num_clips
    deviation = (counts - num_runs * chance) ** 2 / (num_runs * chance * (1 - chance))
    # Chi-square with 23 degrees of freedom: above 49.7 once in a thousand.
    assert deviation.sum() < 49.7


def test_a_restored_memory_goes_on_as_the_saved_one():
    memory, other = make(6), make(6, seed=9)
    memory.offer(of_classes([0] * 9 + [1]))
    other.load_state_dict(memory.state_dict())
    for held in (memory, other):
        held.offer(of_classes([1] * 5 + [2] * 8))
    assert torch.equal(memory.labels, other.labels)
    assert (memory.num_seen, memory.full) == (other.num_seen, other.full)


def test_a_memory_without_room_stores_nothing():
    memory = make(0)
    memory.offer(of_classes([0, 1]))
    assert len(memory) == 0


def test_clips_of_two_bodies_take_the_room_of_two():
    budget = Budget(100, per_clip=4, per_body=8)
    memory = of_bodies(budget, kind=BalancedReservoirBuffer)
    for first in range(0, 60, 6):
        clips = numbered(first, 6)  # every other clip has two bodies
        memory.offer(Clips(clips.x, clips.present, clips.label // 30))
        assert int(memory.costs.sum()) <= 100
        assert len(memory) >= 4
    assert set(memory.labels.tolist()) == {0, 1}
    numbers = memory.at(torch.arange(len(memory))).clips.x[:, 0, 0, 0, 0].long()
    assert (numbers // 30 == memory.labels).all()
