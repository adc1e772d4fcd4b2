"""Table 1: every method's FAA and memory, and whether they stand in the order expected.

Reads    results/baselines/{study.json,trials.csv,curves.csv}
Writes   README.md and baselines.png beside them, and prints the table
Run      python analysis/baselines.py [--results DIR]
"""

import pandas as pd
from matplotlib.axes import Axes

from charon.files import write_text
from charon.report.command import show
from charon.report.style import BLUE, COLOURS, INK, ORANGE, QUIET, note, picture
from charon.report.tables import (
    Results,
    markdown_table,
    mean_and_spread,
    plus_minus,
    text_table,
)

FAA, FORGETTING = "test/faa", "test/forgetting"
MEMORY, BESIDE, WEIGHTS = "memory/bytes", "memory/extra_bytes", "model/parameters"
METRICS = [FAA, FORGETTING, MEMORY, BESIDE, WEIGHTS]
SIZE, PROTOCOL = "learner.buffer_size", "data.benchmark"
FT, JT = "FT", "JT"
NAMES = {
    "finetune": FT,
    "joint": JT,
    "icarl": "iCaRL",
    "elsenet": "Else-Net",
    "er": "ER",
    "der": "DER",
    "derpp": "DER++",
    "xder": "X-DER",
    "charon": "CHARON",
}
"""In the order of the paper's table; X-DER is not in it."""
HEADER = [
    *("method", "M", "FAA %", "forgetting", "memory kB", "beside it kB", "parameters", "n"),
]
MORE = 2.0
"""Points beyond which one mean is called above another."""


def describe(results: Results) -> str:
    """Draw the figure, write the result's README and return the table."""
    finished = _named(results.finished)
    if finished.empty:
        return "No run has finished yet, so there is nothing to show."
    texts, pages = [], [f"# {results.study.question}", f"{results.provenance}."]
    several = finished[PROTOCOL].nunique() > 1
    for protocol, runs in finished.groupby(PROTOCOL, sort=False):
        rows, sentences = _rows(runs), findings(runs)
        if several:
            texts.append(str(protocol))
            pages.append(f"## {protocol}")
        texts += [text_table(HEADER, rows), *sentences]
        pages += [
            markdown_table(HEADER, rows),
            "FAA is mean ± standard deviation over n seeds. Memory is what the learner holds "
            "after the last task: clips, labels, logits. Beside it lie iCaRL's class means and "
            "frozen network, or the blocks Else-Net has grown.",
            *sentences,
        ]
    _draw(results, finished)
    pages.append("![FAA of every method](baselines.png)")
    write_text(results.folder / "README.md", "\n\n".join(pages) + "\n")
    return "\n".join(texts)


def _named(finished: pd.DataFrame) -> pd.DataFrame:
    """Add the methods' names in the table's order, and the columns that no run has as NaN."""
    frame = finished.copy()
    key = frame["learner"].where(frame["data.stream"] != "joint", "joint")
    frame["method"] = pd.Categorical(key.map(NAMES), list(NAMES.values()), ordered=True)
    for name in (SIZE, *METRICS):
        if name not in frame:
            frame[name] = float("nan")
    return frame.sort_values(["method", SIZE])


def _rows(runs: pd.DataFrame) -> list[list[str]]:
    table = mean_and_spread(runs, ["method", SIZE], METRICS, observed=True)
    settings = table.index.to_frame().itertuples(index=False)
    return [_row(m, size, table.iloc[n]) for n, (m, size) in enumerate(settings)]


def _row(method: str, size: float, row: pd.Series) -> list[str]:
    return [
        method,
        "–" if pd.isna(size) else f"{size:.0f}",
        plus_minus(row[FAA, "mean"], row[FAA, "std"]),
        plus_minus(row[FORGETTING, "mean"], row[FORGETTING, "std"]),
        plus_minus(row[MEMORY, "mean"] / 1000, float("nan")),
        plus_minus(row[BESIDE, "mean"] / 1000, float("nan")),
        f"{row[WEIGHTS, 'mean']:.0f}",
        f"{row[FAA, 'count']:.0f}",
    ]


def findings(runs: pd.DataFrame) -> list[str]:
    """Return a sentence for each method that does not stand as expected.

    Expected: FT knows its last task alone, JT is best, all others are between them.
    """
    lower, upper = (runs.loc[runs["method"] == name, FAA].mean() for name in (FT, JT))
    sentences = [] if pd.isna(lower) else [_what_is_left(runs[runs["method"] == FT])]
    between = runs[~runs["method"].isin([FT, JT])]
    means = between.groupby(["method", SIZE], observed=True)[FAA].mean().reset_index()
    for method, size, faa in means.itertuples(index=False):
        name = f"{method} with M={size:.0f}"
        if faa > upper:
            sentences.append(f"Not as expected: {name}, {faa:.1f} %, is above JT, {upper:.1f} %.")
        if faa < lower + MORE:
            sentences.append(
                f"Not as expected: {name}, {faa:.1f} %, is not above FT, {lower:.1f} %, by "
                f"{MORE:g} points."
            )
    return sentences


def _what_is_left(runs: pd.DataFrame) -> str:
    """Say how much of its last task fine-tuning knows, and of those before it."""
    tasks = [str(name) for name in runs if str(name).startswith("test/acc/task_")]
    known = runs[tasks].dropna(axis="columns").mean()
    return (
        f"FT knows {known.iloc[-1]:.1f} % of its last task and {known.iloc[:-1].mean():.1f} % of "
        f"the {len(known) - 1} before it."
    )


def _draw(results: Results, finished: pd.DataFrame) -> None:
    protocols = list(finished[PROTOCOL].unique())
    path, width = results.folder / "baselines.png", 6.2 * len(protocols) + 1.4
    with picture(path, width, 3.6, columns=len(protocols)) as (figure, panels):
        for axes, protocol in zip(panels, protocols, strict=True):
            _draw_methods(axes, finished[finished[PROTOCOL] == protocol])
            if len(protocols) > 1:
                axes.set_title(str(protocol))
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center")
        note(figure, f"{results.provenance}; small dots: single runs")


def _draw_methods(axes: Axes, runs: pd.DataFrame) -> None:
    between = runs[~runs["method"].isin([FT, JT])]
    methods = [name for name in NAMES.values() if name in set(between["method"])]
    place = {name: len(methods) - 1 - row for row, name in enumerate(methods)}
    for name, colour in ((FT, QUIET), (JT, INK)):
        faa = runs.loc[runs["method"] == name, FAA].mean()
        if not pd.isna(faa):
            axes.axvline(faa, color=colour, linestyle="--", linewidth=1.5)
            axes.annotate(
                f"{name} {faa:.1f}",
                (faa, 1),
                (0, 3),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="center",
                color=colour,
            )
    colours = (ORANGE, BLUE, *COLOURS[2:])
    sizes = sorted(between[SIZE].unique())
    for size, colour in zip(sizes, colours, strict=False):
        of_size = between[between[SIZE] == size]
        means = of_size.groupby("method", observed=True)[FAA].mean()
        axes.scatter(
            means, [place[str(m)] for m in means.index], s=46, color=colour, label=f"M={size:.0f}"
        )
        dots = [place[str(m)] for m in of_size["method"]]
        axes.scatter(of_size[FAA], dots, s=12, color=colour, alpha=0.45, linewidths=0)
    axes.set_yticks(list(place.values()), list(place))
    axes.set_ylim(-0.6, len(methods) - 0.4)
    axes.set_xlim(left=0)
    axes.set_xlabel("FAA, percent")


if __name__ == "__main__":
    show(describe, "baselines")
