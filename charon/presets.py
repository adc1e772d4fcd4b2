"""The presets of a run, by the fields in which each differs from the defaults."""

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "released": {
        "data.class_order": "released",
        "data.duplicate_bodies": "keep",
        "model.presence": "positive_sum",
        "learner.mask_rounding": "float",
        "learner.replay_draws": 2,
        "learner.capacity_rule": "times_interval",
        "learner.probe_inserts": "every_epoch",
        "learner.store_without_probing": False,
        "learner.rebuild": "resize",
        "learner.refresh_rotation": True,
        "argmax": "all",
    },
    "compact": {
        "learner.storage": "int8",
        "learner.bodies": "present",
        "learner.selection": "balanced",
        "learner.logit_adjustment": 1.0,
        "model.time_encoding": True,
        "optimiser.momentum": 0.5,
        "optimiser.nesterov": True,
    },
}
"""By name; fields that a learner does not have are left out."""
