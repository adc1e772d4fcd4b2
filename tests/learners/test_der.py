"""DER and DER++ against their objectives, written out by hand."""

import pytest
import torch
from learners.objectives import Copy, assert_close, cross_entropy, fill, mean_square, weights
from tiny_runs import random_clips, tiny_learner, tiny_run

ALPHA, BETA = 0.3, 0.8

both = pytest.mark.parametrize("name", ["der", "derpp"])


def make(name, **changes):
    return tiny_learner(tiny_run(name, **{"learner__buffer_size": 10, **changes}))


@both
def test_a_step_descends_on_the_objective(name):
    learner = fill(make(name), with_logits=True)
    hand = Copy(learner)
    batch = random_clips(3, seed=2)
    losses = learner.train_step(batch)

    # Three forwards, each with its own batch statistics.
    hand.network.train()
    ce = cross_entropy(hand.network(hand.rotate(batch.x), batch.present), batch.label)
    x_m, present, _, z_m = hand.draw()
    on_logits = mean_square(hand.network(hand.rotate(x_m), present), z_m)
    total = ce + ALPHA * on_logits
    expected = {"ce": ce, "logits": on_logits}
    if name == "derpp":  # a second draw, on its own
        x_m, present, y_m, _ = hand.draw()
        on_labels = cross_entropy(hand.network(hand.rotate(x_m), present), y_m)
        total = total + BETA * on_labels
        expected["labels"] = on_labels
    expected["total"] = total
    assert losses.keys() == expected.keys()
    for term, loss in losses.items():
        assert not loss.requires_grad
        torch.testing.assert_close(loss, expected[term].detach(), msg=term)
    assert_close(weights(learner), hand.descend(total))


@both
def test_without_a_memory_a_step_is_fine_tuning(name):
    learner = make(name, learner__buffer_size=0)
    other = tiny_learner(tiny_run("finetune"))
    batch = random_clips(3, seed=2)
    losses = learner.train_step(batch)
    assert losses.keys() == {"total", "ce"}
    assert torch.equal(losses["total"], other.train_step(batch)["total"])
    assert_close(weights(learner), weights(other))


@both
def test_clips_are_stored_as_they_are_with_the_logits_of_their_rotated_view(name):
    """In training mode, and before the step that they were part of."""
    learner = make(name, learner__sampling_interval=1)
    hand = Copy(learner)
    batch = random_clips(3, seed=2)
    learner.train_step(batch)
    hand.network.train()
    expected = hand.network(hand.rotate(batch.x), batch.present).detach()
    held = learner.memory.at(torch.arange(3))
    torch.testing.assert_close(held.logits, expected)
    assert torch.equal(held.clips.x, batch.x)
    assert torch.equal(held.clips.present, batch.present)
    assert torch.equal(held.clips.label, batch.label)


@both
@pytest.mark.parametrize("preset", ["paper", "released"])
def test_every_step_of_every_epoch_offers_its_clips(name, preset):
    learner = make(name, preset=preset)
    (phase,) = learner.phases()
    for step in (1, 2):
        phase.step(random_clips(3))
        assert learner.memory.num_seen == 3 * step


@both
def test_the_end_of_a_task_leaves_stored_logits_alone(name):
    learner = fill(make(name), with_logits=True)
    before = learner.memory.at(torch.arange(7)).logits
    learner.begin_task(range(0, 2))
    learner.end_task(random_clips(2))
    assert torch.equal(learner.memory.at(torch.arange(7)).logits, before)


@both
def test_bytes_are_those_of_clips_presence_labels_and_logits(name):
    learner = fill(make(name), with_logits=True)
    # 3 channels, 4 of 12 frames, 5 joints, 2 bodies of 4 bytes; 2, 8 and 6 x 4 bytes.
    assert learner.measurements()["memory/bytes"] == 7 * (3 * 4 * 5 * 2 * 4 + 2 + 8 + 6 * 4)
