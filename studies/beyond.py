"""What brings more accuracy from the same bytes and the same steps?

Question   FAA of CHARON with each change alone, with all accepted ones together, and with each of
           these left out; of ER and DER++ with what of it they can have.
Paper      none: its Section 6 leaves it open. ``analysis/beyond.md`` registers the changes, their
           order, the seeds and the rule of acceptance, and was committed before the first run.
Same       bytes of all that is stored or kept beside the memory; clips seen; network.
Memory     the bytes of CHARON's M=500 and M=2000.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/beyond.py --set data.evaluate_on=val
Read       python -m charon.report.summary --results results/beyond
"""

from charon.settings import Value
from charon.tuning import Study, main

CHANGES: dict[str, dict[str, Value]] = {
    "int8": {"learner.storage": "int8"},
    "dct": {"learner.codec": "dct"},
    "least squares": {"learner.codec": "least_squares"},
    "present bodies": {"learner.bodies": "present"},
    "momentum": {"optimiser.momentum": 0.5, "optimiser.nesterov": True},
    "cosine": {"optimiser.schedule": "cosine"},
    "decay": {"optimiser.weight_decay": 5e-4},
    "clipping": {"optimiser.clip_norm": 1.0},
    "balanced statistics": {"optimiser.statistics": "balanced"},
    "time code": {"model.time_encoding": True},
    "crop": {"data.crop": "epoch"},
    "task outputs": {"learner.stream_outputs": "task"},
    "nearest mean": {"learner.classifier": "nearest_mean"},
    "logit adjustment": {"learner.logit_adjustment": 1.0},
    "balanced storage": {"learner.selection": "balanced"},
    "balanced probing": {"learner.probe_classes": "balanced"},
    "later logits": {"learner.refresh": "later"},
}
"""In the order in which they are judged."""

ACCEPTED: tuple[str, ...] = ()
"""Changes that passed alone; empty until they were run."""


def together(*names: str) -> dict[str, Value]:
    """Return the fields of several changes."""
    return {field: value for name in names for field, value in CHANGES[name].items()}


SUMS = [together(*ACCEPTED)] if len(ACCEPTED) > 1 else []
LEFT_OUT = [
    together(*(other for other in ACCEPTED if other != name))
    for name in ACCEPTED
    if len(ACCEPTED) > 2
]

study = Study(
    name="beyond",
    question="What brings more accuracy from the same bytes and the same steps?",
    cases=[
        {"learner": "charon"},
        *({"learner": "charon", **change} for change in CHANGES.values()),
        *({"learner": "charon", **fields} for fields in (*SUMS, *LEFT_OUT)),
        *({"learner": name, **fields} for name in ("er", "derpp") for fields in ({}, *SUMS)),
    ],
    grid={"learner.buffer_bytes": [36_230_000, 144_920_000]},
    seeds=(0, 1, 2, 3, 4),
    small_memory_share=1.0,
)

if __name__ == "__main__":
    main(study)
