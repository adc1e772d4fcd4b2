"""The request for a study: its declaration and its command line, checked before a clip is read."""

import itertools
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from charon.data.cache.archive import default_cache_dir
from charon.data.prepare import is_there, open_source
from charon.errors import CheckpointError
from charon.settings import Value
from charon.tuning.records.plan import Plan, read_plan
from charon.tuning.session.options import Options
from charon.tuning.session.resume import check_fields, restore_options
from charon.tuning.study.objectives import can_prune, measured_on
from charon.tuning.study.selection_rules import GTEP, evaluation_benchmark
from charon.tuning.study.study import BENCHMARK, ORDER, Study, for_learner, under_each
from charon.tuning.study.trials import check_not_varied


@dataclass(frozen=True)
class Request:
    """A study as the user asks for it.

    Attributes:
        study: the declaration as the command line changes it.
        options: complete; of a resumed study with those it remembers.
        fields: set by the command line for all runs.
        script: the study's file.
        results: absolute folder of all results.
        resumed: the plan of the resumed study; None for a new study.
        notice: a sentence, if ``--resume`` begins a study.
    """

    study: Study
    options: Options
    fields: dict[str, Value]
    script: Path
    results: Path
    resumed: Plan | None
    notice: str = ""

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return self.results / self.study.name

    @property
    def cache(self) -> Path:
        """Absolute folder of the prepared sets."""
        return (self.options.cache or default_cache_dir()).expanduser().absolute()

    @property
    def resume_command(self) -> str:
        """The command that resumes the study, or extends it if the options do.

        It names places only: ``study.json`` remembers all else. Words before the options belong
        to the script, and stay.
        """
        options = self.options
        places = {
            "--results": options.results if options.results != Options().results else None,
            "--cache": options.cache,
            "--address": options.address,
            "--tracking-uri": options.tracking_uri,
        }
        words = itertools.takewhile(lambda word: not word.startswith("-"), sys.argv[1:])
        given = [(name, str(place)) for name, place in places.items() if place is not None]
        how = ["--resume"] if options.extend is None else ["--extend", str(options.extend)]
        return shlex.join(["python", str(self.script), *words, *itertools.chain(*given), *how])


def make_request(study: Study, options: Options, script: Path) -> Request:
    """Return the request, checked as far as that needs no clip; nothing is made or started.

    Raises:
        ConfigError: an option does not fit the study, or the study that is resumed.
        CheckpointError: there is no study to extend, or the plan of the one there is damaged.
        DataError: the data do not exist.
    """
    results = options.results.expanduser().absolute()
    resumed, notice = None, ""
    if options.resume or options.extend is not None:
        folder = results / study.name
        resumed = read_plan(folder)
        if resumed is not None:
            options = restore_options(options, resumed)
        elif options.extend is not None:
            raise CheckpointError(
                f"{folder} holds no study to extend; name its folder with --results DIR."
            )
        else:
            # A job that is requeued says --resume, however early it was interrupted. The folder
            # is named because it may be misspelt.
            notice = f"There is no study in {folder} to go on with, so it begins there now."
            options = replace(options, resume=False)
    study = with_options(study, options)
    request = Request(study, options, set_fields(study, options), script, results, resumed, notice)
    check_not_varied(study, request.fields)
    path = request.fields.get("data.path")
    if isinstance(path, str) and not is_there(path):
        open_source(path)  # says why; the content of what is there is checked later
    if resumed is not None:
        check_fields(resumed, request.fields, request.resume_command)
    return request


def with_options(study: Study, options: Options) -> Study:
    """Return the study with the changes of the command line."""
    study = replace(
        study, seeds=options.seeds or study.seeds, preset=options.preset or study.preset
    )
    for name, (flag, values) in _several(options).items():
        if len(values) > 1:
            study = under_each(study, name, values, flag)
    if study.is_search:
        objectives = options.objectives or study.objectives
        # The study's pruner is for its objective; a pruner of the command line is checked.
        pruner = study.pruner if can_prune(objectives) else "none"
        learner = options.settings.get("learner", study.base.get("learner", "charon"))
        study = replace(
            for_learner(study, learner),
            objectives=objectives,
            sampler=options.sampler or study.sampler,
            pruner=options.pruner or pruner,
            budget=options.budget or study.budget,
        )
    else:
        part = str(options.settings.get("data.evaluate_on", study.part))
        study = replace(study, objectives=measured_on(part, study.objectives))
    study = study.smaller() if options.smoke else study
    return replace(study, num_trials=options.trials or study.num_trials)


def set_fields(study: Study, options: Options) -> dict[str, Value]:
    """Return the fields that the command line sets for all runs."""
    fields: dict[str, Value] = {}
    if options.data is not None:
        fields["data.path"] = options.data
    for name, (_, values) in _several(options).items():
        if len(values) == 1:
            fields[name] = values[0]
    if study.is_search:
        fields["data.evaluate_on"] = "val"
        if options.select == GTEP:
            given = " ".join(options.benchmark or ("auto",))
            fields[BENCHMARK] = "ntu60-xview" if given == "auto" else given
            evaluation_benchmark(str(fields[BENCHMARK]))
    return {**fields, **options.settings}


def _several(options: Options) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the fields of which the command line may name several values: its option, these."""
    return {
        BENCHMARK: ("--benchmark", options.benchmark or ()),
        ORDER: ("--class-order", options.class_order or ()),
    }
