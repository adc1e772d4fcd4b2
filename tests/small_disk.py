"""A disk without room, as far as one file is concerned."""

import resource
from contextlib import contextmanager


@contextmanager
def files_of_at_most(num_bytes):
    """Let no file of this process grow beyond so many bytes; a write that must fails halfway."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
