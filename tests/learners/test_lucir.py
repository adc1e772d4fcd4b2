"""LUCIR against its objective, written out by hand."""

import copy

import pytest
import torch
from learners.objectives import Copy, assert_close, cross_entropy, weights
from tiny_runs import random_clips, tiny_learner, tiny_run

from charon.learners.lucir import ranking


def make(**changes):
    return tiny_learner(tiny_run("lucir", **{"learner__buffer_size": 10, **changes}))


def unit(x):
    return x / (x**2).sum(dim=1, keepdim=True).sqrt()


def after_first_task(**changes):
    learner = make(**changes)
    learner.begin_task(range(0, 2))
    clips = random_clips(6, labels=[0, 1] * 3, seed=5)
    learner.train_step(learner.training_set(clips))
    learner.end_task(clips)
    return learner


def test_in_the_first_task_a_step_is_a_cross_entropy_of_scaled_cosines():
    learner = make()
    learner.begin_task(range(0, 2))
    hand = Copy(learner)
    batch = random_clips(4, labels=[0, 1, 1, 0], seed=2)
    assert learner.train_step(batch).keys() == {"total", "ce"}
    hand.network.train()
    features = hand.network.features(hand.rotate(batch.x), batch.present)
    head = hand.network.classifier
    loss = cross_entropy(head.scale * (unit(features) @ unit(head.weight).T)[:, :2], batch.label)
    assert_close(weights(learner), hand.descend(loss))


def test_a_later_step_distils_features_and_keeps_exemplars_apart_from_new_classes():
    learner = after_first_task(learner__distillation_weight=2.0, learner__ranking_weight=0.7)
    learner.begin_task(range(2, 4))
    teacher = copy.deepcopy(learner.network).eval()
    hand = Copy(learner)
    batch = random_clips(4, labels=[2, 0, 3, 1], seed=2)
    losses = learner.train_step(batch)

    hand.network.train()
    x = hand.rotate(batch.x)
    features, head = hand.network.features(x, batch.present), hand.network.classifier
    before = teacher.features(x, batch.present).detach()
    cosines = unit(features) @ unit(head.weight).T
    ce = cross_entropy(head.scale * cosines[:, :4], batch.label)
    distillation = (1 - (unit(features) * unit(before)).sum(dim=1)).mean()
    hinges = [
        (0.5 - cosines[row, label] + cosines[row, new]).clamp(min=0)
        for row, label in ((1, 0), (3, 1))
        for new in (2, 3)
    ]
    apart = torch.stack(hinges).mean()
    torch.testing.assert_close(losses["distillation"], distillation.detach())
    torch.testing.assert_close(losses["ranking"], apart.detach())
    # As many old classes as new: the root is 1.
    assert_close(weights(learner), hand.descend(ce + 2.0 * distillation + 0.7 * apart))


def test_new_classes_begin_at_their_mean_feature_with_the_length_of_old_ones():
    learner = after_first_task()
    learner.begin_task(range(2, 4))
    before = learner.network.classifier.weight.detach().clone()
    clips = random_clips(6, labels=[2, 3] * 3, seed=8)
    joined = learner.training_set(clips)
    assert len(joined) == 6 + len(learner.memory)
    weight = learner.network.classifier.weight.detach().clone()
    features = learner.unit_features(clips)
    for k in (2, 3):
        mean = features[clips.label == k].mean(dim=0)
        wanted = mean / mean.norm() * before[:2].norm(dim=1).mean()
        torch.testing.assert_close(weight[k], wanted)
    others = [0, 1, 4, 5]
    assert torch.equal(weight[others], before[others])
    learner.training_set(clips)  # once a task
    assert torch.equal(learner.network.classifier.weight, weight)


def test_only_the_hardest_new_classes_count_and_only_for_old_ones():
    cosines = torch.tensor([[0.9, 0.1, 0.6, 0.2, 0.5], [0.0, 0.1, 0.9, 0.2, 0.5]])
    label = torch.tensor([0, 2])
    # New are 2, 3 and 4: of 0.6, 0.2 and 0.5 the two largest, against 0.9 and a margin of 0.5.
    found = ranking(cosines, label, first_new=2, hardest=2, margin=0.5)
    assert float(found) == pytest.approx(((0.5 - 0.9 + 0.6) + (0.5 - 0.9 + 0.5)) / 2)
    assert float(ranking(cosines[1:], label[1:], 2, 2, 0.5)) == 0
