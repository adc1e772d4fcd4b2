"""The class-balanced memory: as many clips of every class, exact bytes; herding by hand."""

import pytest
import torch

from charon.clips import Clips
from charon.memory.class_balanced import ClassBalancedBuffer, HerdingBuffer
from charon.memory.thinned import Thinned

SHAPE = (2, 6, 1, 2)


def make_memory(capacity, interval=1):
    return ClassBalancedBuffer(
        capacity,
        Thinned(SHAPE, interval),
        device=torch.device("cpu"),
        generator=torch.Generator().manual_seed(0),
    )


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
    labels = torch.tensor([3, 1, 2] * 5)
    chosen = memory.choose(labels, range(1, 4))
    counts = labels[chosen].bincount(minlength=4).tolist()
    assert sorted(counts[1:]) == [2, 2, 3]  # 7 slots
    assert len(set(chosen.tolist())) == 7
    assert labels[chosen].tolist() == sorted(labels[chosen].tolist())


def test_a_class_of_few_clips_leaves_slots_free():
    assert sorted(make_memory(8).choose(torch.tensor([0, 1, 1]), range(2)).tolist()) == [0, 1, 2]


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
