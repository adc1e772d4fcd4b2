"""List every setting of a run: its name for --set, its default, what it may be, its meaning.

At the end stand the streams that --stream names, with the settings they stand for.

The same names are the search keys of a study, the parameters in MLflow and the columns of its
tables. Defaults are the preset `paper`'s; where another preset differs, its value follows.
"""

import argparse
import textwrap
from typing import Any

from charon.cli.console import add_json_argument, print_json
from charon.config import TOP_LEVEL, Run, groups_of
from charon.data.streams import PROTOCOLS
from charon.learners import LEARNERS
from charon.presets import PRESETS
from charon.settings import Settings, describe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--learner",
        metavar="NAME",
        help=f"only this learner's: {', '.join(LEARNERS)} (by default all learners')",
    )
    add_json_argument(parser)


def main(options: argparse.Namespace) -> int:
    """Print the settings."""
    learners = list(LEARNERS) if options.learner is None else [options.learner]
    if options.json:
        print_json([entry for learner in learners for entry in _entries(learner)])
        return 0
    groups = groups_of(learners[0])
    defaults = Run.from_flat({"learner": learners[0]}).to_flat()
    print("The run")
    _print("learner", learners[0], " | ".join(LEARNERS), "the method")
    for name, allowed, meaning in describe(Run):
        if name in TOP_LEVEL:
            _print(name, defaults[name], allowed, meaning)
    for name in ("data", "model", "optimiser"):
        _print_group(name.capitalize(), name, groups[name], defaults)
    for learner in learners:
        defaults = Run.from_flat({"learner": learner}).to_flat()
        _print_group(f"Learner {learner}", "learner", LEARNERS[learner].settings, defaults)
    print("\nStreams by name")
    for name, protocol in PROTOCOLS.items():
        print(f"  {name}: {' '.join(f'{k}={v}' for k, v in protocol.fields.items())}")
        print(textwrap.indent(textwrap.fill(protocol.source, 96), " " * 6))
    return 0


def _entries(learner: str) -> list[dict[str, Any]]:
    """Return every field of a learner's run."""
    defaults = Run.from_flat({"learner": learner}).to_flat()
    described = [row for row in describe(Run) if row[0] in TOP_LEVEL]
    for prefix, group in groups_of(learner).items():
        described += [(f"{prefix}.{n}", allowed, what) for n, allowed, what in describe(group)]
    return [
        {
            "learner": learner,
            "field": name,
            "default": defaults[name],
            **{p: PRESETS[p].get(name, defaults[name]) for p in PRESETS if p != "paper"},
            "allowed": allowed,
            "meaning": meaning,
        }
        for name, allowed, meaning in described
    ]


def _print_group(title: str, prefix: str, group: type[Settings], defaults: dict[str, Any]) -> None:
    print(f"\n{title}")
    described = describe(group)
    if not described:
        print("  no settings of its own")
    for name, allowed, meaning in described:
        _print(f"{prefix}.{name}", defaults[f"{prefix}.{name}"], allowed, meaning)


def _print(name: str, default: Any, allowed: str, meaning: str) -> None:
    presets = {preset: values.get(name, default) for preset, values in PRESETS.items()}
    others = [f"; {p}: {_word(value)}" for p, value in presets.items() if value != default]
    print(f"  {name} = {_word(default)}   ({allowed}{''.join(others)})")
    print(textwrap.indent(textwrap.fill(meaning, 96), " " * 6))


def _word(value: Any) -> str:
    """Return a value as ``--set`` takes it."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
