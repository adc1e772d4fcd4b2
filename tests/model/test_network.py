"""The network computes what its plain version does."""

import pytest
import torch
from tiny_runs import NUM_CLASSES, NUM_FRAMES, NUM_JOINTS, random_clips
from torch.nn import functional as F

from charon.benchmark.plain.network import PlainNetwork
from charon.model.backbones.sttformer import SIZES, Size
from charon.model.masking import Masker
from charon.model.network import Network
from charon.model.settings import ModelSettings
from charon.seeding import torch_generator

# Blocks that keep their width and blocks that do not, in encoder and decoder.
SMALL = Size(encoder=((4, 4, 2), (4, 6, 3)), decoder=((6, 4, 2), (4, 4, 2)))


@pytest.fixture(autouse=True)
def _small_size(monkeypatch):
    monkeypatch.setitem(SIZES, "base", SMALL)


def small_network(num_bodies=2, with_decoder=True, size="base", **options):
    """Of ``SMALL`` unless told, in the place of ``base``."""
    network = Network(
        ModelSettings(size=size, frames_per_tuple=3, **options),
        (3, NUM_FRAMES, NUM_JOINTS, num_bodies),
        NUM_CLASSES,
        with_decoder=with_decoder,
        generator=torch_generator(1, "weights"),
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


def some_kept(position, num_rows):
    masker = Masker(4, 2, 3, "random", position)
    return masker.draw([num_rows], torch_generator(0, "masking"))


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
    "other widths": {"encoder": "5-4", "decoder": "4-3-6", "heads": 2, "position": "post"},
    "five queries, pre": {"query_key": 5, "heads": 1, "position": "pre"},
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
    kept = None if position is None else some_kept(position, len(rows.clip))

    latent = network.encode(clips.x.double(), rows, kept)
    logits = network.classifier(network.pool(latent, rows))
    expected_logits, expected = plain(clips.x, clips.present, kept)
    torch.testing.assert_close(logits, expected_logits, rtol=1e-9, atol=1e-10)
    loss = F.cross_entropy(logits, clips.label)
    expected_loss = F.cross_entropy(expected_logits, clips.label)
    if network.decoder is not None:
        rebuilt = network.decode(latent, rows, kept, num_bodies)
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
    tuples = gathered.reshape(len(gathered), 3, 4, -1)
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
        pooled = network.encode(clips.x, rows).mean(dim=(2, 3))
        expected = torch.stack([pooled[0] + network.absent, pooled[1] + pooled[2]])
        torch.testing.assert_close(network.features(clips.x, clips.present), expected)


def test_absent_bodies_are_rebuilt_as_zeros():
    network = small_network()
    clips = random_clips(4)
    rows = network.rows(clips.x, clips.present)
    rebuilt = network.decode(network.encode(clips.x, rows), rows, None, 2)
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
    with pytest.raises(AssertionError, match="without a decoder"):
        network.decode(network.encode(clips.x, rows), rows, None, 2)
