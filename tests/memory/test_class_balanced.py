"""The class-balanced memory: as many clips of every class, exact bytes; herding by hand."""

import pytest
import torch
from memory import buffers
from memory.buffers import SHAPE

from charon.clips import Clips
from charon.memory.budget import Budget
from charon.memory.class_balanced import ClassBalancedBuffer, HerdingBuffer


def make_memory(capacity, interval=1):
    return buffers.make_memory(capacity, interval=interval, kind=ClassBalancedBuffer)


def numbered(first, labels):
    """Clips that say their number in every coordinate."""
    number = torch.arange(first, first + len(labels)).float()
    x = number.view(-1, 1, 1, 1, 1).expand(-1, *SHAPE).clone()
    return Clips(x, torch.ones(len(labels), 2, dtype=torch.bool), torch.tensor(labels))


def held(memory):
    """What lies in the memory: (label, number) in the order of its slots."""
    clips = memory.at(torch.arange(len(memory))).clips
    return list(zip(clips.label.tolist(), clips.x[:, 0, 0, 0, 0].tolist(), strict=True))


def test_reducing_keeps_the_first_of_every_class():
    memory = make_memory(7)
    memory.offer(numbered(0, [1, 1, 1]))
    memory.offer(numbered(3, [0]))
    memory.offer(numbered(4, [2, 2, 2]))
    memory.reduce(2)
    assert held(memory) == [(1, 0), (1, 1), (0, 3), (2, 4), (2, 5)]
    memory.offer(numbered(9, [3, 3]))
    memory.reduce(1)
    assert held(memory) == [(1, 0), (0, 3), (2, 4), (3, 9)]
    memory.reduce(0)
    assert len(memory) == 0
    assert memory.num_bytes == 0


def test_there_is_room_for_its_capacity_and_no_more():
    memory = make_memory(2)
    memory.offer(numbered(0, [0, 1]))
    memory.offer(numbered(0, []))
    with pytest.raises(ValueError, match="3 clips do not fit a memory of 2"):
        memory.offer(numbered(2, [2]))
    assert held(memory) == [(0, 0), (1, 1)]


def test_bytes_are_those_of_thinned_clips_presence_and_labels():
    memory = make_memory(4, interval=3)
    memory.offer(numbered(0, [0, 0, 1]))
    assert memory.num_bytes == 3 * (2 * 2 * 1 * 2 * 4 + 2 + 8)


def test_a_restored_memory_goes_on_as_the_saved_one():
    memory, restored = make_memory(5), make_memory(5)
    memory.offer(numbered(0, [0, 0, 1, 1]))
    restored.offer(numbered(7, [4, 4, 4, 4, 4]))
    state = memory.state_dict()
    memory.reduce(1)
    memory.offer(numbered(5, [2]))
    restored.load_state_dict(state)
    assert len(restored) == 4
    restored.reduce(1)
    restored.offer(numbered(5, [2]))
    assert held(memory) == held(restored) == [(0, 0), (1, 2), (2, 5)]


def test_new_classes_share_the_free_slots():
    memory = make_memory(8)
    memory.offer(numbered(0, [0]))
    clips = numbered(1, [3, 1, 2] * 5)
    labels, chosen = clips.label, memory.choose(clips, range(1, 4))
    counts = labels[chosen].bincount(minlength=4).tolist()
    assert sorted(counts[1:]) == [2, 2, 3]  # 7 slots
    assert len(set(chosen.tolist())) == 7
    assert labels[chosen].tolist() == sorted(labels[chosen].tolist())


def test_a_class_of_few_clips_leaves_slots_free():
    assert sorted(make_memory(8).choose(numbered(0, [0, 1, 1]), range(2)).tolist()) == [0, 1, 2]


def test_a_share_in_bytes_is_filled_as_far_as_whole_clips_fit():
    # A clip of one body takes 10 + 48 bytes, one of two 10 + 96: here the even numbers.
    memory = buffers.of_bodies(Budget.of_bytes(640, 10, 48), kind=ClassBalancedBuffer)
    labels = [0, 0, 0, 0, 1, 1, 1, 1]
    clips = numbered(0, labels)
    present = torch.tensor([[True, number % 2 == 0] for number in range(8)])
    clips = Clips(clips.x * present[:, None, None, None], present, clips.label)
    assert memory.share(2) == 320
    chosen = memory.choose(clips, range(2))
    memory.offer(clips.take(chosen))
    costs, label = memory.costs, memory.labels
    for k in range(2):
        assert 320 - 106 < int(costs[label == k].sum()) <= 320
    assert int(costs.sum()) == memory.num_bytes - len(memory) * (2 + 8 + 8 - 10)
    first = held(memory)
    memory.reduce(memory.share(4))
    for k in range(2):
        mine = [number for label, number in first if label == k]
        kept = [number for label, number in held(memory) if label == k]
        assert kept == mine[: len(kept)]
        assert int(memory.costs[memory.labels == k].sum()) <= 160
    rows = memory.first_that_fit(torch.tensor([1, 0, 3, 5]), present, 170)
    assert rows.tolist() == [1, 0]  # 58, 164, and 222 is too much
    with pytest.raises(ValueError, match="do not fit"):
        memory.offer(clips)


def test_herding_by_hand():
    # The mean of these is (2.4, 3) / 5 = (0.48, 0.6).
    features = torch.tensor([[1.0, 0], [0, 1], [0.6, 0.8], [0.8, 0.6], [0, 0.6]])
    # 1st: squared distances to the mean 0.63, 0.39, 0.0544, 0.1024, 0.2304: clip 2.
    # 2nd: (0.6, 0.8) and one more, halved: (.8, .4), (.3, .9), -, (.7, .7), (.3, .7):
    #      0.1424, 0.1224, -, 0.0584, 0.0424: clip 4.
    # 3rd: (0.6, 1.4) and one more, by three: (.533, .467), (.2, .8), -, (.467, .667):
    #      0.0206, 0.1184, -, 0.0046: clip 3.
    # 4th: (1.4, 2.0) and one more, by four: (.6, .5), (.35, .75): 0.0244, 0.0394: clip 0.
    assert HerdingBuffer.herd(features, 5).tolist() == [2, 4, 3, 0, 1]


def test_fewer_are_the_first_of_more():
    features = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    most = HerdingBuffer.herd(features, 12).tolist()
    assert sorted(most) == list(range(12))
    for count in (0, 1, 5):
        assert HerdingBuffer.herd(features, count).tolist() == most[:count]
    assert HerdingBuffer.herd(features, 99).tolist() == most


def test_equal_clips_are_chosen_once_each():
    assert sorted(HerdingBuffer.herd(torch.ones(3, 2), 3).tolist()) == [0, 1, 2]
