"""What is each difference between the paper's text and its released code worth?

Question   FAA with each switch of the `released` preset alone, and with all of them.
Paper      CHARON (ICPR 2024); the authors' code differs from it, or decides where it is silent.
Note       Some switches act only where they can: `mask_rounding` at masking ratios such as 0.8,
           `capacity_rule` at intervals that do not divide the frames, `store_without_probing`
           without probing epochs, `probe_inserts` with two of them or more, `duplicate_bodies` on
           the field's NTU-120 files, the class order on NTU RGB+D. Elsewhere their runs repeat
           the first ones bit for bit.
Run        python studies/fidelity.py
Read       python analysis/fidelity.py
"""

from charon.presets import PRESETS
from charon.tuning import Study, main

RELEASED = PRESETS["released"]
ORDER = "data.class_order"

study = Study(
    name="fidelity",
    question="What is each difference between the paper and its released code worth?",
    base={"learner": "charon"},
    cases=[
        {},
        *({field: value} for field, value in RELEASED.items()),
        {field: value for field, value in RELEASED.items() if field != ORDER},
        RELEASED,
    ],
    seeds=(0, 1, 2),
)

if __name__ == "__main__":
    main(study)
