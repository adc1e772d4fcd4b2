"""The command line ``charon``: dispatch to a command; errors as one line."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from charon.arguments import Parser, check_paths
from charon.cli.console import INTERRUPTED
from charon.errors import CharonError
from charon.text import printable

COMMANDS = {
    "prepare": "read skeleton clips once, into the cache",
    "cache": "list, show or delete prepared sets",
    "fields": "list every setting of a run",
    "run": "learn a stream of tasks",
    "predict": "label new clips with a finished run's model",
    "status": "say what a study has done, and what is left",
    "why": "say why a trial was stopped, failed or won",
    "ui": "open MLflow's pages of a study",
    "compare": "compare finished runs, pair by pair",
    "slurm": "write a study's batch script for SLURM",
    "show": "draw a clip: as it is, thinned, rebuilt, reconstructed",
}
"""Each is a module of ``charon.cli.commands``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0: done. 1: something about the input or the surroundings is wrong, and one line on
    standard error says what. 2: the command line cannot be understood. 130: interrupted.
    """
    if arguments is None:  # a program of its own
        # What schedulers send is an interruption, as Ctrl-C is.
        signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        check_paths(given)
        return _dispatch(given)
    except CharonError as error:
        _say(str(error))
    except MemoryError:
        _say("the machine's memory is used up; lower optimiser.batch_size or the number of clips.")
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not notice again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _say(f"{where}{error.strerror or error}.")
    except KeyboardInterrupt:
        _say("interrupted.")
        return INTERRUPTED
    return 1


class _Parser(Parser):
    """Refuses in one sentence, without the usage before it; so do its commands' parsers."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        _say(f"{message}; `{self.prog} --help` says what there is.")
        self.exit(2)


def _dispatch(given: Sequence[str]) -> int:
    parser = _Parser(
        prog="charon",
        description="Class-incremental learning of skeleton actions with CHARON.",
        epilog="`charon COMMAND --help` says what a command takes.",
        allow_abbrev=False,
    )
    asked = parser
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, help in COMMANDS.items():
        command = commands.add_parser(name, help=help, allow_abbrev=False)
        if given[:1] == [name]:
            # Only here, so that no command waits for the imports of another.
            module = import_module(f"charon.cli.commands.{name}")
            command.description = module.__doc__
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            module.add_arguments(command)
            command.set_defaults(main=module.main)
            asked = command
    options, unknown = parser.parse_known_args(given)
    asked.refuse_unknown(unknown)  # of the command, whose help says what there is
    status: int = options.main(options)
    sys.stdout.flush()
    return status


def _say(sentence: str) -> None:
    """Write one line to standard error."""
    print(f"charon: {printable(' '.join(sentence.split()))}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
