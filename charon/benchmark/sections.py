"""The sections of the benchmark: each times its cases, prints them and returns them as rows."""

import logging
import multiprocessing
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from charon.benchmark.limits import peak_gflops
from charon.benchmark.preparation import Padded, Prepared, measure_padded, measure_skeleton_files
from charon.benchmark.sharing import hours_of_a_run, steps_per_second
from charon.benchmark.steps import Case, Kind, Way, time_in_turn
from charon.model.layers import Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
RATIOS = (0.0, 0.3, 0.5, 0.6, 0.9)
MOST_TOGETHER = 8
"""Trials that share a GPU at most."""

MakeCase = Callable[..., Case]
"""Makes a case of the chosen device, threads and repeats from the fields that are left."""
Row = dict[str, Any]


def describe_machine(case: Case) -> str:
    """Return the device, torch and the repeats that numbers were measured with."""
    on_cpu = f"{_processor()}, {case.threads} threads"
    name = torch.cuda.get_device_name() if case.device == "cuda" else on_cpu
    return f"{name}, torch {torch.__version__}, median of {case.repeats}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _rows(*cases: Case) -> list[Row]:
    """Time cases in turn and print them; a plain version, if any, comes first."""
    rows: list[Row] = []
    for case, timed in zip(cases, time_in_turn(cases), strict=True):
        is_faster = cases[0].way == "plain" and case != cases[0]
        faster = rows[0]["seconds"] / timed.seconds if is_faster else None
        print(
            f"  {case.kind:9} {case.preset:9} η={case.masking_ratio:.1f} {case.way:6}"
            f" {timed.seconds:8.3f} s ({timed.best:.3f} to {timed.worst:.3f})"
            f" {timed.gflops:7.0f} GFLOP/s" + (f"  {faster:.2f} x plain" if faster else ""),
            flush=True,
        )
        numbers = {"gflops": timed.gflops, "times_plain": faster}
        rows.append({**asdict(case), **asdict(timed), **numbers})
    return rows


def _limits(on: MakeCase) -> list[Row]:
    rows: list[Row] = []
    for way in PRECISIONS:
        case = on("train", way)
        with multiprocessing.get_context("spawn").Pool(1) as fresh:
            gflops = fresh.apply(peak_gflops, (way, case.device, case.threads))
        print(f"  the (1,5) convolution alone, {way}: {gflops:.0f} GFLOP/s", flush=True)
        rows.append({"way": way, "gflops": gflops})
    return rows


def _against_plain(on: MakeCase, kind: Kind, *presets: str) -> list[Row]:
    ways: tuple[Way, ...] = ("plain", *PRECISIONS)
    return [row for preset in presets for row in _rows(*(on(kind, way, preset) for way in ways))]


def _ratios(on: MakeCase) -> list[Row]:
    cases = [on("train", way, masking_ratio=ratio) for way in PRECISIONS for ratio in RATIOS]
    return [row for case in cases for row in _rows(case)]


def _probe(on: MakeCase) -> list[Row]:
    cases = [on(kind, way) for kind in ("probe", "refresh") for way in PRECISIONS]
    return [row for case in cases for row in _rows(case)]


def _share(on: MakeCase) -> list[Row]:
    """Run 1, 2, 3, ... processes on a GPU until together they are no faster."""
    if on("train", "fp32").device == "cpu":
        print("  left out: it shares a GPU")
        return []
    (probe,) = time_in_turn([on("probe", "bf16")])
    rows: list[Row] = []
    for together in range(1, MOST_TOGETHER + 1):
        speed = steps_per_second(on("train", "bf16"), together)
        hours = hours_of_a_run(together / speed, together * probe.seconds)
        print(f"  {together} at once: {speed:.2f} steps/s, {hours:.2f} h a run (extrapolated)")
        rows.append({"together": together, "steps_per_second": speed, "hours": hours})
        if len(rows) > 1 and speed < 1.05 * rows[-2]["steps_per_second"]:
            break
    return rows


def _prepare(on: MakeCase) -> list[Row]:
    repeats = on("train", "fp32").repeats
    files = measure_skeleton_files(repeats=repeats)
    # Random rows are not those of a protocol, which is a warning.
    logging.getLogger("charon.data.formats.ntu_npz").setLevel(logging.ERROR)
    padded = measure_padded(repeats=repeats)
    print(describe_preparation(files, padded))
    rate = {"clips_per_core_second": files.clips_per_core_second, "times_plain": files.times_plain}
    return [{**asdict(files), **rate}, asdict(padded)]


def describe_preparation(files: Prepared, padded: Padded) -> str:
    """Return the speed of preparation as text, beside a plain reader's and ``numpy.load``'s."""
    per_core, plain = files.clips_per_core_second, files.clips / files.plain_seconds
    file_size, npz_size = files.num_bytes / files.clips / 1e6, padded.num_bytes / 1e6
    return (
        f"  {files.clips} files of {1000 * file_size:.0f} kB: {per_core:.0f} clips"
        f" ({per_core * file_size:.0f} MB) a second and core, with the start of the processes;\n"
        f"  {files.clips / files.worst:.0f} to {files.clips / files.best:.0f},"
        f" {files.clips / files.seconds:.0f} on all cores;"
        f" a reader of line after line: {plain:.0f} ({files.times_plain:.1f} x plain)\n"
        f"  an .npz of {npz_size:.0f} MB: {npz_size / padded.seconds:.0f} MB a second,"
        f" where numpy.load reads {npz_size / padded.load_seconds:.0f} from memory"
    )


SECTIONS: dict[str, Callable[[MakeCase], list[Row]]] = {
    "limits": _limits,
    "train": lambda on: _against_plain(on, "train", "paper", "released"),
    "evaluate": lambda on: _against_plain(on, "evaluate", "paper"),
    "ratios": _ratios,
    "probe": _probe,
    "share": _share,
    "prepare": _prepare,
}
