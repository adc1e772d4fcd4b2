"""Products of attention, against the sums they are."""

import torch

from charon.model.kernels.attention import key_query_products, mix_tokens


def test_products_and_their_gradient_are_those_of_the_sums():
    generator = torch.Generator().manual_seed(0)
    query_key = torch.randn(2, 5, 4, 12, generator=generator).double().requires_grad_()
    query, key = query_key.unflatten(-1, (2, 3, 2)).unbind(3)
    expected = torch.einsum("nuthd,nvthd->nhvu", query, key)
    products = key_query_products(query_key, num_heads=3)
    torch.testing.assert_close(products, expected)
    slope = torch.randn(products.shape, generator=generator).double()
    slopes = (torch.autograd.grad(z, query_key, slope)[0] for z in (products, expected))
    torch.testing.assert_close(*slopes)


def test_the_last_tuple_counts_as_often_as_it_stands_for_others():
    generator = torch.Generator().manual_seed(0)
    query_key = torch.randn(2, 5, 4, 12, generator=generator).double().requires_grad_()
    often = query_key[:, :, [0, 1, 2, 3, 3, 3]]
    products = key_query_products(query_key, num_heads=3, last_counts=3)
    expected = key_query_products(often, num_heads=3)
    torch.testing.assert_close(products, expected)
    slopes = (torch.autograd.grad(z.square().sum(), query_key)[0] for z in (products, expected))
    torch.testing.assert_close(*slopes)


def test_mixed_tokens_are_sums_by_each_map_beside_one_another():
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 3, 5, 5, generator=generator).double()
    x = torch.randn(2, 4, 5, 6, generator=generator).double()
    expected = torch.einsum("nhvu,ncut->nhcvt", maps, x).flatten(1, 2)
    torch.testing.assert_close(mix_tokens(maps, x), expected)
    shared = maps[:1].expand(2, -1, -1, -1)
    torch.testing.assert_close(mix_tokens(shared, x)[0], expected[0])
