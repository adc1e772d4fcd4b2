"""The contract of every backbone in the table."""

import pickle

import pytest
import torch
from tiny_runs import BONES, NUM_CLASSES, NUM_FRAMES, NUM_JOINTS, random_clips

from charon.model.backbones import BACKBONES
from charon.model.masking import Masker
from charon.model.network import Network
from charon.model.settings import ModelSettings
from charon.seeding import torch_generator

CASES = [(name, position) for name, kind in BACKBONES.items() for position in kind.positions]
every_backbone = pytest.mark.parametrize("name", BACKBONES)
every_position = pytest.mark.parametrize(("name", "position"), CASES)

NUM_TUPLES, KEPT = 4, 3


def network(name, seed=0, with_decoder=True, **options):
    return Network(
        ModelSettings(backbone=name, **{"size": "nano", "frames_per_tuple": 3, **options}),
        (3, NUM_FRAMES, NUM_JOINTS, 2),
        NUM_CLASSES,
        bones=BONES,
        with_decoder=with_decoder,
        generator=torch_generator(seed, "weights"),
    )


def draw(position, groups):
    masker = Masker(NUM_TUPLES, KEPT, 3, "random", position)
    return masker.draw(groups, torch_generator(0, "masking"))


@every_backbone
@pytest.mark.parametrize("size", ["nano", "tiny", "base"])
def test_every_weight_and_buffer_is_set_and_depends_on_the_seed_alone(name, size):
    one, same, other = (network(name, seed, size=size) for seed in (0, 0, 1))
    for left, right in zip(
        (*one.parameters(), *one.buffers()), (*same.parameters(), *same.buffers()), strict=True
    ):
        assert left.isfinite().all()
        assert torch.equal(left, right)
    assert any(
        not torch.equal(left, right)
        for left, right in zip(one.parameters(), other.parameters(), strict=True)
    )


@every_backbone
def test_without_a_decoder_the_rest_is_the_same(name):
    whole, rest = network(name), network(name, with_decoder=False)
    assert rest.decoder is None
    for key, weight in rest.encoder.state_dict().items():
        assert torch.equal(weight, whole.encoder.state_dict()[key])


@every_position
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_kept_is_encoded_and_whole_clips_are_rebuilt(name, position, precision):
    net, clips = network(name, precision=precision), random_clips(4)
    rows = net.rows(clips.x, clips.present)
    kept = draw(position, rows.groups)
    latent = net.encode(clips.x, rows, kept)
    frames = NUM_FRAMES * KEPT // NUM_TUPLES
    units = frames // net.encoder.frames_per_unit
    tokens = net.encoder.frames_per_unit * NUM_JOINTS
    assert latent.shape == (6, net.encoder.widths[-1], tokens, units)
    rebuilt = net.decode(latent, rows, kept, 2)
    assert rebuilt.shape == clips.x.shape
    assert rebuilt.dtype == torch.float32
    whole = net.decode(net.encode(clips.x, rows), rows, None, 2)
    assert whole.shape == clips.x.shape
    assert net(clips.x, clips.present).shape == (4, NUM_CLASSES)


@every_position
def test_the_encoder_sees_nothing_of_what_is_hidden(name, position):
    net, clips = network(name).eval(), random_clips(4)
    rows = net.rows(clips.x, clips.present)
    kept = draw(position, rows.groups)
    per_unit = 3 if position == "post" else 1
    hidden = torch.ones(len(kept.index), NUM_FRAMES // per_unit, dtype=torch.bool)
    hidden = hidden.scatter(1, kept.index, False).repeat_interleave(per_unit, dim=1)
    spoilt = rows.gather(clips.x).clone()
    spoilt[hidden[:, None, :, None].expand_as(spoilt)] = 100.0
    with torch.no_grad():
        expected = net.encoder(rows.gather(clips.x), kept)
        assert torch.equal(net.encoder(spoilt, kept), expected)


@every_position
def test_the_gradient_reaches_every_weight(name, position):
    """But for biases that batch norm takes away again."""
    net, clips = network(name), random_clips(4)
    rows = net.rows(clips.x, clips.present)
    kept = draw(position, rows.groups)
    latent = net.encode(clips.x, rows, kept)
    logits = net.classifier(net.pool(latent, rows))
    (logits.square().sum() + net.decode(latent, rows, kept, 2).square().sum()).backward()
    # Under softmax, an offset that is the same for all tokens has no effect.
    no_effect = ("bias", "mix.offset")
    for key, weight in net.named_parameters():
        if not key.endswith(no_effect):
            assert weight.grad is not None, key
            assert weight.grad.any(), key


@every_position
def test_mini_batches_in_one_forward_are_normalised_each_by_its_own_statistics(name, position):
    """Values, and the running statistics that they leave."""
    one, other = network(name).double(), network(name).double()
    clips = random_clips(7)
    x = clips.x.double()
    rows = one.rows(x, clips.present, (4, 3))
    kept = draw(position, rows.groups)
    assert rows.groups == (6, 4)
    gathered = rows.gather(x)
    latent = one.encoder(gathered, kept, rows.groups)
    rebuilt = one.decoder(latent, kept, rows.groups)
    parts = gathered.split((6, 4))
    masks = [type(kept)(index, position) for index in kept.index.split((6, 4))]
    latents = [other.encoder(part, mask) for part, mask in zip(parts, masks, strict=True)]
    expected = [other.decoder(part, mask) for part, mask in zip(latents, masks, strict=True)]
    torch.testing.assert_close(latent, torch.cat(latents), rtol=1e-9, atol=1e-10)
    torch.testing.assert_close(rebuilt, torch.cat(expected), rtol=1e-9, atol=1e-10)
    for key, buffer in one.state_dict().items():
        torch.testing.assert_close(buffer, other.state_dict()[key], rtol=1e-9, atol=1e-10)


@every_backbone
def test_evaluation_does_not_depend_on_the_batch(name):
    net, clips = network(name).eval(), random_clips(6)
    with torch.no_grad():
        together = net(clips.x, clips.present)
        alone = [net(clips.x[n : n + 1], clips.present[n : n + 1]) for n in range(6)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)


@every_backbone
def test_the_first_blocks_alone_are_an_encoder_too(name):
    """A learner may take a part of it as its stem."""
    net, clips = network(name, encoder="6-7-8"), random_clips(2)
    net.encoder.blocks = net.encoder.blocks[:2]
    rows = net.rows(clips.x, clips.present)
    assert net.encoder.widths == (6, 7, 8)
    assert net.encoder(rows.gather(clips.x)).shape[1] == 7


@every_backbone
def test_it_can_be_pickled(name):
    net, clips = network(name).eval(), random_clips(2)
    again = pickle.loads(pickle.dumps(net))
    assert torch.equal(again(clips.x, clips.present), net(clips.x, clips.present))


@every_backbone
def test_it_computes_on_one_body_and_two_coordinates(name):
    net = Network(
        ModelSettings(backbone=name, size="nano", frames_per_tuple=1),
        (2, 4, NUM_JOINTS, 1),
        NUM_CLASSES,
        bones=BONES,
        generator=torch_generator(0, "weights"),
    )
    x = torch.randn(3, 2, 4, NUM_JOINTS, 1, generator=torch_generator(1, "clips"))
    assert net.absent is None
    assert net(x, torch.ones(3, 1, dtype=torch.bool)).shape == (3, NUM_CLASSES)
