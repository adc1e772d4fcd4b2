"""Optuna's interactive pages of a search, and the importance of its fields."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.study import StudyDirection
from optuna.trial import TrialState

from charon.files import write_csv
from charon.report.search.results import ENOUGH_FOR_IMPORTANCE

EVALUATOR = "PED-ANOVA, the best quarter of the finished trials against all of them"
"""Optuna's default compares the best tenth, which is one trial of a dozen."""

FRONTS = (2, 3)
"""Numbers of objectives of which Optuna draws a Pareto front."""


def write_plots(
    study: optuna.Study, objectives: Sequence[str], provenance: str, folder: Path
) -> None:
    """Write Optuna's plots of a search as pages into its ``folder``, and ``importance.csv``.

    Plots that need more finished trials are left out; those of an earlier, shorter search are
    replaced. ``provenance`` stands on every page: what the numbers were measured on.
    """
    pages = folder / "plots"
    pages.mkdir(exist_ok=True)
    table = folder / "importance.csv"
    for old in (*pages.glob("*.html"), table):  # of a search that was shorter then
        old.unlink(missing_ok=True)
    shown = in_own_units(study, objectives)
    with warnings.catch_warnings():
        # Of experimental parts of Optuna, and of PED-ANOVA, which takes lower values for better.
        warnings.simplefilter("ignore")
        ranked = importances(shown, objectives)
        plots = _plots(shown, objectives)
        if ranked:
            figure = optuna.visualization.plot_param_importances(
                shown, **_compared(shown, 0), target_name=objectives[0]
            )
            plots["importance"] = figure.update_layout(title=f"Importance ({EVALUATOR})")
            write_csv(table, ("objective", "field", "importance", "evaluator", "n"), ranked)
        for name, figure in plots.items():
            title = f"{figure.layout.title.text}<br><sup>{provenance}</sup>"
            figure.update_layout(title=title)
            figure.write_html(pages / f"{name}.html", include_plotlyjs="directory")


def _plots(shown: optuna.Study, objectives: Sequence[str]) -> dict[str, Any]:
    """Return Optuna's figures by the names of their pages."""
    draw = optuna.visualization
    plots = {"timeline": draw.plot_timeline(shown)}
    if not shown.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        return plots
    for column, name in enumerate(objectives):
        options: dict[str, Any] = {"target_name": name}
        # Optuna draws the best so far of a single objective, but not of a target of ours.
        if len(objectives) > 1:
            options["target"] = lambda trial, column=column: trial.values[column]
        end = "" if column == 0 else "_" + name.replace("/", "_")
        plots["history" + end] = draw.plot_optimization_history(shown, **options)
        plots["slice" + end] = draw.plot_slice(shown, **options)
        plots["parallel_coordinates" + end] = draw.plot_parallel_coordinate(shown, **options)
    if len(objectives) in FRONTS:
        plots["pareto_front"] = draw.plot_pareto_front(
            shown,
            targets=lambda trial: [*trial.values[1:], trial.values[0]],  # the first is upright
            target_names=[*objectives[1:], objectives[0]],
        )
    return plots


def in_own_units(study: optuna.Study, objectives: Sequence[str]) -> optuna.Study:
    """Return a copy in the units of the objectives: FAA in percent, bytes, seconds.

    The scores that a sampler is told rank stopped trials too and mean nothing to a reader.
    Every trial, refused settings too, has the number that its name ends in.
    """
    shown = optuna.create_study(directions=study.directions)
    for trial in study.get_trials():
        is_complete = trial.state == TrialState.COMPLETE
        # Of a stopped trial Optuna keeps the last score.
        trial.values = [trial.user_attrs[name] for name in objectives] if is_complete else None
        shown.add_trial(trial)
    return shown


def importances(shown: optuna.Study, objectives: Sequence[str]) -> list[list[object]]:
    """Return the importance of each field for each objective, as rows; none for few trials."""
    number = len(shown.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    if number < ENOUGH_FOR_IMPORTANCE:
        return []
    rows: list[list[object]] = []
    for column, name in enumerate(objectives):
        for parameter, value in get_param_importances(shown, **_compared(shown, column)).items():
            field = parameter.partition(":")[0]
            rows.append([name, field, round(float(value), 6), EVALUATOR, number])
    return rows


def _compared(shown: optuna.Study, column: int) -> dict[str, Any]:
    """Return what PED-ANOVA compares, for which lower is better."""
    sign = -1.0 if shown.directions[column] == StudyDirection.MAXIMIZE else 1.0
    return {
        "evaluator": PedAnovaImportanceEvaluator(target_quantile=0.25),
        "target": lambda trial: sign * float(trial.values[column]),
    }
