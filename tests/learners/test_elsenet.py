"""Else-Net: what it searches, drops, updates and preserves."""

import copy

import pytest
import torch
from learners.objectives import cross_entropy
from tiny_runs import learn, random_clips, tiny_learner, tiny_run

from charon.errors import ConfigError
from charon.model.elastic import Gumbel
from charon.training.build import make_learner


def make(**changes):
    return tiny_learner(tiny_run("elsenet", **{"learner__buffer_size": 10, **changes}))


def after_first_task(**changes):
    learner = make(**changes)
    learner.begin_task(range(0, 2))
    for phase in learner.phases():
        phase.step(random_clips(4, labels=[0, 1, 0, 1], seed=7))
    learner.begin_task(range(2, 4))
    return learner


def state(module):
    return copy.deepcopy(module.state_dict())


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def units(learner):
    return list(learner.network.units())


def test_the_first_task_has_one_block_a_unit_and_only_the_main_phase():
    learner = make()
    learner.begin_task(range(0, 2))
    assert [(phase.name, phase.epochs) for phase in learner.phases()] == [("train", 2)]
    assert [len(unit.blocks) for unit in units(learner)] == [1] * 4


@pytest.mark.parametrize(("epochs", "temperatures"), [(2, [1.0]), (30, [1.0, 0.75, 0.5])])
def test_later_tasks_search_and_decide_first(epochs, temperatures):
    learner = after_first_task(optimiser__epochs=epochs)
    names, found = [], []
    for phase in learner.phases():
        names.append((phase.name, phase.epochs))
        if phase.name == "search":
            found.append(phase.step.keywords["temperature"])
        phase.step(random_clips(4, labels=[2, 3, 2, 3]))
    searches = [("search", 1)] * len(temperatures)
    assert names == [*searches, ("count", 1), ("train", epochs)]
    assert found == pytest.approx(temperatures)


def test_a_step_descends_on_one_cross_entropy_over_stream_and_memory():
    learner = after_first_task()
    batch = random_clips(3, seed=2)
    twin = copy.deepcopy(learner)
    losses = learner.train_step(batch)

    twin.network.train()
    order = torch.randperm(4, generator=twin.memory.generator)
    both = twin.augment(batch.join(twin.memory.at(order).clips))
    gumbel = Gumbel(0.5, twin.generators["switches"])
    features, _ = twin.network.route(both.x, both.present, gumbel)
    logits = twin.network.classifier(features)
    loss = cross_entropy(logits, both.label)
    torch.testing.assert_close(losses["total"], loss.detach())
    weight = twin.network.classifier.weight
    weight.data -= 0.05 * torch.autograd.grad(loss, weight)[0]
    torch.testing.assert_close(learner.network.classifier.weight.data, weight.data)


def test_the_search_moves_new_blocks_switches_and_the_classifier_only():
    learner = after_first_task()
    learner.explore()
    old = [state(unit.blocks[0]) for unit in units(learner)]
    new = [state(unit.blocks[1]) for unit in units(learner)]
    stem, classifier = state(learner.network.stem), state(learner.network.classifier)
    switches = [unit.switch_weight.detach().clone() for unit in units(learner)]
    stored = learner.memory.num_seen
    for _ in range(3):
        learner.step(random_clips(6, seed=3), temperature=1.0)
    assert same(stem, state(learner.network.stem))
    assert not same(classifier, state(learner.network.classifier))
    for n, unit in enumerate(units(learner)):
        assert same(old[n], state(unit.blocks[0]))
        assert not same(new[n], state(unit.blocks[1]))
        assert not torch.equal(switches[n], unit.switch_weight)
    assert learner.memory.num_seen == stored


def test_the_count_is_of_the_best_choices_of_whole_clips():
    learner = after_first_task()
    learner.explore()
    clips = random_clips(6, seed=4)  # the second body of three is there: 9 rows
    before = state(learner.network)
    learner.count_step(clips)
    learner.count_step(clips)
    _, choices = learner.network.eval().route(clips.x, clips.present)
    for count, choice in zip(learner.usage, choices, strict=True):
        assert count.tolist() == [2 * int((choice == k).sum()) for k in range(2)]
        assert count.sum() == 18
    assert same(before, state(learner.network))


def test_a_new_block_stays_if_enough_rows_take_it():
    """Of 2 blocks half of the rows, of 3 a third; old blocks learn from a fifth on."""
    learner = after_first_task()
    learner.explore()
    learner.usage = [torch.tensor(c) for c in ([5.0, 5], [6.0, 4], [1.0, 9], [2.0, 8])]
    learner.decide()
    assert [len(unit.blocks) for unit in units(learner)] == [2, 1, 2, 2]
    trained = [
        [all(p.requires_grad for p in block.parameters()) for block in unit.blocks]
        for unit in units(learner)
    ]
    assert trained == [[True, True], [True], [False, True], [True, True]]

    learner.begin_task(range(4, 6))
    learner.explore()
    learner.usage = [torch.tensor(c) for c in ([3.0, 3, 3], [1.0, 9], [1.0, 8, 1], [15.0, 1, 4])]
    learner.decide()
    assert [len(unit.blocks) for unit in units(learner)] == [3, 2, 2, 2]
    trained = [
        [all(p.requires_grad for p in block.parameters()) for block in unit.blocks]
        for unit in units(learner)
    ]
    assert trained == [[True, True, True], [False, True], [False, True], [True, False]]


def test_preserved_blocks_are_bit_identical_across_a_task():
    learner = after_first_task()
    learner.explore()
    learner.usage = [torch.tensor([1.0, 9])] * 4
    learner.decide()
    old = [state(unit.blocks[0]) for unit in units(learner)]
    new = [state(unit.blocks[1]) for unit in units(learner)]
    stem = state(learner.network.stem)
    for seed in range(5):
        learner.train_step(random_clips(6, seed=seed))
    learner.end_task(random_clips(6))
    for n, unit in enumerate(units(learner)):
        assert same(old[n], state(unit.blocks[0]))
        assert not same(new[n], state(unit.blocks[1]))
    assert same(stem, state(learner.network.stem))


def test_the_stem_learns_on_if_asked():
    learner = after_first_task(learner__train_stem=True)
    before = state(learner.network.stem)
    for phase in learner.phases():
        phase.step(random_clips(6))
    assert not same(before, state(learner.network.stem))


def test_its_growth_is_logged(two_bodies):
    stream, results = learn(tiny_run("elsenet"), two_bodies)
    for result in results:
        assert result.metrics["model/parameters"] >= results[0].metrics["model/parameters"]
    assert results[0].metrics["memory/extra_bytes"] == 0
    grown = units(stream.learner)
    extra = sum(
        sum(t.numel() * t.element_size() for t in block.state_dict().values())
        for unit in grown
        for block in list(unit.blocks)[1:]
    )
    extra += sum(4 * (len(u.blocks) - 1) * (u.in_channels + 1) for u in grown)
    assert results[-1].metrics["memory/extra_bytes"] == extra


def test_data_without_parts_is_refused_in_one_sentence():
    run = tiny_run("elsenet")
    with pytest.raises(ConfigError, match="parts"):
        make_learner(run, (3, 12, 5, 2), 6, {}, torch.device("cpu"))


def test_momentum_of_blocks_is_kept_when_the_network_grows():
    learner = make(optimiser__momentum=0.9)
    learner.train_step(random_clips(4))
    weight = units(learner)[0].blocks[0].within.weight
    before = learner.optimiser.rule.state[weight]["momentum_buffer"].clone()
    learner.explore()
    assert torch.equal(learner.optimiser.rule.state[weight]["momentum_buffer"], before)
    learner.usage = [torch.tensor([1.0, 9])] * 4
    learner.decide()
    preserved = [state(unit.blocks[0]) for unit in units(learner)]
    learner.train_step(random_clips(4))
    assert all(
        same(old, state(u.blocks[0])) for old, u in zip(preserved, units(learner), strict=False)
    )
