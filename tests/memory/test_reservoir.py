"""The memory: a fair reservoir, exact bytes, draws without replacement."""

import pytest
import torch

from charon.clips import Clips
from charon.memory.codec import rebuild, thin
from charon.memory.reservoir import Memory

SHAPE = (2, 6, 1, 2)


def make_memory(capacity, shape=SHAPE, *, num_logits=0, interval=1, seed=0, **options):
    return Memory(
        capacity,
        shape,
        num_logits=num_logits,
        sampling_interval=interval,
        device=torch.device("cpu"),
        generator=torch.Generator().manual_seed(seed),
        **options,
    )


def numbered(first, count, shape=SHAPE):
    """Clips that say their number in every coordinate and as their label."""
    label = torch.arange(first, first + count)
    x = label.float().view(-1, 1, 1, 1, 1).expand(count, *shape).clone()
    present = torch.stack([torch.ones(count, dtype=torch.bool), label % 2 == 0], dim=1)
    return Clips(x, present[:, : shape[3]], label)


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


@pytest.mark.parametrize("method", ["linear", "resize"])
def test_what_is_drawn_was_thinned_and_rebuilt(method):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, *SHAPE, generator=generator)
    memory = make_memory(3, interval=2, rebuild_method=method)
    memory.offer(Clips(x, torch.ones(3, 2, dtype=torch.bool), torch.arange(3)))
    replay = memory.draw(3)
    expected = rebuild(thin(x, 2), 6, 2, method)
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
    assert state["label"].tolist() == [0, 1]
    assert state["x"].flatten(1)[:, 0].tolist() == [0, 1]
