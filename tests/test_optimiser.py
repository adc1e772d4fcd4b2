"""The optimiser: each part against the formula, and all of it off by default."""

import copy
import math

import pytest
import torch
from torch import nn

from charon.config import Run
from charon.errors import ConfigError
from charon.optimiser import Optimiser, OptimiserSettings, rate_share


def network():
    """A layer and a batch norm of known weights."""
    made = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    with torch.no_grad():
        for place, weight in enumerate(made.parameters()):
            weight.copy_(torch.linspace(-1, 1, weight.numel()).reshape(weight.shape) + place)
    return made


def loss_of(made, seed=0):
    """A loss that depends on all weights."""
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(seed))
    return made(x).square().sum() + made[0].weight.sum()


def weights(made):
    return [weight.detach().clone() for weight in made.parameters()]


def test_the_default_is_plain_gradient_descent_bit_for_bit():
    made = network()
    by_hand, gradients = weights(made), torch.autograd.grad(loss_of(made), [*made.parameters()])
    Optimiser(OptimiserSettings(learning_rate=0.1), made).step(loss_of(made))
    for weight, old, gradient in zip(weights(made), by_hand, gradients, strict=True):
        assert torch.equal(weight, old.add(gradient, alpha=-0.1))


def test_momentum_nesterov_and_decay_follow_the_formula():
    made = network()
    given = OptimiserSettings(learning_rate=0.01, momentum=0.9, nesterov=True, weight_decay=0.1)
    optimiser, velocity = Optimiser(given, made), [torch.zeros_like(w) for w in weights(made)]
    for seed in range(3):
        loss = loss_of(made, seed)
        slopes = torch.autograd.grad(loss, [*made.parameters()], retain_graph=True)
        wanted = []
        for place, (old, slope) in enumerate(zip(weights(made), slopes, strict=True)):
            decayed = slope + 0.1 * old
            velocity[place] = 0.9 * velocity[place] + decayed
            wanted.append(old - 0.01 * (decayed + 0.9 * velocity[place]))
        optimiser.step(loss)
        for weight, value in zip(weights(made), wanted, strict=True):
            torch.testing.assert_close(weight, value)


def test_the_first_step_of_adamw_has_the_length_of_the_learning_rate_beside_the_decay():
    made = network()
    old = weights(made)
    slopes = torch.autograd.grad(loss_of(made), [*made.parameters()])
    settings = OptimiserSettings(rule="adamw", learning_rate=1e-3, weight_decay=0.5)
    Optimiser(settings, made).step(loss_of(made))
    for weight, before, slope in zip(weights(made), old, slopes, strict=True):
        large = slope.abs() > 1e-3  # beside Adam's ε
        wanted = before * (1 - 0.5e-3) - 1e-3 * slope.sign()
        torch.testing.assert_close(weight[large], wanted[large])


def test_clipping_shortens_a_long_gradient_and_leaves_a_short_one():
    moved = {}
    for limit in (None, 1e-3, 1e6):
        made = network()
        old = weights(made)
        Optimiser(OptimiserSettings(learning_rate=1.0, clip_norm=limit), made).step(loss_of(made))
        steps = [new - before for new, before in zip(weights(made), old, strict=True)]
        moved[limit] = torch.cat([step.flatten() for step in steps])
    assert moved[1e-3].norm() == pytest.approx(1e-3, rel=1e-2)
    assert torch.equal(moved[1e6], moved[None])


def test_the_learning_rate_rises_and_falls_as_a_cosine():
    assert rate_share(0.05, "constant", 0.1) == pytest.approx(0.5)
    assert rate_share(0.5, "constant", 0.1) == 1
    assert rate_share(0.5, "cosine", 0.0) == pytest.approx(0.5)
    assert rate_share(0.55, "cosine", 0.1) == pytest.approx(0.5)
    assert rate_share(0.25, "cosine", 0.0) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)


def test_a_schedule_lasts_for_a_main_phase_and_begins_anew_in_the_next():
    made = network()
    settings = OptimiserSettings(learning_rate=0.1, schedule="cosine")
    optimiser = Optimiser(settings, made)
    rates = []
    for steps in (4, 0, 4):
        optimiser.begin_phase(steps)
        for _ in range(4):
            optimiser.step(loss_of(made))
            rates.append(optimiser.rule.param_groups[0]["lr"])
    assert rates[4:8] == [0.1] * 4  # a phase without a schedule
    assert rates[:4] == rates[8:]
    assert rates[:4] == pytest.approx(
        [0.05 * (1 + math.cos(math.pi * t)) for t in (1 / 8, 3 / 8, 5 / 8, 7 / 8)]
    )


def test_the_average_is_a_mean_at_first_and_then_forgets_by_its_decay():
    made = network()
    optimiser = Optimiser(OptimiserSettings(learning_rate=1e-3, average_decay=0.75), made)
    seen, wanted = [], None
    for step in range(1, 8):
        optimiser.step(loss_of(made, step))
        new = made[0].weight.detach().clone()
        seen.append(new)
        share = max(0.25, 1 / step)
        wanted = new if wanted is None else wanted + share * (new - wanted)
        with optimiser.averaged():
            torch.testing.assert_close(made[0].weight.detach(), wanted)
            if step <= 4:
                torch.testing.assert_close(made[0].weight.detach(), torch.stack(seen).mean(0))
        assert torch.equal(made[0].weight, new)
    numbers = sum(t.numel() for t in made.state_dict().values() if t.is_floating_point())
    assert optimiser.average_bytes == 4 * numbers


def test_the_weights_come_back_when_the_block_fails():
    made = network()
    optimiser = Optimiser(OptimiserSettings(average_decay=0.9), made)
    for seed in range(3):
        optimiser.step(loss_of(made, seed))
    before = copy.deepcopy(made.state_dict())
    with pytest.raises(KeyError), optimiser.averaged():
        raise KeyError
    for name, tensor in made.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"optimiser.rule": "adamw", "optimiser.momentum": 0.9}, "momentum belongs to rule=sgd"),
        ({"optimiser.nesterov": True}, "needs a momentum above 0"),
        ({"optimiser.clip_norm": 0}, r"optimiser\.clip_norm > 0 must hold"),
        ({"optimiser.average_decay": 1.0}, r"optimiser\.average_decay < 1 must hold"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_sentence(fields, words):
    with pytest.raises(ConfigError, match=words):
        Run.from_flat(fields)


@pytest.mark.parametrize("preset", ["paper", "released"])
def test_presets_have_plain_sgd(preset):
    given = Run.preset(preset).optimiser
    assert given == OptimiserSettings()
    assert (given.rule, given.schedule, given.clip_norm) == ("sgd", "constant", None)
    assert not any((given.momentum, given.weight_decay, given.average_decay, given.warmup))
