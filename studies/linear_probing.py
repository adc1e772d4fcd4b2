"""Does linear probing help the more, the more of a clip is hidden?

Question   FAA of joint training, and of the split stream, against η, with and without probing.
Paper      CHARON (ICPR 2024), Fig. 3: on joint training it helps the more, the larger η.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/linear_probing.py
Read       python -m charon.report.summary --results results/linear_probing
"""

from charon.tuning import Study, main

study = Study(
    name="linear_probing",
    question="Does linear probing help the more, the more of a clip is hidden?",
    base={"learner": "charon"},
    cases=[{"data.stream": "joint"}, {"data.stream": "split"}],
    grid={
        "learner.masking_ratio": [0.0, 0.3, 0.5, 0.7, 0.9],
        "learner.probing_epochs": [0, 3],
    },
    seeds=(0, 1, 2),
)

if __name__ == "__main__":
    main(study)
