"""How far can the clips of a memory be thinned in time?

Question   FAA of DER++ and CHARON against s, with a small and a large memory.
Paper      CHARON (ICPR 2024), Fig. 4 left: DER++ is best at s=5.
Small      ten-frame clips leave s=10 out.
Same       frames: M clips thinned at s make room for s times as many (the rule ``frames``); or
           bytes: of 500 and 2,000 whole clips with their 60 logits, labels and presence.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/sampling_interval.py
Read       python -m charon.report.summary --results results/sampling_interval
"""

from charon.tuning import Study, main

study = Study(
    name="sampling_interval",
    question="How far can the clips of a memory be thinned in time?",
    cases=[
        {"learner": "derpp", "learner.buffer_size": 500},
        {"learner": "derpp", "learner.buffer_size": 2000},
        {"learner": "derpp", "learner.buffer_bytes": 36_125_000},
        {"learner": "derpp", "learner.buffer_bytes": 144_500_000},
        {"learner": "charon", "learner.buffer_size": 500},
        {"learner": "charon", "learner.buffer_size": 2000},
        {"learner": "charon", "learner.buffer_bytes": 36_125_000},
        {"learner": "charon", "learner.buffer_bytes": 144_500_000},
    ],
    grid={"learner.sampling_interval": [1, 2, 5, 10]},
    seeds=(0, 1, 2),
)

if __name__ == "__main__":
    main(study)
