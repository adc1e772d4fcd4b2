"""Herding by hand."""

import torch

from charon.memory.herding import HerdingBuffer


def test_herding_by_hand():
    # The mean of these is (2.4, 3) / 5 = (0.48, 0.6).
    features = torch.tensor([[1.0, 0], [0, 1], [0.6, 0.8], [0.8, 0.6], [0, 0.6]])
    # 1st: squared distances to the mean 0.63, 0.39, 0.0544, 0.1024, 0.2304: clip 2.
    # 2nd: (0.6, 0.8) and one more, halved: (.8, .4), (.3, .9), -, (.7, .7), (.3, .7):
    #      0.1424, 0.1224, -, 0.0584, 0.0424: clip 4.
    # 3rd: (0.6, 1.4) and one more, by three: (.533, .467), (.2, .8), -, (.467, .667):
    #      0.0206, 0.1184, -, 0.0046: clip 3.
    # 4th: (1.4, 2.0) and one more, by four: (.6, .5), (.35, .75): 0.0244, 0.0394: clip 0.
    assert HerdingBuffer.herd(features, 5).tolist() == [2, 4, 3, 0, 1]


def test_fewer_are_the_first_of_more():
    features = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    most = HerdingBuffer.herd(features, 12).tolist()
    assert sorted(most) == list(range(12))
    for count in (0, 1, 5):
        assert HerdingBuffer.herd(features, count).tolist() == most[:count]
    assert HerdingBuffer.herd(features, 99).tolist() == most


def test_equal_clips_are_chosen_once_each():
    assert sorted(HerdingBuffer.herd(torch.ones(3, 2), 3).tolist()) == [0, 1, 2]
