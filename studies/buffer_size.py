"""How many clips must be remembered?

Question   FAA against the buffer size M, from 100 clips to more than there are.
Paper      CHARON (ICPR 2024), Table 1 has M=500 and 2000.
Methods    all that have a memory; CHARON thins its clips (s=5), the others store them whole.
Small      sizes shrink by one factor, so that the largest holds every training clip.
Cost       see --dry-run, which measures a few steps of each method on this machine.
Run        python studies/buffer_size.py
Read       python -m charon.report.summary --results results/buffer_size
"""

from charon.tuning import Study, main

study = Study(
    name="buffer_size",
    question="How many clips must be remembered?",
    cases=[
        {"learner": "icarl"},
        {"learner": "elsenet"},
        {"learner": "er"},
        {"learner": "der"},
        {"learner": "derpp"},
        {"learner": "xder"},
        {"learner": "charon"},
    ],
    grid={"learner.buffer_size": [100, 500, 2000, 10000, 40000]},
    seeds=(0, 1, 2),
    small_memory_share=1.0,
)

if __name__ == "__main__":
    main(study)
