"""ST-GCN++ computes what its plain, slow version does."""

import pytest
import torch
from model.backbones.plain_stgcn import PlainStGcn
from model.test_settings import num_parameters
from tiny_runs import BONES, NUM_CLASSES, NUM_FRAMES, NUM_JOINTS, random_clips

from charon.data.ntu import BONES as NTU_BONES
from charon.errors import ConfigError
from charon.model.backbones.stgcn import graph_maps, largest_of_three
from charon.model.masking import Masker
from charon.model.network import Network
from charon.model.settings import ModelSettings
from charon.seeding import torch_generator


def network(num_bodies=2, bones=BONES, shape=(3, NUM_FRAMES, NUM_JOINTS), **options):
    return Network(
        ModelSettings(backbone="stgcn", **{"size": "nano", "frames_per_tuple": 3, **options}),
        (*shape, num_bodies),
        NUM_CLASSES,
        bones=bones,
        generator=torch_generator(1, "weights"),
    )


def stirred(net):
    """Away from where training starts: there, what is learned of the graph and the mask are 0."""
    generator = torch_generator(2, "weights")
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if name.endswith(("added", "mask", "norm.bias")):
                tensor.add_(torch.randn(tensor.shape, generator=generator) / 3)
            elif name.endswith(("running_mean", "running_var", "norm.weight")):
                tensor.add_(torch.rand(tensor.shape, generator=generator))
    return net


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("masked", [True, False], ids=["masked", "whole"])
@pytest.mark.parametrize("widths", [("8-8-13", "13-7"), ("6", "9")], ids=["three blocks", "one"])
def test_it_computes_what_the_plain_network_does(widths, masked, training):
    """Latents, rebuilt rows and the gradient of every weight, in float64."""
    net = stirred(network(encoder=widths[0], decoder=widths[1])).double().train(training)
    plain = PlainStGcn(net, BONES, training=training)
    clips = random_clips(4)
    rows = net.rows(clips.x, clips.present)
    x = rows.gather(clips.x.double())
    kept = None
    if masked:
        masker = Masker(4, 2, 3, "random", "pre")
        kept = masker.draw([len(x)], torch_generator(0, "masking"))

    latent = net.encoder(x, kept)
    expected_latent = plain.encode(x, kept)
    assert latent.shape == (6, net.encoder.widths[-1], NUM_JOINTS, 6 if masked else NUM_FRAMES)
    torch.testing.assert_close(latent.transpose(2, 3), expected_latent, rtol=1e-9, atol=1e-10)
    rebuilt = net.decoder(latent, kept)
    expected = plain.decode(expected_latent, kept, NUM_FRAMES)
    assert rebuilt.shape == x.shape
    torch.testing.assert_close(rebuilt, expected, rtol=1e-9, atol=1e-10)

    weight = torch.randn(latent.shape, generator=torch_generator(3, "weights")).double()
    ((latent * weight).mean() + ((rebuilt - x) ** 2).mean()).backward()
    weight = weight.transpose(2, 3)
    ((expected_latent * weight).mean() + ((expected - x) ** 2).mean()).backward()
    parts = [*net.encoder.named_parameters("encoder"), *net.decoder.named_parameters("decoder")]
    for name, parameter in parts:
        slope, wanted = parameter.grad, plain.weights[name].grad
        wanted = torch.zeros_like(parameter) if wanted is None else wanted
        slope = torch.zeros_like(parameter) if slope is None else slope
        torch.testing.assert_close(slope, wanted, rtol=1e-8, atol=1e-10, msg=name)


def test_a_joint_takes_from_itself_its_parent_and_the_mean_of_its_children():
    # 2 is the root: of 1, 3 and 4; 1 is the parent of 0.
    itself, parent, children = graph_maps(BONES, 5)
    assert torch.equal(itself, torch.eye(5))
    assert parent.nonzero().tolist() == [[0, 1], [1, 2], [3, 2], [4, 2]]
    assert parent.sum(dim=1).tolist() == [1, 1, 0, 1, 1]
    third = torch.tensor(1 / 3)
    assert torch.equal(children[2], torch.tensor([0, third, 0, third, third]))
    assert children[1].tolist() == [1, 0, 0, 0, 0]
    assert not children[[0, 3, 4]].any()


def test_ntus_graph_is_a_tree():
    _, parent, children = graph_maps(NTU_BONES, 25)
    assert int((parent > 0).sum()) == int((children > 0).sum()) == 24
    assert parent.sum(dim=1).tolist() == [0.0] + [1.0] * 24


def test_the_largest_of_three_is_torchs_pooling():
    x = torch.randn(2, 3, 4, 6, generator=torch.Generator().manual_seed(0)).relu()
    expected = torch.nn.functional.max_pool2d(x, (1, 3), stride=1, padding=(0, 1))
    assert torch.equal(largest_of_three(x), expected)
    assert torch.equal(largest_of_three(x[..., :1]), x[..., :1])


def test_what_is_learned_of_the_graph_is_saved_and_the_graph_is_not():
    state = network().state_dict()
    assert [name for name in state if "graph" in name] == [
        "encoder.blocks.0.graph.added",
        "encoder.blocks.1.graph.added",
        "decoder.blocks.0.graph.added",
    ]
    assert not any(state[name].any() for name in state if "graph" in name)


def test_a_set_that_names_no_bones_is_refused_in_a_sentence():
    with pytest.raises(ConfigError, match=r"^model\.backbone=stgcn needs the bones .* `bones` of"):
        network(bones=())


@pytest.mark.parametrize(
    ("size", "whole", "without_decoder"),
    [("nano", 20_454, 15_000), ("tiny", 1_685_236, 1_400_328), ("base", 6_583_052, 5_470_120)],
)
def test_the_named_sizes_are_about_as_large_as_sttformers(size, whole, without_decoder):
    """STTFormer's: 22,083 and 16,690; 1,807,105 and 1,531,052; 6,662,817 and 5,693,612."""
    net = Network(
        ModelSettings(backbone="stgcn", size=size),
        (3, 120, 25, 1),
        60,
        bones=NTU_BONES,
        generator=torch_generator(0, "weights"),
    )
    assert num_parameters(net) == whole
    assert num_parameters(net) - num_parameters(net.decoder) == without_decoder
