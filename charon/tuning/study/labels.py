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
"""The paper's symbol for a field; empty where the value speaks for itself."""

ALWAYS = ("learner.masking_ratio", "learner.sampling_interval", "learner.buffer_size")
"""Fields named in every label of a run that has them."""

MOST = 4
"""Other fields that a label names; of more it only says how many."""


def label(fields: Mapping[str, Value], varied: Sequence[str]) -> str:
    """Return the name a person knows a run by.

    Args:
        fields: all fields of the run.
        varied: the fields in which the runs of its study differ.
    """
    always = [name for name in ALWAYS if name in fields]
    others = [n for n in dict.fromkeys(varied) if n in fields and n not in (*ALWAYS, "learner")]
    parts = [_part(name, fields[name]) for name in (*always, *others[:MOST])]
    if len(others) > MOST:
        parts.append(f"+{len(others) - MOST}")
    learner = fields.get("learner")
    if learner != "charon" or _learner_leads(varied):
        parts.insert(0, str(learner))
    return " ".join([*[p for p in parts if not p.startswith("seed")], f"seed{fields['seed']}"])


def _learner_leads(varied: Sequence[str]) -> bool:
    return bool(varied) and varied[0] == "learner"


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
