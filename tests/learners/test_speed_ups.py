"""What makes CHARON's step fast leaves it the step it was: against the plain version of it."""

import pytest
import torch
import torch.nn.functional as F
from learners.objectives import fill
from tiny_runs import random_clips, tiny_learner, tiny_run

from charon.benchmark.plain.charon import PlainCharon

PRESETS = ("paper", "released")


def learner_and_plain(preset, **changes):
    """A learner with a full memory, and the plain version that draws the same."""
    changes = {"learner__masking_ratio": 0.5, "learner__buffer_size": 10, **changes}
    learner = fill(tiny_learner(tiny_run(preset=preset, **changes)), with_logits=True)
    return learner, PlainCharon(learner)


def probe_plainly(plain, batch):
    """One step of SGD of the classifier on eq. 8; returns the loss and the gradients."""
    stream = plain.classify(plain.rotate(batch.x), batch.present)
    x, present, label, stored = plain.draw()
    logits = plain.classify(x, present)
    total = F.cross_entropy(stream, batch.label)
    total = total + plain.settings.alpha * F.mse_loss(logits, stored)
    if plain.settings.replay_draws == 2:
        x, present, label, _ = plain.draw()
        logits = plain.classify(x, present)
    total = total + plain.settings.beta * F.cross_entropy(logits, label)
    return total.detach(), plain.descend(total, "classifier")


def slopes_of(learner):
    """Every weight's gradient as one vector; 0 where batch norm takes a bias away again."""
    named = learner.network.named_parameters()
    return {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in named}


def relative_error(ours, expected):
    """Of all gradients together."""
    assert ours.keys() == expected.keys()
    names = list(ours)
    one, other = (torch.cat([g[n].flatten() for n in names]) for g in (ours, expected))
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("preset", PRESETS)
def test_losses_and_gradients_are_those_of_the_plain_step(preset):
    """In float32, to 1 part in 10,000, three steps in a row."""
    learner, plain = learner_and_plain(preset)
    for seed in range(3):
        batch = random_clips(4, seed=20 + seed)
        losses = learner.train_step(batch)
        expected, slopes = plain.train_step(batch)
        assert losses.keys() == expected.keys()
        for name, loss in losses.items():
            torch.testing.assert_close(loss, expected[name], rtol=1e-4, atol=1e-5, msg=name)
        assert relative_error(slopes_of(learner), slopes) < 1e-4


@pytest.mark.parametrize("preset", PRESETS)
def test_linear_probing_is_that_of_the_plain_step(preset):
    """By the preset `released` it draws twice: for the stored logits, then for the labels."""
    learner, plain = learner_and_plain(preset)
    for seed in range(3):
        batch = random_clips(4, seed=20 + seed)
        loss = learner.probe_step(batch)["total"]
        expected, slopes = probe_plainly(plain, batch)
        torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
        ours = {name: slopes_of(learner)[name] for name in slopes}
        assert relative_error(ours, slopes) < 1e-4
    assert torch.equal(learner.memory.generator.get_state(), plain.memory.generator.get_state())
    assert torch.equal(learner.augment.generator.get_state(), plain.rotating.get_state())


@pytest.mark.parametrize("preset", PRESETS)
def test_bfloat16_stays_near_the_plain_step(preset):
    """Losses to 2 %, the gradient as a whole to 8 %: bfloat16 has 8 bits."""
    learner, plain = learner_and_plain(preset, model__precision="bf16")
    batch = random_clips(4, seed=20)
    losses = learner.train_step(batch)
    expected, slopes = plain.train_step(batch)
    for name, loss in losses.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, expected[name], rtol=0.02, atol=0.02, msg=name)
    assert 0 < relative_error(slopes_of(learner), slopes) < 0.08
    assert all(p.dtype == torch.float32 for p in learner.network.parameters())


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("preset", PRESETS)
def test_one_forward_for_all_mini_batches_is_as_one_for_each(preset, at_once):
    """Each is normalised by its own statistics, the running ones move in order."""
    learner, plain = learner_and_plain(preset)
    passes = []

    def count(encoder, arguments):
        passes.append(len(arguments[2]))

    learner.network.encoder.register_forward_pre_hook(count)
    learner.forwards_at_once = at_once
    batch = random_clips(4, seed=20)
    losses = learner.train_step(batch)
    num_batches = 3 if preset == "released" else 2
    assert passes == ([num_batches] if at_once else [1] * num_batches)
    expected, slopes = plain.train_step(batch)
    for name, loss in losses.items():
        torch.testing.assert_close(loss, expected[name], rtol=1e-4, atol=1e-5, msg=name)
    assert relative_error(slopes_of(learner), slopes) < 1e-4
    for name, tensor in learner.network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            torch.testing.assert_close(
                tensor, plain.network.weights[name], rtol=1e-4, atol=1e-5, msg=name
            )
