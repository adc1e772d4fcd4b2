"""Seeded damage to valid files: to their bytes, and to what their formats say of them."""

import io
import json
import pickletools
import re
import struct
import warnings
import zipfile

NUMBERS = [0, 1, 2, 3, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40]
NUMBERS += [2**63 - 1, 2**63, 2**64 - 1, 10**9, 10**18, 10**400, -1, -(2**31), -(2**63)]
WORDS = ["", " ", "x", "²", "٣", "\x00", "\x1b[2J", "NaN", "-inf", "1e999", "None", "../../x", "é"]
WORDS += ["🎉", "1,2", "²,3", ",", "0x10", "1_0", "9" * 400, "[" * 3000, "a" * 10_000, "true"]


def mutated(rng, data, form):
    """Return the bytes of a file of a format, damaged in one to four places."""
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        change = FORMS[form] if rng.random() < 0.7 else change_bytes
        try:
            data = change(rng, data)
        except Exception:  # the file is too damaged to be taken apart
            data = change_bytes(rng, data)
    return data


def change_bytes(rng, data):
    data = bytearray(data)
    at = rng.randrange(len(data) + 1)
    size = min(rng.choice([1, 1, 2, 4, 8, 64, 1000]), len(data) - at)
    kind = rng.randrange(8)
    if kind == 0 and data:
        data[at - 1] ^= 1 << rng.randrange(8)
    elif kind == 1 and data:
        data[at - 1] = rng.randrange(256)
    elif kind == 2:
        data[at : at + size] = rng.randbytes(size)
    elif kind == 3:
        del data[at : at + size]
    elif kind == 4:
        data[at:at] = data[at : at + size]
    elif kind == 5:
        del data[at:]
    elif kind == 6:
        data[at:at] = rng.randbytes(rng.choice([1, 2, 8, 100]))
    else:
        width = rng.choice("BHIQ")
        number = rng.choice(NUMBERS) % 2 ** (8 * struct.calcsize(width))
        data[at : at + struct.calcsize(width)] = struct.pack("<" + width, number)
    return bytes(data)


def change_text(rng, data):
    """Replace a field, or move, repeat or drop lines."""
    text = data.decode("utf-8", "surrogateescape")
    if rng.random() < 0.6:
        fields = list(re.finditer(r"[^\s,={}\[\]():]+", text))
        chosen = rng.choice(fields)
        word = str(rng.choice(rng.choice([NUMBERS, WORDS])))
        text = text[: chosen.start()] + word + text[chosen.end() :]
    else:
        lines = text.splitlines(keepends=True)
        at = rng.randrange(len(lines))
        kind = rng.randrange(4)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines[at:at] = [lines[at]] * rng.choice([1, 2, 100])
        elif kind == 2:
            lines.insert(rng.randrange(len(lines)), lines.pop(at))
        else:
            lines[at] = rng.choice(["\n", "\r", "\x0c\n", "\ufeff", " " * 50 + "\n"])
        text = "".join(lines)
    return text.encode("utf-8", "surrogateescape")


def odd_value(rng):
    """Return a JSON value that hardly any field takes, as text."""
    kind = rng.randrange(10)
    if kind == 0:
        deep = rng.choice([20, 900, 100_000])
        return rng.choice(["[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep])
    if kind == 1:
        return rng.choice(["NaN", "Infinity", "-Infinity", "1e999", "1e-999", "0.5", "true"])
    if kind == 2:
        return json.dumps(rng.choice(WORDS), ensure_ascii=rng.random() < 0.5)
    if kind == 3:
        return rng.choice(['"\\ud800"', '"\\u0000"', '"\\u001b[2J"', '"\\ud83c\\udf89"'])
    if kind in (4, 5):
        return str(rng.choice(NUMBERS))
    return rng.choice(["null", "[]", "{}", '""', "[[]]", '{"": null}', "[null]", '["a"]', "[1, 2]"])


def change_json(rng, data):
    """Replace, drop, rename or add a value anywhere in a tree."""
    content = json.loads(data)
    mark = "\x01here\x01"
    places = []
    waiting = [content]
    while waiting:
        node = waiting.pop()
        keys = range(len(node)) if isinstance(node, list) else list(node)
        for key in keys:
            places.append((node, key))
            if isinstance(node[key], list | dict) and len(places) < 5000:
                waiting.append(node[key])
    if not places or rng.random() < 0.02:
        return odd_value(rng).encode()
    node, key = rng.choice(places)
    kind = rng.randrange(6)
    if kind == 0:
        del node[key]
    elif kind == 1 and isinstance(node, dict):
        node[rng.choice(WORDS)] = node.pop(key)
    elif kind == 2 and isinstance(node, dict):
        node[rng.choice(WORDS)] = mark
    elif kind == 3:
        other, name = rng.choice(places)
        try:
            node[key] = json.loads(json.dumps(other[name]))
        except (KeyError, IndexError):
            node[key] = mark
    else:
        node[key] = mark
    return json.dumps(content).replace(json.dumps(mark), odd_value(rng)).encode()


def change_lines(rng, data):
    """Damage one JSON line of many, or their order."""
    lines = data.splitlines(keepends=True)
    if rng.random() < 0.2:
        return change_text(rng, data)
    at = rng.randrange(len(lines))
    lines[at] = change_json(rng, lines[at]) + b"\n"
    return b"".join(lines)


HEADERS = [
    ("descr", ["<f2", "<f8", ">f4", "<f16", "|O", "<U5", "|S0", "<U0", "|V8", "<M8[s]", "f4,O"]),
    ("descr", ["<U99999999", "|b1", "<c8", "<i8", "'", "(2,)f4", "<f4,<f4", "a9", "", "<x9"]),
    ("fortran_order", ["True", "1", "None", "[]"]),
    (
        "shape",
        ["()", "(0,)", "(-1,)", "(1, 3, 1000000000, 25, 2)", "(10**9,)", "None", "3", "((1,),)"],
    ),
    (
        "shape",
        ["(True,)", "(2, 2.5)", "(99999999999999999999,)", "(0, 1000000000000)", "(1" + ",1" * 40],
    ),
    ("shape", ["(" * 300, "-" * 9000 + "1", "('a',)", "(1,) # ", "(1L,)", "[1]"]),
]


def change_npy(rng, data):
    """Replace a value of the header, whose length is then right; or numbers."""
    if rng.random() < 0.3:
        return change_bytes(rng, data)
    width, kind = (2, "<H") if data[6] == 1 else (4, "<I")
    (size,) = struct.unpack(kind, data[8 : 8 + width])
    header, body = data[8 + width : 8 + width + size].decode("latin1"), data[8 + width + size :]
    key, values = rng.choice(HEADERS)
    value = rng.choice(values)
    if key == "descr" and not value.startswith("("):
        value = f"'{value}'"
    pattern = {"descr": r"'descr': '[^']*'", "shape": r"'shape': \([^)]*\)"}
    found = pattern.get(key, r"'fortran_order': \w+")
    header = re.sub(found, lambda _: f"'{key}': {value}", header)
    if rng.random() < 0.1:
        header = rng.choice(["{" * 50, "{'a': 1}", "", "\n", "[" + "'x'," * 1000, "{'descr': ("])
    version = rng.choice([data[6:8], data[6:8], b"\x03\x00", b"\x02\x00", b"\x09\x01"])
    width, kind = (2, "<H") if version[0] == 1 else (4, "<I")
    text = header.encode("latin1", "replace")[:60_000]
    return data[:6] + version + struct.pack(kind, len(text)) + text + body


def change_zip(rng, data):
    """Damage a member, whose checksum is then right; or the directory."""
    if rng.random() < 0.35:
        return change_directory(rng, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(m.filename, archive.read(m), m.compress_type) for m in archive.infolist()]
    at = rng.randrange(len(members))
    name, content, packing = members[at]
    kind = rng.randrange(8)
    if kind == 0:
        del members[at]
    elif kind == 1:
        members.append(members[at])
    elif kind == 2:
        members[at] = (
            rng.choice([*WORDS, name.upper(), f"../{name}", f"/{name}", "a/"]),
            content,
            packing,
        )
    elif kind == 3:
        ways = [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED]
        members[at] = (name, content, rng.choice(ways))
    elif kind == 4:
        members[at] = (name, bytes(rng.choice([10**3, 3 * 10**7])), zipfile.ZIP_DEFLATED)
    else:
        form = {"npy": "npy", "pkl": "pickle", "skeleton": "text"}.get(name.rpartition(".")[2])
        change = FORMS[form] if form else change_bytes
        members[at] = (name, change(rng, content), packing)
    made = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        with zipfile.ZipFile(made, "w") as archive:
            for name, content, packing in members:
                archive.writestr(name.replace("\x00", "_") or "x", content, packing)
    return made.getvalue()


def change_directory(rng, data):
    """Replace a field of a member's header, of its entry in the directory, or of the end."""
    signature, size = rng.choice([(b"PK\x03\x04", 30), (b"PK\x01\x02", 46), (b"PK\x05\x06", 22)])
    at = rng.choice([found.start() for found in re.finditer(re.escape(signature), data)])
    field = at + 4 + 2 * rng.randrange((size - 4) // 2)
    width = rng.choice("HI")
    number = rng.choice([*NUMBERS, 99, 8, 12, 14, 1, 0x800, 0x801]) % 2 ** (
        8 * struct.calcsize(width)
    )
    return data[:field] + struct.pack("<" + width, number) + data[field + struct.calcsize(width) :]


def tower(levels, tuples=b"\x86"):
    """A tuple that holds a tuple twice that holds ..., as a key of a dictionary."""
    return b"}N" + b"".join(b"2" + tuples for _ in range(levels)) + b"K\x01s0"


PROGRAMS = [
    b"cos\nsystem\n(S'true'\ntR",
    b"cbuiltins\nbytearray\n(J\xff\xff\xff\x7ftR",
    b"cbuiltins\nbytes\n(J\xff\xff\xff\x7ftR",
    b"\x96" + (2**40).to_bytes(8, "little"),
    b"\x8e" + (2**40).to_bytes(8, "little"),
    b"\x8b" + (2**31 - 1).to_bytes(4, "little"),
    b"r\xff\xff\xff\x7f",
    b"p999999999\n",
    b"j\xff\xff\xff\x7f",
    b"I" + b"9" * 5000 + b"\n",
    tower(60),
    tower(200_000, b"\x85"),
    b"]" * 100_000,
    b"ccollections\nOrderedDict\n(]tR}S'get'\nNsb",
    b"\x8f(K\x01K\x02\x90",
    b"2",
    b"0",
    b"1",
    b"(",
    b"t",
    b"R",
    b"b",
    b"s",
    b"u",
    b"a",
    b"e",
    b".",
    b"Q",
    b"\x93",
    b"\x81",
]


def change_pickle(rng, data):
    """Drop, repeat, move or replace opcodes, or put a hostile piece of a program between them."""
    starts = [position for _, _, position in pickletools.genops(data)] + [len(data)]
    at = rng.randrange(len(starts) - 1)
    until = starts[min(at + rng.choice([1, 1, 1, 2, 5, 30]), len(starts) - 1)]
    before, piece, after = data[: starts[at]], data[starts[at] : until], data[until:]
    kind = rng.randrange(6)
    if kind == 0:
        made = before + after
    elif kind == 1:
        made = before + piece * rng.choice([2, 3, 50]) + after
    elif kind == 2:
        made = before + rng.choice(PROGRAMS) + after
    elif kind == 3:
        made = before + rng.choice(PROGRAMS) + piece + after
    elif kind == 4:
        made = before + change_bytes(rng, piece) + after
    else:
        other = rng.randrange(len(starts) - 1)
        made = before + data[starts[other] : starts[other + 1]] + after
    if made[2:3] == b"\x95":  # the first frame says its length
        made = made[:3] + (len(made) - 11).to_bytes(8, "little") + made[11:]
    return made


FORMS = {
    "bytes": change_bytes,
    "text": change_text,
    "json": change_json,
    "lines": change_lines,
    "npy": change_npy,
    "zip": change_zip,
    "pickle": change_pickle,
}
