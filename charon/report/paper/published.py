"""Values published in the paper: FAA in percent, mean and standard deviation of three runs.

Source: CHARON (ICPR 2024), Tables 1 to 3; the figures' values are read off its text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from charon.report.cases import METHOD
from charon.report.results import Results

PROTOCOLS = ("ntu60-xview", "ntu60-xsub", "ntu120-xset", "ntu120-xsub")

ORDERS = ("auto", "paper", "released")
"""Class orders that are the paper's or its code's; ``auto`` is the paper's."""


@dataclass(frozen=True)
class Published:
    """A published FAA; the deviation is None where the paper gives none."""

    mean: float
    std: float | None
    source: str

    def __str__(self) -> str:
        """Return the mean with its deviation, if it is known."""
        return f"{self.mean}" if self.std is None else f"{self.mean} ± {self.std}"


_BOUNDS: dict[str, tuple[tuple[float, float], ...]] = {
    "FT": ((16.05, 0.07), (15.64, 0.05), (7.19, 0.06), (6.97, 0.23)),
    "JT": ((84.75, 0.02), (77.32, 0.54), (71.18, 1.07), (70.15, 0.98)),
}
_WITH_500: dict[str, tuple[tuple[float, float], ...]] = {
    "iCaRL": ((51.54, 1.3), (47.12, 1.4), (32.91, 0.9), (33.03, 1.3)),
    "Else-Net": ((40.81, 0.8), (39.72, 0.4), (19.37, 0.6), (18.43, 0.7)),
    "ER": ((51.00, 1.6), (45.80, 0.5), (26.35, 1.1), (26.19, 1.7)),
    "DER": ((51.36, 0.9), (49.97, 1.9), (27.83, 1.7), (30.10, 1.5)),
    "DER++": ((60.41, 0.5), (57.22, 1.0), (34.27, 1.4), (36.29, 0.3)),
    "CHARON": ((73.60, 0.3), (68.30, 0.6), (52.19, 0.6), (48.64, 0.0)),
}
_WITH_2000: dict[str, tuple[tuple[float, float], ...]] = {
    "iCaRL": ((53.41, 1.1), (50.69, 1.2), (34.74, 0.7), (36.68, 1.0)),
    "Else-Net": ((59.10, 0.2), (57.00, 1.0), (33.52, 0.6), (33.95, 0.3)),
    "ER": ((68.27, 0.1), (62.74, 1.9), (43.12, 0.4), (45.06, 0.7)),
    "DER": ((66.74, 0.1), (63.48, 1.3), (40.19, 0.9), (36.10, 1.8)),
    "DER++": ((73.09, 1.3), (67.64, 1.6), (50.06, 0.6), (49.81, 0.8)),
    "CHARON": ((77.77, 0.2), (72.70, 0.2), (61.63, 0.1), (59.23, 0.4)),
}

_MASKING, _POSITION = "learner.masking", "learner.masking_position"

_ABLATIONS: dict[str, list[tuple[dict[str, Any], float, str]]] = {
    "reconstruction": [
        ({"learner.masking_ratio": 0.3, "learner.gamma": 0.0}, 70.61, "Table 2"),
        ({"learner.masking_ratio": 0.3, "learner.gamma": 0.5}, 73.60, "Table 2"),
        ({"learner.masking_ratio": 0.6, "learner.gamma": 0.0}, 61.59, "Table 2"),
        ({"learner.masking_ratio": 0.6, "learner.gamma": 0.5}, 65.72, "Table 2"),
    ],
    "masking_strategy": [
        ({_MASKING: "deterministic", _POSITION: "pre"}, 72.08, "Table 3"),
        ({_MASKING: "deterministic", _POSITION: "post"}, 72.43, "Table 3"),
        ({_MASKING: "random", _POSITION: "pre"}, 71.89, "Table 3"),
        ({_MASKING: "random", _POSITION: "post"}, 73.60, "Table 3"),
    ],
    "masking_ratio": [
        ({"learner.masking_ratio": 0.3}, 73.60, "Table 1"),
        ({"learner.masking_ratio": 0.5}, 68.0, "Sec. 4.3, about"),
        ({"learner.masking_ratio": 0.6}, 66.0, "Sec. 4.3, about"),
    ],
}
"""Study -> fields, FAA on Split NTU-60 XView with M=500, source."""


def published(study: str, values: Mapping[str, Any], run: Mapping[str, Any]) -> Published | None:
    """Return what the paper has for a case; None where it has nothing.

    Args:
        study: its name.
        values: varied fields of the case.
        run: all fields of one of its runs, with its method and resolved protocol.
    """
    protocol, size = run["protocol"], run.get("learner.buffer_size")
    if protocol not in PROTOCOLS or run.get("data.class_order", "auto") not in ORDERS:
        return None
    if study in _ABLATIONS:
        if protocol != "ntu60-xview" or size != 500 or run[METHOD] != "CHARON":
            return None
        for fields, mean, source in _ABLATIONS[study]:
            if all(values.get(name) == value for name, value in fields.items()):
                return Published(mean, None, source)
        return None
    if study == "baselines":
        table = _WITH_500 if size == 500 else _WITH_2000 if size == 2000 else {}
        row = _BOUNDS.get(run[METHOD]) or table.get(run[METHOD])
        if row is not None:
            mean, std = row[PROTOCOLS.index(protocol)]
            return Published(mean, std, "Table 1")
    return None


def why_not_comparable(results: Results) -> str:
    """Return why a study's numbers do not compare with published ones; empty where they do."""
    study = results.study
    if study.is_standin:
        return "the synthetic stand-in is not NTU RGB+D"
    if study.protocol.startswith("part of "):
        return f"these are not all of its classes ({study.protocol})"
    if study.protocol not in PROTOCOLS:
        return f"{study.data} is not NTU RGB+D"
    if study.data.endswith("-2d"):
        return f"{study.data} has 2-D skeletons"
    if study.scale != "paper":
        return f"the scale is {study.scale}, not the paper's"
    preset = results.tags.get("preset", "paper")
    if preset not in ("paper", "released"):
        return f"the preset is {preset}"
    if study.overridden:
        return f"the command line set {', '.join(study.overridden)}"
    return ""
