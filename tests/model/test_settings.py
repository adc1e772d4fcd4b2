"""Parameters and cost of the named sizes, against METHOD."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from charon.model.masking import Masker, num_kept
from charon.model.network import Network
from charon.model.settings import ModelSettings
from charon.seeding import torch_generator


def paper_network(num_classes=60, num_bodies=2, *, with_decoder=True, size="tiny"):
    return Network(
        ModelSettings(size=size),
        (3, 120, 25, num_bodies),
        num_classes,
        with_decoder=with_decoder,
        generator=torch_generator(0, "weights"),
    )


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
    assert num_parameters(paper_network(size="base")) == 6_663_073
    assert num_parameters(paper_network(size="base", with_decoder=False)) == 5_693_868


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
    masker = Masker(20, num_kept(20, masking_ratio), 6, "random", "post")
    kept = masker.draw([1], torch.Generator())
    with FlopCounterMode(display=False) as encoding:
        latent = network.encode(x, rows, kept)
    with FlopCounterMode(display=False) as decoding:
        network.decode(latent, rows, kept, 1)
    places = 150 * num_kept(20, masking_ratio)
    widest = sum(block.project.weight.numel() for block in network.encoder.blocks) * places
    # A multiply-accumulate is two floating-point operations.
    return encoding.get_total_flops() / 2e9, decoding.get_total_flops() / 2e9, widest / 1e9
