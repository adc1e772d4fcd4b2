"""The network: its size, its cost, and what it computes, against METHOD and a plain version."""

import math

import pytest
import torch
from tiny_runs import NUM_CLASSES, NUM_FRAMES, NUM_JOINTS, random_clips
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from charon.benchmark.plain.network import PlainNetwork
from charon.model.masking import draw_kept, num_kept
from charon.model.network import Network
from charon.model.sizes import SIZES, Size
from charon.seeding import torch_generator

# Blocks that keep their width and blocks that do not, in encoder and decoder.
SMALL = Size(encoder=((4, 4, 2), (4, 6, 3)), decoder=((6, 4, 2), (4, 4, 2)))


@pytest.fixture(autouse=True)
def _small_size(monkeypatch):
    monkeypatch.setitem(SIZES, "small", SMALL)


def paper_network(size="tiny", num_classes=60, num_bodies=2, **options):
    return Network(
        num_classes=num_classes,
        num_channels=3,
        num_frames=120,
        num_joints=25,
        num_bodies=num_bodies,
        size=size,
        generator=torch_generator(0, "weights"),
        **options,
    )


def small_network(num_bodies=2, size="small", **options):
    network = Network(
        num_classes=NUM_CLASSES,
        num_channels=3,
        num_frames=NUM_FRAMES,
        num_joints=NUM_JOINTS,
        num_bodies=num_bodies,
        size=size,
        frames_per_tuple=3,
        generator=torch_generator(1, "weights"),
        **options,
    )
    # Where training starts, learned vectors are 0 and statistics trivial: these test more.
    generator = torch_generator(2, "weights")
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith(("absent", "mask", "norm.bias", "scale", "offset")):
                tensor.add_(torch.randn(tensor.shape, generator=generator) / 3)
            elif name.endswith(("running_mean", "running_var", "norm.weight")):
                tensor.add_(torch.rand(tensor.shape, generator=generator))
    return network


def num_parameters(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def test_parameters_of_tiny():
    # METHOD 1: the paper's network, and what is left of it after training.
    network = paper_network()
    assert num_parameters(network) == 1_807_233
    assert num_parameters(network) - num_parameters(network.decoder) == 1_531_180
    assert num_parameters(paper_network(with_decoder=False)) == 1_531_180
    assert num_parameters(paper_network(num_classes=120, with_decoder=False)) == 1_538_920
    assert num_parameters(network.classifier) == 7_740
    encoder = [22_918, 22_918, 60_550, 90_886, 239_878, 361_990, 361_990, 361_990]
    assert [num_parameters(block) for block in network.encoder.blocks] == encoder
    assert [num_parameters(block) for block in network.decoder.blocks] == [202_054, 50_854, 22_918]


def test_parameters_of_base():
    assert num_parameters(paper_network("base")) == 6_663_073
    assert num_parameters(paper_network("base", with_decoder=False)) == 5_693_868


def test_one_body_data_has_no_token_for_an_absent_body():
    network = paper_network(num_bodies=1)
    assert network.absent is None
    assert num_parameters(network) == 1_807_233 - 128


@pytest.mark.parametrize(
    ("masking_ratio", "giga_macs"),
    [(0.0, 7.11), (0.3, 5.36), (0.5, 4.19), (0.6, 3.61), (0.9, 1.86)],
)
def test_forward_cost_of_a_body(masking_ratio, giga_macs):
    # METHOD 1: encoder and decoder, in multiply-accumulates; the decoder is always 1.27.
    encoder, decoder, widest = forward_giga_macs(masking_ratio)
    assert encoder + decoder == pytest.approx(giga_macs, abs=0.005)
    assert decoder == pytest.approx(1.27, abs=0.005)
    # The convolution over five tokens is half of the encoder.
    assert widest / encoder == pytest.approx(0.5, abs=0.01)


def forward_giga_macs(masking_ratio):
    """Count what the network does for one body, on the meta device, which computes nothing."""
    network = paper_network(num_bodies=1).to("meta")
    x = torch.zeros(1, 3, 120, 25, 1, device="meta")
    rows = network.rows(x, torch.ones(1, 1, dtype=torch.bool))
    kept = draw_kept(
        1,
        20,
        num_kept(20, masking_ratio),
        frames_per_tuple=6,
        masking="random",
        position="post",
        generator=torch.Generator(),
    )
    with FlopCounterMode(display=False) as encoding:
        latent = network.encode(x, rows, kept)
    with FlopCounterMode(display=False) as decoding:
        network.reconstruct(latent, rows, kept, 1)
    places = 150 * num_kept(20, masking_ratio)
    widest = sum(block.project.weight.numel() for block in network.encoder.blocks) * places
    # A multiply-accumulate is two floating-point operations.
    return encoding.get_total_flops() / 2e9, decoding.get_total_flops() / 2e9, widest / 1e9


def some_kept(position, num_rows):
    return draw_kept(
        num_rows,
        4,
        2,
        frames_per_tuple=3,
        masking="random",
        position=position,
        generator=torch_generator(0, "masking"),
    )


CASES = {
    "whole": {},
    "post": {"position": "post"},
    "pre": {"position": "pre"},
    "one body": {"num_bodies": 1, "position": "post"},
    "tanh": {"attention": "tanh", "position": "post"},
    "time": {"time_encoding": True, "position": "post"},
    "time, pre": {"time_encoding": True, "position": "pre"},
    "evaluation": {"training": False},
    "no decoder": {"with_decoder": False, "position": "post"},
    "nano": {"size": "nano", "position": "post"},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_computes_what_the_plain_network_does(case):
    """Logits, rebuilt clips and the gradient of every weight, in float64."""
    options = dict(case)
    training, position = options.pop("training", True), options.pop("position", None)
    num_bodies = options.get("num_bodies", 2)
    network = small_network(**options).double().train(training)
    plain = PlainNetwork(
        network, training=training, time_encoding=options.get("time_encoding", False)
    )
    clips = random_clips(5, num_bodies=num_bodies)
    rows = network.rows(clips.x, clips.present)
    kept = None if position is None else some_kept(position, len(rows))

    latent = network.encode(clips.x.double(), rows, kept)
    logits = network.classifier(network.features(latent, rows))
    expected_logits, expected = plain(clips.x, clips.present, kept)
    torch.testing.assert_close(logits, expected_logits, rtol=1e-9, atol=1e-10)
    loss = F.cross_entropy(logits, clips.label)
    expected_loss = F.cross_entropy(expected_logits, clips.label)
    if network.decoder is not None:
        rebuilt = network.reconstruct(latent, rows, kept, num_bodies)
        torch.testing.assert_close(rebuilt, expected, rtol=1e-9, atol=1e-10)
        loss = loss + ((rebuilt - clips.x) ** 2).mean()
        expected_loss = expected_loss + ((expected - clips.x) ** 2).mean()
    loss.backward()
    expected_loss.backward()
    for name, parameter in network.named_parameters():
        expected = plain.weights[name].grad
        slope = parameter.grad
        if slope is None and expected is not None:  # of biases that batch norm takes away again
            slope = torch.zeros_like(parameter)
        torch.testing.assert_close(slope, expected, rtol=1e-9, atol=1e-10, msg=name)


def test_the_papers_network_computes_it_too():
    """The tiny size, in float32 as it runs, on clips of another shape than the paper's."""
    network = small_network(size="tiny").eval()
    plain = PlainNetwork(network, training=False)
    clips = random_clips(3)
    with torch.no_grad():
        expected, _ = plain(clips.x, clips.present)
        torch.testing.assert_close(
            network(clips.x, clips.present).double(), expected, rtol=1e-3, atol=1e-3
        )


def test_training_moves_the_running_statistics_by_a_tenth():
    network = small_network().train()
    plain = PlainNetwork(network, training=True)
    clips = random_clips(4)
    rows = network.rows(clips.x, clips.present)
    gathered = rows.gather(clips.x).double()
    tuples = gathered.reshape(len(rows), 3, 4, -1)
    mapped = plain.conv("encoder.input_map", tuples).detach()
    before = network.encoder.input_norm.running_var.double().clone()
    network.encode(clips.x, rows)
    after = network.encoder.input_norm.running_var.double()
    expected = 0.9 * before + 0.1 * mapped.var(dim=(0, 2, 3), correction=1)
    torch.testing.assert_close(after, expected, rtol=1e-5, atol=1e-6)


def test_a_clip_of_an_absent_second_body_takes_the_learned_vector():
    network = small_network(with_decoder=False).eval()
    clips = random_clips(2, num_bodies=2)  # clip 0 shows one body
    with torch.no_grad():
        rows = network.rows(clips.x, clips.present)
        assert rows.clip.tolist() == [0, 1, 1]
        assert rows.body.tolist() == [0, 0, 1]
        latent = network.encode(clips.x, rows)
        pooled = latent.mean(dim=(2, 3))
        expected = torch.stack([pooled[0] + network.absent, pooled[1] + pooled[2]])
        torch.testing.assert_close(network.features(latent, rows), expected)


def test_presence_as_the_released_code_sees_it():
    """A second body whose coordinates sum to no more than 0 is dropped, whatever the data say."""
    clips = random_clips(3)
    x = clips.x.clone()
    x[:, :, :, :, 1] = torch.tensor([1.0, -1.0, 0.0])[:, None, None, None]
    present = torch.tensor([[True, False], [True, True], [True, True]])
    released = small_network(presence="positive_sum")
    assert released.rows(x, present).clip.tolist() == [0, 1, 2, 0]
    assert small_network().rows(x, present).clip.tolist() == [0, 1, 2, 1, 2]


def test_absent_bodies_are_rebuilt_as_zeros():
    network = small_network()
    clips = random_clips(4)
    rows = network.rows(clips.x, clips.present)
    rebuilt = network.reconstruct(network.encode(clips.x, rows), rows, None, 2)
    assert rebuilt.shape == clips.x.shape
    assert (rebuilt[::2, ..., 1] == 0).all()
    assert (rebuilt[1::2, ..., 1] != 0).any()


def test_evaluation_does_not_depend_on_the_batch():
    network = small_network().eval()
    clips = random_clips(6)
    with torch.no_grad():
        together = network(clips.x, clips.present)
        alone = [network(clips.x[n : n + 1], clips.present[n : n + 1]) for n in range(6)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-5, atol=1e-5)


def test_a_network_without_decoder_does_not_rebuild():
    network = small_network(with_decoder=False)
    clips = random_clips(2)
    rows = network.rows(clips.x, clips.present)
    with pytest.raises(RuntimeError, match="without a decoder"):
        network.reconstruct(network.encode(clips.x, rows), rows, None, 2)


def test_initial_weights_have_the_stated_distributions():
    network = paper_network()
    block = network.encoder.blocks[5]
    # Kaiming normal over the fan out, gain √2: 128 outputs x kernel.
    for convolution, kernel in ((block.project, 5), (block.across, 3), (block.feed, 1)):
        spread = math.sqrt(2 / (128 * kernel))
        assert convolution.weight.std().item() == pytest.approx(spread, rel=0.03)
        assert convolution.weight.mean().item() == pytest.approx(0, abs=spread / 30)
        # A normal distribution has 0.27 % beyond three standard deviations; a uniform none.
        beyond = (convolution.weight.abs() > 3 * spread).double().mean().item()
        assert 0.001 < beyond < 0.005
    # PyTorch's default bias: uniform within 1/√fan_in.
    bound = 1 / math.sqrt(128)
    bias = block.mix.to_query_key.bias.abs()
    assert 0.95 * bound < bias.max().item() <= bound
    assert bias.mean().item() == pytest.approx(bound / 2, rel=0.1)
    # Xavier normal, zero bias.
    classifier = network.classifier
    assert classifier.weight.std().item() == pytest.approx(math.sqrt(2 / 188), rel=0.03)
    assert classifier.weight.abs().max().item() > 2 * math.sqrt(3 * 2 / 188)  # not uniform
    assert (classifier.bias == 0).all()
    # The output map: PyTorch's default for weight and bias.
    bound = 1 / math.sqrt(32)
    weight = network.decoder.output_map.weight.abs()
    assert 0.9 * bound < weight.max().item() <= bound
    assert network.decoder.output_map.bias.abs().max().item() <= bound
    # Learned vectors are 0, batch norm is the identity, attention starts plain.
    assert (network.absent == 0).all()
    assert (network.decoder.mask == 0).all()
    assert (block.feed_norm.weight == 1).all()
    assert (block.feed_norm.bias == 0).all()
    assert (block.feed_norm.running_mean == 0).all()
    assert (block.feed_norm.running_var == 1).all()
    assert (block.feed_norm.eps, block.feed_norm.momentum) == (1e-5, 0.1)
    assert (block.mix.scale == 1).all()
    assert (block.mix.offset == 1 / 150).all()


def test_equal_generators_make_equal_networks():
    one, same, other = (
        torch.cat([p.flatten() for p in small(seed).parameters()]) for seed in (0, 0, 1)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def small(seed):
    return Network(
        num_classes=3,
        num_channels=2,
        num_frames=8,
        num_joints=4,
        num_bodies=1,
        size="small",
        frames_per_tuple=2,
        generator=torch_generator(seed, "weights"),
    )
