"""Convolution to few channels against torch's, and which layers take it."""

import pytest
import torch
from torch.nn import functional as F

from charon.model.kernels import narrow
from charon.model.settings import SIZES


@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 5, 12])
@pytest.mark.parametrize("out", [1, 8])
def test_it_is_torchs_convolution_and_its_gradients(tokens, out):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 6, tokens, 3, generator=generator).double()
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(out, 6, 5, 1, generator=generator).double().requires_grad_()
    found, expected = narrow.convolve(x, weight), F.conv2d(x, weight, padding=(2, 0))
    torch.testing.assert_close(found, expected)
    assert found.is_contiguous(memory_format=torch.channels_last)
    slopes = [torch.autograd.grad(z.square().sum(), (x, weight)) for z in (found, expected)]
    torch.testing.assert_close(*slopes)


def test_only_the_small_networks_decoder_is_narrow():
    """The paper's network keeps its numbers."""
    narrow_layers = {
        (size, out)
        for size, channels in SIZES.items()
        for into, out, _ in (*channels.encoder, *channels.decoder)
        if narrow.pays(torch.empty(1, 3 * into, 25, 4), torch.empty(out, 3 * into, 5, 1))
    }
    assert narrow_layers == {("nano", 8)}


def test_bfloat16_and_other_devices_do_not_take_it():
    weight = torch.empty(8, 6, 5, 1)
    assert not narrow.pays(torch.empty(1, 6, 5, 3, dtype=torch.bfloat16), weight)
    assert not narrow.pays(torch.empty(1, 6, 5, 3, device="meta"), weight)
