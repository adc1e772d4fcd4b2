"""Imports of large libraries, with few searches for garbage among them.

Torch, Ray and MLflow leave half a million objects that stay to the end. Python searches them
for garbage again and again while they are made, which is a quarter of the time, and once
more when the process ends.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

NEW_OBJECTS = 50_000
"""After so many the youngest are searched; Python's own 700 is for programs that import less."""


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Search seldom for garbage, and spare for good what exists at the end."""
    usual = gc.get_threshold()
    gc.set_threshold(NEW_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.freeze()
