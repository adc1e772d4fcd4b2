"""A source in one file: its identity, by which the cache is named."""

import os

from charon.data.source import SourceFile


class Notes(SourceFile):
    kind = "notes"


def test_the_identity_changes_with_kind_path_size_and_time(tmp_path):
    path = tmp_path / "a"
    path.write_text("1")
    first = Notes(path).identity()
    assert Notes(tmp_path / "." / "a").identity() == first
    seen = {first}
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    seen.add(Notes(path).identity())
    path.write_text("12")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    seen.add(Notes(path).identity())
    path.rename(tmp_path / "b")
    seen.add(Notes(tmp_path / "b").identity())
    assert len(seen) == 4
