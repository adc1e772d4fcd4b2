"""The storage of every memory: exact bytes, draws without replacement, copies."""

import pytest
import torch
from memory.buffers import SHAPE, make_memory, numbered

from charon.clips import Clips
from charon.memory import CODECS, STORAGES

every_codec = pytest.mark.parametrize("name", CODECS)


def test_bytes_of_the_papers_clips():
    # METHOD 3: a raw clip 72,000 B, at s=5 14,400 B; with its presence, label and logits.
    shape = (3, 120, 25, 2)
    for interval, frames in ((1, 72_000), (5, 14_400)):
        memory = make_memory(2, shape, interval=interval, num_logits=60)
        assert memory.num_bytes == 0
        memory.offer(numbered(0, 1, shape), torch.zeros(1, 60))
        assert memory.num_bytes == frames + 2 + 8 + 4 * 60
        memory.offer(numbered(1, 5, shape), torch.zeros(5, 60))
        assert memory.num_bytes == 2 * (frames + 2 + 8 + 4 * 60)


@pytest.mark.parametrize(("num_classes", "clips"), [(60, 2_466), (120, 2_434)])
def test_clips_of_equal_bytes(num_classes, clips):
    """METHOD 3: where every byte counts, 500 whole clips are not 2,500 thinned ones."""

    def clip_bytes(interval):
        memory = make_memory(1, (3, 120, 25, 2), interval=interval, num_logits=num_classes)
        memory.offer(numbered(0, 1, (3, 120, 25, 2)), torch.zeros(1, num_classes))
        return memory.num_bytes - 2  # presence bytes aside

    assert 500 * clip_bytes(1) // clip_bytes(5) == clips


def test_clips_without_logits_cost_no_bytes_for_them():
    memory = make_memory(3)
    memory.offer(numbered(0, 2))
    assert memory.num_bytes == 2 * (2 * 6 * 1 * 2 * 4 + 2 + 8)
    assert memory.draw(2).logits.shape == (2, 0)


def test_a_memory_for_no_clip_stays_empty():
    memory = make_memory(0)
    memory.offer(numbered(0, 4))
    assert len(memory) == 0
    assert memory.num_bytes == 0
    assert len(memory.draw(16).slots) == 0


def test_draws_are_without_replacement_and_no_larger_than_the_memory():
    memory = make_memory(5)
    memory.offer(numbered(0, 3))
    assert sorted(memory.draw(16).clips.label.tolist()) == [0, 1, 2]
    memory.offer(numbered(3, 2))
    pairs = [tuple(sorted(memory.draw(2).clips.label.tolist())) for _ in range(2000)]
    counts = [pairs.count((one, other)) for one in range(5) for other in range(one + 1, 5)]
    assert sum(counts) == 2000
    # Chi-square with 9 degrees of freedom: above 27.9 once in a thousand.
    assert sum((count - 200) ** 2 / 200 for count in counts) < 27.9


@every_codec
@pytest.mark.parametrize("storage", STORAGES)
def test_what_is_drawn_was_encoded_and_decoded(name, storage):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, *SHAPE, generator=generator)
    codec = CODECS[name](SHAPE, 2, storage=STORAGES[storage]())
    memory = make_memory(3, codec=codec)
    memory.offer(Clips(x, torch.ones(3, 2, dtype=torch.bool), torch.arange(3)))
    replay = memory.draw(3)
    assert memory.num_bytes == 3 * (codec.bytes_per_clip + 2 + 8)
    expected = codec.decode(codec.encode(x))
    assert torch.equal(replay.clips.x, expected[replay.slots])
    assert replay.clips.label.tolist() == replay.slots.tolist()


def test_stored_clips_do_not_follow_what_happens_to_the_originals():
    memory = make_memory(2)
    clips = numbered(1, 2)
    memory.offer(clips)
    clips.x.fill_(torch.nan)
    drawn = memory.draw(2)
    assert torch.isfinite(drawn.clips.x).all()
    drawn.clips.x.fill_(torch.nan)
    assert torch.isfinite(memory.draw(2).clips.x).all()


def test_logits_are_replaced_where_asked():
    memory = make_memory(3, num_logits=2)
    memory.offer(numbered(0, 3), torch.zeros(3, 2))
    memory.replace_logits(torch.tensor([2, 0]), torch.tensor([[1.0, 2], [3, 4]]))
    held = memory.at(torch.arange(3))
    assert held.logits.tolist() == [[3, 4], [0, 0], [1, 2]]
