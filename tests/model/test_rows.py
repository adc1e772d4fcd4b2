"""Bodies as rows of a batch."""

import torch

from charon.model.rows import Rows


def rows_of(present, **sizes):
    """The rows of clips of zeros."""
    return Rows.of(torch.zeros(len(present), 3, 4, 5, present.shape[1]), present, **sizes)


def test_rows_hold_first_bodies_then_the_present_second_ones():
    present = torch.tensor([[True, False], [True, True], [False, True]])
    rows = rows_of(present)
    # A clip always has its first row.
    assert rows.clip.tolist() == [0, 1, 2, 1, 2]
    assert rows.body.tolist() == [0, 0, 0, 1, 1]
    x = torch.randn(3, 2, 4, 5, 2, generator=torch.Generator().manual_seed(0))
    gathered = rows.gather(x)
    assert torch.equal(gathered[4], x[2, ..., 1])
    back = rows.scatter(gathered, 2)
    expected = x.clone()
    expected[0, ..., 1] = 0
    assert torch.equal(back, expected)


def test_one_body_data_has_one_row_a_clip():
    rows = rows_of(torch.ones(3, 1, dtype=torch.bool))
    assert rows.clip.tolist() == [0, 1, 2]
    assert rows.body.tolist() == [0, 0, 0]


def test_mini_batches_lie_one_after_the_other():
    present = torch.tensor([[True, True], [True, False], [True, True]])
    rows = rows_of(present, sizes=(2, 1))
    assert rows.groups == (3, 2)
    assert rows.clip.tolist() == [0, 1, 0, 2, 2]
    assert rows.body.tolist() == [0, 0, 1, 0, 1]
    assert rows.first.tolist() == [0, 1, 3]
    assert rows.second.tolist() == [2, 4]


def test_a_feature_is_the_first_bodys_plus_the_seconds_or_plus_the_absent_vector():
    present = torch.tensor([[True, True], [True, False]])
    rows = rows_of(present)
    features = torch.tensor([[1.0], [2.0], [10.0]])
    assert rows.add_bodies(features, torch.tensor([5.0])).tolist() == [[11.0], [7.0]]
    assert rows.add_bodies(features, None).tolist() == [[1.0], [2.0]]


def test_presence_as_the_released_code_sees_it():
    """A second body whose coordinates sum to no more than 0 is dropped, whatever the data say."""
    x = torch.ones(3, 3, 4, 5, 2)
    x[..., 1] = torch.tensor([1.0, -1.0, 0.0])[:, None, None, None]
    present = torch.tensor([[True, False], [True, True], [True, True]])
    assert Rows.of(x, present, "positive_sum").clip.tolist() == [0, 1, 2, 0]
    assert Rows.of(x, present, "data").clip.tolist() == [0, 1, 2, 1, 2]
