"""Which setting of CHARON is best, if the test set may not help to choose it?

Question   FAA against η, s, α, β, γ and the buffer size, all at once.
Paper      CHARON (ICPR 2024), Sec. 4.2: η=0.3, s=5, α=0.3, β=0.8, γ=0.5, always the first trial.
Judged     on validation clips, of performers held out of the training split (val/faa).
Memory     no setting takes more bytes than the paper's: else the largest buffer would win.
           With the bytes as an objective (--objective val/faa memory/bytes --budget none) the
           answer is a front. At the small scale the sizes of M shrink by one factor.
Others     --set learner=xder searches X-DER's settings, and so on for every method.
Cost       see --dry-run, which measures a few steps on this machine.
Run        python studies/search.py [--trials 24] [--hours 2] [--sampler tpe] [--pruner asha]
Read       python analysis/search.py
"""

from charon.tuning import Study, main
from charon.tuning.study.method_spaces import SPACES
from charon.tuning.study.space import MaskingRatio, Real, SamplingInterval, Whole

study = Study(
    name="search",
    question="Which setting is best, judged on people who are in no training clip?",
    base={"learner": "charon"},
    space={
        "learner.masking_ratio": MaskingRatio(0.0, 0.9),  # whole numbers of hidden tuples
        "learner.sampling_interval": SamplingInterval(1, 10),  # divisors of the frames
        "learner.alpha": Real(0.05, 2.0, log=True),
        "learner.beta": Real(0.05, 2.0, log=True),
        "learner.gamma": Real(0.05, 2.0, log=True),
        "learner.buffer_size": Whole(100, 2000, log=True),
    },
    spaces=SPACES,  # of the other methods
    seeds=(0,),
    num_trials=24,
    pruner="asha",
    budget="start",
)

if __name__ == "__main__":
    main(study)
