"""Optuna's interactive pages of a search, and the importance of its fields."""

import copy
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from charon.files import write_csv
from charon.report.search.results import ENOUGH_FOR_IMPORTANCE
from charon.tuning.records.journal import TrialRecord
from charon.tuning.sampling.optuna_study import TRIAL

FOLDER = "plots"
"""Folder of the pages, in the search's."""

BEST_SHARE = 0.25
EVALUATOR = "PED-ANOVA, the best quarter of the finished trials against all of them"
"""Optuna's default compares the best tenth, which is one trial of a dozen."""

FRONTS = (2, 3)
"""Numbers of objectives of which Optuna draws a Pareto front."""


def write_plots(
    study: optuna.Study,
    records: Sequence[TrialRecord],
    objectives: Sequence[str],
    directions: Sequence[str],
    provenance: str,
    folder: Path,
) -> None:
    """Write Optuna's plots as pages, and ``importance.csv``.

    Plots that need more finished trials are left out; those of an earlier, shorter search are
    replaced.

    Args:
        study: of the search.
        records: its trials.
        objectives: of the search.
        directions: ``maximize`` or ``minimize`` for each.
        provenance: what the numbers were measured on; stands on every page.
        folder: of the search.
    """
    pages = folder / FOLDER
    pages.mkdir(exist_ok=True)
    table = folder / "importance.csv"
    for old in (*pages.glob("*.html"), table):  # of a search that was shorter then
        old.unlink(missing_ok=True)
    shown = in_own_units(study, records, objectives, directions)
    with warnings.catch_warnings():
        # Of experimental parts of Optuna, and of PED-ANOVA, which takes lower values for better.
        warnings.simplefilter("ignore")
        ranked = importances(shown, objectives, directions)
        plots = _plots(shown, objectives)
        if ranked:
            figure = optuna.visualization.plot_param_importances(
                shown,
                evaluator=PedAnovaImportanceEvaluator(target_quantile=BEST_SHARE),
                target=_lower_is_better(0, directions),
                target_name=objectives[0],
            )
            plots["importance"] = figure.update_layout(title=f"Importance ({EVALUATOR})")
        for name, figure in plots.items():
            title = f"{figure.layout.title.text}<br><sup>{provenance}</sup>"
            figure.update_layout(title=title)
            figure.write_html(pages / f"{name}.html", include_plotlyjs="directory")
    if ranked:
        write_csv(table, list(ranked[0]), [list(row.values()) for row in ranked])


def _plots(shown: optuna.Study, objectives: Sequence[str]) -> dict[str, Any]:
    """Return Optuna's figures by the names of their pages."""
    draw = optuna.visualization
    plots = {"timeline": draw.plot_timeline(shown)}
    if not shown.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        return plots
    for column, name in enumerate(objectives):
        # Optuna draws the best so far of a single objective, but not of a target of ours.
        target = _value(column) if len(objectives) > 1 else None
        options = {"target": target, "target_name": name}
        end = "" if column == 0 else "_" + name.replace("/", "_")
        plots["history" + end] = draw.plot_optimization_history(shown, **options)
        plots["slice" + end] = draw.plot_slice(shown, **options)
        plots["parallel_coordinates" + end] = draw.plot_parallel_coordinate(shown, **options)
    if len(objectives) in FRONTS:
        names = [*objectives[1:], objectives[0]]
        plots["pareto_front"] = draw.plot_pareto_front(
            shown, targets=_first_last, target_names=names
        )
    return plots


def in_own_units(
    study: optuna.Study,
    records: Sequence[TrialRecord],
    objectives: Sequence[str],
    directions: Sequence[str],
) -> optuna.Study:
    """Return a copy in the units of the objectives: FAA in percent, bytes, seconds.

    The scores that a sampler is told rank stopped trials too and mean nothing to a reader.
    Trials that are complete for Optuna alone become failed ones. Every trial, refused settings
    too, has the number that its name ends in.
    """
    final = {record.trial_id: record.final for record in records}
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        shown = optuna.create_study(directions=list(directions))
    finally:
        optuna.logging.set_verbosity(before)
    for trial in study.get_trials(deepcopy=False):
        shown.add_trial(_translated(trial, final, objectives))
    return shown


def _translated(
    trial: FrozenTrial, final: dict[str, dict[str, float]], objectives: Sequence[str]
) -> FrozenTrial:
    copied = copy.deepcopy(trial)
    metrics = final.get(trial.user_attrs.get(TRIAL, ""), {})
    if trial.state == TrialState.COMPLETE and metrics:
        copied.values = [metrics[name] for name in objectives]
    elif trial.state == TrialState.COMPLETE:
        copied.state, copied.values = TrialState.FAIL, None
    else:
        copied.values = None  # of a stopped trial Optuna keeps the last score
    return copied


def importances(
    shown: optuna.Study, objectives: Sequence[str], directions: Sequence[str]
) -> list[dict[str, object]]:
    """Return the importance of each field for each objective, as rows; none for few trials."""
    number = len(shown.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    if number < ENOUGH_FOR_IMPORTANCE:
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


def _first_last(trial: FrozenTrial) -> list[float]:
    """Return the values in the order of a front's axes: the first objective is upright."""
    return [*trial.values[1:], trial.values[0]]


def _value(column: int) -> Callable[[FrozenTrial], float]:
    return lambda trial: float(trial.values[column])


def _lower_is_better(column: int, directions: Sequence[str]) -> Callable[[FrozenTrial], float]:
    """Return what PED-ANOVA compares, for which lower is better."""
    sign = -1.0 if directions[column] == "maximize" else 1.0
    return lambda trial: sign * float(trial.values[column])
