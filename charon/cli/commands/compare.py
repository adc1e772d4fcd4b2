"""Compare finished runs of one study or several: what differs, by how much, how sure that is.

Runs are compared in pairs of the same seed, class order, protocol and data, never row by row.
Cases are the configurations in which the runs differ; the first one is the reference unless
--against names another. `--by method` compares methods over whatever else varies.
"""

import argparse
from pathlib import Path

from charon.cli.console import add_json_argument, print_json
from charon.report.compare import as_json, compare, describe
from charon.report.results import Results, read_results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "results",
        nargs="+",
        metavar="RESULTS",
        help="folder of a study, such as results/masking_ratio; with --mlflow an experiment",
    )
    parser.add_argument("--metric", metavar="NAME", help="such as test/forgetting (the objective)")
    parser.add_argument("--by", nargs="+", metavar="FIELD", help="fields that tell cases apart")
    parser.add_argument("--against", metavar="CASE", help="name of the reference (the first case)")
    parser.add_argument("--mlflow", metavar="URI", help="read the experiments of this MLflow store")
    add_json_argument(parser)


def main(options: argparse.Namespace) -> int:
    """Print the comparison."""
    studies = [_read(name, options.mlflow) for name in options.results]
    comparison = compare(studies, options.metric, options.by, options.against)
    if options.json:
        print_json(as_json(comparison))
    else:
        print(describe(comparison))
    return 0


def _read(name: str, uri: str | None) -> Results:
    if uri is None:
        return read_results(Path(name))
    # Imported here because only this needs MLflow, which takes a second.
    from charon.tuning.tracking.reading import read_experiment

    return read_experiment(uri, name)
