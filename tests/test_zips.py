"""Members of zips are opened only where what they say of their size can be true."""

import zipfile

import pytest

from charon.zips import open_member, open_zip


def test_a_member_is_opened_with_its_size(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(10**6))
    with open_zip(tmp_path / "a.zip") as archive:
        member, size = open_member(archive, "a")
        with member:
            assert (size, member.read(5)) == (10**6, bytes(5))
        with pytest.raises(KeyError):
            open_member(archive, "b")


def test_what_is_no_file_is_never_opened(tmp_path):
    with pytest.raises(OSError, match="it is no file"):
        open_zip(tmp_path)
