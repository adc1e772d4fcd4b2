"""What makes two runs a pair, and which pairs count as independent."""

from collections.abc import Sequence

import pandas as pd

DATA, ORDER = "fingerprint", "data.class_order"

PAIRED = ("seed", ORDER, "data.benchmark", DATA)
"""What two runs must share to be a pair; the data by their fingerprint."""


def by_pair(runs: pd.DataFrame, metric: str, also: Sequence[str] = ()) -> pd.Series:
    """Return a metric by what makes a pair, and fields that must agree too; the rest averaged."""
    keys = list(dict.fromkeys([*(name for name in PAIRED if name in runs), *also]))
    return runs.groupby(keys, dropna=False)[metric].mean()


def independent(values: pd.Series) -> pd.Series:
    """Return the values of pairs that count as independent, of values :func:`by_pair`.

    The runs of a seed count as one. If there are several class orders, those of an order count as
    one: what it does to a method is the same under every seed.
    """
    if values.empty:
        return values
    names = [name for name in values.index.names if name in PAIRED]
    if has_several_orders(values):
        names.remove("seed")
    return values.groupby(level=names, dropna=False).mean()


def has_several_orders(values: pd.Series) -> bool:
    """Whether the values of pairs are of several class orders."""
    return (
        ORDER in values.index.names
        and values.index.get_level_values(ORDER).nunique(dropna=False) > 1
    )
