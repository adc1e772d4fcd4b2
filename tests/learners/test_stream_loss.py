"""Losses on labels that do not favour the task's classes, by hand; off by default."""

import copy

import pytest
import torch
from learners.objectives import Copy, assert_close, fill, weights
from learners.objectives import cross_entropy as plain
from tiny_runs import random_clips, tiny_learner, tiny_run

from charon.learners.stream_loss import cross_entropy


def with_memory(name, **changes):
    """A learner in its second task: 3 + 1 clips of classes 2 and 3; of 0 and 1 five and two."""
    learner = tiny_learner(tiny_run(name, **{"learner__buffer_size": 10, **changes}))
    fill(learner, with_logits=True)
    learner.memory._label[:7] = torch.tensor([0, 0, 0, 1, 0, 1, 0])
    learner.begin_task(range(2, 4))
    learner.training_set(random_clips(4, labels=[2, 2, 3, 2]))
    return learner


def test_shares_are_those_of_the_task_and_of_the_memory_by_their_weights():
    learner = with_memory("derpp")
    shares = learner.label_shares(0.5)
    wanted = torch.tensor([0.5 * 5 / 7, 0.5 * 2 / 7, 3 / 4, 1 / 4, 0, 0]) / 1.5
    torch.testing.assert_close(shares, wanted)
    balance = learner.class_weights(0.5)
    torch.testing.assert_close(balance[:4], 1 / (4 * wanted[:4]))
    assert float((balance * shares).sum()) == pytest.approx(1)


def test_the_terms_by_hand():
    logits = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    label = torch.tensor([2, 3, 3, 2])
    added, weight = torch.arange(6.0) / 7, torch.arange(1.0, 7)
    torch.testing.assert_close(cross_entropy(logits, label), plain(logits, label))
    within = cross_entropy(logits, label, range(2, 4))
    torch.testing.assert_close(within, plain(logits[:, 2:4], label - 2))
    moved = cross_entropy(logits, label, added=added)
    torch.testing.assert_close(moved, plain(logits + added, label))
    each = torch.stack(
        [weight[y] * plain(x[None], y[None]) for x, y in zip(logits, label, strict=True)]
    )
    torch.testing.assert_close(cross_entropy(logits, label, weights=weight), each.mean())


def test_the_stream_has_no_slope_at_outputs_of_other_tasks():
    outputs = torch.randn(4, 6, requires_grad=True)
    cross_entropy(outputs, torch.tensor([2, 3, 3, 2]), range(2, 4)).backward()
    assert (outputs.grad[:, [0, 1, 4, 5]] == 0).all()
    assert (outputs.grad[:, 2:4] != 0).all()


def test_a_step_of_derpp_with_both_switches():
    fields = {"learner__stream_outputs": "task", "learner__logit_adjustment": 1.5}
    learner = with_memory("derpp", **fields)
    hand, alpha, beta = Copy(learner), 0.3, 0.8
    shares = learner.label_shares(beta).clamp(min=1e-8)
    added = 1.5 * shares.log()
    batch = random_clips(3, seed=2, labels=[2, 3, 2])
    learner.train_step(batch)

    hand.network.train()
    logits = hand.network(hand.rotate(batch.x), batch.present)
    loss = plain((logits + added)[:, 2:4], batch.label - 2)
    x, present, _, z = hand.draw()
    loss = loss + alpha * ((hand.network(hand.rotate(x), present) - z) ** 2).mean()
    x, present, y, _ = hand.draw()
    loss = loss + beta * plain(hand.network(hand.rotate(x), present) + added, y)
    assert_close(weights(learner), hand.descend(loss))


def test_a_balanced_probing_step_of_charon():
    learner = with_memory("charon", learner__probe_classes="balanced")
    hand = copy.deepcopy(learner)
    batch = random_clips(3, seed=2, labels=[2, 3, 2])
    learner.probe_step(batch)

    balance = hand.class_weights(0.8)
    stream = hand.augment(batch)
    replay = hand.draw()
    clips = hand.augment(replay.clips)
    hand.network.eval()
    features = [hand.network.features(c.x, c.present).detach() for c in (stream, clips)]
    logits, others = (hand.network.classifier(part) for part in features)

    def weighted(x, label):
        each = [balance[y] * plain(z[None], y[None]) for z, y in zip(x, label, strict=True)]
        return torch.stack(each).mean()

    loss = weighted(logits, stream.label) + 0.3 * ((others - replay.logits) ** 2).mean()
    loss = loss + 0.8 * weighted(others, clips.label)
    slopes = torch.autograd.grad(loss, [*hand.network.classifier.parameters()])
    for new, old, slope in zip(
        learner.network.classifier.parameters(),
        hand.network.classifier.parameters(),
        slopes,
        strict=True,
    ):
        torch.testing.assert_close(new, old - 0.05 * slope)


def test_older_clips_keep_their_logits_of_older_classes():
    learner = with_memory("charon", learner__refresh="later")
    new = random_clips(2, labels=[2, 3], seed=4)
    learner.memory.offer(new, torch.zeros(2, 6))
    before = learner.memory.at(torch.arange(9))
    learner.end_task(new)
    after = learner.memory.at(torch.arange(9)).logits
    said = learner.logits(before.clips)
    torch.testing.assert_close(after[7:], said[7:])
    assert torch.equal(after[:7, :2], before.logits[:7, :2])
    own = before.logits[:7].gather(1, before.clips.label[:7, None])[:, 0]
    for row in range(7):
        if own[row] <= 0:
            assert torch.equal(after[row], before.logits[row])
        elif said[row, 2:].max() > own[row]:
            scaled = said[row, 2:] * 0.85 * own[row] / said[row, 2:].max()
            torch.testing.assert_close(after[row, 2:], scaled)
        else:
            torch.testing.assert_close(after[row, 2:], said[row, 2:])


@pytest.mark.parametrize("preset", ["paper", "released"])
@pytest.mark.parametrize("name", ["er", "der", "derpp", "charon"])
def test_presets_have_none_of_it(name, preset):
    settings = tiny_learner(tiny_run(name, preset)).settings
    assert (settings.classifier, settings.selection) == ("outputs", "reservoir")
    if name != "er":
        assert (settings.stream_outputs, settings.logit_adjustment) == ("all", 0)
    if name == "charon":
        assert settings.probe_classes == "as_drawn"


def test_an_empty_memory_leaves_the_task_alone():
    learner = tiny_learner(tiny_run("derpp", learner__logit_adjustment=1.0))
    learner.begin_task(range(0, 2))
    clips = random_clips(4, labels=[0, 1, 1, 1])
    learner.training_set(clips)
    shares = learner.adjustment(0.8).exp()
    torch.testing.assert_close(shares[:2], torch.tensor([0.25, 0.75]))
