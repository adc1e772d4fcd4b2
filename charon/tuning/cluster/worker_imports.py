"""What a worker process of an own cluster imports before it is given a trial.

Ray starts its first processes while the study is still being read, and gives them the first
trials. Beside the trial itself that is what torch would import with its first optimiser.
"""

from charon.tuning.cluster.imports import rarely_collected

with rarely_collected():
    import torch._dynamo  # noqa: F401

    import charon.tuning.execution.trainable  # noqa: F401
