"""NTU RGB+D's names, ids and protocols against the published counts."""

import pytest

from charon.data import ntu
from charon.errors import DataError

COUNTS = {
    "ntu60-xsub": (40_091, 16_487),
    "ntu60-xview": (37_646, 18_932),
    "ntu120-xsub": (63_026, 50_919),
    "ntu120-xset": (54_468, 59_477),
}


def test_there_are_120_classes_26_of_them_with_two_people():
    assert len(ntu.CLASS_NAMES) == len(set(ntu.CLASS_NAMES)) == 120
    assert ntu.CLASS_NAMES[0] == "drink water"
    assert len(ntu.TWO_PERSON) == 26
    assert ntu.CLASS_NAMES[min(ntu.TWO_PERSON)] == "punching/slapping other person"


def test_bones_are_a_tree_over_25_joints_and_parts_cover_each_joint_once():
    reached = {0}
    for parent, child in ntu.BONES:
        assert parent in reached
        assert child not in reached
        reached.add(child)
    assert reached == set(range(25)) == set(range(len(ntu.JOINT_NAMES)))
    assert sorted(joint for part in ntu.PARTS.values() for joint in part) == list(range(25))


def test_the_recordings_have_158_and_318_pairs_and_535_missing_clips():
    assert len(ntu.PAIRS) == 318
    assert sum(setup <= 17 for setup, _ in ntu.PAIRS) == 158
    assert len(ntu.MISSING_NAMES) == 535
    assert sum(name < "S018" for name in ntu.MISSING_NAMES) == 302
    assert len(ntu.XSUB_TRAIN[60]) == 20
    assert len(ntu.XSUB_TRAIN[120]) == 53


@pytest.mark.parametrize(("num_classes", "usable"), [(60, 56_578), (120, 113_945)])
def test_all_usable_names_are_regenerated_in_order(num_classes, usable):
    names = ntu.all_names(num_classes)
    assert len(names) == len(set(names)) == usable
    assert list(names) == sorted(names)
    assert not set(names) & ntu.MISSING_NAMES


@pytest.mark.parametrize("benchmark", COUNTS)
def test_row_names_have_the_protocols_counts(benchmark):
    train, test = ntu.row_names(benchmark)
    assert (len(train), len(test)) == COUNTS[benchmark]
    assert set(train) | set(test) == set(ntu.all_names(ntu.num_classes_of(benchmark)))


@pytest.mark.parametrize(
    ("benchmark", "field"),
    [("ntu60-xsub", "performer"), ("ntu60-xview", "camera"), ("ntu120-xset", "setup")],
)
def test_rows_are_grouped_by_the_protocols_id_in_name_order(benchmark, field):
    for rows in ntu.row_names(benchmark):
        keys = [(getattr(ntu.parse_name(name), field), name) for name in rows]
        assert keys == sorted(keys)


def test_a_name_says_its_ids_and_a_zero_based_label():
    assert ntu.parse_name("S018C002P041R001A061") == (18, 2, 41, 1, 60)
    table = ntu.parse_names(["S001C003P002R002A004", "S018C002P041R001A061"])
    assert table.camera.tolist() == [3, 2]
    assert table.label.tolist() == [3, 60]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("S001C002P003R001A005.skeleton", "is not a clip name"),
        ("S033C002P003R001A005", "setup must be from 1 to 32, but is 33"),
        ("S001C004P003R001A005", "camera must be from 1 to 3"),
        ("S001C001P003R001A121", "action must be from 1 to 120"),
    ],
)
def test_a_foreign_name_is_refused(name, said):
    with pytest.raises(DataError, match=said):
        ntu.parse_name(name)
