"""Which of several things no other beats in everything."""

from collections.abc import Iterable, Sequence


def is_dominated(keys: Sequence[float], others: Iterable[Sequence[float]]) -> bool:
    """Whether some other is at least as good in all objectives and better in at least one.

    Keys are values of the objectives, each the better the larger.
    """
    return any(
        tuple(other) != tuple(keys) and all(a >= b for a, b in zip(other, keys, strict=True))
        for other in others
    )
