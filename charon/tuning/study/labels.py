"""Short names of trials, such as ``eta0.60 s5 M500 seed1``."""

from collections.abc import Mapping, Sequence

from charon.settings import Value

SYMBOLS: dict[str, str] = {
    "learner.masking_ratio": "eta",
    "learner.sampling_interval": "s",
    "learner.buffer_size": "M",
    "learner.alpha": "alpha",
    "learner.beta": "beta",
    "learner.gamma": "gamma",
    "optimiser.learning_rate": "lr",
    "optimiser.batch_size": "batch",
    "optimiser.epochs": "epochs",
    "model.size": "",
    "data.benchmark": "",
    "data.stream": "",
    "data.class_order": "",
}
"""Field -> the paper's symbol; empty where the value speaks for itself."""

ALWAYS = ("learner.masking_ratio", "learner.sampling_interval", "learner.buffer_size")
"""Fields in every label of a run that has them."""

MAX_OTHERS = 4
"""Other fields that a label names; further ones are only counted."""


def label(fields: Mapping[str, Value], varied: Sequence[str]) -> str:
    """Return a run's label from its complete fields, and those in which its study's runs differ."""
    always = [name for name in ALWAYS if name in fields]
    others = [n for n in dict.fromkeys(varied) if n in fields and n not in (*ALWAYS, "learner")]
    parts = [_part(name, fields[name]) for name in (*always, *others[:MAX_OTHERS])]
    if len(others) > MAX_OTHERS:
        parts.append(f"+{len(others) - MAX_OTHERS}")
    learner = fields.get("learner")
    if learner != "charon" or (varied and varied[0] == "learner"):
        parts.insert(0, str(learner))
    return " ".join([*[p for p in parts if not p.startswith("seed")], f"seed{fields['seed']}"])


def _part(name: str, value: Value) -> str:
    symbol = SYMBOLS.get(name, name.rpartition(".")[2] + "=")
    if name == "learner.masking_ratio" and isinstance(value, int | float):
        text = f"{value:.2f}" if round(value, 2) == value else f"{value:.4g}"
    elif isinstance(value, float):
        text = f"{value:.4g}"
    else:
        text = str(value)
    return symbol + text


def folder_name(text: str) -> str:
    """Return a label as a folder's name."""
    return "".join(c if c.isalnum() or c in "._-=" else "_" for c in text)
