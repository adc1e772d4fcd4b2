"""Fine-tuning: cross-entropy over all outputs, and no memory."""

import copy

import torch
from tiny_runs import random_clips, tiny_learner, tiny_run
from torch.nn import functional as F


def test_a_step_descends_on_the_cross_entropy_of_rotated_clips():
    learner = tiny_learner(tiny_run("finetune"))
    by_hand = copy.deepcopy(learner)
    batch = random_clips(4)
    losses = learner.train_step(batch)

    by_hand.network.train()
    clips = by_hand.augment(batch)
    loss = F.cross_entropy(by_hand.network(clips.x, clips.present), clips.label)
    torch.testing.assert_close(losses["total"], loss.detach())
    loss.backward()
    ours = dict(learner.network.named_parameters())
    for name, parameter in by_hand.network.named_parameters():
        # Biases that batch norm takes away again have no part in the loss.
        slope = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        expected = parameter.data - 0.05 * slope
        torch.testing.assert_close(ours[name].data, expected, msg=name)


def test_it_has_neither_decoder_nor_memory():
    learner = tiny_learner(tiny_run("finetune"))
    assert learner.network.decoder is None
    assert learner.memory is None
    weights = sum(parameter.numel() for parameter in learner.network.parameters())
    assert learner.measurements() == {
        "memory/bytes": 0,
        "memory/clips": 0,
        "memory/extra_bytes": 0,
        "model/parameters": weights,
    }
    assert [(phase.name, phase.epochs) for phase in learner.phases()] == [("train", 2)]
