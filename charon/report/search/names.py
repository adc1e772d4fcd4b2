"""Fields, metrics and values as a reader knows them."""

from typing import Any

SYMBOLS = {
    "learner.masking_ratio": "masking ratio η",
    "learner.sampling_interval": "sampling interval s",
    "learner.buffer_size": "buffer size M",
    "learner.alpha": "α",
    "learner.beta": "β",
    "learner.gamma": "γ",
}

UNITS = {"memory/bytes": ("memory", "kB", 1e-3), "time/train_seconds": ("training time", "s", 1.0)}
"""Of metrics that are no accuracies: name, unit, and the factor of that unit."""


def field_title(field: str) -> str:
    """Return what a reader calls a field."""
    return SYMBOLS.get(field, field.rpartition(".")[2].replace("_", " "))


def metric_title(metric: str) -> str:
    """Return a metric's name with its unit, for an axis or a column."""
    if metric in UNITS:
        name, unit, _ = UNITS[metric]
        return f"{name}, {unit}"
    part, _, name = metric.partition("/")
    where = {"val": "validation ", "test": "test "}.get(part, "")
    text = {"faa": "FAA", "bwt": "BWT"}.get(name, name.replace("_", " "))
    return f"{where}{text}, percent"


def in_units(metric: str, values: Any) -> Any:
    """Return a metric's values in the unit of its title."""
    return values * UNITS[metric][2] if metric in UNITS else values


def value_text(value: object) -> str:
    """Return a field's value as text; None and pandas' NaN are ``none``."""
    if value is None or value != value:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def number_text(value: float | None, digits: int = 1) -> str:
    """Return a number with so many decimals; a dash where it is not known."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"
