"""GTEP's rule: tune on the classes of NTU-60, evaluate on the 60 that NTU-120 adds.

Both are cut out of one NTU-120 set, so the setting is evaluated on none of the classes it was
tuned on. Source: "Hyperparameters in Continual Learning: a Reality Check" (arXiv 2403.09066),
where tuning and evaluation have different data and the same scenario.
"""

from collections.abc import Sequence

from charon.data.source import Description
from charon.errors import ConfigError

EVALUATED_ON = {"ntu60-xsub": "ntu120new-xsub", "ntu60-xview": "ntu120new-xset"}
"""Protocol of the search -> that of the new classes."""

DEFAULT = "ntu60-xview"


def tuning_benchmark(given: Sequence[str] | None) -> str:
    """Return the protocol of a search under this rule; :data:`DEFAULT` unless ``given``.

    Raises:
        ConfigError: the given protocol is not a protocol of NTU-60.
    """
    name = " ".join(given or ("auto",))
    name = DEFAULT if name == "auto" else name
    evaluation_benchmark(name)
    return name


def evaluation_benchmark(name: str) -> str:
    """Return the protocol of the new classes that belongs to the search's.

    Raises:
        ConfigError: the search's is not a protocol of NTU-60.
    """
    if name not in EVALUATED_ON:
        raise ConfigError(
            f"--select gtep tunes under {' or '.join(EVALUATED_ON)} and evaluates on the classes "
            f"that NTU-120 adds, but the benchmark is {name}; leave it out."
        )
    return EVALUATED_ON[name]


def check_classes(source: str, about: Description) -> None:
    """Check that a set, read from ``source``, has the classes to evaluate on.

    Raises:
        ConfigError: the set is not NTU RGB+D 120 or like it.
    """
    num_classes = len(about.class_names)
    if not about.is_ntu or num_classes != 120:
        raise ConfigError(
            f"--select gtep evaluates on the 60 classes that NTU-120 adds, but {source} has "
            f"{num_classes} classes{' of NTU-60' if about.is_ntu else ' of its own'}; take "
            "NTU RGB+D 120 or `standin-120`, or another rule."
        )
