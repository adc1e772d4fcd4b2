"""The search space of every method: ranges around its published values.

Searches over different methods are compared, so each has all the ranges that its paper makes
plausible. CHARON's space stands in ``studies/search.py``.
"""

from charon.tuning.study.space import Choice, Domain, Real, SamplingInterval, Space, Whole

LEARNING_RATE: dict[str, Domain] = {"optimiser.learning_rate": Real(0.005, 0.5, log=True)}

MEMORY: dict[str, Domain] = {
    "learner.buffer_size": Whole(100, 2000, log=True),
    "learner.sampling_interval": SamplingInterval(1, 10),
}

STORED: dict[str, Domain] = {
    "learner.codec": Choice(("thinned", "block_mean", "least_squares", "dct", "key_frames")),
    "learner.storage": Choice(("float32", "float16", "int8")),
    "learner.bodies": Choice(("all", "present")),
}
"""How a memory stores clips, to add to any space; in none of those below, which are the papers'."""

WEIGHT = Real(0.05, 2.0, log=True)
"""Weight of a loss beside the stream's cross-entropy."""

SPACES: dict[str, Space] = {
    "finetune": LEARNING_RATE,
    "er": {**MEMORY, "learner.replay_batch_size": Whole(4, 32, log=True)},
    "er_ace": {**MEMORY, "learner.replay_batch_size": Whole(4, 32, log=True)},
    "der": {**MEMORY, "learner.alpha": WEIGHT},
    "derpp": {**MEMORY, "learner.alpha": WEIGHT, "learner.beta": WEIGHT},
    "xder": {
        **MEMORY,
        "learner.alpha": WEIGHT,
        "learner.beta": WEIGHT,
        "learner.contrastive_weight": Real(0.01, 1.0, log=True),
        "learner.hinge_weight": Real(0.01, 1.0, log=True),
    },
    "icarl": {**MEMORY, **LEARNING_RATE},
    "lucir": {
        **MEMORY,
        "learner.distillation_weight": Real(0.5, 20.0, log=True),
        "learner.ranking_weight": Real(0.05, 5.0, log=True),
    },
    "elsenet": {**MEMORY, **LEARNING_RATE},
}
"""Method -> the space of ``--set learner=METHOD``."""
