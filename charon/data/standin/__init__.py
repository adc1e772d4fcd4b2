"""The embedded stand-in for NTU RGB+D: synthetic people."""

from pathlib import Path

from charon.data.source import Format, Source


def _open(name: Path) -> Source:
    # Here, because the stand-in's random generators import torch, which takes a second.
    from charon.data.standin.source import StandIn

    make = StandIn.full if name.name.endswith("-full") else StandIn.small
    return make(120 if "-120" in name.name else 60)


FORMAT = Format(
    takes="one of the synthetic sets",
    open=_open,
    names=("standin", "standin-full", "standin-120", "standin-120-full"),
)
