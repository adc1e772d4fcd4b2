"""The space of every method: its own settings, the range of each about its published value.

A search over one method is compared with a search over another, so none is given fewer or
narrower ranges than its paper makes plausible. CHARON's space stands in the study itself,
``studies/search.py``.
"""

from charon.tuning.study.space import Domain, Real, SamplingInterval, Space, Whole

LEARNING_RATE: dict[str, Domain] = {"optimiser.learning_rate": Real(0.005, 0.5, log=True)}

MEMORY: dict[str, Domain] = {
    "learner.buffer_size": Whole(100, 2000, log=True),
    "learner.sampling_interval": SamplingInterval(1, 10),
}

WEIGHT = Real(0.05, 2.0, log=True)
"""Of a loss beside the cross-entropy of the stream."""

SPACES: dict[str, Space] = {
    "finetune": LEARNING_RATE,
    "er": {**MEMORY, "learner.replay_batch_size": Whole(4, 32, log=True)},
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
    "elsenet": {**MEMORY, **LEARNING_RATE},
}
"""Method -> what is searched with ``--set learner=METHOD``."""
