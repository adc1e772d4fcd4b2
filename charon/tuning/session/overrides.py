"""A study as the command line changes it, before its clips are known."""

from dataclasses import replace
from pathlib import Path

from charon.settings import Value
from charon.tuning.session.options import Options
from charon.tuning.study.gtep import tuning_benchmark
from charon.tuning.study.objectives import can_prune
from charon.tuning.study.selection_rules import GTEP
from charon.tuning.study.study import BENCHMARK, Study, for_learner, under_benchmarks


def chosen_study(study: Study, options: Options) -> Study:
    """Return the study as the command line changes it.

    Raises:
        ConfigError: something chosen does not fit the study.
    """
    study = replace(study, seeds=options.seeds or study.seeds)
    if options.benchmark is not None and len(options.benchmark) > 1:
        study = under_benchmarks(study, options.benchmark)
    if study.is_search:
        objectives = options.objectives or study.objectives
        # The study's own pruner is for its own objective; one that is asked for is refused.
        own = study.pruner if can_prune(objectives) else "none"
        study = replace(
            for_learner(
                study, options.settings.get("learner", study.base.get("learner", "charon"))
            ),
            objectives=objectives,
            sampler=options.sampler or study.sampler,
            pruner=options.pruner or own,
            budget=options.budget or study.budget,
        )
    study = study.smaller() if options.smoke else study
    return replace(study, num_trials=options.trials or study.num_trials)


def chosen_fields(study: Study, options: Options) -> dict[str, Value]:
    """Return the fields that the command line sets for all runs."""
    fields: dict[str, Value] = {}
    if options.data is not None:
        fields["data.path"] = options.data
    if options.benchmark is not None and len(options.benchmark) == 1:
        fields["data.benchmark"] = options.benchmark[0]
    if study.is_search:
        fields["data.evaluate_on"] = "val"
        if options.select == GTEP:
            fields[BENCHMARK] = tuning_benchmark(options.benchmark)
    return {**fields, **options.settings}


def cache_folder(options: Options) -> Path:
    """Return the absolute folder of the prepared sets."""
    from charon.data.cache.archive import default_cache_dir

    return (options.cache or default_cache_dir()).expanduser().absolute()
