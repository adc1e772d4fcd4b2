"""What every codec keeps to with every storage: exact bytes, an inverse pair, a bounded error."""

import pytest
import torch

from charon.memory import CODECS, STORAGES
from charon.memory.codecs.thinned import Thinned

SHAPE = (3, 120, 25, 2)

every_codec = pytest.mark.parametrize("name", CODECS)
every_storage = pytest.mark.parametrize("storage", STORAGES)


def make(name, interval, storage="float32", shape=SHAPE):
    return CODECS[name](shape, interval, storage=STORAGES[storage]())


def clips(num_clips=3, shape=SHAPE):
    """Smooth motion within two metres; the second body of every other clip is absent."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(num_clips, *shape, generator=generator).cumsum(dim=2)
    x = 2 * x / x.abs().amax(dim=(1, 2, 3, 4), keepdim=True).clamp(min=1)
    x[::2, ..., 1:] = 0
    return x


@every_codec
@every_storage
@pytest.mark.parametrize("interval", [1, 5, 7, 60])
def test_a_storage_adds_its_rounding_to_what_a_codec_loses(name, storage, interval):
    exact, packed = make(name, interval), make(name, interval, storage)
    once, rounded = (codec.decode(codec.encode(clips())) for codec in (exact, packed))
    assert rounded.shape == (3, *SHAPE)
    assert rounded.dtype == torch.float32
    # Rebuilt frames are weighted means of what is kept, of the DCT sums of coefficients.
    bound = {"float32": 0, "float16": 0.001, "int8": 0.01}[storage] * (20 if name == "dct" else 1)
    assert (rounded - once).abs().max() <= bound
    assert (rounded[0, ..., 1] == 0).all()


@every_codec
@pytest.mark.parametrize("interval", [1, 5, 7])
def test_decoding_undoes_encoding_up_to_what_is_lost_at_once(name, interval):
    codec = make(name, interval)
    once = codec.decode(codec.encode(clips()))
    if interval == 1:
        torch.testing.assert_close(once, clips(), rtol=0, atol=1e-5)
    if name != "block_mean":  # whose interpolation is smoothed further
        torch.testing.assert_close(codec.decode(codec.encode(once)), once, rtol=0, atol=1e-4)
    kept = list(codec.stored_frames)
    assert torch.equal(once[:, :, kept], clips()[:, :, kept])
    # None is farther away than the clip's mean pose.
    mean = clips().mean(dim=2, keepdim=True)
    assert (once - clips()).square().mean() < (mean - clips()).square().mean()


@every_codec
@every_storage
@pytest.mark.parametrize("interval", [1, 5, 7])
def test_bytes_are_those_of_the_tensors(name, storage, interval):
    codec = make(name, interval, storage)
    parts = codec.encode(clips(3))
    assert sum(part.numel() * part.element_size() for part in parts) == 3 * codec.bytes_per_clip
    poses = -(-120 // interval) * 2  # of two bodies
    of_number = {"float32": 4, "float16": 2, "int8": 1}[storage]
    expected = poses * (75 * of_number + (2 if storage == "int8" else 0))
    expected += poses // 2 if name == "key_frames" else 0
    assert codec.bytes_per_clip == expected
    assert codec.uncompressed_bytes == 72_000


@every_codec
@every_storage
def test_clips_are_encoded_each_by_itself(name, storage):
    codec = make(name, 5, storage)
    together = codec.decode(codec.encode(clips()))
    for row in range(3):
        alone = codec.decode(codec.encode(clips()[row : row + 1]))
        torch.testing.assert_close(alone, together[row : row + 1], rtol=0, atol=1e-5)


@every_codec
@every_storage
def test_no_clips_are_no_clips(name, storage):
    codec = make(name, 5, storage)
    assert codec.decode(codec.encode(clips(0))).shape == (0, *SHAPE)


@every_codec
@every_storage
def test_it_says_how_it_stores_and_rebuilds(name, storage):
    stored, rebuilt = make(name, 5, storage).description
    assert rebuilt
    assert (storage in stored) == (storage != "float32")


def test_thinning_in_float32_keeps_numbers_as_they_are():
    codec = Thinned(SHAPE, 5)
    (kept,) = codec.encode(clips())
    assert torch.equal(kept, clips()[:, :, ::5])
    assert torch.equal(codec.decode((kept,))[:, :, ::5], kept)
