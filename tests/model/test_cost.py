"""The counted cost of the network, against METHOD's numbers and torch's own counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from charon.model.cost import decoder_macs, encoder_macs
from charon.model.masking import Masker
from charon.model.network import Network
from charon.model.settings import ModelSettings
from charon.model.sizes import SIZES
from charon.seeding import torch_generator


@pytest.mark.parametrize(
    ("kept", "giga_macs"), [(20, 7.11), (14, 5.36), (10, 4.19), (8, 3.61), (2, 1.86)]
)
def test_a_row_of_the_papers_network_costs_what_method_says(kept, giga_macs):
    encoding = encoder_macs(SIZES["tiny"], 3, 150, 20, kept)
    decoding = decoder_macs(SIZES["tiny"], 3, 150, 20)
    assert (encoding + decoding) / 1e9 == pytest.approx(giga_macs, abs=0.005)
    assert decoding / 1e9 == pytest.approx(1.27, abs=0.005)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_what_torch_counts(size):
    """For every size, with a third of the tuples hidden."""
    settings = ModelSettings(size=size, frames_per_tuple=2)
    generator = torch_generator(0, "weights")
    network = Network(settings, (3, 12, 5, 1), 6, generator=generator).to("meta")
    kept = Masker(6, 4, 2, "random", "post").draw([1], torch.Generator())
    rows = network.rows(torch.zeros(1, 3, 12, 5, 1, device="meta"), torch.ones(1, 1).bool())
    with FlopCounterMode(display=False) as counter:
        latent = network.encode(torch.zeros(1, 3, 12, 5, 1, device="meta"), rows, kept)
        network.decode(latent, rows, kept, 1)
    counted = encoder_macs(SIZES[size], 3, 10, 6, 4) + decoder_macs(SIZES[size], 3, 10, 6)
    assert counter.get_total_flops() == 2 * counted
