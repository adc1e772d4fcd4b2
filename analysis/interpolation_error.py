"""The paper's Fig. A: error of rebuilt clips against the sampling interval, by codec.

Reads    results/interpolation_error/interpolation_error.json
Writes   README.md and a figure beside it, and prints the table
Run      python analysis/interpolation_error.py [--results DIR]
"""

import argparse
from pathlib import Path

import pandas as pd

from charon.files import read_json, write_text
from charon.report.style import look, note, picture
from charon.report.tables import markdown_table, text_table

HEADER = ["codec", "storage", "rebuilt", "s", "MSE, 1e-4 m²", "joints off by, mm", "bytes a clip"]


def describe(content: dict[str, object], rows: pd.DataFrame, folder: Path) -> str:
    """Draw the figure, write the page and return the table."""
    kind = "synthetic stand-in, not NTU RGB+D" if content["is_standin"] else "recorded data"
    about = (
        f"{content['data']} ({kind}) · {content['protocol']} · {content['clips']} test clips of "
        f"{content['frames']} frames"
    )
    with picture(folder / "interpolation_error.png", 7.4, 3.8) as (figure, (axes,)):
        exact = rows[rows["storage"] == "float32"]
        for place, ((codec, rebuild), group) in enumerate(exact.groupby(["codec", "rebuild"])):
            thinned = group[group["sampling_interval"] > 1]
            axes.plot(
                thinned["sampling_interval"],
                thinned["mse"],
                label=f"{codec}, {rebuild}",
                linestyle="--" if rebuild == "resize" else "-",
                **look(place),
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.minorticks_off()
        intervals = sorted(set(rows["sampling_interval"]) - {1})
        axes.set_xticks(intervals, map(str, intervals))
        axes.set_xlabel("sampling interval s")
        axes.set_ylabel("mean squared error, m²")
        figure.legend(loc="outside right center")
        note(figure, f"{about}\nin float32")
    cells = [
        [
            row["codec"],
            row["storage"],
            row["rebuild"],
            str(row["sampling_interval"]),
            f"{1e4 * row['mse']:.3f}",
            f"{row['joint_mm']:.1f}",
            f"{row['bytes_per_clip']:,}",
        ]
        for row in rows.to_dict("records")
    ]
    parts = [
        "# How well are the clips of a memory rebuilt?",
        f"{about}.",
        markdown_table(HEADER, cells),
    ]
    parts.append("![Error against s](interpolation_error.png)")
    write_text(folder / "README.md", "\n\n".join(parts) + "\n")
    return f"{text_table(HEADER, cells)}\n{about}"


def main() -> None:
    """Read the errors and show them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR")
    folder = parser.parse_args().results / "interpolation_error"
    path = folder / "interpolation_error.json"
    if not path.exists():
        parser.exit(1, f"error: {path} does not exist; run studies/interpolation_error.py first.\n")
    content = read_json(path)
    print(describe(content, pd.DataFrame(content["rows"]), folder))


if __name__ == "__main__":
    main()
