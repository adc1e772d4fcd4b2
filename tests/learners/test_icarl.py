"""iCaRL: its loss, its exemplars and its nearest means, written out by hand."""

import copy
import math

import pytest
import torch
from learners.objectives import Copy, assert_close, weights
from tiny_runs import learn, random_clips, tiny_learner, tiny_run

from charon.learners.icarl import Icarl, class_means


def make(**changes):
    """A memory of the frames of 4 whole clips: 12 thinned ones."""
    return tiny_learner(tiny_run("icarl", **{"learner__buffer_size": 4, **changes}))


def of_classes(*labels, seed=0):
    return random_clips(len(labels), labels=list(labels), seed=seed)


def after_first_task(**changes):
    """A learner that has learned classes 0 and 1, and begins with 2 and 3."""
    learner = make(**changes)
    learner.begin_task(range(0, 2))
    first = of_classes(0, 1, 0, 1, 0, seed=7)
    learner.train_step(first)
    learner.end_task(first)
    learner.prepare_to_predict()
    learner.begin_task(range(2, 4))
    return learner


def binary_cross_entropy(logits, targets):
    chance = 1 / (1 + (-logits).exp())
    each = targets * chance.log() + (1 - targets) * (1 - chance).log()
    return -each.sum() / len(each)


def unit(vector):
    return vector / vector.square().sum(-1, keepdim=True).sqrt()


def features_of(network, clips):
    network.eval()
    return unit(network.features(clips.x, clips.present).detach())


def test_in_the_first_task_every_output_learns_the_labels():
    learner = make()
    learner.begin_task(range(0, 2))
    hand = Copy(learner)
    batch = of_classes(1, 0, 1)
    losses = learner.train_step(batch)

    hand.network.train()
    logits = hand.network(hand.rotate(batch.x), batch.present)[:, :2]
    loss = binary_cross_entropy(logits, torch.tensor([[0.0, 1], [1, 0], [0, 1]]))
    assert losses.keys() == {"total"}
    assert not losses["total"].requires_grad
    torch.testing.assert_close(losses["total"], loss.detach())
    assert_close(weights(learner), hand.descend(loss))


def test_old_outputs_learn_what_the_network_before_says():
    """Of the same rotated clips, in evaluation mode; new ones of old exemplars learn 0."""
    learner = after_first_task()
    before = copy.deepcopy(learner.network)
    learner.train_step(of_classes(3, 2, 3, seed=5))  # now the two networks differ
    hand = Copy(learner)
    batch = of_classes(2, 3, 0, seed=2)
    losses = learner.train_step(batch)

    hand.network.train()
    before.eval()
    x = hand.rotate(batch.x)
    old = 1 / (1 + (-before(x, batch.present).detach()).exp())
    targets = torch.tensor([[0.0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
    targets[:, :2] = old[:, :2]
    loss = binary_cross_entropy(hand.network(x, batch.present)[:, :4], targets)
    torch.testing.assert_close(losses["total"], loss.detach())
    assert_close(weights(learner), hand.descend(loss))
    assert_close(learner.teacher.state_dict(), before.state_dict())


def test_exemplars_join_the_training_set():
    learner = after_first_task()
    own = of_classes(2, 3, 2, seed=3)
    joined = learner.training_set(own)
    assert joined.label.tolist() == [2, 3, 2, 0, 0, 0, 1, 1]
    assert torch.equal(joined.x[:3], own.x)
    assert torch.equal(joined.x[3:], learner.memory.at(torch.arange(5)).clips.x)
    assert make().training_set(own).label.tolist() == [2, 3, 2]  # the first task's


def test_every_class_has_as_many_exemplars_nearest_to_its_mean_first():
    learner = after_first_task()
    first = learner.memory.at(torch.arange(5)).clips
    second = of_classes(2, 3, 2, 2, 3, 2, 2, seed=3)
    learner.end_task(second)
    learner.prepare_to_predict()
    # 12 // 4 = 3 of each; of classes 1 and 3 there are two.
    assert learner.memory.labels.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    held = learner.memory.at(torch.arange(10)).clips
    assert torch.equal(held.x[:5], first.x)  # the exemplars of old classes stay as they are
    own = second.take(torch.tensor([0, 2, 3, 5, 6]))
    features = features_of(learner.network, own)
    nearest = (features - features.mean(0)).square().sum(1).argmin()
    assert torch.equal(held.x[5, :, ::3], own.x[nearest, :, ::3])


def test_the_memory_makes_room_as_classes_come():
    learner = make()  # 12 thinned clips: 6, 3 and 2 of each class; there are 5 clips of each
    counts = []
    for first in (0, 2, 4):
        learner.begin_task(range(first, first + 2))
        learner.end_task(of_classes(*[first, first + 1] * 5, seed=first))
        learner.prepare_to_predict()
        counts.append(learner.memory.labels.bincount().tolist())
    assert counts == [[5, 5], [3, 3, 3, 3], [2, 2, 2, 2, 2, 2]]


def test_class_means_by_hand():
    features = torch.tensor([[1.0, 0], [0.6, 0.8], [0, 1], [0, -1], [-1, 0]])
    label = torch.tensor([0, 0, 3, 0, 3])
    means = class_means(features, label, 4)
    # Class 0: (1.6, -0.2) / 3; class 3: (-1, 1) / 2; each then of unit length.
    torch.testing.assert_close(means[0], torch.tensor([1.6, -0.2]) / math.sqrt(2.6))
    torch.testing.assert_close(means[3], torch.tensor([-1.0, 1.0]) / math.sqrt(2.0))
    assert means[1:3].isnan().all()


@pytest.mark.parametrize("num_clips", [5, 70])
def test_the_mean_is_over_all_exemplars_whatever_the_size_of_the_last_batch(num_clips):
    learner = make(learner__buffer_size=30)
    learner.begin_task(range(0, 2))
    learner.end_task(of_classes(*(n % 2 for n in range(num_clips))))
    learner.prepare_to_predict()
    held = learner.memory.at(torch.arange(num_clips)).clips
    features = features_of(learner.network, held)
    for k in range(2):
        torch.testing.assert_close(learner.means[k], unit(features[held.label == k].mean(0)))


def test_the_nearest_mean_wins():
    learner = after_first_task()
    learner.end_task(of_classes(2, 3, 2, 3, seed=3))
    learner.prepare_to_predict()
    clips = random_clips(6, seed=4)
    features = features_of(learner.network, clips)
    distances = torch.stack(
        [torch.stack([(f - mean).square().sum() for mean in learner.means]) for f in features]
    )
    scores = learner.predict(clips)
    assert scores.argsort(dim=1, descending=True)[:, :4].tolist() == distances.argsort(1).tolist()
    assert (scores[:, 4:] == -torch.inf).all()  # not learned yet


def test_a_class_without_exemplars_is_never_predicted():
    learner = after_first_task()
    learner.end_task(of_classes(3, 3, 3))  # no clip of class 2
    learner.prepare_to_predict()
    assert learner.means.isnan().any(dim=1).tolist() == [False, False, True, False]
    scores = learner.predict(random_clips(4))
    assert (scores[:, 2] == -torch.inf).all()
    assert scores[:, [0, 1, 3]].isfinite().all()


def test_without_room_for_exemplars_the_outputs_decide():
    learner = after_first_task(learner__buffer_size=0)
    learner.end_task(of_classes(2, 3, 2, 3))
    learner.prepare_to_predict()
    assert len(learner.memory) == 0
    clips = random_clips(4)
    learner.network.eval()
    expected = learner.network(clips.x, clips.present).detach()
    scores = learner.predict(clips)
    assert torch.equal(scores[:, :4], expected[:, :4])
    assert (scores[:, 4:] == -torch.inf).all()


def test_bytes_are_those_of_the_exemplars_and_beside_them_the_frozen_network_and_means():
    learner = make()
    learner.begin_task(range(0, 2))
    learner.end_task(of_classes(0, 1, 0))
    learner.prepare_to_predict()
    width = learner.network.classifier.in_features
    measured = learner.measurements()
    assert measured["memory/bytes"] == 3 * (3 * 4 * 5 * 2 * 4 + 2 + 8)
    assert measured["memory/clips"] == 3
    # No network was frozen for the first task.
    assert measured["memory/extra_bytes"] == 2 * width * 4
    learner.begin_task(range(2, 4))
    learner.end_task(of_classes(2, 3, 2))
    learner.prepare_to_predict()
    state = learner.network.state_dict().values()
    network = sum(t.numel() * (8 if t.dtype == torch.int64 else 4) for t in state)
    assert learner.measurements()["memory/extra_bytes"] == network + 4 * width * 4


def test_forward_transfer_is_not_defined(two_bodies):
    _, results = learn(tiny_run("icarl"), two_bodies)
    assert "test/fwt" not in results[-1].metrics
    assert "test/bwt" in results[-1].metrics


@pytest.mark.parametrize("crop", ["clip", "epoch"])
def test_herding_sees_the_tasks_own_clips_alone(crop, two_bodies, monkeypatch):
    seen = []
    end_task = Icarl.end_task

    def spy(self, clips):
        seen.append(sorted(clips.label.tolist()))
        end_task(self, clips)

    monkeypatch.setattr(Icarl, "end_task", spy)
    learn(tiny_run("icarl", data__crop=crop), two_bodies)
    assert seen == [[0] * 4 + [1] * 4, [2] * 4 + [3] * 4, [4] * 4 + [5] * 4]
