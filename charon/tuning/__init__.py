"""Studies: many runs scheduled by Ray, searched by Optuna, tracked by MLflow.

The only package that imports these three. A study file needs two names of it::

    from charon.tuning import Study, main
"""

from charon.tuning.main import main
from charon.tuning.study.study import Study

__all__ = ["Study", "main"]
