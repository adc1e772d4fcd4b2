"""X-DER against its objective, written out by hand."""

import math

import pytest
import torch
from learners.objectives import Copy, assert_close, cross_entropy, mean_square, weights
from tiny_runs import random_clips, tiny_learner, tiny_run
from torch.func import functional_call

from charon.learners.xder import draw_for_renewal, hinge, renew, supervised_contrastive


def make(**changes):
    options = {
        "learner__buffer_size": 6,
        "learner__sampling_interval": 1,
        "learner__contrastive_batch_size": 2,
    }
    return tiny_learner(tiny_run("xder", **{**options, **changes}))


def after_first_task(**changes):
    """A learner that has learned classes 0 and 1, and begins with 2 and 3."""
    learner = make(**changes)
    learner.begin_task(range(0, 2))
    first = random_clips(8, labels=[0, 1] * 4, seed=7)
    learner.train_step(first)
    learner.end_task(first)
    learner.begin_task(range(2, 4))
    return learner


def draw(hand, count):
    memory = hand.learner.memory
    order = torch.randperm(len(memory), generator=hand.learner.memory.generator)
    return memory.at(order[:count])


def forward(hand, x, present):
    return hand.network(hand.rotate(x), present)


def contrastive(views, labels, temperature):
    """Each view against every other one; those of its class are to be likely."""
    units = [
        (v / v.square().sum().sqrt(), y)
        for view in views
        for v, y in zip(view, labels, strict=True)
    ]
    losses = []
    for i, (u, y) in enumerate(units):
        others = [j for j in range(len(units)) if j != i]
        sizes = {j: ((u * units[j][0]).sum() / temperature).exp() for j in others}
        total = sum(sizes.values())
        positive = [-(sizes[j] / total).log() for j in others if units[j][1] == y]
        losses.append(sum(positive) / len(positive))
    return torch.stack(losses).mean()


def hinge_by_hand(gaps):
    violated = [gap for gap in gaps if gap > 0]
    return torch.stack(violated).mean() if violated else torch.tensor(0.0)


def test_the_first_task_has_no_past():
    learner = make()
    learner.begin_task(range(0, 2))
    hand = Copy(learner)
    batch = random_clips(3, labels=[0, 1, 0], seed=2)
    losses = learner.train_step(batch)

    hand.network.train()
    outputs = forward(hand, batch.x, batch.present)
    ce = cross_entropy(outputs[:, :2], batch.label)
    pair = batch.take(torch.arange(2))
    both = forward(hand, torch.cat([pair.x, pair.x]), torch.cat([pair.present, pair.present]))
    views = both.unflatten(0, (2, 2))
    contrast = (
        contrastive(views[:, :, 2:4], [0, 1], 5.0) + contrastive(views[:, :, 4:6], [0, 1], 5.0)
    ) / 2
    future = hinge_by_hand([row[2:].max() - row[:2].max() + 0.3 for row in outputs])
    total = ce + 0.1 * contrast + 0.1 * future
    expected = {"total": total, "ce": ce, "contrastive": contrast, "future": future}
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        torch.testing.assert_close(loss, expected[name].detach(), msg=name)


def test_a_later_step_descends_on_the_whole_objective():
    learner = after_first_task()
    hand = Copy(learner)
    batch = random_clips(3, labels=[2, 3, 2], seed=2)
    losses = learner.train_step(batch)

    hand.network.train()
    outputs = forward(hand, batch.x, batch.present)
    ce = cross_entropy(outputs[:, 2:4], batch.label - 2)
    one = draw(hand, 4)
    logits = forward(hand, one.clips.x, one.clips.present)
    other = draw(hand, 4)
    others = forward(hand, other.clips.x, other.clips.present)
    on_logits = mean_square(logits, one.logits)
    on_labels = cross_entropy(others[:, :2], other.clips.label)

    # What is in both draws counts once, as it was in the first.
    torch.rand(  # the chances of a renewal
        len(set(one.slots.tolist()) | set(other.slots.tolist())),
        generator=hand.learner.memory.generator,
    )
    gaps = [row[4:].max() - row[2:4].max() + 0.3 for row in outputs]
    seen = set()
    for slot, row in zip(
        [*one.slots.tolist(), *other.slots.tolist()], [*logits, *others], strict=True
    ):
        if slot not in seen:
            gaps.append(row[4:].max() - row[0:2].max() + 0.3)
        seen.add(slot)
    future = hinge_by_hand(gaps)

    third, pair = draw(hand, 2).clips, batch.take(torch.arange(2))
    x, present = torch.cat([third.x, pair.x]), torch.cat([third.present, pair.present])
    # The statistics of this forward are forgotten.
    state = dict(hand.network.named_parameters()) | {
        name: buffer.clone() for name, buffer in hand.network.named_buffers()
    }
    x, present = hand.rotate(torch.cat([x, x])), torch.cat([present, present])
    both = functional_call(hand.network, state, (x, present))
    labels = [*third.label.tolist(), *pair.label.tolist()]
    contrast = contrastive(both.unflatten(0, (2, 4))[:, :, 4:], labels, 5.0)

    chances = outputs[:, :4].softmax(dim=1)
    past = hinge_by_hand([row[:2].max().detach() - row[2:].max() + 0.3 for row in chances])
    total = ce + 0.3 * on_logits + 0.8 * on_labels + 0.1 * contrast + 0.1 * (future + past)
    expected = {
        "total": total,
        "ce": ce,
        "logits": on_logits,
        "labels": on_labels,
        "contrastive": contrast,
        "future": future,
        "past": past,
    }
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        assert not loss.requires_grad
        torch.testing.assert_close(loss, expected[name].detach(), msg=name)
    assert_close(weights(learner), hand.descend(total))


def test_the_last_task_has_no_future_and_a_joint_stream_nothing_but_the_labels():
    learner = make()
    learner.begin_task(range(4, 6))
    assert learner.train_step(random_clips(3, labels=[4, 5, 4])).keys() == {"total", "ce", "past"}
    joint = make(data__stream="joint")
    joint.begin_task(range(0, 6))
    assert joint.train_step(random_clips(3)).keys() == {"total", "ce"}


def test_the_contrastive_loss_by_hand():
    views = torch.tensor([[[3.0, 4.0], [0.0, 2.0]], [[1.0, 0.0], [5.0, 0.0]]])
    # Cosines of a = (.6, .8), b = (0, 1), c = (1, 0), d = (1, 0); a and c show clip 0.
    e = {k: math.exp(v / 5) for k, v in {"ab": 0.8, "ac": 0.6, "bc": 0.0, "cd": 1.0}.items()}
    a = -math.log(e["ac"] / (e["ab"] + 2 * e["ac"]))
    b = -math.log(e["bc"] / (e["ab"] + 2 * e["bc"]))
    c = -math.log(e["ac"] / (e["ac"] + e["bc"] + e["cd"]))
    d = -math.log(e["bc"] / (e["ac"] + e["bc"] + e["cd"]))
    loss = supervised_contrastive(views, torch.tensor([0, 1]), 5.0)
    assert float(loss) == pytest.approx((a + b + c + d) / 4)
    # With one label all others are right: the mean over the three of each anchor.
    alike = supervised_contrastive(views, torch.tensor([0, 0]), 5.0)
    assert float(alike) == pytest.approx(float(contrastive(views, [0, 0], 5.0)))


def test_the_hinge_is_the_mean_of_what_is_violated():
    assert hinge(torch.tensor([-1.0, 0.5, 0.0, 1.5])) == 1.0
    assert hinge(torch.tensor([-1.0, -2.0])) == 0.0


def test_renewed_logits_stay_below_the_own_class():
    old = torch.tensor([[4.0, 1, 0, 0], [4.0, 1, 0, 0], [-1.0, 1, 7, 7]])
    new = torch.tensor([[9.0, 9, 8, -2], [9.0, 9, 3, 1], [9.0, 9, 3, 1]])
    renewed = renew(old, new, torch.tensor([0, 0, 0]), range(2, 4), 0.85)
    # 8 > 4: scaled by 0.85 · 4 / 8. 3 < 4: as it is. -1 is not above 0: left alone.
    expected = torch.tensor([[4.0, 1, 3.4, -0.85], [4.0, 1, 3, 1], [-1.0, 1, 7, 7]])
    torch.testing.assert_close(renewed, expected)
    assert torch.equal(renew(old, new, torch.tensor([0, 0, 0]), range(0), 0.85), old)


def test_the_nth_replay_of_a_clip_is_drawn_for_renewal_with_probability_1_over_n():
    generator = torch.Generator().manual_seed(0)
    assert draw_for_renewal(torch.ones(10), generator).tolist() == list(range(10))
    for n in (2, 5, 50):
        drawn = len(draw_for_renewal(torch.full((10_000,), n), generator))
        assert abs(drawn / 10_000 - 1 / n) < 5 * (1 / n / 10_000) ** 0.5


def test_a_step_renews_the_logits_of_replayed_clips_from_their_next_head_on():
    """Each clip's first replay in a task does; the draws of both mini-batches are repeated."""
    learner = after_first_task(learner__buffer_size=8, learner__replay_batch_size=3)
    generator, size = learner.memory.generator, len(learner.memory)
    assert size == 8
    before = learner.memory.at(torch.arange(size)).logits
    state = generator.get_state()
    drawn = {*torch.randperm(size, generator=generator)[:3].tolist()}
    drawn |= {*torch.randperm(size, generator=generator)[:3].tolist()}
    generator.set_state(state)
    learner.train_step(random_clips(3, labels=[2, 3, 2], seed=2))
    after = learner.memory.at(torch.arange(size)).logits
    assert torch.equal(after[:, :2], before[:, :2])
    # A clip whose own logit is not above 0 is left as it is.
    own = before.gather(1, learner.memory.labels[:, None]).flatten()
    renewed = (after[:, 2:] != before[:, 2:]).all(dim=1).nonzero().flatten().tolist()
    assert renewed == [slot for slot in range(size) if slot in drawn and own[slot] > 0]
    assert renewed
    assert [slot for slot in range(size) if learner.times_replayed[slot]] == sorted(drawn)


def test_the_memory_is_balanced_and_fills_the_room_there_is():
    learner = after_first_task(learner__buffer_size=7)
    counts = torch.bincount(learner.memory.labels).tolist()
    assert sorted(counts) == [3, 4]
    learner.end_task(random_clips(10, labels=[2, 3] * 5))
    # 7 // 4 = 1 of each old class; of the 5 that are left, 2 and 3.
    counts = torch.bincount(learner.memory.labels).tolist()
    assert counts[:2] == [1, 1]
    assert sorted(counts[2:]) == [2, 3]


def test_stored_logits_are_renewed_at_the_end_of_a_task():
    learner = after_first_task()
    past = learner.memory.at(torch.arange(len(learner.memory)))
    clips = random_clips(4, labels=[2, 3, 2, 3], seed=3)
    learner.end_task(clips)
    held = learner.memory.at(torch.arange(len(learner.memory)))
    said = learner.predict(held.clips)
    for n, (x, label) in enumerate(zip(held.clips.x, held.clips.label.tolist(), strict=True)):
        if label < 2:
            (slot,) = [k for k in range(len(past.slots)) if torch.equal(past.clips.x[k], x)]
            wanted, heads = past.logits[slot].clone(), slice(2, 6)
        else:
            wanted, heads = said[n].clone(), slice(0, 2)
        own = wanted[label]
        if own > 0:
            largest = said[n, heads].max()
            wanted[heads] = said[n, heads] * (0.85 * own / largest if largest > own else 1)
        torch.testing.assert_close(held.logits[n], wanted)


def test_bytes_are_those_of_clips_presence_labels_logits_and_counts():
    learner = after_first_task()
    assert learner.measurements()["memory/extra_bytes"] == 6 * 4
    # 3 channels, 12 frames, 5 joints, 2 bodies of 4 bytes; 2, 8 and 6 x 4 bytes.
    assert learner.measurements()["memory/bytes"] == 6 * (3 * 12 * 5 * 2 * 4 + 2 + 8 + 6 * 4)
