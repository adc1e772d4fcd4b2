"""The sections of the benchmark: each times its cases, prints them and returns them as rows."""

import logging
import multiprocessing
import platform
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch

from charon.benchmark.preparation import measure_padded, measure_skeleton_files
from charon.benchmark.steps import (
    SCALES,
    Case,
    Row,
    Way,
    hours_of_a_run,
    peak_gflops,
    steps_per_second,
    time_in_turn,
)
from charon.model.backbone import Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
WAYS: tuple[Way, ...] = ("plain", *PRECISIONS)
RATIOS = (0.0, 0.3, 0.5, 0.6, 0.9)
MakeCase = Callable[..., Case]
"""Makes a case of the chosen device, threads and repeats from the fields that are left."""


def describe_machine(case: Case) -> str:
    """Return the device, torch and the repeats that numbers were measured with."""
    if case.device == "cuda":
        name = torch.cuda.get_device_name()
    else:
        info = Path("/proc/cpuinfo")
        text = info.read_text(encoding="utf-8") if info.exists() else ""
        found = re.search(r"^model name.*?: *(.*)", text, re.MULTILINE)
        name = f"{found[1] if found else platform.processor()}, {case.threads} threads"
    return f"{name}, torch {torch.__version__}, median of {case.repeats}"


def _rows(groups: Iterable[Sequence[Case]]) -> list[Row]:
    """Time and print the cases of each group in turn; a plain version, if any, comes first."""
    rows: list[Row] = []
    for cases in groups:
        timed = time_in_turn(cases)
        for case, row in zip(cases, timed, strict=True):
            is_faster = cases[0].way == "plain" and case != cases[0]
            faster = timed[0]["seconds"] / row["seconds"] if is_faster else None
            print(
                f"  {case.kind:9} {case.preset:9} η={case.masking_ratio:.1f} {case.way:10}"
                f" {row['seconds']:8.4f} s ({row['best']:.4f} to {row['worst']:.4f})"
                f" {row['gflops']:7.0f} GFLOP/s" + (f"  {faster:.2f} x plain" if faster else ""),
                flush=True,
            )
            rows.append(row | {"times_plain": faster})
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


def _share(on: MakeCase) -> list[Row]:
    """Run 1, 2, 4 and 8 processes on a GPU, at both scales."""
    if on("train", "fp32").device == "cpu":
        print("  left out: it shares a GPU")
        return []
    [probe] = time_in_turn([on("probe", "bf16")])
    rows: list[Row] = []
    for scale in SCALES:
        for together, speed in steps_per_second(on("train", "bf16", scale=scale)).items():
            row = {"scale": scale, "together": together, "steps_per_second": speed}
            print(f"  {scale} scale, {together} at once: {speed:.1f} steps/s", end="")
            if scale == "paper":
                row["hours"] = hours_of_a_run(together / speed, together * probe["seconds"])
                print(f", {row['hours']:.2f} h a run (extrapolated)", end="")
            print(flush=True)
            rows.append(row)
    return rows


def _ways(on: MakeCase) -> tuple[Way, ...]:
    """Return the ways to compare; on a GPU also those without CUDA graphs."""
    return WAYS if on("train", "fp32").device == "cpu" else (*WAYS, "fp32 eager", "bf16 eager")


def _prepare(on: MakeCase) -> list[Row]:
    repeats = on("train", "fp32").repeats
    # Random rows are not those of a protocol, which is a warning.
    logging.getLogger("charon.data.formats.ntu_npz").setLevel(logging.ERROR)
    rows = [measure_skeleton_files(repeats=repeats), measure_padded(repeats=repeats)]
    for kind, row in zip((".skeleton", ".npz"), rows, strict=True):
        print(f"  {kind}:", ", ".join(f"{name} {value:,.4g}" for name, value in row.items()))
    return rows


SECTIONS: dict[str, Callable[[MakeCase], list[Row]]] = {
    "limits": _limits,
    "train": lambda on: _rows(
        [on("train", way, preset) for way in _ways(on)] for preset in ("paper", "released")
    ),
    "small": lambda on: _rows([[on("train", way, scale="small") for way in _ways(on)]]),
    "evaluate": lambda on: _rows([[on("evaluate", way) for way in WAYS]]),
    "ratios": lambda on: _rows(
        [on("train", way, masking_ratio=ratio)] for way in PRECISIONS for ratio in RATIOS
    ),
    "probe": lambda on: _rows(
        [on(kind, way)] for kind in ("probe", "refresh") for way in PRECISIONS
    ),
    "share": _share,
    "prepare": _prepare,
}
