"""How fast is the learning core, and what limits it?

Question   Seconds of a training step, of linear probing and of evaluation, at full size; epochs
           per hour against the masking ratio; clips prepared a second.
Paper      CHARON (ICPR 2024), Fig. 2, with the network's cost as the limit beside it.
Compared   with the plain version in tests/ (contiguous float32, a pass after the other), on
           random clips of NTU RGB+D's shape, every fifth with two people; files of its size.
Needs      torch and numpy alone, in a checkout. Close everything else first: it is a benchmark.
Run        python studies/throughput.py [--only SECTION ...] [--device cuda] [--repeats N]
Read       python analysis/throughput.py
"""

import argparse
import json
import logging
import multiprocessing
import platform
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from charon.benchmark.limits import peak_gflops
from charon.benchmark.padded_npz import measure_padded
from charon.benchmark.sharing import hours_of_a_run, steps_per_second
from charon.benchmark.skeleton_files import measure_preparation
from charon.benchmark.steps import Case, Kind, Timed, Way, prepare, summary

OURS: tuple[Way, ...] = ("fp32", "bf16")
RATIOS = (0.0, 0.3, 0.5, 0.6, 0.9)
SECTIONS = ("limits", "train", "evaluate", "ratios", "probe", "share", "prepare")


MakeCase = Callable[..., Case]
Row = dict[str, Any]


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
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    on = partial(Case, device=given.device, threads=given.threads, repeats=given.repeats)
    for section in given.only:
        if section == "share" and given.device == "cpu":
            continue
        machine = _machine(on("train", "fp32"))
        print(f"{section} on {machine}", flush=True)
        found[section] = {"machine": machine, "rows": _MEASURE[section](on)}
        path.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(f"Written to {path}; the figure: python analysis/throughput.py")


def _machine(case: Case) -> str:
    on_cpu = f"{_processor()}, {case.threads} threads"
    name = torch.cuda.get_device_name() if case.device == "cuda" else on_cpu
    return f"{name}, torch {torch.__version__}, median of {case.repeats}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def alone(act: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a fresh process, so that no case is touched by the one before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(act, arguments)


_again: Callable[[], float]


def _get_ready(case: Case) -> None:
    """Make a case ready in this process; the plain version is found in the tests."""
    global _again  # one case a process
    if case.way == "plain":
        from charon.benchmark.plain.charon import PlainCharon

        _again = prepare(case, PlainCharon)
    else:
        _again = prepare(case)


def _once_more() -> float:
    return _again()


def in_turn(cases: Sequence[Case]) -> list[Timed]:
    """Measure cases, each in a process of its own, one step of each after the other.

    What else the machine does, and how fast it is meanwhile, is then the same for all.
    """
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pools = [stack.enter_context(spawn.Pool(1)) for _ in cases]
        for pool, case in zip(pools, cases, strict=True):
            pool.apply(_get_ready, (case,))
        rounds = [[pool.apply(_once_more) for pool in pools] for _ in range(cases[0].repeats)]
        each = zip(pools, cases, zip(*rounds, strict=True), strict=True)
        return [pool.apply(summary, (case, seconds)) for pool, case, seconds in each]


def _rows(*cases: Case) -> list[Row]:
    """Measure cases in turn, and print them; the first is what others may be faster than."""
    rows: list[Row] = []
    for case, timed in zip(cases, in_turn(cases), strict=True):
        is_faster = cases[0].way == "plain" and case != cases[0]
        faster = rows[0]["seconds"] / timed.seconds if is_faster else None
        print(
            f"  {case.kind:9} {case.preset:9} η={case.masking_ratio:.1f} {case.way:6}"
            f" {timed.seconds:8.3f} s ({timed.best:.3f} to {timed.worst:.3f})"
            f" {timed.gflops:7.0f} GFLOP/s" + (f"  {faster:.2f} x plain" if faster else ""),
            flush=True,
        )
        rows.append({**asdict(case), **asdict(timed), "gflops": timed.gflops})
        rows[-1]["times_plain"] = faster
    return rows


def _limits(on: MakeCase) -> list[Row]:
    rows: list[Row] = []
    for way in OURS:
        case = on("train", way)
        gflops = alone(peak_gflops, way, case.device, case.threads)
        print(f"  the (1,5) convolution alone, {way}: {gflops:.0f} GFLOP/s", flush=True)
        rows.append({"way": way, "gflops": gflops})
    return rows


def _against_plain(on: MakeCase, kind: Kind, presets: tuple[str, ...]) -> list[Row]:
    ways: tuple[Way, ...] = ("plain", *OURS)
    return [row for preset in presets for row in _rows(*(on(kind, way, preset) for way in ways))]


def _ratios(on: MakeCase) -> list[Row]:
    cases = [on("train", way, masking_ratio=ratio) for way in OURS for ratio in RATIOS]
    return [row for case in cases for row in _rows(case)]


def _probe(on: MakeCase) -> list[Row]:
    kinds: tuple[Kind, ...] = ("probe", "refresh")
    return [row for kind in kinds for way in OURS for row in _rows(on(kind, way))]


def _share(on: MakeCase) -> list[Row]:
    """Run 1, 2, 3, ... processes on one GPU until together they are no faster."""
    (probe,) = in_turn([on("probe", "bf16")])
    rows: list[Row] = []
    for together in range(1, 9):
        speed = steps_per_second(on("train", "bf16"), together)
        hours = hours_of_a_run(together / speed, together * probe.seconds)
        print(f"  {together} at once: {speed:.2f} steps/s, {hours:.2f} h a run (extrapolated)")
        rows.append({"together": together, "steps_per_second": speed, "hours": hours})
        if len(rows) > 1 and speed < 1.05 * rows[-2]["steps_per_second"]:
            break
    return rows


def _prepare(on: MakeCase) -> list[Row]:
    from charon.benchmark.plain.skeleton import read_plainly

    repeats = on("train", "fp32").repeats
    done = measure_preparation(read_plainly, repeats=repeats)
    per_core, plain = done.clips / done.cpu_seconds, done.clips / done.plain_seconds
    megabytes = done.num_bytes / done.clips / 1e6
    print(
        f"  {done.clips} files of {1000 * megabytes:.0f} kB: {per_core:.0f} clips"
        f" ({per_core * megabytes:.0f} MB) a second and core, with the start of the processes;\n"
        f"  {done.clips / done.worst:.0f} to {done.clips / done.best:.0f},"
        f" {done.clips / done.seconds:.0f} on all cores;"
        f" a reader of line after line: {plain:.0f} ({per_core / plain:.1f} x plain)"
    )
    # Random rows are not those of a protocol, which is a warning.
    logging.getLogger("charon.data.formats.ntu_npz").setLevel(logging.ERROR)
    padded = measure_padded(repeats=repeats)
    megabytes = padded.num_bytes / 1e6
    print(
        f"  an .npz of {megabytes:.0f} MB: {megabytes / padded.seconds:.0f} MB a second,"
        f" where numpy.load reads {megabytes / padded.load_seconds:.0f} from memory"
    )
    rate = {"clips_per_core_second": per_core, "times_plain": per_core / plain}
    return [{**asdict(done), **rate}, asdict(padded)]


_MEASURE: dict[str, Callable[[MakeCase], list[Row]]] = {
    "limits": _limits,
    "train": lambda on: _against_plain(on, "train", ("paper", "released")),
    "evaluate": lambda on: _against_plain(on, "evaluate", ("paper",)),
    "ratios": _ratios,
    "probe": _probe,
    "share": _share,
    "prepare": _prepare,
}

if __name__ == "__main__":
    main()
