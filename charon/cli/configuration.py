"""The run that a command line describes, alone or together with a folder to resume."""

import argparse
from pathlib import Path
from typing import Any

from charon.cli.run_folder import RunFolder
from charon.config import PRESETS, Run
from charon.errors import CheckpointError, ConfigError
from charon.files import read_json
from charon.settings import parse_field
from charon.training.checkpoint import MAY_DIFFER


def given_fields(options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields that the command line and its file set, by their dotted names.

    Raises:
        ConfigError: a field is given twice, or the file cannot be used.
    """
    flags = {"data.path": options.data, "learner": options.learner, "seed": options.seed}
    fields = [(name, value) for name, value in flags.items() if value is not None]
    fields += [parse_field(text) for text in options.settings]
    names = [name for name, _ in fields]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{twice} is given twice; give it once.")
    return {**(_read_config(options.config) if options.config else {}), **dict(fields)}


def _read_config(path: Path) -> dict[str, Any]:
    """Read fields from a JSON file; ConfigError if it holds anything but one object of them."""
    try:
        content = read_json(path.expanduser())
    except OSError as error:
        raise ConfigError(f"--config {path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise ConfigError(f"--config {path} is not a JSON file ({error}).") from error
    plain = bool | int | float | str | None
    if not isinstance(content, dict) or not all(isinstance(v, plain) for v in content.values()):
        raise ConfigError(
            f"--config {path} must hold one JSON object of fields and their values, such as "
            '{"learner": "charon", "learner.alpha": 0.3}; `charon fields` lists the fields.'
        )
    return content


def resumed_run(folder: RunFolder, given: dict[str, Any], preset: str | None) -> Run:
    """Return the run in the folder.

    Raises:
        CheckpointError: the folder holds none, or another than is given again.
    """
    saved = folder.saved_run().to_flat()
    learner = given.get("learner", saved["learner"])
    if preset is not None:
        switches = {name for fields in PRESETS.values() for name in fields}
        whole = Run.preset(preset, {"learner": learner}).to_flat()
        given = {name: v for name, v in whole.items() if name in switches} | given
    same_method = learner == saved["learner"]
    run = Run.from_flat({**saved, **given} if same_method else given)
    wanted = run.to_flat()
    for name, value in saved.items():
        if name not in MAY_DIFFER and wanted.get(name) != value:
            raise CheckpointError(
                f"{folder.path} holds a run with {name}={value!r}, but {wanted.get(name)!r} is "
                "asked for; leave it out to continue that run, or give another --output."
            )
    return run
