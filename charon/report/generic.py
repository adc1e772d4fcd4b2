"""The table of any study: final metrics per setting, mean and spread over seeds."""

from charon.report.command import show
from charon.report.tables import Results, mean_and_spread, plus_minus, text_table

COLUMNS = {
    "faa": "FAA %",
    "forgetting": "forgetting",
    "bwt": "BWT",
    "task_il_faa": "task-IL %",
}


def generic_table(results: Results) -> str:
    """Return the text of the table; a row is a combination of the varied fields."""
    finished = results.finished
    if finished.empty:
        return "No trial has finished."
    part = results.study.objectives[0].partition("/")[0]
    metrics = [f"{part}/{name}" for name in COLUMNS if f"{part}/{name}" in finished]
    varied = [name for name in results.study.varied if name in finished]
    by = list(dict.fromkeys(["learner", *(name for name in varied if name != "seed")]))
    table = mean_and_spread(finished, by, metrics)
    rows = []
    for setting, row in table.iterrows():
        values = setting if isinstance(setting, tuple) else (setting,)
        cells = [" ".join(_value(v) for v in values if _value(v))]
        cells += [plus_minus(row[m, "mean"], row[m, "std"]) for m in metrics]
        rows.append([*cells, f"{row[metrics[0], 'count']:.0f}"])
    header = [" ".join(name.rpartition(".")[2] for name in by)]
    return text_table([*header, *[COLUMNS[m.partition("/")[2]] for m in metrics], "n"], rows)


def _value(value: object) -> str:
    return "" if value != value else f"{value:g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Print the table of the study in ``--results``."""
    show(generic_table)


if __name__ == "__main__":
    main()
