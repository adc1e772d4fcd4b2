"""The one command line of every study."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

from charon.data.formats import known_formats
from charon.data.prepare import from_anywhere
from charon.errors import ConfigError
from charon.settings import Value, parse_setting, whole_number
from charon.tuning.study.search_methods import PRUNERS, SAMPLERS
from charon.tuning.study.selection_rules import RULES
from charon.tuning.study.study import Study

REMEMBERED = (
    *("data", "benchmark", "scale", "seeds", "smoke", "cpus", "gpus", "share_first_task"),
    *("settings", "objectives", "sampler", "pruner", "budget"),
    *("select", "first_tasks", "confirm_seeds"),
)
"""Options that ``--resume`` takes from the study where they are not given again."""


@dataclass(frozen=True)
class Options:
    """How a study is run, as the user asked; None where the default holds.

    Attributes:
        data: absolute path of the clips, or a name such as ``standin``.
        benchmark: protocols; ``auto`` takes what fits the data. Of several, each run of the
            study is made under each.
        scale: ``small`` or ``paper``.
        seeds: replace the study's.
        cpus, gpus: of one trial; fractions of a GPU pack it, and ``"auto"`` measures which.
        share_first_task: whether trials reuse each other's first task where they can.
        address: of a running Ray cluster.
        tracking_uri: of MLflow.
        results, cache: folders.
        resume, smoke, dry_run: flags.
        objectives, sampler, pruner, budget: of a search; replace the study's.
        trials: of a search, in all.
        hours: after which a search starts no new trial.
        extend: trials added to a search that is over.
        select: the rule by which a search's winner is chosen.
        first_tasks: that the rule of this name looks at.
        confirm_seeds: with how many seeds the winner is learned anew.
        settings: fields set for all runs.
    """

    data: str | None = None
    benchmark: tuple[str, ...] | None = None
    scale: str | None = None
    seeds: tuple[int, ...] | None = None
    cpus: float | None = None
    gpus: float | Literal["auto"] | None = None
    share_first_task: bool = False
    address: str | None = None
    tracking_uri: str | None = None
    results: Path = Path("results")
    cache: Path | None = None
    resume: bool = False
    smoke: bool = False
    dry_run: bool = False
    objectives: tuple[str, ...] | None = None
    sampler: str | None = None
    pruner: str | None = None
    budget: str | None = None
    trials: int | None = None
    hours: float | None = None
    extend: int | None = None
    select: str | None = None
    first_tasks: int | None = None
    confirm_seeds: int | None = None
    settings: dict[str, Value] = field(default_factory=dict)

    @property
    def run_scale(self) -> str:
        """The scale of the runs: ``smoke``, ``small`` or ``paper``."""
        return "smoke" if self.smoke else self.scale or "small"

    def of_a_search(self) -> list[str]:
        """Return the given options that only a search has, as they were written."""
        values = {
            "--objective": self.objectives,
            "--sampler": self.sampler,
            "--pruner": self.pruner,
            "--budget": self.budget,
            "--trials": self.trials,
            "--hours": self.hours,
            "--extend": self.extend,
            "--select": self.select,
            "--first-tasks": self.first_tasks,
            "--confirm-seeds": self.confirm_seeds,
        }
        return [name for name, value in values.items() if value is not None]

    def remembered(self) -> dict[str, Any]:
        """Return what a resumed study needs of these options, as plain values."""
        return {name: getattr(self, name) for name in REMEMBERED}


def parse_options(study: Study, arguments: Sequence[str] | None) -> Options:
    """Read the command line of a study.

    Raises:
        ConfigError: a ``--set`` cannot be read, or a search is given several seeds.
        SystemExit: ``--help``, or an option is wrong.
    """
    given = _parser(study).parse_args(arguments)
    if study.is_search and given.seeds and len(given.seeds) > 1:
        raise ConfigError(
            "A search learns all its trials with one seed, but --seeds names "
            f"{len(given.seeds)}; --confirm-seeds N says with how many its winner is confirmed."
        )
    return Options(
        data=given.data,
        benchmark=tuple(given.benchmark) if given.benchmark else None,
        scale=given.scale,
        seeds=tuple(given.seeds) if given.seeds else None,
        cpus=given.cpus_per_trial,
        gpus=given.gpus_per_trial,
        share_first_task=given.share_first_task,
        address=given.address,
        tracking_uri=given.tracking_uri,
        results=given.results,
        cache=given.cache,
        resume=given.resume,
        smoke=given.smoke,
        dry_run=given.dry_run,
        objectives=tuple(given.objective) if given.objective else None,
        sampler=given.sampler,
        pruner=given.pruner,
        budget=given.budget,
        trials=given.trials,
        hours=given.hours,
        extend=given.extend,
        select=given.select,
        first_tasks=given.first_tasks,
        confirm_seeds=given.confirm_seeds,
        settings=_settings(given.set),
    )


class _Parser(argparse.ArgumentParser):
    """Refuses in one sentence, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        self.exit(2, f"error: {message}; --help explains every option.\n")


def _parser(study: Study) -> argparse.ArgumentParser:
    parser = _Parser(
        description=f"{study.question} Defaults stand in brackets.", allow_abbrev=False
    )
    what = parser.add_argument_group("what is run")
    what.add_argument("--data", type=_data, metavar="PATH", help=f"{known_formats()} (standin)")
    what.add_argument(
        "--benchmark", nargs="+", choices=_BENCHMARKS, metavar="NAME", help=_BENCHMARK
    )
    what.add_argument("--scale", choices=("small", "paper"), help="size of the runs (small)")
    what.add_argument("--seeds", nargs="+", type=whole_number(0), metavar="N", help=_SEEDS)
    what.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help=_SET)
    what.add_argument("--smoke", action="store_true", help="the whole way, as small as it can be")
    search = parser.add_argument_group("of a search")
    search.add_argument(
        "--trials", type=whole_number(1), metavar="N", help="how many in all (the study's)"
    )
    search.add_argument("--hours", type=_positive, metavar="H", help=_HOURS)
    search.add_argument("--objective", nargs="+", metavar="METRIC", help=_OBJECTIVE)
    search.add_argument("--budget", metavar="BYTES", help=_BUDGET)
    search.add_argument("--sampler", choices=SAMPLERS, help="how Optuna chooses (the study's)")
    search.add_argument(
        "--pruner", choices=PRUNERS, help="how trials are stopped early (the study's)"
    )
    search.add_argument("--extend", type=whole_number(1), metavar="N", help=_EXTEND)
    judged = parser.add_argument_group("how a search is judged")
    judged.add_argument("--select", choices=list(RULES), help=_SELECT)
    judged.add_argument("--first-tasks", type=whole_number(1), metavar="K", help=_FIRST_TASKS)
    judged.add_argument("--confirm-seeds", type=whole_number(0), metavar="N", help=_CONFIRM)
    how = parser.add_argument_group("on what")
    how.add_argument("--cpus-per-trial", type=_positive, metavar="X", help="cores of a trial (1)")
    how.add_argument("--gpus-per-trial", type=_share, metavar="X", help=_GPUS)
    how.add_argument("--share-first-task", action="store_true", help=_SHARE)
    how.add_argument(
        "--address", metavar="HOST:PORT", help="a running Ray cluster (none: start one)"
    )
    where = parser.add_argument_group("where to")
    where.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR", help="folder (results)"
    )
    where.add_argument("--cache", type=Path, metavar="DIR", help="prepared clips (~/.cache/charon)")
    where.add_argument("--tracking-uri", metavar="URI", help="MLflow (an SQLite file in --results)")
    flags = parser.add_argument_group("modes")
    flags.add_argument("--resume", action="store_true", help="go on with an interrupted study")
    flags.add_argument("--dry-run", action="store_true", help="check and estimate, run nothing")
    return parser


_SEEDS = (
    "every run is repeated with each; a search has one, of all its trials and of its sampler, and "
    "is confirmed with others (the study's)"
)
_SET = "a field of all runs, e.g. optimiser.epochs=10; repeatable"
_GPUS = "GPUs of a trial; fractions pack one, auto measures which (1 where there are GPUs, else 0)"
_SHARE = "learn a first task once where trials agree on all that acts in it; same results"
_HOURS = "start no new trial after this time, interruptions not counted (no limit)"
_OBJECTIVE = (
    "what is best: val/faa, memory/bytes, time/train_seconds, ...; several for a Pareto front "
    "(the study's)"
)
_BUDGET = (
    "most bytes of a memory (memory/bytes), e.g. 500kB or 1.5MB; start: the first trial's; none: "
    "any (the study's)"
)
_EXTEND = "add N trials to a search that is over, knowing all that it has tried"
_SELECT = (
    "who wins by accuracy: validation, at the end; first-tasks, after the first tasks only; gtep, "
    "on NTU-60's classes, to be tested on those that NTU-120 adds; test, on the test set, which "
    "flatters the winner (validation)"
)
_FIRST_TASKS = "tasks that first-tasks looks at, here and in the gap report (2 of 6, 3 of 12)"
_CONFIRM = (
    "seeds, none of them the search's, with which the winner and the first trial's setting, the "
    "paper's, are learned anew; 0: none (3)"
)
_BENCHMARK = (
    "protocols, each run under each: ntu60-xsub, ntu60-xview, ntu120-xsub, ntu120-xset, the new "
    "classes alone under ntu120new-xsub or ntu120new-xset, or what fits the data (auto)"
)
_BENCHMARKS = (
    *("auto", "ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset"),
    *("ntu120new-xsub", "ntu120new-xset"),
)


def _data(path: str) -> str:
    """Take a path for what it names here: the study may go on from another folder."""
    return from_anywhere(path)


def _settings(texts: Sequence[str]) -> dict[str, Value]:
    settings = dict(parse_setting(text) for text in texts)
    if isinstance(path := settings.get("data.path"), str):
        settings["data.path"] = _data(path)
    return settings


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, but got {text!r}") from None


def _positive(text: str) -> float:
    value = _real(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, but got {text}")
    return value


def _share(text: str) -> float | Literal["auto"]:
    if text == "auto":
        return "auto"
    value = _real(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be 0 or above, but got {text}")
    if value > 1 and not value.is_integer():
        raise argparse.ArgumentTypeError(f"above 1 only whole GPUs, but got {text}")
    return value
