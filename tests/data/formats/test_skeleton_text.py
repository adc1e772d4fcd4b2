import numpy as np
import pytest
from data.raw_clips import format_skeleton, random_raw_clip

from charon.benchmark.plain.skeleton import read_plainly
from charon.data.formats.skeleton_text import parse_skeleton
from charon.data.source import Recording
from charon.errors import DataError


def real_looking_text(clip, seed, newline="\r\n"):
    """All fields are filled; numbers have various lengths; orientations may be NaN."""
    rng = np.random.default_rng(seed)
    out = [str(clip.num_frames)]
    for frame in range(clip.num_frames):
        here = np.flatnonzero(clip.frame == frame)
        out.append(str(len(here)))
        for index in here:
            out.append(f"{clip.body_id[index]} 0 1 1 0 1 0 {rng.normal():.7g} -0.1234 2")
            out.append("25")
            for x, y, z in clip.xyz[index].tolist():
                other = [f"{value:.6g}" for value in rng.normal(0, 300, 8)]
                if rng.random() < 0.1:
                    other[4:] = ["NaN", "nan", "-nan", "-1.#IND"]
                style = rng.choice([".7g", ".9g", ".4f", ".3e"])
                out.append(
                    f"{x:{style}} {y:{style}} {z:{style}} {' '.join(other)} {rng.integers(3)}"
                )
    return newline.join([*out, ""])


def assert_same(clip, text):
    plain = read_plainly(text)
    assert clip.num_frames == plain.num_frames
    np.testing.assert_array_equal(clip.frame, plain.frame)
    assert clip.frame.dtype == np.int64
    assert clip.body_id == plain.body_id
    assert clip.xyz.dtype == np.float32
    np.testing.assert_array_equal(clip.xyz, plain.xyz)


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
@pytest.mark.parametrize("seed", range(12))
def test_reads_what_a_line_by_line_reader_reads(seed, newline):
    text = real_looking_text(random_raw_clip(seed), seed, newline)
    assert_same(parse_skeleton(text.encode(), "a"), text)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(" ", "  "),
        lambda text: text.replace(" ", "\t"),
        lambda text: text.replace("\n", " \n"),
        lambda text: " " + text.replace("\n", "\n "),
        lambda text: text.rstrip("\n"),
        lambda text: text + "\n \n\n",
        lambda text: text.replace("\n25\n", "\n 25 \n"),
    ],
)
def test_white_space_of_any_form_between_fields_and_around_lines_is_fine(change):
    text = real_looking_text(random_raw_clip(1), 1, "\n")
    assert_same(parse_skeleton(change(text).encode(), "a"), text)


def test_lines_may_end_with_a_carriage_return_alone():
    text = real_looking_text(random_raw_clip(1), 1, "\n")
    assert_same(parse_skeleton(text.replace("\n", "\r").encode(), "a"), text)


# Characters that numpy takes for spaces have a text read line by line.
LINE_BY_LINE = b"\x0b\n"
GARBAGE = [b" ", b"\n", b"\r", b"\r\n", b"\t", b"\0", b"-", b".", b"9", b"1", b"", b"\x85", b"e"]
GARBAGE += [b"\x0c", b"\x1c", b"\xc2\xa0", b"#", b"_", b'"']


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_read_at_once_is_what_is_read_line_by_line(seed, newline):
    # One to three changes of a short file: most are refused, none may be read otherwise.
    rng = np.random.default_rng(seed)
    lines = format_skeleton(random_raw_clip(seed, num_frames=3)).splitlines()
    text = "".join(line + newline for line in lines).encode()
    num_read = 0
    for _ in range(400):
        data = text
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(len(data)))
            if rng.random() < 0.5:  # where structure is, rather than in the midst of a number
                at = max(data.rfind(b"\n", 0, at), 0)
            change = GARBAGE[rng.integers(len(GARBAGE))]
            data = data[:at] + change + data[at + int(rng.integers(3)) :]
        read, plain = read_or_none(data), read_or_none(data + LINE_BY_LINE)
        assert (read is None) == (plain is None)
        if read is not None:
            num_read += 1
            assert read.num_frames == plain.num_frames
            assert read.body_id == plain.body_id
            np.testing.assert_array_equal(read.frame, plain.frame)
            np.testing.assert_array_equal(read.xyz.view(np.uint32), plain.xyz.view(np.uint32))
    assert num_read > 20


def read_or_none(data):
    try:
        return parse_skeleton(data, "a")
    except DataError:
        return None


def read_numbers(words, end=b""):
    """Read words, a multiple of 75, as the joints of bodies that are alone in their frames."""
    joints = np.reshape(words, (-1, 25, 3)).tolist()
    bodies = [[BODY, "25", *(" ".join([*xyz, *"123456789"]) for xyz in body)] for body in joints]
    lines = [str(len(bodies)), *(line for body in bodies for line in ("1", *body)), ""]
    return parse_skeleton("\n".join(lines).encode() + end, "a").xyz.ravel()


@pytest.mark.parametrize("end", [b"", LINE_BY_LINE])
@pytest.mark.parametrize(
    "form", ["%.9g", "%.7f", "%.3f", "%.12f", "%.15g", "%g", "%.1f", "%+.5f", "%e", "%.0f"]
)
def test_every_form_of_a_number_is_the_one_python_reads(form, end):
    rng = np.random.default_rng(0)
    numbers = rng.normal(0, 1, 1500) * 10.0 ** rng.integers(-9, 4, 1500)
    words = [form % number for number in numbers]
    read, expected = read_numbers(words, end), np.array([float(w) for w in words], np.float32)
    np.testing.assert_array_equal(read.view(np.uint32), expected.view(np.uint32))


def test_unusual_numbers_among_usual_ones():
    words = ["0.25", "-.5", "5.", "-0.0", "007.125", "1234.5", "1e-5", "-3", "0", "2.5E1", "1_0"]
    expected = np.array([float(word) for word in words], np.float32)
    assert read_numbers([*words, *["1"] * 64])[:11].tolist() == expected.tolist()


@pytest.mark.parametrize(
    "word", ["1.2.3", "1.5-2.5", "abc", "-", ".", "0x1.8", "1.2f", "--1.0", "1:5", "nan"]
)
def test_what_is_no_number_is_refused(word):
    with pytest.raises(DataError, match=r"line 5: x, y and z must be (numbers|finite)"):
        read_numbers(["0.25", word, *["0.5"] * 73])


@pytest.mark.parametrize("seed", range(6))
def test_written_text_comes_back_as_identical_float32(seed, tmp_path):
    clip = random_raw_clip(seed)
    bits = np.random.default_rng(seed).integers(0, 2**32, clip.xyz.shape, dtype=np.uint32)
    any_float = bits.view(np.float32)
    usable = np.abs(any_float) < 1e6  # NaN is not
    clip.xyz[usable] = any_float[usable]
    clip.xyz[0, 0] = [-0.0, np.float32(1e-45), np.nextafter(np.float32(1), np.float32(2))]
    back = parse_skeleton(format_skeleton(clip).encode(), "a.skeleton")
    assert back.name == "a.skeleton"
    assert back.num_frames == clip.num_frames
    assert back.body_id == clip.body_id
    np.testing.assert_array_equal(back.frame, clip.frame)
    np.testing.assert_array_equal(back.xyz.view(np.uint32), clip.xyz.view(np.uint32))


def test_ids_are_kept_to_the_last_digit_and_may_be_text():
    clip = random_raw_clip(2, max_bodies=1)
    ids = [f"7205759403793110{index % 2}" for index in range(len(clip.body_id) - 1)] + ["näme"]
    clip = Recording("a", clip.num_frames, clip.frame, tuple(ids), clip.xyz)
    assert parse_skeleton(format_skeleton(clip).encode(), "a").body_id == tuple(ids)


def test_frames_without_a_body_are_counted():
    clip = parse_skeleton(b"3\r\n0\r\n0\r\n0\r\n", "a")
    assert clip.num_frames == 3
    assert clip.xyz.shape == (0, 25, 3)
    assert parse_skeleton(b"0\n", "a").num_frames == 0


def test_no_line_of_a_file_can_be_missing_at_its_end():
    lines = format_skeleton(random_raw_clip(4, num_frames=3)).splitlines(keepends=True)
    for count in range(len(lines)):
        with pytest.raises(DataError, match=r"^cut"):
            parse_skeleton("".join(lines[:count]).encode(), "cut")


def test_a_file_that_ends_inside_a_line_is_refused_with_that_line():
    text = format_skeleton(random_raw_clip(5, num_frames=2)).encode()
    last = len(text.splitlines())
    start = text.rstrip().rindex(b"\n") + 1
    for end in range(start + 1, len(text) - 2):
        with pytest.raises(
            DataError, match=rf"^cut, line {last}: the line of a joint must have 12"
        ):
            parse_skeleton(text[:end], "cut")


# Lines of the file below: 1 frames, 2 bodies, 3 the body, 4 joints, 5-29 the joints, 30 bodies
# of the second frame, 31 the body, 32 joints, 33-57 the joints.
BODY = "72057594037931101 0 0 0 0 0 0 0 0 2"
JOINT = "0.1 0.2 3.0 1 2 3 4 0 0 0 1 2"
GOOD = ["2", "1", BODY, "25", *[JOINT] * 25, "1", BODY, "25", *[JOINT] * 25]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (1, "two", "the number of frames must be a whole number, but is 'two'"),
        (1, "2.0", "the number of frames must be a whole number"),
        (1, "-2", "the number of frames must be 0 or more, but is -2"),
        (1, "9" * 20, "only 56 follow"),
        (1, "3", "frames need at least 3 more lines|the file ends here"),
        (2, "", "the number of bodies must be a whole number, but is ''"),
        (2, "-1", "the number of bodies must be 0 or more, but is -1"),
        (2, "1000000", "1000000 bodies need at least 27000000 more lines, but only 55 follow"),
        (3, BODY + " 7", "the line of a body must have 10 fields, but has 11"),
        (3, "", "the line of a body must have 10 fields, but has 0"),
        (4, "24", "the number of joints must be 25, but is '24'"),
        (32, "-25", "the number of joints must be 25, but is '-25'"),
        (5, JOINT + " 7", "the line of a joint must have 12 fields, but has 13"),
        (5, JOINT + "\t7", "the line of a joint must have 12 fields, but has 13"),
        (5, JOINT.replace(" 0 ", " ", 1) + " ", "must have 12 fields, but has 11"),
        (29, "", "the line of a joint must have 12 fields, but has 0"),
        (57, JOINT[:9], "the line of a joint must have 12 fields, but has 3"),
        (29, JOINT.replace("0.2", "0,2,"), "x, y and z must be numbers, but the line is '0.1 0,2"),
        (29, JOINT.replace("0.2", "1.5-2"), "x, y and z must be numbers"),
        (33, JOINT.replace("3.0", "\0"), "x, y and z must be numbers"),
        (33, JOINT.replace("3.0", "NaN"), "x, y and z must be finite .* but are '0.1 0.2 NaN'"),
        (33, JOINT.replace("3.0", "-inf"), "x, y and z must be finite"),
        (33, JOINT.replace("3.0", "1e39"), "x, y and z must be finite and within 1e.06 metres"),
        (57, JOINT + "\nmore", "there is text after the last of 2 frames"),
    ],
)
def test_garbled_text_is_refused_with_its_line_and_the_reason(line, text, reason, newline):
    lines = [*GOOD]
    lines[line - 1] = text
    where = {"3": 57, JOINT + "\nmore": 58}.get(text, line)  # where it is noticed
    with pytest.raises(DataError, match=rf"^some.skeleton, line {where}: .*({reason})") as error:
        parse_skeleton(newline.join([*lines, ""]).encode(), "some.skeleton")
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("; copy or download the file again.")
    parse_skeleton(newline.join([*GOOD, ""]).encode(), "some.skeleton")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_passed_over(encoding):
    text = real_looking_text(random_raw_clip(1), 1)
    assert_same(parse_skeleton(text.encode(encoding), "a"), text)


def test_blank_lines_between_lines_are_named():
    text = format_skeleton(random_raw_clip(1))
    for blank in (text.replace("\n", "\r\r\n"), text.replace("\n", "\n \n", 4)):
        said = r"^a, line \d: there are blank lines between lines, perhaps .*; remove them, for exa"
        with pytest.raises(DataError, match=said) as error:
            parse_skeleton(blank.encode(), "a")
        assert r"`sed -i '/^\s*$/d'`" in str(error.value)
    with pytest.raises(DataError, match="line 1: the number of frames must be"):
        parse_skeleton(b"two\n\n0\n", "a")


def test_decimal_commas_are_named():
    text = format_skeleton(random_raw_clip(1)).replace(".", ",")
    said = r"^a, line 5: numbers have decimal commas, .*decimal points, or .*`sed -i 's/,/\./g'`\.$"
    for data in (text, text.replace("\n", "\n\n")):
        with pytest.raises(DataError, match=said if data == text else "decimal commas"):
            parse_skeleton(data.encode(), "a")


@pytest.mark.parametrize("data", [b"", b"\r\n", b"  \n \n"])
def test_an_empty_file_is_refused(data):
    with pytest.raises(DataError, match=r"^a is empty; copy or download the file again\.$"):
        parse_skeleton(data, "a")


def test_bytes_that_are_no_text_are_refused_with_their_line():
    data = bytearray("\n".join([*GOOD, ""]).encode())
    data[data.index(b"3.0")] = 0xFF
    with pytest.raises(DataError, match=r"^a, line 5: byte \d+ is not UTF-8 text"):
        parse_skeleton(bytes(data), "a")
