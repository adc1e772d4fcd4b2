"""Lists of classes: what they may say, and what is refused."""

import pytest
from data.set_makers import OTHER, description_of_ntu

from charon.data.class_lists import in_full, is_list, labels_of
from charon.data.source import Description
from charon.errors import ConfigError

NTU60 = description_of_ntu(60)
NAMES = Description("named", ("sit", "stand up", "drop, then pick up"), 4, 1, 3, 1)


@pytest.mark.parametrize(
    ("given", "about", "labels"),
    [
        ((2, 0, 1), NAMES, (2, 0, 1)),
        ("2,0,1", NAMES, (2, 0, 1)),
        ("stand up, sit", NAMES, (1, 0)),
        ("Sit,2,", NAMES, (0, 2)),
        ("sit; drop, then pick up", NAMES, (0, 2)),
        ("A1,A60,a2", NTU60, (0, 59, 1)),
        ("A1,clapping,5", NTU60, (0, NTU60.class_names.index("clapping"), 5)),
    ],
)
def test_classes_are_listed_by_label_name_or_action(given, about, labels):
    assert is_list(given)
    assert labels_of(given, about, "classes") == labels


@pytest.mark.parametrize(
    ("given", "about", "said"),
    [
        ("sit,jump", NAMES, "classes lists `jump`, which is no class of named; its 3 classes are"),
        ("0,3", NAMES, "lists `3`"),
        ("0,-1", NAMES, "lists `-1`"),
        ("A61,A1", NTU60, "lists `A61`"),
        ("A1,A2", NAMES, "lists `A1`"),
        ("A0,A2", NTU60, "lists `A0`"),
        ("0,sit", NAMES, r"lists class 0 \(sit\) twice"),
    ],
)
def test_a_class_that_is_not_there_or_there_twice_is_refused(given, about, said):
    with pytest.raises(ConfigError, match=said):
        labels_of(given, about, "classes")


@pytest.mark.parametrize("word", ["all", "present", "paper", "shuffled(3)"])
def test_a_word_is_no_list(word):
    assert not is_list(word)
    assert in_full(word) == word


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("2\n0\n\n1\n", "2,0,1"),
        ("\ufeffsit\r\nstand up\r\n", "sit,stand up"),
        ("sit\ndrop, then pick up\n", "sit;drop, then pick up"),
        ("2,0,1\n", "2,0,1"),
        ("2\n", "2,"),
    ],
)
def test_a_file_is_read_in_full(text, listed, tmp_path):
    path = tmp_path / "order.txt"
    path.write_bytes(text.encode())
    assert in_full(str(path)) == listed


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.txt cannot be read \(No such file"):
        in_full(str(tmp_path / "none.txt"))
    for content, said in (
        (b"\n\n", "is empty; write one class a line"),
        (b"\xff\xff", "not UTF-8"),
    ):
        path = tmp_path / "bad.txt"
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=said):
            in_full(str(path))


def test_other_sets_have_no_action_numbers():
    with pytest.raises(ConfigError, match="lists `A1`, which is no class of other"):
        labels_of("A1,b", OTHER, "classes")
