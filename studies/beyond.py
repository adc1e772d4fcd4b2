"""What brings more accuracy from the same bytes and the same steps?

Question   FAA of CHARON with each change alone, with all accepted ones together, and with each of
           these left out; of ER and DER++ with what of it they can have.
Paper      none: its Section 6 leaves it open. ``analysis/beyond.md`` registers the changes, their
           order, the seeds and the rule of acceptance, and was committed before the first run.
Same       bytes of all that is stored or kept beside the memory; clips seen; network.
Memory     the bytes of CHARON's M=500 and M=2000.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/beyond.py [alone|sum|bodies|final], all but the last with
           --set data.evaluate_on=val, bodies on the stand-in, the others on recorded people
Read       python -m charon.report.summary --results results/beyond (or beyond_sum, ...)
"""

import sys
from dataclasses import replace

from charon.settings import Value
from charon.tuning import Study, main
from charon.tuning.study.fields import known_fields

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

ACCEPTED = ("int8", "momentum", "time code", "logit adjustment", "balanced storage")
"""Changes that passed alone on recorded people; together, none makes the others worse."""

COMPACT = (*ACCEPTED, "present bodies")
"""With what passed where clips have two bodies: the preset."""


def together(*names: str, learner: str = "charon") -> dict[str, Value]:
    """Return the fields of several changes, as far as the learner has them."""
    changed = {field: value for name in names for field, value in CHANGES[name].items()}
    known = known_fields(learner)
    return {"learner": learner, **{f: value for f, value in changed.items() if f in known}}


alone = study = Study(
    name="beyond",
    question="What brings more accuracy from the same bytes and the same steps?",
    cases=[
        together(),
        *(together(name) for name in CHANGES),
        together(learner="er"),
        together(learner="derpp"),
    ],
    grid={"learner.buffer_bytes": [36_230_000, 144_920_000]},
    seeds=(0, 1, 2, 3, 4),
    small_memory_share=1.0,
)
in_sum = replace(
    study,
    name="beyond_sum",
    question="Do the accepted changes pay together, and each of them beside the others?",
    cases=[
        together(),
        together(*ACCEPTED),
        *(together(*(other for other in ACCEPTED if other != name)) for name in ACCEPTED),
    ],
)
final = replace(
    study,
    name="beyond_final",
    question="How much more accuracy do the accepted changes bring on people not seen before?",
    cases=[
        together(*names, learner=learner)
        for learner in ("charon", "er", "derpp")
        for names in ((), ACCEPTED)
    ],
    seeds=(5, 6, 7, 8, 9),
)
in_bodies = replace(
    study,
    name="beyond_bodies",
    question="What is it worth to store present bodies alone, where many clips have one of two?",
    cases=[
        together(*names, *bodies)
        for names in ((), ACCEPTED)
        for bodies in ((), ("present bodies",))
    ],
)
STAGES = {"alone": alone, "sum": in_sum, "bodies": in_bodies, "final": final}

if __name__ == "__main__":
    stage, *flags = sys.argv[1:] or ["alone"]
    if stage not in STAGES:
        stage, flags = "alone", sys.argv[1:]
    main(STAGES[stage], flags)
