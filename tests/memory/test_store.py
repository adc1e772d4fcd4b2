"""Where encoded clips lie: both stores give back the same, one without absent bodies."""

import pytest
import torch

from charon.clips import Clips
from charon.memory import CODECS, STORAGES
from charon.memory.store import PresentBodies, WholeClips

SHAPE = (3, 12, 5, 2)
CPU = torch.device("cpu")


def random_clips(num_clips, seed=0):
    """One, both or none of the bodies of a clip are there."""
    generator = torch.Generator().manual_seed(seed)
    present = torch.rand(num_clips, 2, generator=generator) < 0.6
    x = torch.randn(num_clips, *SHAPE, generator=generator)
    return Clips(x * present[:, None, None, None], present, torch.zeros(num_clips).long())


def stores(name, storage, num_clips=6):
    packs = STORAGES[storage]()
    whole = CODECS[name](SHAPE, 3, storage=packs)
    single = CODECS[name]((*SHAPE[:3], 1), 3, storage=packs)
    return (
        WholeClips(num_clips, whole, CPU),
        PresentBodies(num_clips, 2 * num_clips, single, 2, CPU),
    )


@pytest.mark.parametrize("name", [name for name in CODECS if name != "key_frames"])
@pytest.mark.parametrize("storage", STORAGES)
def test_bodies_are_encoded_alone_as_they_are_together(name, storage):
    """But for key frames, which each body has by itself."""
    whole, bodies = stores(name, storage)
    clips, later = random_clips(6), random_clips(2, seed=1)
    slots = torch.arange(6)
    for store in (whole, bodies):
        store.write(slots, clips)
        store.write(torch.tensor([4, 1]), later)
        store.keep(torch.tensor([1, 5, 0]))
        store.write(torch.tensor([3]), clips.take(torch.tensor([2])))
    some = torch.tensor([3, 0, 2])
    torch.testing.assert_close(bodies.read(some), whole.read(some), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("storage", STORAGES)
def test_absent_bodies_cost_nothing_but_their_place_in_a_table(name, storage):
    _, store = stores(name, storage)
    clips = random_clips(6)
    store.write(torch.arange(6), clips)
    num_bodies = int(clips.present.sum())
    assert sum(part.nbytes for part in store.tensors(6)) == num_bodies * store.codec.bytes_per_clip
    assert store.num_bytes(6) == 6 * 2 * 4 + num_bodies * store.codec.bytes_per_clip
    assert store.num_bytes(6) == sum(store.bytes_of(int(n)) for n in clips.present.sum(dim=1))
    present = clips.present[:, None, None, None].expand(-1, *SHAPE)
    assert (store.read(torch.arange(6))[~present] == 0).all()


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("storage", STORAGES)
def test_a_loaded_store_gives_back_what_was_saved(kind, name, storage):
    saved, loaded = stores(name, storage)[kind], stores(name, storage)[kind]
    clips = random_clips(6)
    saved.write(torch.arange(6), clips)
    saved.keep(torch.tensor([5, 0, 3, 2]))
    loaded.write(torch.arange(6), random_clips(6, seed=2))
    loaded.load(saved.tensors(4), clips.present[[5, 0, 3, 2]])
    slots = torch.arange(4)
    assert torch.equal(loaded.read(slots), saved.read(slots))
    more = random_clips(2, seed=3)
    for store in (saved, loaded):
        store.write(torch.tensor([1, 4]), more)
    slots = torch.arange(5)
    assert torch.equal(loaded.read(slots), saved.read(slots))
    assert loaded.num_bytes(5) == saved.num_bytes(5)


@pytest.mark.parametrize("kind", [0, 1], ids=["whole", "present"])
def test_a_store_asks_for_room_when_clips_come_and_not_before(kind, monkeypatch):
    monkeypatch.setattr("charon.memory.store.FIRST_ROWS", 2)
    small = stores("thinned", "float32")[kind]
    huge = stores("thinned", "float32", num_clips=10**12)[kind]
    clips = random_clips(5)
    for store in (small, huge):
        for slot in range(5):
            store.write(torch.tensor([slot]), clips.take(torch.tensor([slot])))
    assert torch.equal(small.read(torch.arange(5)), huge.read(torch.arange(5)))
    again = stores("thinned", "float32")[kind]
    again.load(huge.tensors(5), clips.present)
    assert torch.equal(again.read(torch.arange(5)), huge.read(torch.arange(5)))


def test_what_is_of_another_shape_or_type_is_not_loaded():
    whole, _ = stores("thinned", "float32")
    (stored,) = whole.tensors(3)
    for wrong in (stored[:1], stored.double(), stored[..., :1]):
        with pytest.raises(ValueError, match="its memory holds"):
            whole.load((wrong,), torch.ones(3, 2, dtype=torch.bool))
