"""How much of a clip can be hidden from the encoder?

Question   FAA and training speed against the masking ratio, the share of hidden tuples.
Paper      CHARON (ICPR 2024), Fig. 4 right and Fig. 2: best near 0.3, faster the more is hidden.
Varied     whole numbers of kept tuples: of the paper's 20, and of the 10 of the small scale.
Beside     fine-tuning without a memory, once: the lower bound.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/masking_ratio.py
Read       python analysis/masking_ratio.py
"""

from charon.tuning import Study, main

study = Study(
    name="masking_ratio",
    question="How do accuracy and training speed depend on the share of hidden tuples?",
    base={"learner": "charon"},  # all else as in the paper
    grid={"learner.masking_ratio": [0.0, 0.3, 0.5, 0.7, 0.9]},
    seeds=(0, 1),
    also=[{"learner": "finetune"}],
)

if __name__ == "__main__":
    main(study)
