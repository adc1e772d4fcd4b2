"""Another user, who may not do what root may: the user of number 65534, often called nobody."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest


def as_nobody(act):
    """Call a function as another user; return what it raises, or an empty text."""
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        said = b""
        try:
            os.setgid(65534)
            os.setuid(65534)
            act()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}".encode()
        os.write(write, said)
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as pipe:
        return pipe.read().decode()


@contextmanager
def common_folder():
    """Yield a folder in which everybody may write, below folders that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="common-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
