"""The check of a pickle's program: bounded in depth, work, numbers and places, whatever it says."""

import io
import pickle
import pickletools

import pytest

from charon.pickles import check_pickle


def check(program, names=None):
    check_pickle(io.BytesIO(program), names)


def refused(program, said, names=None):
    with pytest.raises(pickle.UnpicklingError, match=said):
        check(program, names)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_a_pickler_writes_passes(protocol):
    shared = tuple(range(100))
    content = {
        "plain": [1, 2**63, -(2**63), 2.5, None, True, b"\xff", "é", {3, 4}, bytearray(b"x")],
        "shared": [shared] * 1000,
        "keys": {(number, str(number)): shared for number in range(500)},
        "nested": [[[[{"a": [(1, (2, (3,)))]}]]]],
        "sets": [frozenset(range(1000)), set(range(1000))],
    }
    check(pickle.dumps(content, protocol))


def tower(levels, tuples):
    """A tuple that holds the last so often, as a key of a dictionary."""
    return b"}N" + (b"2" * (tuples - 1) + bytes([0x84 + tuples])) * levels + b"K\x01s."


def test_a_tuple_that_holds_itself_twice_fifty_times_over_is_never_hashed():
    refused(tower(50, 2), "so often that reading it would not end")


def test_a_tuple_nested_deeper_than_the_c_stack_is_never_hashed():
    refused(tower(1_000_000, 1), "nested more than 100 deep")


def test_a_tower_that_is_built_through_the_memo_counts_as_well():
    through_memo = b"}N\x94" + b"".join(b"h%ch%c\x86\x94" % (at, at) for at in range(40))
    refused(b"\x80\x04" + through_memo + b"K\x01s.", "so often|nested")


def test_a_place_in_the_memo_that_no_pickler_gives_is_refused():
    refused(b"Nr\xff\xff\xff\xff.", "the place 4294967295 in its memo")


def test_a_whole_number_of_more_than_64_bits_is_refused():
    refused(pickle.dumps(2**70), "more than 64 bits")


@pytest.mark.parametrize("program", [b"(K\x01t2\x86", b"0.", b"1.", b"e.", b"K\x01a.", b"h\x05."])
def test_what_the_machine_would_stumble_over_is_an_error(program):
    with pytest.raises(Exception):  # noqa: B017 - the reader's boundary takes any
        check(program)


def test_only_the_named_may_be_asked_for():
    program = b"ccollections\nOrderedDict\n)R."
    check(program, {"collections OrderedDict"})
    refused(program, "it asks for collections OrderedDict", {"torch FloatStorage"})
    refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "a name that it makes", {"os system"})


def test_a_dictionary_is_not_copied_as_often_as_the_program_likes():
    copied = b"ccollections\nOrderedDict\n(]tR."
    refused(copied, "it copies a dictionary", {"collections OrderedDict"})


def test_every_opcode_is_known():
    """A new one would need a rule: here it only has to be noticed."""
    assert len(pickletools.opcodes) == 68
