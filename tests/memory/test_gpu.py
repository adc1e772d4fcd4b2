"""What a memory on a GPU gives back is what the CPU's does (``pytest -m gpu``)."""

import pytest
import torch
from memory.test_store import SHAPE, random_clips

from charon.memory import CODECS, STORAGES
from charon.memory.store import PresentBodies, WholeClips

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("kind", [WholeClips, PresentBodies])
def test_clips_come_back_as_from_the_cpu(name, storage, kind):
    found, clips = [], random_clips(6)
    for device in (torch.device("cpu"), torch.device("cuda")):
        shape = SHAPE if kind is WholeClips else (*SHAPE[:3], 1)
        codec = CODECS[name](shape, 3, storage=STORAGES[storage]())
        rows = (6, codec) if kind is WholeClips else (6, 12, codec, 2)
        store = kind(*rows, device)
        store.write(torch.arange(6), clips.to(device))
        store.keep(torch.tensor([4, 0, 2]))
        store.write(torch.tensor([3]), clips.take(torch.tensor([1])).to(device))
        found.append(store.read(torch.arange(4)).cpu())
    # A number at the middle of two steps may be rounded to either.
    torch.testing.assert_close(*found, rtol=0, atol=0.1 if storage == "int8" else 1e-3)
