"""How much do the weights of CHARON's losses matter?

Question   FAA against α (stored logits), β (stored labels) and γ (reconstruction), around the
           paper's setting: each alone, and as a plane.
Paper      CHARON (ICPR 2024), Sec. 4.2: α=0.3, β=0.8, γ=0.5.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/loss_weights.py
Read       python analysis/loss_weights.py
"""

from charon.tuning import Study, main

study = Study(
    name="loss_weights",
    question="How much do the weights of CHARON's losses matter?",
    base={"learner": "charon"},
    grid={
        "learner.alpha": [0.1, 0.3, 1.0],
        "learner.beta": [0.3, 0.8, 2.0],
        "learner.gamma": [0.0, 0.5, 1.5],
    },
    seeds=(0, 1, 2),
)

if __name__ == "__main__":
    main(study)
