"""What only Optuna knows of a search: its interactive plots, and which fields mattered."""

import copy
import csv
import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from charon.files import write_text
from charon.tuning.journal import TrialRecord
from charon.tuning.search import RAY_TRIAL, REFUSED

FOLDER = "plots"
"""Of the pages, in the search's folder."""

BEST_SHARE = 0.25
EVALUATOR = "PED-ANOVA, the best quarter of the finished trials against all of them"
"""Optuna's default compares the best tenth, which is one trial of a dozen."""

FRONTS = (2, 3)
"""Numbers of objectives of which Optuna draws a Pareto front."""

ENOUGH = 8
"""Finished trials below which the best quarter is no group to compare."""


def write_plots(
    study: optuna.Study,
    records: Sequence[TrialRecord],
    objectives: Sequence[str],
    directions: Sequence[str],
    folder: Path,
) -> None:
    """Write Optuna's own plots as pages, and ``importance.csv``.

    Plots that need more finished trials than there are, are left out; pages of an earlier,
    shorter search are replaced.

    Args:
        study: of the search.
        records: its trials.
        objectives: of the search.
        directions: ``maximize`` or ``minimize`` for each.
        folder: of the search.
    """
    pages = folder / FOLDER
    pages.mkdir(exist_ok=True)
    shown = in_own_units(study, records, objectives, directions)
    number = len(shown.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    draw = optuna.visualization
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what Optuna calls experimental
        plots = {"timeline": draw.plot_timeline(shown)}
        for column, name in enumerate(objectives if number else ()):
            options = {"target": _value(column), "target_name": name}
            end = "" if column == 0 else "_" + name.replace("/", "_")
            plots["history" + end] = draw.plot_optimization_history(shown, **options)
            plots["slice" + end] = draw.plot_slice(shown, **options)
            plots["parallel_coordinates" + end] = draw.plot_parallel_coordinate(shown, **options)
        if number and len(objectives) in FRONTS:
            plots["pareto_front"] = draw.plot_pareto_front(shown, target_names=list(objectives))
        ranked = importances(shown, objectives, directions)
        if ranked:
            figure = draw.plot_param_importances(
                shown,
                evaluator=PedAnovaImportanceEvaluator(target_quantile=BEST_SHARE),
                target=_lower_is_better(0, directions),
                target_name=objectives[0],
            )
            plots["importance"] = figure.update_layout(title=f"Importance ({EVALUATOR})")
        for title, figure in plots.items():
            figure.write_html(pages / f"{title}.html", include_plotlyjs="directory")
    write_text(folder / "importance.csv", _importance_csv(ranked))


def in_own_units(
    study: optuna.Study,
    records: Sequence[TrialRecord],
    objectives: Sequence[str],
    directions: Sequence[str],
) -> optuna.Study:
    """Return a copy whose values are the objectives' own: FAA in percent, bytes, seconds.

    What a sampler was told ranks stopped trials too and would mean nothing to a reader.
    Trials that Optuna calls complete and the search does not are failed ones; refused settings
    were never run and are left out.
    """
    final = {record.trial_id: record.final for record in records}
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        shown = optuna.create_study(directions=list(directions))
    finally:
        optuna.logging.set_verbosity(before)
    for trial in study.get_trials(deepcopy=False):
        if trial.state.is_finished() and REFUSED not in trial.user_attrs:
            shown.add_trial(_translated(trial, final, objectives))
    return shown


def _translated(
    trial: FrozenTrial, final: dict[str, dict[str, float]], objectives: Sequence[str]
) -> FrozenTrial:
    copied = copy.deepcopy(trial)
    metrics = final.get(trial.user_attrs.get(RAY_TRIAL, ""), {})
    if trial.state == TrialState.COMPLETE and metrics:
        copied.values = [metrics[name] for name in objectives]
    elif trial.state == TrialState.COMPLETE:
        copied.state, copied.values = TrialState.FAIL, None
    return copied


def importances(
    shown: optuna.Study, objectives: Sequence[str], directions: Sequence[str]
) -> list[dict[str, object]]:
    """Return how much each field mattered for each objective, as rows; none for few trials."""
    number = len(shown.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    if number < ENOUGH:
        return []
    rows: list[dict[str, object]] = []
    for column, name in enumerate(objectives):
        found = get_param_importances(
            shown,
            evaluator=PedAnovaImportanceEvaluator(target_quantile=BEST_SHARE),
            target=_lower_is_better(column, directions),
        )
        rows += [
            {
                "objective": name,
                "field": parameter.partition(":")[0],
                "importance": round(float(value), 6),
                "evaluator": EVALUATOR,
                "n": number,
            }
            for parameter, value in found.items()
        ]
    return rows


def _value(column: int) -> Callable[[FrozenTrial], float]:
    return lambda trial: float(trial.values[column])


def _lower_is_better(column: int, directions: Sequence[str]) -> Callable[[FrozenTrial], float]:
    """Return what PED-ANOVA compares: it takes lower values for better ones."""
    sign = -1.0 if directions[column] == "maximize" else 1.0
    return lambda trial: sign * float(trial.values[column])


def _importance_csv(rows: Sequence[dict[str, object]]) -> str:
    text = io.StringIO()
    columns = ["objective", "field", "importance", "evaluator", "n"]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
