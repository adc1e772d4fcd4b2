"""Experience replay against its objective, written out by hand."""

import torch
from learners.objectives import Copy, assert_close, cross_entropy, fill, weights
from tiny_runs import random_clips, tiny_learner, tiny_run


def make(**changes):
    return tiny_learner(tiny_run("er", **{"learner__buffer_size": 10, **changes}))


def test_a_step_is_one_cross_entropy_over_stream_and_memory():
    """One forward, so one set of batch statistics; one mean over 3 + 4 clips."""
    learner = fill(make(), with_logits=False)
    hand = Copy(learner)
    batch = random_clips(3, seed=2)
    losses = learner.train_step(batch)

    hand.network.train()
    x_m, present_m, y_m, z_m = hand.draw()
    assert z_m.shape == (4, 0)
    x = hand.rotate(torch.cat([batch.x, x_m]))
    logits = hand.network(x, torch.cat([batch.present, present_m]))
    loss = cross_entropy(logits, torch.cat([batch.label, y_m]))
    assert losses.keys() == {"total"}
    assert not losses["total"].requires_grad
    torch.testing.assert_close(losses["total"], loss.detach())
    assert_close(weights(learner), hand.descend(loss))


def test_without_a_memory_a_step_is_fine_tuning():
    learner = make(learner__buffer_size=0)
    other = tiny_learner(tiny_run("finetune"))
    batch = random_clips(3, seed=2)
    assert torch.equal(learner.train_step(batch)["total"], other.train_step(batch)["total"])
    assert_close(weights(learner), weights(other))


def test_every_step_offers_its_clips_as_they_are():
    learner = make(learner__sampling_interval=1)
    (phase,) = learner.phases()
    assert (phase.name, phase.epochs) == ("train", 2)
    batch = random_clips(3, seed=2)
    for step in (1, 2):  # of two epochs, for instance
        phase.step(batch)
        assert learner.memory.num_seen == 3 * step
    held = learner.memory.at(torch.arange(3)).clips
    assert torch.equal(held.x, batch.x)
    assert torch.equal(held.present, batch.present)
    assert torch.equal(held.label, batch.label)


def test_bytes_are_those_of_clips_presence_and_labels():
    learner = fill(make(), with_logits=False)
    # 3 channels, 4 of 12 frames, 5 joints, 2 bodies of 4 bytes; 2 bytes and 8 bytes.
    measured = learner.measurements()
    assert measured["memory/bytes"] == 7 * (3 * 4 * 5 * 2 * 4 + 2 + 8)
    assert measured["memory/clips"] == 7
