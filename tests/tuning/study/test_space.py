"""Search spaces hold only values that mean what they say, on the clips of their run."""

import json

import pytest

from charon.errors import ConfigError
from charon.tuning.study.fields import complete
from charon.tuning.study.space import (
    Choice,
    MaskingRatio,
    Real,
    SamplingInterval,
    Whole,
    bound,
    check_space,
    ends,
    from_plain,
    holds,
    to_plain,
)

PAPER = complete({"learner": "charon"})
ETA, INTERVAL = "learner.masking_ratio", "learner.sampling_interval"


@pytest.mark.parametrize("kept", range(1, 21))
def test_a_number_of_kept_tuples_and_its_masking_ratio_name_each_other(kept):
    tuples = MaskingRatio(0, 0.95, tuples=20)
    assert tuples.kept(tuples.ratio(kept)) == kept


def test_masking_ratios_between_whole_tuples_are_not_in_the_space():
    assert holds(MaskingRatio(0, 0.9, tuples=20), 0.3)
    assert not holds(MaskingRatio(0, 0.9, tuples=20), 0.33)
    assert not holds(MaskingRatio(0, 0.5, tuples=20), 0.9)


@pytest.mark.parametrize(
    ("low", "high", "tuples", "fewest", "most"),
    [(0, 0.9, 20, 2, 20), (0, 0.9, 10, 1, 10), (0.14, 0.87, 20, 3, 17), (0.15, 0.85, 20, 3, 17)],
)
def test_the_kept_tuples_are_those_whose_ratio_is_in_the_range(low, high, tuples, fewest, most):
    domain = MaskingRatio(low, high, tuples)
    assert (domain.fewest, domain.most) == (fewest, most)
    assert low <= min(ends(domain)) < max(ends(domain)) <= high


def test_sampling_intervals_divide_the_clip_and_leave_more_than_a_frame():
    assert SamplingInterval(1, 12, 120).values == (1, 2, 3, 4, 5, 6, 8, 10, 12)
    assert SamplingInterval(1, 10, 10).values == (1, 2, 5)


def test_a_space_takes_tuples_and_frames_from_its_run():
    small = {**PAPER, "data.num_frames": 10, "model.frames_per_tuple": 1}
    space = {ETA: MaskingRatio(0, 0.9), INTERVAL: SamplingInterval(1, 10)}
    assert bound(space, PAPER)[ETA].tuples == 20
    assert bound(space, PAPER)[INTERVAL].frames == 120
    assert bound(space, small)[ETA].tuples == 10
    assert bound(space, small)[INTERVAL].values == (1, 2, 5)


def test_a_space_that_leaves_no_choice_on_its_clips_names_the_field():
    with pytest.raises(ConfigError, match=r"learner\.sampling_interval: Of 120 frames"):
        bound({INTERVAL: SamplingInterval(16, 19)}, PAPER)
    with pytest.raises(ConfigError, match=r"learner\.masking_ratio: Of 20 tuples"):
        bound({ETA: MaskingRatio(0.31, 0.34)}, PAPER)


def test_the_frames_of_a_clip_are_not_searched_beside_what_counts_them():
    with pytest.raises(ConfigError, match=r"data\.num_frames cannot be searched too"):
        bound({ETA: MaskingRatio(0, 0.9), "data.num_frames": Choice((60, 120))}, PAPER)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Real(1, 1),
        lambda: Real(0, 1, log=True),
        lambda: Whole(3, 2),
        lambda: Whole(0, 2, log=True),
        lambda: Choice(("a",)),
        lambda: MaskingRatio(0.5, 0.5),
        lambda: MaskingRatio(0, 1.0),
        lambda: SamplingInterval(5, 5),
        lambda: SamplingInterval(0, 5),
    ],
)
def test_an_empty_range_is_an_error(make):
    with pytest.raises(ConfigError, match="but got"):
        make()


def test_a_start_outside_the_space_is_an_error_that_names_the_field():
    with pytest.raises(ConfigError, match=r"learner\.alpha=0\.3"):
        check_space({"learner.alpha": Real(0.5, 1)}, PAPER, complete)
    check_space({"learner.alpha": Real(0.1, 1)}, PAPER, complete)


@pytest.mark.parametrize(
    ("field", "domain"),
    [
        ("learner.alpha", Real(-1, 1)),
        ("learner.replay_batch_size", Whole(0, 32)),
        ("learner.masking", Choice(("random", "none of them"))),
    ],
)
def test_a_value_that_a_field_refuses_is_an_error_before_anything_runs(field, domain):
    with pytest.raises(ConfigError, match=field.rpartition(".")[2]):
        check_space({field: domain}, PAPER, complete)


def test_every_kind_of_domain_reads_back_from_json():
    space = {
        "learner.alpha": Real(0.1, 1.0, log=True),
        "learner.buffer_size": Whole(10, 200),
        "optimiser.batch_size": Choice((8, None, "all")),
        ETA: MaskingRatio(0.0, 0.9, tuples=20),
        INTERVAL: SamplingInterval(1, 10, frames=20),
    }
    plain = json.loads(json.dumps(to_plain(space)))
    assert plain["learner.alpha"] == {"kind": "real", "low": 0.1, "high": 1.0, "log": True}
    assert from_plain(plain) == space


def test_a_domain_of_no_known_kind_is_an_error():
    with pytest.raises(KeyError):
        from_plain({ETA: {"kind": "imaginary"}})


def test_a_choice_needs_different_values():
    with pytest.raises(ConfigError):
        Choice((1, 1))


def test_widths_are_searched_as_text_or_as_the_channels_of_a_single_block():
    start = complete({"learner": "charon", "model.encoder": "32-64", "model.decoder": 32})
    space = {
        "model.encoder": Choice(("32-64", "32-64-128")),
        "model.decoder": Whole(8, 64),
        "model.heads": Whole(1, 4),
        "model.query_key": Choice((None, 8, 16)),
    }
    check_space(space, start, complete)
    assert from_plain(json.loads(json.dumps(to_plain(space)))) == space
    with pytest.raises(ConfigError, match=r"model\.encoder must be the channels"):
        check_space({"model.encoder": Choice(("32-64", "32/64"))}, start, complete)
