"""The next setting of a search: Optuna is asked again until it suggests one that can be run.

It is told of settings over the budget and of fields that do not go together, so that it learns
where not to look.
"""

import warnings
from collections.abc import Callable, Mapping

import optuna
from optuna.trial import TrialState

from charon.errors import ConfigError
from charon.seeding import derive_seed
from charon.settings import Value
from charon.text import byte_size
from charon.tuning.records.journal import Journal
from charon.tuning.records.plan import Plan
from charon.tuning.sampling.optuna_study import Encoding, make_study
from charon.tuning.study.fields import complete
from charon.tuning.study.search_methods import NUMBERS_ONLY
from charon.tuning.study.trials import label

PATIENCE = 100
"""Refused settings that a sampler may suggest in a row; then they are drawn at random."""

MOST_DRAWS = 1000
"""Refused settings in a row after which the search gives up."""


class Suggester:
    """Turns what Optuna suggests into runs, and refuses what cannot be run."""

    def __init__(
        self,
        journal: Journal,
        plan: Plan,
        seed: int,
        start: Mapping[str, Value],
        bytes_of: Callable[[Mapping[str, Value]], int],
        enter: Callable[..., str],
    ) -> None:
        """Prepare to suggest; nothing is asked yet.

        Every suggestion has draws of its own from the ``seed``, by its number, so that a search
        that was interrupted goes on as it would have gone. The fixed fields of all trials are
        those of the first, the ``start``. ``bytes_of`` returns the bytes that the memory of a run
        with these fields can take. ``enter`` enters a trial into the journal, by its number among
        all suggestions, label, fields, what the sampler noted with it, and how many suggestions
        it knew to have ended, and returns its id.
        """
        self._journal, self._plan = journal, plan
        self._start, self._bytes_of, self._enter = start, bytes_of, enter
        self.encoding = Encoding(plan.space, as_numbers=plan.sampler in NUMBERS_ONLY)
        self._seed = seed

    def study(self) -> optuna.Study:
        """Return the search as Optuna knows it now."""
        return make_study(self._journal, self.encoding, self._plan.objectives)

    def suggest(self) -> str | None:
        """Enter the next trial, the paper's first; return its id, or None if none can be run."""
        study = self.study()
        num_known = len(study.get_trials(deepcopy=False))
        if not num_known:
            study.enqueue_trial(self.encoding.encode(self._start))
        for draw in range(MOST_DRAWS):
            name = self._plan.sampler if draw < PATIENCE else "random"
            number = draw + num_known
            study.sampler = make_sampler(name, self._seed, self._plan.num_trials, number)
            trial = study.ask(self.encoding.distributions)
            varied = self.encoding.decode(trial.params)
            refused = self._why_refused(trial, varied)
            noted = dict(study.get_trials(deepcopy=False)[trial.number].system_attrs)
            if not refused:
                fields = complete({**self._start, **varied})
                name = f"{label(fields, list(self._plan.space))} #{trial.number}"
                told = sum(known.state.is_finished() for known in study.get_trials(deepcopy=False))
                about = {"number": trial.number, "sampler": noted, "told": told}
                return self._enter(trial.number, name, fields, **about)
            study.tell(trial, state=TrialState.PRUNED)
            self._journal.append(
                "refused", number=trial.number, fields=varied, refused=refused, sampler=noted
            )
        return None

    def _why_refused(self, trial: optuna.Trial, varied: Mapping[str, Value]) -> str:
        """Return why a setting cannot be run, in one sentence; empty where it can."""
        try:
            num_bytes = self._bytes_of(complete({**self._start, **varied}))
        except ConfigError as error:
            return str(error)
        if self._plan.budget is None:
            return ""
        # CMA-ES knows no constraints and warns of every one; it is only asked again.
        if self._plan.sampler != "cmaes":
            trial.set_constraint("memory/bytes", num_bytes - self._plan.budget)
        if num_bytes <= self._plan.budget:
            return ""
        return f"Its memory could take {byte_size(num_bytes)}, over {byte_size(self._plan.budget)}."


def make_sampler(name: str, seed: int, num_trials: int, number: int) -> optuna.samplers.BaseSampler:
    """Return the sampler for the suggestion of this number in a search with this seed.

    ``"tpe"`` models settings jointly and knows of running trials.
    """
    seed = derive_seed(seed, "sampler", number) % 2**32
    with warnings.catch_warnings():
        # Joint modelling and the liar are experimental by name only: they are years old.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "tpe":
            return optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=seed)
        if name == "cmaes":
            return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        if name == "gp":
            return optuna.samplers.GPSampler(seed=seed)
    if name == "nsga2":
        # Optuna's 50 would make the first 50 trials random ones; a few generations must fit.
        population = max(4, min(50, num_trials // 4))
        return optuna.samplers.NSGAIISampler(population_size=population, seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)
