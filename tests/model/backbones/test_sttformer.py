"""The widths of STTFormer: a named size, or what is given in its place."""

import pytest
from model.test_settings import num_parameters

from charon.model.backbones.sttformer import SIZES, Size, size_of
from charon.model.network import Network
from charon.model.settings import ModelSettings
from charon.seeding import torch_generator


def test_a_named_size_says_all():
    for name, size in SIZES.items():
        assert size_of(ModelSettings(size=name)) == size


def test_the_widths_of_tiny_are_tiny():
    settings = ModelSettings(encoder="32-32-64-64-128-128-128-128", decoder="64-32-32")
    assert size_of(settings) == SIZES["tiny"]


def test_given_widths_follow_the_input_map_of_the_size_and_one_another():
    settings = ModelSettings(size="nano", encoder="32-64", decoder="10-6")
    encoder = ((16, 32, 16), (32, 64, 32))
    assert size_of(settings) == Size(encoder, ((64, 10, 32), (10, 6, 5)))


def test_the_decoder_of_a_size_takes_what_the_encoder_gives():
    assert size_of(ModelSettings(size="nano", encoder=20)) == Size(((16, 20, 10),), ((20, 8, 4),))


def test_queries_and_keys_are_the_same_in_every_block_if_given():
    settings = ModelSettings(size="nano", encoder="32-64", query_key=4)
    assert size_of(settings) == Size(((16, 32, 4), (32, 64, 4)), ((64, 8, 4),))


@pytest.mark.parametrize(("heads", "query_key"), [(1, 8), (4, 8), (2, 3)])
def test_heads_and_their_channels_take_parameters(heads, query_key):
    network = Network(
        ModelSettings(size="nano", heads=heads, query_key=query_key),
        (3, 12, 5, 1),
        6,
        generator=torch_generator(0, "weights"),
    )
    block = network.encoder.blocks[0]
    # Queries and keys of 16 channels; maps concatenated, then five tokens to 32 channels.
    assert num_parameters(block.mix) == 17 * 2 * heads * query_key + 2 * heads
    assert num_parameters(block.project) == 5 * 16 * heads * 32 + 32
