"""Do runs in bfloat16 end with the accuracy of float32?

Question   FAA of CHARON in both precisions, seed by seed.
Why        bfloat16 is about twice as fast (studies/throughput.py), with 8 bits of precision.
Seeds      eighteen pairs: one rounding is enough to send a run another way, so a single pair
           says nothing, and the interval of the mean difference is what counts. On the stand-in
           pairs differ by 2.3 points (standard deviation), and ten left 1.8 points open.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/precision.py
Read       python analysis/precision.py
"""

from charon.tuning import Study, main

study = Study(
    name="precision",
    question="Do runs in bfloat16 end with the accuracy of float32?",
    base={"learner": "charon"},
    grid={"model.precision": ["fp32", "bf16"]},
    seeds=range(18),
    small_clip_visits=46_000,  # as in baselines.py: learning is done, so seeds differ less
)

if __name__ == "__main__":
    main(study)
