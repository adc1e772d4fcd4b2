"""ER-ACE against its objective, written out by hand."""

import torch
from learners.objectives import Copy, assert_close, cross_entropy, fill, weights
from tiny_runs import random_clips, tiny_learner, tiny_run


def test_the_stream_is_learned_by_its_own_outputs_and_the_memory_by_all_seen():
    learner = fill(tiny_learner(tiny_run("er_ace", learner__buffer_size=10)), with_logits=False)
    learner.memory._label %= 4
    learner.begin_task(range(2, 4))
    hand = Copy(learner)
    batch = random_clips(3, seed=2, labels=[2, 3, 2])
    losses = learner.train_step(batch)

    hand.network.train()
    logits = hand.network(hand.rotate(batch.x), batch.present)
    ce = cross_entropy(logits[:, 2:4], batch.label - 2)
    x_m, present_m, y_m, _ = hand.draw()
    replayed = cross_entropy(hand.network(hand.rotate(x_m), present_m)[:, :4], y_m)
    torch.testing.assert_close(losses["ce"], ce.detach())
    torch.testing.assert_close(losses["labels"], replayed.detach())
    assert_close(weights(learner), hand.descend(ce + replayed))
