"""Fields, methods, metrics and values as a reader knows them."""

from collections.abc import Mapping
from typing import Any

METHODS = {
    "finetune": "FT",
    "joint": "JT",
    "icarl": "iCaRL",
    "lucir": "LUCIR",
    "elsenet": "Else-Net",
    "er": "ER",
    "er_ace": "ER-ACE",
    "der": "DER",
    "derpp": "DER++",
    "xder": "X-DER",
    "charon": "CHARON",
}
"""In the order of the paper's Table 1; X-DER, ER-ACE and LUCIR are not in it."""

SYMBOLS = {
    "learner.masking_ratio": ("masking ratio", "η"),
    "learner.sampling_interval": ("sampling interval", "s"),
    "learner.buffer_size": ("buffer size", "M"),
    "learner.alpha": ("", "α"),
    "learner.beta": ("", "β"),
    "learner.gamma": ("", "γ"),
    "optimiser.learning_rate": ("learning rate", "lr"),
}
"""The field's words and symbols."""

NAMES = {
    "learner": "method",
    "data.benchmark": "protocol",
    "data.path": "data",
}

UNITS = {
    "learner.buffer_bytes": ("buffer size", "kB", 1e-3),
    "memory/bytes": ("memory", "kB", 1e-3),
    "memory/extra_bytes": ("beside the memory", "kB", 1e-3),
    "time/train_seconds": ("training time", "s", 1.0),
    "train/epochs_per_hour": ("training epochs per hour", "", 1.0),
    "train/clips_per_second": ("training clips per second", "", 1.0),
    "model/parameters": ("parameters", "", 1.0),
}
"""Of metrics that are no accuracies, and of fields: name, unit, and the factor of that unit."""

METRICS = {
    "faa": "FAA",
    "bwt": "BWT",
    "fwt": "FWT",
    "task_il_faa": "task-IL FAA",
    "old": "old classes",
    "new": "new classes",
    "forgetting": "forgetting",
}


def method_of(fields: Mapping[Any, Any]) -> str:
    """Return the method of a run: joint training is fine-tuning on a joint stream."""
    learner = str(fields["learner"])
    if learner == "finetune" and fields.get("data.stream") == "joint":
        learner = "joint"
    return METHODS.get(learner, learner)


def field_title(field: str) -> str:
    """Return what a reader calls a field: its words and its symbol."""
    if field in SYMBOLS:
        return " ".join(SYMBOLS[field]).strip()
    if field in UNITS:
        return " in ".join(UNITS[field][:2])
    return NAMES.get(field, field.rpartition(".")[2].replace("_", " "))


def short_title(field: str) -> str:
    """Return a field's symbol, or else what a reader calls it."""
    if field in UNITS:
        return UNITS[field][0]
    return SYMBOLS[field][1] if field in SYMBOLS else field_title(field)


def metric_name(metric: str) -> str:
    """Return a metric's name without its part of the data and its unit: ``test/faa``, ``FAA``."""
    if metric in UNITS:
        return UNITS[metric][0]
    name = metric.partition("/")[2]
    return METRICS.get(name, name.replace("_", " "))


def metric_title(metric: str) -> str:
    """Return a metric's name with its unit, for an axis or a column."""
    if metric in UNITS:
        return ", ".join(filter(None, UNITS[metric][:2]))
    where = {"val": "validation ", "test": "test "}.get(metric.partition("/")[0], "")
    return f"{where}{metric_name(metric)}, percent"


def in_units(metric: str, values: Any) -> Any:
    """Return values of a metric or a field in the unit of its title."""
    return values * UNITS[metric][2] if metric in UNITS else values


def value_text(value: object) -> str:
    """Return a field's value as text; None and pandas' NaN are ``none``."""
    if value is None or value != value:
        return "none"
    if not isinstance(value, float):
        return str(value)
    text = f"{value:.4g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e9 else text


def field_text(field: str, value: Any) -> str:
    """Return a field's value as text, in the unit of its title."""
    is_known = field in UNITS and value is not None and value == value
    return value_text(in_units(field, value) if is_known else value)


def number_text(value: float | None, digits: int = 1) -> str:
    """Return a number with so many decimals; a dash where it is not known."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"
