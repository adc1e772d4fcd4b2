"""Write the batch script of a study for SLURM, and submit it with --submit.

Options of the job come first, then the study's file with its own options:

    charon slurm --nodes 2 --gpus 8 --hours 4 studies/search.py --trials 100

The job stops the study before its time is over, queues again, and goes on by itself with
--resume. The folder it is written in, the results and the cache (--results, --cache of the study)
must be on storage that all machines reach.
"""

import argparse
import subprocess
from pathlib import Path

from charon.arguments import whole_number
from charon.cli.console import add_json_argument, print_json
from charon.errors import CharonError, ConfigError
from charon.files import writing_to
from charon.tuning.cluster.slurm import Job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--nodes", type=whole_number(1), default=1, metavar="N", help="machines (1)"
    )
    parser.add_argument(
        "--gpus", type=whole_number(0), default=1, metavar="N", help="of each machine (1)"
    )
    parser.add_argument(
        "--cpus", type=whole_number(1), default=8, metavar="N", help="of each machine (8)"
    )
    parser.add_argument("--hours", type=float, default=4.0, metavar="H", help="of a sitting (4)")
    parser.add_argument(
        "--setup",
        default="",
        metavar="LINE",
        help="shell that makes Python ready on a machine, such as 'source .venv/bin/activate'",
    )
    parser.add_argument(
        "--container",
        default="",
        metavar="IMAGE",
        help="an Apptainer image with CHARON Studies in it, in which Ray and the study run",
    )
    parser.add_argument(
        "--sbatch",
        action="append",
        default=[],
        metavar="OPTION",
        help="one more option of sbatch, as often as needed: --sbatch=--partition=long",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="the script (charon-STUDY.sbatch, here)"
    )
    parser.add_argument("--submit", action="store_true", help="give it to sbatch")
    add_json_argument(parser)
    parser.add_argument(
        "study", nargs=argparse.REMAINDER, metavar="STUDY ...", help="its file and its options"
    )


def main(options: argparse.Namespace) -> int:
    """Write the script, and submit it if asked to."""
    if not options.study or not Path(options.study[0]).is_file():
        named = options.study[0] if options.study else "nothing"
        raise ConfigError(
            f"A study's file, such as studies/search.py, follows the options of the job, but got "
            f"{named}."
        )
    if mixed := {"--nodes", "--gpus", "--submit"} & set(options.study):
        raise ConfigError(f"{min(mixed)} is of the job; give it before {options.study[0]}.")
    job = Job(
        options.study,
        options.nodes,
        options.gpus,
        options.cpus,
        options.hours,
        Path.cwd(),
        options.setup,
        options.sbatch,
        options.container and str(Path(options.container).expanduser().resolve()),
    )
    path = options.output or Path(f"{job.name}.sbatch")
    with writing_to(path, "choose another --output"):
        path.expanduser().write_text(job.script(), encoding="utf-8")
    answer = _submitted(path) if options.submit else ""
    if options.json:
        print_json({"script": str(path), "job": answer.split()[-1] if answer else None})
    else:
        print(answer or f"Wrote {path}; submit it with: sbatch {path}")
    return 0


def _submitted(path: Path) -> str:
    """Return what sbatch says."""
    try:
        said = subprocess.run(["sbatch", str(path)], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CharonError(
            f"There is no sbatch here, so {path} was written and not submitted."
        ) from error
    if said.returncode != 0:
        raise CharonError(f"sbatch refused {path}: {said.stderr.strip() or said.stdout.strip()}")
    return said.stdout.strip()
