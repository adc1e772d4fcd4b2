"""How fast is the learning core, and what limits it?

Question   Seconds of a training step at full size and at the small scale, of linear probing and of
           evaluation; on a GPU also without CUDA graphs, and steps a second of trials that share
           it; epochs per hour against the masking ratio; clips prepared a second.
Paper      CHARON (ICPR 2024), Fig. 2, with the network's cost as the limit beside it.
Compared   with the plain version (contiguous float32, one pass after the other), on random clips
           of NTU RGB+D's shape, every fifth with two people; files of its size.
Needs      torch and numpy alone. Close everything else first: it is a benchmark.
Run        python studies/throughput.py [--only SECTION ...] [--device cuda] [--repeats N]
Read       python analysis/throughput.py
"""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import torch

from charon.benchmark.sections import SECTIONS, describe_machine
from charon.benchmark.steps import Case


def main() -> None:
    """Measure the sections asked for, print them, and leave them as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, metavar="SECTION")
    parser.add_argument("--device", choices=("cpu", "cuda"), default=default)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR")
    given = parser.parse_args()
    path = given.results / "throughput" / "throughput.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    measured: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    on = partial(Case, device=given.device, threads=given.threads, repeats=given.repeats)
    for section in given.only:
        machine = describe_machine(on("train", "fp32"))
        print(f"{section} on {machine}", flush=True)
        if rows := SECTIONS[section](on):
            measured[section] = {"machine": machine, "rows": rows}
        path.write_text(json.dumps(measured, indent=1), encoding="utf-8")
    print(f"Written to {path}; the figure: python analysis/throughput.py")


if __name__ == "__main__":
    main()
