"""CHARON's two phases against its equations, written out by hand; and its memory's rules."""

import copy

import pytest
import torch
from learners.objectives import Copy, assert_close, cross_entropy, fill, mean_square, weights
from tiny_runs import random_clips, tiny_learner, tiny_run

from charon.errors import ConfigError
from charon.model.masking import Masker

ALPHA, BETA, GAMMA = 0.3, 0.8, 0.5


def make(**changes):
    """A learner that hides half of four tuples."""
    return tiny_learner(tiny_run(learner__masking_ratio=0.5, **changes))


def filled(num_clips=7, **changes):
    """The same, with a memory of that many clips and logits."""
    return fill(make(learner__buffer_size=10, **changes), num_clips, with_logits=True)


class ByHand(Copy):
    """Masks as the learner does."""

    def __init__(self, learner):
        super().__init__(learner)
        self.masking = self.learner.generators["masking"]

    def draw(self):
        """One mini-batch of the memory: rotated clips, presence, labels, logits."""
        x, *rest = super().draw()
        return self.rotate(x), *rest

    def masked(self, x, present):
        """Logits and rebuilt clips, from half of the tuples."""
        rows = self.network.rows(x, present)
        kept = Masker(4, 2, 3, "random", "post").draw([len(rows.clip)], self.masking)
        latent = self.network.encode(x, rows, kept)
        logits = self.network.classifier(self.network.pool(latent, rows))
        return logits, self.network.decode(latent, rows, kept, 2)


@pytest.mark.parametrize("num_draws", [1, 2])
def test_a_training_step_is_equation_7(num_draws):
    """One replay draw feeds eqs. 5 and 6 (Alg. 1); in the released code each has its own."""
    learner = filled(learner__replay_draws=num_draws)
    hand = ByHand(learner)
    batch = random_clips(3, seed=2)
    losses = learner.train_step(batch)

    hand.network.train()
    x = hand.rotate(batch.x)
    logits, rebuilt = hand.masked(x, batch.present)
    ce, reconstruction = cross_entropy(logits, batch.label), mean_square(rebuilt, x)
    stream = ce + GAMMA * reconstruction  # eq. 4
    x_m, present, y_m, z_m = hand.draw()
    logits, rebuilt = hand.masked(x_m, present)
    on_logits = mean_square(logits, z_m)
    eq_5 = on_logits + GAMMA * mean_square(rebuilt, x_m)
    if num_draws == 2:
        x_m, present, y_m, _ = hand.draw()
        logits, rebuilt = hand.masked(x_m, present)
    on_labels = cross_entropy(logits, y_m)
    eq_6 = on_labels + GAMMA * mean_square(rebuilt, x_m)
    total = stream + ALPHA * eq_5 + BETA * eq_6  # eq. 7

    expected = {
        "total": total,
        "ce": ce,
        "reconstruction": reconstruction,
        "logits": on_logits,
        "labels": on_labels,
    }
    assert losses.keys() == expected.keys()
    for name, loss in losses.items():
        assert not loss.requires_grad
        torch.testing.assert_close(loss, expected[name].detach(), msg=name)
    # Every weight of encoder, decoder and classifier learns; statistics moved in that order.
    assert_close(weights(learner), hand.descend(total))


def test_without_a_memory_a_step_is_equation_4():
    learner = make()
    hand = ByHand(learner)
    batch = random_clips(3, seed=2)
    losses = learner.train_step(batch)
    hand.network.train()
    x = hand.rotate(batch.x)
    logits, rebuilt = hand.masked(x, batch.present)
    expected = cross_entropy(logits, batch.label) + GAMMA * mean_square(rebuilt, x)
    assert losses.keys() == {"total", "ce", "reconstruction"}
    torch.testing.assert_close(losses["total"], expected.detach())


def test_absent_bodies_count_in_the_denominator_alone():
    """METHOD 2: they are rebuilt as the zeros they are, and the mean is over both bodies."""
    learner = make()
    hand = ByHand(learner)
    batch = random_clips(3, seed=2)
    losses = learner.train_step(batch)
    hand.network.train()
    x = hand.rotate(batch.x)
    _, rebuilt = hand.masked(x, batch.present)
    errors = ((rebuilt - x) ** 2).sum(dim=(1, 2, 3))[batch.present]
    torch.testing.assert_close(losses["reconstruction"], (errors.sum() / x.numel()).detach())


def test_gamma_zero_leaves_the_decoder_out():
    learner = filled(learner__gamma=0)
    assert learner.network.decoder is None
    losses = learner.train_step(random_clips(3))
    expected = losses["ce"] + ALPHA * losses["logits"] + BETA * losses["labels"]
    torch.testing.assert_close(losses["total"], expected)


@pytest.mark.parametrize("num_draws", [1, 2])
def test_linear_probing_is_equation_8_and_moves_the_classifier_alone(num_draws):
    learner = filled(learner__replay_draws=num_draws)
    learner.train_step(random_clips(4, seed=5))  # statistics that are not trivial
    hand = ByHand(learner)
    before = weights(learner)
    batch = random_clips(3, seed=2)
    losses = learner.probe_step(batch)

    hand.network.eval()
    logits = hand.network(hand.rotate(batch.x), batch.present)
    x_m, present, y_m, z_m = hand.draw()
    replayed = hand.network(x_m, present)
    total = cross_entropy(logits, batch.label) + ALPHA * mean_square(replayed, z_m)
    if num_draws == 2:
        x_m, present, y_m, _ = hand.draw()
        replayed = hand.network(x_m, present)
    total = total + BETA * cross_entropy(replayed, y_m)
    torch.testing.assert_close(losses["total"], total.detach())
    after = weights(learner)
    assert_close(after, hand.descend(total, ["classifier.weight", "classifier.bias"]))
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"classifier.weight", "classifier.bias"}


def test_probing_without_rotation_draws_none():
    learner = filled(learner__probe_rotation=False)
    hand = ByHand(learner)
    before = learner.augment.generator.get_state()
    batch = random_clips(3, seed=2)
    learner.probe_step(batch, stores=True)
    logits = learner.memory.at(torch.arange(7, 10)).logits
    hand.network.eval()
    torch.testing.assert_close(logits, hand.network(batch.x, batch.present).detach())
    assert torch.equal(learner.augment.generator.get_state(), before)


def test_probing_stores_whole_unrotated_clips_with_the_logits_before_the_update():
    learner = make()
    hand = ByHand(learner)
    batch = random_clips(3, seed=2)
    learner.probe_step(batch, stores=True)
    hand.network.eval()
    expected = hand.network(hand.rotate(batch.x), batch.present).detach()
    held = learner.memory.at(torch.arange(3))
    torch.testing.assert_close(held.logits, expected)
    assert torch.equal(held.clips.x[:, :, ::3], batch.x[:, :, ::3])
    assert torch.equal(held.clips.present, batch.present)
    assert torch.equal(held.clips.label, batch.label)


def run_phases(learner, clips, classes=range(6)):
    """Go through a task's phases in one batch an epoch; return their names and epochs."""
    learner.begin_task(classes)
    done = []
    for phase in learner.phases():
        done.append((phase.name, phase.epochs))
        for _ in range(phase.epochs):
            phase.step(clips)
    learner.end_task(clips)
    return done


@pytest.mark.parametrize(
    ("epochs", "probing"), [(30, 3), (1, 1), (4, 1), (12, 1), (16, 2), (50, 5)]
)
def test_probing_takes_a_tenth_of_the_epochs(epochs, probing):
    phases = make(optimiser__epochs=epochs).phases()
    assert [phase.name for phase in phases] == ["train", "probe", "probe"]
    assert phases[0].epochs == epochs
    assert sum(phase.epochs for phase in phases[1:]) == probing


def test_each_clip_is_offered_once():
    learner = make(learner__probing_epochs=3)
    run_phases(learner, random_clips(4))
    assert learner.memory.num_seen == 4


def test_the_released_code_offers_each_clip_in_every_probing_epoch():
    learner = make(preset="released", learner__probing_epochs=3)
    run_phases(learner, random_clips(4))
    assert learner.memory.num_seen == 12


def test_without_probing_the_memory_is_filled_all_the_same():
    learner = make(learner__probing_epochs=0)
    before = weights(learner)
    phases = learner.phases()
    assert [phase.name for phase in phases] == ["train", "store"]
    assert phases[1].epochs == 1
    phases[1].step(random_clips(4))
    assert learner.memory.num_seen == 4
    assert_close(weights(learner), before)  # nothing is learned from it


def test_the_released_code_then_never_fills_it():
    learner = make(preset="released", learner__probing_epochs=0)
    assert run_phases(learner, random_clips(4)) == [("train", 2)]
    assert len(learner.memory) == 0


def test_stored_logits_are_refreshed_at_the_end_of_a_task():
    learner = filled()
    learner.begin_task(range(0, 2))
    learner.end_task(random_clips(2))
    held = learner.memory.at(torch.arange(7))
    torch.testing.assert_close(held.logits, learner.predict(held.clips))


def test_refreshing_new_logits_keeps_the_old_ones():
    learner = filled(learner__refresh="new")
    before = learner.memory.at(torch.arange(7)).logits
    learner.begin_task(range(2, 4))
    learner.end_task(random_clips(2))
    held = learner.memory.at(torch.arange(7))
    new = (held.clips.label == 2) | (held.clips.label == 3)
    assert new.sum() == 2
    assert torch.equal(held.logits[~new], before[~new])
    torch.testing.assert_close(held.logits[new], learner.predict(held.clips)[new])


def test_the_released_code_refreshes_on_clips_rotated_once():
    learner = filled(preset="released")
    hand = ByHand(learner)
    learner.begin_task(range(0, 2))
    learner.end_task(random_clips(2))
    held = hand.learner.memory.at(torch.arange(7))
    hand.network.eval()
    expected = hand.network(hand.rotate(held.clips.x), held.clips.present)
    torch.testing.assert_close(learner.memory.at(torch.arange(7)).logits, expected.detach())


def test_every_masking_learns():
    for masking in ("random", "deterministic"):
        for position in ("post", "pre"):
            learner = filled(learner__masking=masking, learner__masking_position=position)
            losses = learner.train_step(random_clips(3))
            assert torch.isfinite(losses["total"])


def test_it_says_how_much_was_really_hidden():
    # 0.3 of 4 tuples: two are hidden, so that no fewer are than was asked.
    learner = tiny_learner(tiny_run(learner__masking_ratio=0.3))
    assert learner.measurements()["train/effective_masking_ratio"] == 0.5


def test_a_ratio_that_keeps_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"learner\.masking_ratio=0\.9 keeps none of 4 tuples"):
        tiny_learner(tiny_run(learner__masking_ratio=0.9, learner__mask_rounding="float"))


def test_an_interval_as_long_as_a_clip_is_refused():
    with pytest.raises(ConfigError, match=r"learner\.sampling_interval < 12 .* must hold"):
        tiny_learner(tiny_run(learner__sampling_interval=12))


def test_capacity_follows_the_rule_of_the_preset():
    # 3 clips of 12 frames; 3 frames of a clip are kept at s=5.
    for preset, clips in (("paper", 12), ("released", 15)):
        run = tiny_run(preset=preset, learner__sampling_interval=5)
        assert tiny_learner(run).memory.capacity == clips


def test_one_optimiser_without_momentum_serves_the_whole_sequence():
    learner = make()
    (group,) = learner.optimiser.rule.param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.05, 0, 0)
    learner.begin_task(range(2, 4))
    assert learner.optimiser.rule.param_groups[0] is group


@pytest.mark.parametrize("position", ["post", "pre"])
def test_clips_are_rebuilt_outside_training_from_what_is_left_of_them(position):
    learner = filled(learner__masking_position=position)
    before = copy.deepcopy(learner.state_dict())
    clips = random_clips(4)
    shown = learner.reconstruct(clips, torch.Generator().manual_seed(0))
    assert shown.x.shape == clips.x.shape
    # Half of the frames of each body that is there; an absent one is neither hidden nor rebuilt.
    assert (shown.hidden.sum(dim=1) == 6 * clips.present).all()
    assert (shown.x[::2, ..., 1] == 0).all()
    after = learner.state_dict()
    assert_close(before["network"], after["network"])
    for name, state in before["generators"].items():
        assert torch.equal(state, after["generators"][name])


def test_without_decoder_nothing_is_rebuilt():
    assert make(learner__gamma=0).reconstruct(random_clips(2), torch.Generator()) is None
