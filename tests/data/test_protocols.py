"""Train, test and validation rows: the published counts, and no leak between the sets."""

from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pytest
from data.set_makers import OTHER, description_of_ntu

from charon.data import ntu
from charon.data.protocols import chosen_classes, split
from charon.errors import ConfigError, DataError

COUNTS = {
    "ntu60-xsub": (40_091, 16_487),
    "ntu60-xview": (37_646, 18_932),
    "ntu120-xsub": (63_026, 50_919),
    "ntu120-xset": (54_468, 59_477),
    "ntu120new-xsub": (22_935, 34_432),
    "ntu120new-xset": (27_992, 29_375),
}


@lru_cache(maxsize=2)
def shuffled_clips(num_classes):
    names = np.random.default_rng(0).permutation(np.array(ntu.all_names(num_classes)))
    return names, ntu.parse_names(names.tolist())


def ntu_set(num_classes, name=None):
    """What a split reads of an archive of all clips, in a shuffled order."""
    names, ids = shuffled_clips(num_classes)
    return SimpleNamespace(
        description=description_of_ntu(num_classes, name),
        source="NTU",
        names=names,
        num_clips=len(names),
        label=ids.label.astype(np.int64),
        subject=ids.performer,
        camera=ids.camera,
        setup=ids.setup,
        replication=ids.replication,
        in_train=np.full(len(names), -1, np.int8),
    )


def other_set(num_clips=40, subjects=None, in_train=None, about=OTHER, **columns):
    zeros = np.zeros(num_clips, np.int16)
    return SimpleNamespace(
        description=about,
        source="set.npz",
        names=np.array([f"clip-{i:06d}" for i in range(num_clips)]),
        num_clips=num_clips,
        label=columns.get("label", np.arange(num_clips) % 2),
        subject=zeros if subjects is None else subjects.astype(np.int16),
        camera=zeros,
        setup=zeros,
        replication=zeros,
        in_train=zeros.astype(np.int8) - 1 if in_train is None else in_train.astype(np.int8),
    )


def num_classes_of(benchmark):
    """Of the set that the benchmark is cut out of."""
    return 60 if benchmark.startswith("ntu60") else 120


def labels_of(benchmark):
    return range(60, 120) if "new" in benchmark else range(num_classes_of(benchmark))


@pytest.mark.parametrize("benchmark", COUNTS)
def test_ntus_protocols_have_their_counts_and_rules(benchmark):
    archive = ntu_set(num_classes_of(benchmark))
    rows = split(archive, benchmark, seed=0)
    assert (len(rows.train), len(rows.test), len(rows.val)) == (*COUNTS[benchmark], 0)
    assert (rows.protocol, rows.val_rule) == (benchmark, "none")
    names = archive.names
    labels = labels_of(benchmark)
    assert rows.classes == labels
    own = names[np.isin(archive.label, labels)]
    assert set(names[rows.train]) | set(names[rows.test]) == set(own)
    # Rows are in the order of the names, however the archive is sorted.
    assert names[rows.train].tolist() == sorted(names[rows.train])
    if "new" not in benchmark:  # which no file of the field has
        assert set(names[rows.train]) == set(ntu.row_names(benchmark)[0])


@pytest.mark.parametrize("benchmark", COUNTS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_validation_holds_out_whole_performers(benchmark, seed):
    archive = ntu_set(num_classes_of(benchmark))
    rows = split(archive, benchmark, val_fraction=0.1, seed=seed)
    without = split(archive, benchmark, seed=seed)
    # Cut from the training set; the test set stays.
    assert sorted([*rows.train, *rows.val]) == sorted(without.train)
    np.testing.assert_array_equal(rows.test, without.test)
    assert abs(len(rows.val) / len(without.train) - 0.1) < 0.01
    # A performer is on one side, and so is every performance.
    assert not set(archive.subject[rows.val]) & set(archive.subject[rows.train])

    def performances(of):
        columns = (archive.setup, archive.subject, archive.replication, archive.label)
        return set(zip(*(column[of].tolist() for column in columns), strict=True))

    assert not performances(rows.val) & performances(rows.train)
    # Every class is on both sides.
    for side in (rows.val, rows.train):
        assert set(archive.label[side].tolist()) == set(labels_of(benchmark))
    who = ", ".join(map(str, sorted(set(archive.subject[rows.val].tolist()))))
    assert rows.val_rule == f"held-out performers {who}"


@pytest.mark.parametrize("benchmark", ["ntu120-xsub", "ntu120-xset"])
def test_ntu120_holds_out_a_tenth_of_each_group_of_performers(benchmark):
    archive = ntu_set(120)
    rows = split(archive, benchmark, val_fraction=0.1, seed=0)
    for is_early in (True, False):
        val = ((archive.subject[rows.val] <= 40) == is_early).sum()
        train = ((archive.subject[rows.train] <= 40) == is_early).sum()
        assert abs(val / (val + train) - 0.1) < 0.02


def test_the_draw_follows_the_seed():
    archive = ntu_set(60)
    first, again, other = (
        split(archive, "ntu60-xview", val_fraction=0.1, seed=seed).val for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


@pytest.mark.parametrize(
    ("num_classes", "name", "protocol"),
    [
        (60, None, "ntu60-xview"),
        (120, None, "ntu120-xset"),
        (60, "ntu60-xsub", "ntu60-xsub"),
        (120, "ntu120-xsub", "ntu120-xsub"),
    ],
)
def test_auto_is_the_protocol_of_the_file_or_the_usual_one(num_classes, name, protocol):
    assert split(ntu_set(num_classes, name), seed=0).protocol == protocol


def test_a_file_of_known_rows_can_be_used_for_another_protocol():
    rows = split(ntu_set(60, "ntu60-xsub"), "ntu60-xview", seed=0)
    assert len(rows.train) == COUNTS["ntu60-xview"][0]


def test_ntu_rows_of_unknown_people_have_the_files_split_only():
    about = description_of_ntu(60, "ntu60-xsub")
    label = np.arange(240) % 60
    archive = other_set(240, about=about, label=label, in_train=np.arange(240) < 180)
    for benchmark in ("auto", "ntu60-xsub"):
        rows = split(archive, benchmark, val_fraction=0.1, seed=0)
        assert rows.protocol == "ntu60-xsub"
        assert len(rows.train) + len(rows.val) == 180
        assert rows.val_rule.startswith("stratified clips: who performs is unknown")
        assert sorted(label[rows.val]) == list(range(60))
    with pytest.raises(ConfigError, match=r"only its own split, ntu60-xsub, can be used, not ntu6"):
        split(archive, "ntu60-xview", seed=0)


def test_a_given_split_is_used():
    subjects = 1 + np.arange(40) // 4
    rows = split(other_set(subjects=subjects, in_train=np.arange(40) % 4 < 2), seed=0)
    assert rows.protocol == "given split"
    assert rows.train.tolist() == [row for row in range(40) if row % 4 < 2]


def test_without_a_split_every_other_subject_trains():
    archive = other_set(subjects=1 + np.arange(40) // 4)
    rows = split(archive, val_fraction=0.2, seed=0)
    assert rows.protocol == "subjects"
    assert set(archive.subject[rows.test]) == {2, 4, 6, 8, 10}
    (held_out,) = set(archive.subject[rows.val].tolist())
    assert rows.val_rule == f"held-out subjects {held_out}"
    assert set(archive.subject[rows.train]) == {1, 3, 5, 7, 9} - {held_out}


def test_without_ids_clips_are_cut_and_that_is_said():
    rows = split(other_set(), val_fraction=0.1, seed=0)
    assert rows.protocol == "stratified clips"
    assert rows.val_rule.startswith("stratified clips: who performs is unknown")
    assert (len(rows.train), len(rows.val), len(rows.test)) == (26, 2, 12)
    # The test set is the same for every seed; the validation set is drawn.
    others = [split(other_set(), val_fraction=0.1, seed=seed) for seed in range(1, 5)]
    assert all(np.array_equal(other.test, rows.test) for other in others)
    assert any(not np.array_equal(other.val, rows.val) for other in others)


def test_every_class_stays_on_both_sides_where_few_people_act_in_it():
    # Class 1 is acted by subjects 1 and 2 only: exactly one of them is held out.
    subjects = np.repeat([1, 2, 3, 4, 5, 6], 4)
    label = np.where((subjects <= 2) & (np.arange(24) % 2 == 1), 1, 0)
    archive = other_set(24, subjects, np.arange(24) < 24, label=label)
    archive.in_train[[0, 1]] = 0
    for seed in range(10):
        rows = split(archive, val_fraction=0.3, seed=seed)
        assert len({1, 2} & set(archive.subject[rows.val].tolist())) == 1


@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_a_cut_that_no_choice_of_people_allows_is_refused(fraction):
    archive = other_set(subjects=1 + np.arange(40) % 2)  # each class has a subject of its own
    archive.in_train[:] = np.arange(40) < 30
    with pytest.raises(ConfigError, match=r"No choice among 2 people leaves every class with cli"):
        split(archive, val_fraction=fraction, seed=0)


def test_a_benchmark_of_another_set_is_refused():
    with pytest.raises(ConfigError, match=r"`ntu60-xsub` is one of NTU RGB\+D, but set\.npz is an"):
        split(other_set(), "ntu60-xsub", seed=0)
    with pytest.raises(ConfigError, match=r"`ntu120-xset` has 120 classes, but NTU has 60\.$"):
        split(ntu_set(60), "ntu120-xset", seed=0)


@pytest.mark.parametrize("benchmark", ["ntu60-xsub", "ntu60-xview"])
def test_ntu60s_protocols_can_be_cut_out_of_an_ntu120_set(benchmark):
    whole, part = ntu_set(120), ntu_set(60)
    cut, alone = split(whole, benchmark, seed=0), split(part, benchmark, seed=0)
    assert cut.classes == alone.classes == range(60)
    assert set(whole.names[cut.train]) == set(part.names[alone.train])
    assert set(whole.names[cut.test]) == set(part.names[alone.test])


@pytest.mark.parametrize("benchmark", ["ntu60-xsub", "ntu60-xview"])
def test_the_same_people_are_held_out_of_ntu60_wherever_it_is_cut_from(benchmark):
    whole, part = ntu_set(120), ntu_set(60)
    cut, alone = (split(one, benchmark, val_fraction=0.1, seed=0) for one in (whole, part))
    assert cut.val_rule == alone.val_rule
    assert set(whole.names[cut.val]) == set(part.names[alone.val])


@pytest.mark.parametrize("protocol", ["xsub", "xset"])
def test_the_new_classes_are_what_ntu60_lacks_under_ntu120s_protocol(protocol):
    archive = ntu_set(120)
    new, all_classes = (split(archive, f"{s}-{protocol}", seed=0) for s in ("ntu120new", "ntu120"))
    for own, whole in ((new.train, all_classes.train), (new.test, all_classes.test)):
        assert own.tolist() == [row for row in whole if archive.label[row] >= 60]


def test_a_set_of_60_classes_has_no_new_ones():
    with pytest.raises(ConfigError, match=r"`ntu120new-xset` has 120 classes, but NTU has 60"):
        split(ntu_set(60), "ntu120new-xset", seed=0)


def test_a_class_without_training_clips_is_refused():
    archive = other_set(in_train=np.arange(40) % 2 == 0)
    with pytest.raises(DataError, match=r"class 1 \(b\) of given split would be empty, without a"):
        split(archive, seed=0)


def test_an_empty_test_set_is_refused():
    with pytest.raises(DataError, match="the test set of given split would be empty"):
        split(other_set(in_train=np.ones(40)), seed=0)


def test_a_class_of_a_single_clip_cannot_be_cut_by_clips():
    with pytest.raises(ConfigError, match="Class 1 has a single clip"):
        split(other_set(label=np.arange(40) // 39), seed=0)


def part_of_ntu(keep, num_classes=60):
    """An NTU set of some of its clips: those for whose ids ``keep`` is true."""
    whole = ntu_set(num_classes)
    rows = np.flatnonzero(keep(whole))
    columns = ("names", "label", "subject", "camera", "setup", "replication", "in_train")
    for name in columns:
        setattr(whole, name, getattr(whole, name)[rows])
    whole.num_clips = len(rows)
    return whole


TWELVE = tuple(range(3, 60, 5))


def test_a_part_of_ntu_is_refused_with_what_to_do():
    some = part_of_ntu(lambda clips: np.isin(clips.label, TWELVE))
    with pytest.raises(DataError, match=r"class 0 .* and 47 other .* data\.classes=present"):
        split(some, "ntu60-xview", seed=0)


def test_the_classes_present_make_a_stream_that_is_named_as_a_part():
    some, whole = part_of_ntu(lambda clips: np.isin(clips.label, TWELVE)), ntu_set(60)
    rows = split(some, "ntu60-xview", classes="present", seed=0)
    assert rows.classes == TWELVE
    assert rows.protocol == "part of ntu60-xview: 12 of 60 classes"
    # Its clips are the benchmark's of these classes.
    cut = split(whole, "ntu60-xview", classes=TWELVE, seed=0)
    assert (cut.classes, cut.protocol) == (rows.classes, rows.protocol)
    every = split(whole, "ntu60-xview", seed=0)
    for part, other, all_rows in (
        (rows.train, cut.train, every.train),
        (rows.test, cut.test, every.test),
    ):
        expected = [whole.names[row] for row in all_rows if whole.label[row] in TWELVE]
        assert some.names[part].tolist() == whole.names[other].tolist() == expected


def test_three_of_40_performers_are_said():
    some = part_of_ntu(lambda clips: np.isin(clips.subject, (1, 2, 3)))
    rows = split(some, "ntu60-xsub", classes="present", seed=0)
    assert rows.protocol == "part of ntu60-xsub: 60 of 60 classes, 3 of 40 performers"
    assert set(some.subject[rows.train]) == {1, 2}
    assert set(some.subject[rows.test]) == {3}


def test_a_class_without_a_test_clip_is_not_present():
    some = part_of_ntu(
        lambda clips: np.isin(clips.label, (0, 1)) & ((clips.label == 0) | (clips.camera > 1))
    )
    assert split(some, "ntu60-xview", classes="present", seed=0).classes == (0,)
    with pytest.raises(
        DataError, match="no class has both training and test clips under ntu60-xvi"
    ):
        split(part_of_ntu(lambda clips: clips.camera == 1), classes="present", seed=0)


@pytest.mark.parametrize("classes", [(0, 1, 61, 62), (0, 1, 2, 3), (100, 101, 119)])
def test_people_are_held_out_of_some_classes(classes):
    archive = ntu_set(120)
    rows = split(archive, "ntu120-xset", classes=classes, val_fraction=0.1, seed=0)
    assert not set(archive.subject[rows.train]) & set(archive.subject[rows.val])
    for part in (rows.train, rows.val, rows.test):
        assert set(archive.label[part]) == set(classes)


def test_a_class_outside_the_benchmark_is_refused():
    with pytest.raises(ConfigError, match=r"lists class 60 \(.*\), which is not in ntu60-xview"):
        split(ntu_set(120), "ntu60-xview", classes=(0, 60), seed=0)


def test_some_classes_of_any_set():
    about = OTHER
    rows = split(other_set(in_train=np.arange(40) < 20, about=about), classes="b,", seed=0)
    assert (rows.classes, rows.protocol) == ((1,), "part of given split: 1 of 2 classes")
    assert chosen_classes(other_set(), "auto", "all") == range(2)
