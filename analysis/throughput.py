"""The paper's Fig. 2, epochs per hour against the masking ratio, and the table of the benchmark.

Reads    results/throughput/throughput.json
Writes   throughput.png and README.md beside it, and prints the tables
Run      python analysis/throughput.py [--results DIR]
"""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from charon.files import read_json, write_text
from charon.report.style import BLUE, ORANGE, QUIET, note, picture
from charon.report.tables import markdown_table, text_table

STEPS_OF_AN_EPOCH = 393
"""Of a task, the sixth of NTU-60 XView's 37,646 clips, in batches of 16."""
COLOURS = {"fp32": BLUE, "bf16": ORANGE}
HEADER = ["step", "scale", "preset", "way", "seconds", "least to most", "GFLOP/s", "times plain"]
SHARE = ["trials that share a GPU", "scale", "steps/s in all", "hours of a run, extrapolated"]
NAMES = {
    "train": "training step",
    "evaluate": "evaluation",
    "probe": "linear probing step",
    "refresh": "stored logits",
}


def describe(measured: dict[str, Any], folder: Path) -> str:
    """Draw the figure where its sections were measured, write the page, return it as text."""
    pages, texts = ["# Speed of the learning core"], []

    def add(line: str) -> None:
        texts.append(line)
        pages.append(line)

    def add_table(header: list[str], rows: list[list[str]]) -> None:
        texts.append(text_table(header, rows))
        pages.append(markdown_table(header, rows))

    for section in ("train", "small", "evaluate", "probe"):
        if section in measured:
            add(f"{measured[section]['machine']}:")
            add_table(HEADER, [_row(row) for row in measured[section]["rows"]])
    if "limits" in measured:
        limits = {row["way"]: row["gflops"] for row in measured["limits"]["rows"]}
        speeds = ", ".join(f"{gflops:.0f} GFLOP/s in {way}" for way, gflops in limits.items())
        add(f"The widest convolution alone reaches {speeds}.")
    if "ratios" in measured and "limits" in measured:
        frame = pd.DataFrame(measured["ratios"]["rows"])
        add_table(*_against_model(frame))
        pages.append("![Epochs per hour](throughput.png)")
        _draw(frame, limits, measured["ratios"]["machine"], folder / "throughput.png")
    if "share" in measured:
        add(f"{measured['share']['machine']}:")
        add_table(SHARE, [_shared(row) for row in measured["share"]["rows"]])
    if "prepare" in measured:
        add(_preparation(*measured["prepare"]["rows"]))
    write_text(folder / "README.md", "\n\n".join(pages) + "\n")
    return "\n".join(texts)


def _preparation(files: dict[str, Any], padded: dict[str, Any]) -> str:
    clips, speed = files["clips"], files["clips_per_core_second"]
    file_size, npz_size = files["num_bytes"] / clips / 1e6, padded["num_bytes"] / 1e6
    return (
        f"Preparation: {clips} files of {1000 * file_size:.0f} kB, {speed:.0f} clips "
        f"({speed * file_size:.0f} MB) a second and core, with the start of the processes "
        f"({clips / files['worst']:.0f} to {clips / files['best']:.0f}; "
        f"{clips / files['seconds']:.0f} a second in all), "
        f"{files['times_plain']:.1f} times as many as a reader of line after line prepares "
        f"({clips / files['plain_seconds']:.0f}); of an .npz of {npz_size:.0f} MB "
        f"{npz_size / padded['seconds']:.0f} MB a second, where numpy.load reads "
        f"{npz_size / padded['load_seconds']:.0f} from memory."
    )


def _row(row: dict[str, Any]) -> list[str]:
    times = row["times_plain"]
    return [
        f"{NAMES[row['kind']]}, {row['clips']} clips",
        row["scale"],
        row["preset"],
        row["way"],
        f"{row['seconds']:.3g}",
        f"{row['best']:.3g} to {row['worst']:.3g}",
        f"{row['gflops']:.0f}",
        f"{times:.2f}" if times else "",
    ]


def _shared(row: dict[str, Any]) -> list[str]:
    hours = f"{row['hours']:.2f}" if "hours" in row else ""
    return [str(row["together"]), row["scale"], f"{row['steps_per_second']:.1f}", hours]


def _against_model(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Compare the time of a step with its work, both against those at η = 0."""
    header = ["masking ratio η", "way", "seconds", "time, of η = 0", "work, of η = 0", "apart"]
    rows = []
    for way, group in frame.groupby("way", sort=False):
        whole = group[group["masking_ratio"] == 0].iloc[0]
        for _, row in group.iterrows():
            time, work = row["seconds"] / whole["seconds"], row["flop"] / whole["flop"]
            cells = [f"{row['masking_ratio']:.1f}", str(way), f"{row['seconds']:.3g}"]
            rows.append([*cells, f"{time:.2f}", f"{work:.2f}", f"{100 * (time / work - 1):+.0f} %"])
    return header, rows


def _draw(frame: pd.DataFrame, limits: dict[str, float], machine: str, path: Path) -> None:
    about = f"random clips of NTU-60's shape · {machine} · one task of NTU-60 XView an epoch"
    with picture(path, 8.2, 3.5, columns=2) as (figure, panels):
        for axes, way in zip(panels, COLOURS, strict=True):
            _draw_way(axes, frame[frame["way"] == way], limits[way], COLOURS[way])
            axes.set_title(way)
        note(figure, about)


def _draw_way(axes: Axes, frame: pd.DataFrame, limit: float, colour: str) -> None:
    hour = 3600 / STEPS_OF_AN_EPOCH
    ratio = frame["masking_ratio"]
    at_limit = hour * limit * 1e9 / frame["flop"]
    axes.plot(ratio, at_limit, color=QUIET, linestyle="--", label="limit: widest convolution's")
    axes.plot(ratio, hour / frame["seconds"], color=colour, marker="o", label="measured")
    axes.set_xlabel("masking ratio η")
    axes.set_ylabel("training epochs per hour")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left")


def main() -> None:
    """Read the benchmark's file and show it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR")
    folder = parser.parse_args().results / "throughput"
    path = folder / "throughput.json"
    if not path.exists():
        parser.exit(1, f"error: {path} does not exist; run studies/throughput.py first.\n")
    print(describe(read_json(path), folder))


if __name__ == "__main__":
    main()
