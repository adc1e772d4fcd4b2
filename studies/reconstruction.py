"""What is it worth that a decoder rebuilds the whole clip?

Question   FAA at two masking ratios, with the decoder and without (γ=0).
Paper      CHARON (ICPR 2024), Table 2: without it FAA is 3.0 points lower at η=0.3, 4.1 at 0.6.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/reconstruction.py
Read       python -m charon.report.summary --results results/reconstruction
"""

from charon.tuning import Study, main

study = Study(
    name="reconstruction",
    question="What is it worth that a decoder rebuilds the whole clip?",
    base={"learner": "charon"},
    grid={"learner.masking_ratio": [0.3, 0.6], "learner.gamma": [0.0, 0.5]},
    seeds=(0, 1, 2, 3, 4),
)

if __name__ == "__main__":
    main(study)
