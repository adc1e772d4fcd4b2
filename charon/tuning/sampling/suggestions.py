"""The next setting of a search: Optuna is asked again until it suggests one that can be run.

A setting over the budget is never run, nor one whose fields do not go together: Optuna is
told, so that it learns where not to look.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState

from charon.errors import ConfigError
from charon.settings import Value
from charon.text import byte_size
from charon.tuning.sampling.encoding import Encoding
from charon.tuning.sampling.optuna_trials import IS_START, OptunaTrials
from charon.tuning.study.labels import label
from charon.tuning.study.trials import complete

NAME = "name"
"""Attribute of an Optuna trial: what a person knows it by."""

REFUSED = "refused"
"""Attribute of an Optuna trial that was never run: why, in one sentence."""

PATIENCE = 100
"""Refused settings that a sampler may suggest in a row; then they are drawn at random."""

MOST_DRAWS = 1000
"""Refused settings in a row after which the search gives up."""


@dataclass(frozen=True)
class Suggestion:
    """A setting that Optuna suggested.

    Attributes:
        number: Optuna's.
        fields: the searched ones.
        ray_trial: Ray's name of the trial; empty where the setting is refused.
        refused: why it is never run, in one sentence; empty where it is run.
    """

    number: int
    fields: dict[str, Value]
    ray_trial: str = ""
    refused: str = ""


class Suggester:
    """Turns what Optuna suggests into runs, and refuses what cannot be one."""

    def __init__(
        self,
        trials: OptunaTrials,
        encoding: Encoding,
        fixed: Mapping[str, Value],
        budget: int | None,
        bytes_of: Callable[[Mapping[str, Value]], int],
    ) -> None:
        """Suggest for the study of ``trials``; nothing is asked yet.

        Args:
            trials: where what is suggested is entered.
            encoding: of what is varied.
            fixed: all fields of the run; those that are varied are replaced.
            budget: most bytes of a memory; None for any.
            bytes_of: returns the bytes that the memory of a run with these fields can take;
                a ConfigError where they do not go together.
        """
        self._trials = trials
        self._encoding = encoding
        self._fixed = dict(fixed)
        self._budget = budget
        self._bytes_of = bytes_of
        # CMA-ES knows no constraints and warns of every one; it is only asked again.
        self._tells_constraints = not isinstance(trials.study.sampler, optuna.samplers.CmaEsSampler)

    def suggest(self, ray_trial: str, hear: Callable[[Suggestion], None]) -> dict[str, Any] | None:
        """Return a trial's name, all fields of its run, whether it is the start, and its number.

        Args:
            ray_trial: Ray's name of the trial.
            hear: called with every setting that is suggested, refused ones too.

        Returns:
            The trial; None where nothing is found that can be run.
        """
        trial = self._draw(ray_trial, hear)
        if trial is None:
            return None
        varied = self._encoding.decode(trial.params)
        fields = complete({**self._fixed, **varied})
        name = f"{label(fields, list(self._encoding.space))} #{trial.number}"
        trial.set_user_attr(NAME, name)
        hear(Suggestion(trial.number, varied, ray_trial))
        return {
            "name": name,
            "run": fields,
            "is_start": IS_START in trial.user_attrs,
            "number": trial.number,
        }

    def _draw(self, ray_trial: str, hear: Callable[[Suggestion], None]) -> optuna.Trial | None:
        """Ask until a setting can be run, and enter it; None if none is found."""
        study, seed = self._trials.study, len(self._trials.numbers)
        own = study.sampler
        try:
            for draw in range(MOST_DRAWS):
                if draw == PATIENCE:
                    study.sampler = optuna.samplers.RandomSampler(seed=seed)
                trial = study.ask(self._encoding.distributions)
                fields = self._encoding.decode(trial.params)
                refused = self._why_refused(trial, fields)
                if not refused:
                    self._trials.enter(trial, ray_trial)
                    return trial
                trial.set_user_attr(REFUSED, refused)
                study.tell(trial, state=TrialState.PRUNED)
                hear(Suggestion(trial.number, fields, refused=refused))
        finally:
            study.sampler = own
        return None

    def _why_refused(self, trial: optuna.Trial, fields: Mapping[str, Value]) -> str:
        """Return why a setting cannot be run, in one sentence; empty where it can."""
        try:
            num_bytes = self._bytes_of(complete({**self._fixed, **fields}))
        except ConfigError as error:
            return str(error)
        budget = self._budget
        if budget is None:
            return ""
        if self._tells_constraints:
            trial.set_constraint("memory/bytes", num_bytes - budget)
        if num_bytes <= budget:
            return ""
        return f"Its memory could take {byte_size(num_bytes)}, over {byte_size(budget)}."
