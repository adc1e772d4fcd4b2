"""Which tuples should be hidden, and when?

Question   FAA with tuples hidden at random or evenly, before or after they are formed.
Paper      CHARON (ICPR 2024), Table 3: at random and after (post) is best, by 1.2 points.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/masking_strategy.py
Read       python -m charon.report.summary --results results/masking_strategy
"""

from charon.tuning import Study, main

study = Study(
    name="masking_strategy",
    question="Which tuples should be hidden, and when?",
    base={"learner": "charon"},
    grid={
        "learner.masking": ["random", "deterministic"],
        "learner.masking_position": ["pre", "post"],
    },
    seeds=(0, 1, 2, 3, 4),
)

if __name__ == "__main__":
    main(study)
