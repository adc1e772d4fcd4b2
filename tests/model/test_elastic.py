"""Elastic units and their network: what is chosen, what it computes, how it grows."""

import copy
import math

import pytest
import torch
from tiny_runs import PARTS, random_clips, tiny_learner, tiny_run
from torch.nn import functional as F

from charon.model.elastic import ElasticUnit, Gumbel
from charon.seeding import torch_generator
from charon.training.build import make_learner


def some_unit(num_blocks=3, *, in_channels=4, out_channels=6):
    unit, generator = ElasticUnit(in_channels, out_channels), torch_generator(0, "blocks")
    for _ in range(num_blocks):
        unit.grow(generator)
    return unit.eval()


def some_rows(num_rows=7, seed=1):
    return torch.randn(num_rows, 4, 5, 6, generator=torch.Generator().manual_seed(seed))


def network(num_bodies=2, **changes):
    return tiny_learner(tiny_run("elsenet", **changes), num_bodies).network


def by_hand(block, x):
    """One block on one row, its convolutions written out."""

    def norm(layer, z):
        scale = (layer.weight / (layer.running_var + layer.eps).sqrt())[:, None, None]
        return (z - layer.running_mean[:, None, None]) * scale + layer.bias[:, None, None]

    def pointwise(layer, z):
        mixed = torch.einsum("oc,cvt->ovt", layer.weight[:, :, 0, 0], z)
        return mixed + layer.bias[:, None, None]

    z = F.leaky_relu(norm(block.within_norm, pointwise(block.within, x)), 0.1)
    padded = F.pad(z, (1, 1))
    near = torch.stack([padded[:, :, k : k + z.shape[2]] for k in range(3)])
    across = torch.einsum("ock,kcvt->ovt", block.across.weight[:, :, 0], near)
    across = norm(block.across_norm, across + block.across.bias[:, None, None])
    return F.leaky_relu(across + norm(block.skip[1], pointwise(block.skip[0], x)), 0.1)


def test_each_row_goes_through_the_block_its_switch_likes_best():
    unit, x = some_unit(), some_rows()
    out, choice = unit(x, None)
    for n, row in enumerate(x):
        scores = unit.switch_weight @ row.mean(dim=(1, 2)) + unit.switch_bias
        assert choice[n] == scores.argmax()
        torch.testing.assert_close(
            out[n], by_hand(unit.blocks[choice[n]], row), rtol=1e-4, atol=1e-5
        )
    assert len(set(choice.tolist())) > 1


def test_in_training_one_block_is_chosen_and_the_switch_gets_the_gradient_of_all():
    unit, x = some_unit(), some_rows()
    out, choice = unit(x, Gumbel(0.7, torch_generator(3, "switches")))
    uniform = torch.rand(7, 3, generator=torch_generator(3, "switches"))
    scores = x.mean(dim=(2, 3)) @ unit.switch_weight.T + unit.switch_bias
    soft = ((scores - (-uniform.log()).log()) / 0.7).softmax(dim=1)
    assert torch.equal(choice, soft.argmax(dim=1))
    each = torch.stack([block(x) for block in unit.blocks], dim=1)
    torch.testing.assert_close(out, each[torch.arange(7), choice])

    got = torch.autograd.grad(out.sum(), unit.switch_weight)[0]
    said = each.detach().sum(dim=(2, 3, 4))
    wanted = torch.autograd.grad((soft * said).sum(), unit.switch_weight)[0]
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_the_choice_in_training_is_as_likely_as_the_softmax_says():
    scores = torch.tensor([[1.0, 0.0, -1.0]]).expand(20_000, 3)
    chosen = Gumbel(0.5, torch_generator(0, "switches")).choose(scores).mean(dim=0)
    expected = torch.tensor([math.exp(1), 1, math.exp(-1)])
    torch.testing.assert_close(chosen, expected / expected.sum(), rtol=0, atol=0.01)


def test_a_block_more_and_a_block_less_leave_the_others_alone():
    unit = some_unit(2)
    before = copy.deepcopy(unit.state_dict())
    unit.grow(torch_generator(5, "blocks"))
    assert unit.switch_weight.shape == (3, 4)
    for name, tensor in before.items():
        now = unit.state_dict()[name]
        assert torch.equal(now[: len(tensor)] if tensor.ndim else now, tensor)
    unit.shrink()
    assert unit.state_dict().keys() == before.keys()
    assert all(torch.equal(unit.state_dict()[name], tensor) for name, tensor in before.items())


def test_a_state_of_more_blocks_makes_them():
    one, other = network(), network(seed=1)
    for unit in list(one.units())[1:]:
        unit.grow(torch_generator(0, "blocks"))
    other.load_state_dict(one.state_dict())
    clips = random_clips(4)
    assert torch.equal(one.eval()(clips.x, clips.present), other.eval()(clips.x, clips.present))
    other.load_state_dict(network().state_dict())
    assert [len(unit.blocks) for unit in other.units()] == [1] * 4


@pytest.mark.parametrize("num_bodies", [1, 2])
def test_a_part_sees_its_own_joints_and_a_row_its_own_path(num_bodies):
    """Frames a tuple 3, joints 5: token = frame x 5 + joint."""
    net, clips = network(num_bodies).eval(), random_clips(4, num_bodies=num_bodies)
    rows = clips.x.permute(0, 4, 1, 2, 3).flatten(0, 1)  # (clip · body, ...)
    latent = net.stem(rows)
    features = []
    for part, joints in enumerate(PARTS.values()):
        tokens = [frame * 5 + joint for frame in range(3) for joint in joints]
        z = latent[:, :, tokens]
        for layer in net.layers:
            z = layer[part](z, None)[0]
        features.append(z.mean(dim=(2, 3)))
    features = torch.cat(features, dim=1).unflatten(0, (4, num_bodies))
    there = clips.present[:, :, None]
    summed = (features * there).sum(dim=1)  # the vector of absent bodies starts at 0
    torch.testing.assert_close(
        net(clips.x, clips.present), net.classifier(summed), rtol=1e-4, atol=1e-5
    )


def test_the_papers_model_has_a_stem_of_four_blocks_and_a_feature_of_640():
    run = tiny_run("elsenet", model__size="tiny")
    parts = {str(k): tuple(range(5 * k, 5 * k + 5)) for k in range(5)}
    net = make_learner(run, (3, 12, 25, 2), 60, parts, torch.device("cpu")).network
    assert len(net.stem.blocks) == 4
    assert net.classifier.weight.shape == (60, 640)
    widths = [(unit.in_channels, unit.out_channels) for unit in net.units()]
    assert widths == [(64, 128)] * 5 + [(128, 128)] * 5
