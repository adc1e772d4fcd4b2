"""List every setting of a run: its name for --set, its default, what it may be, its meaning.

The same names are the search keys of a study, the parameters in MLflow and the columns of its
tables. Defaults are the preset `paper`'s; where the preset `released` differs, its value follows.
"""

import argparse
import textwrap
from typing import Any

from charon.config import PRESETS, TOP_LEVEL, OptimiserSettings, Run
from charon.data.settings import DataSettings
from charon.errors import ConfigError
from charon.learners import LEARNERS
from charon.model.settings import ModelSettings
from charon.settings import Settings, describe

_WIDTH = 96


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--learner",
        metavar="NAME",
        help=f"only this learner's: {', '.join(LEARNERS)} (by default all learners')",
    )


def main(options: argparse.Namespace) -> int:
    """Print the settings."""
    if options.learner is not None and options.learner not in LEARNERS:
        raise ConfigError(
            f"There is no learner {options.learner!r}; known are {', '.join(LEARNERS)}."
        )
    learners = [options.learner] if options.learner else list(LEARNERS)
    print("The run")
    _print("learner", learners[0], " | ".join(LEARNERS), "the method")
    for name, allowed, meaning in _rows(Run):
        if name in TOP_LEVEL:
            _print(name, _default(learners[0], name), allowed, meaning)
    for title, prefix, group in (
        ("Data", "data", DataSettings),
        ("Model", "model", ModelSettings),
        ("Optimiser", "optimiser", OptimiserSettings),
    ):
        _print_group(title, prefix, group, learners[0])
    for learner in learners:
        _print_group(f"Learner {learner}", "learner", LEARNERS[learner].settings, learner)
    return 0


def _rows(group: type[Settings]) -> list[tuple[str, str, str]]:
    return [(name, allowed, meaning) for name, _, allowed, meaning in describe(group)]


def _print_group(title: str, prefix: str, group: type[Settings], learner: str) -> None:
    print(f"\n{title}")
    rows = _rows(group)
    if not rows:
        print("  no settings of its own")
    for name, allowed, meaning in rows:
        dotted = f"{prefix}.{name}"
        _print(dotted, _default(learner, dotted), allowed, meaning)


def _default(learner: str, name: str) -> Any:
    return Run.from_flat({"learner": learner}).to_flat()[name]


def _print(name: str, default: Any, allowed: str, meaning: str) -> None:
    released = PRESETS["released"].get(name, default)
    other = "" if released == default else f"; released: {_word(released)}"
    print(f"  {name} = {_word(default)}   ({allowed}{other})")
    print(textwrap.indent(textwrap.fill(meaning, _WIDTH), " " * 6))


def _word(value: Any) -> str:
    """Return a value as ``--set`` takes it."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
