"""Open MLflow's pages of a study, or of all results, on this machine alone.

The server runs until Ctrl-C. The address to open is printed first; it leads to the study's runs.
"""

import argparse
import os
from pathlib import Path

from charon.arguments import whole_number
from charon.cli.console import add_json_argument, print_json
from charon.errors import CharonError
from charon.files import read_json, reading_from
from charon.plain import conform
from charon.tuning.tracking.store import SentState, Store, choose_store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "results",
        nargs="?",
        type=Path,
        default=Path("results"),
        metavar="RESULTS",
        help="folder of a study or of all results (results)",
    )
    parser.add_argument("--port", type=whole_number(1), default=5000, metavar="N", help="(5000)")
    add_json_argument(parser)


def main(options: argparse.Namespace) -> int:
    """Print the address and become the server."""
    store, experiment = _store(options.results.expanduser().absolute())
    page = store.page(experiment, options.port)
    if options.json:
        print_json({"page": page, "tracking_uri": store.uri, "experiment_id": experiment or None})
    else:
        print(f"Open {page}", flush=True)
    if store.is_remote:
        return 0
    command = store.server(options.port)
    os.execve(command[0], command, {**os.environ, **store.environment})


def _store(folder: Path) -> tuple[Store, str]:
    """Return where a study or a folder of results is tracked, and the study's experiment.

    Raises:
        CharonError: nothing was tracked there.
    """
    state = folder / "tracking.json"
    if state.exists():
        with reading_from(state, "go on with the study, or move the file away", CharonError):
            content = conform(read_json(state), SentState)
        file = folder.parent / "mlflow.db"
        uri = None if file.exists() else content["uri"]  # the results may have been moved
        return choose_store(uri, folder.parent), content.get("experiment_id", "")
    if not (folder / "mlflow.db").exists():
        raise CharonError(f"{folder} holds nothing that was tracked; name the folder of a study.")
    return choose_store(None, folder), ""
