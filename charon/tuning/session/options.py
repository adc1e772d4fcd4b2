"""The command line of every study: each option is declared once, as a field of Options."""

import argparse
import dataclasses
import os
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from charon.arguments import Parser, positive, real, whole_number
from charon.data import ntu
from charon.data.class_lists import in_full
from charon.data.class_orders import named_orders
from charon.data.formats import known_formats
from charon.data.prepare import from_anywhere
from charon.data.streams import PROTOCOLS, protocol_fields
from charon.errors import ConfigError
from charon.presets import PRESETS
from charon.settings import Value, parse_field
from charon.tuning.study.search_methods import PRUNERS, SAMPLERS
from charon.tuning.study.selection_rules import RULES
from charon.tuning.study.study import Study

RUNS, SEARCH, JUDGED = "what is run", "of a search", "how a search is judged"
RESOURCES, PLACES, MODES = "on what", "where to", "modes"
"""The groups of ``--help``; a grid refuses the options of the second and third."""


def option(
    group: str,
    help: str,
    *,
    default: Any = None,
    flag: str | None = None,
    remembered: bool = True,
    **parsing: Any,
) -> Any:
    """Declare an option of a group of ``--help``; ``parsing`` is argparse's.

    The default None leaves the choice to the study or the machine; False makes a switch of it.
    The flag is the field's name unless given. What is ``remembered`` is taken by ``--resume`` from
    the study where it is not given again, as a place or a mode never is.
    """
    if default is False:
        parsing["action"] = "store_true"
    remembered = remembered and group not in (PLACES, MODES)
    parsing["help"] = help
    metadata = {"group": group, "flag": flag, "remembered": remembered, "parsing": parsing}
    return dataclasses.field(default_factory=lambda: copy(default), metadata=metadata)


def _gpus(text: str) -> float | Literal["auto"]:
    """Read ``auto``, a fraction of a GPU, or a whole number of them."""
    if text == "auto":
        return "auto"
    value = real(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be 0 or above, but got {text}")
    if value > 1 and not value.is_integer():
        raise argparse.ArgumentTypeError(f"above 1 only whole GPUs, but got {text}")
    return value


@dataclass(frozen=True)
class Options:
    """How a study is run, as the user asked; None where the default holds."""

    data: str | None = option(
        RUNS, f"{known_formats()} (standin)", type=from_anywhere, metavar="PATH"
    )
    benchmark: tuple[str, ...] | None = option(
        RUNS,
        "protocols, each run under each: ntu60-xsub, ntu60-xview, ntu120-xsub, ntu120-xset, the "
        "new classes alone under ntu120new-xsub or ntu120new-xset, or what fits the data (auto)",
        nargs="+",
        choices=("auto", *ntu.BENCHMARKS),
        metavar="NAME",
    )
    class_order: tuple[str, ...] | None = option(
        RUNS,
        "class orders, each run with each: paper, released, natural, shuffled(SEED), "
        "shuffled(0..4) for five of them, a list such as 3,0,2,1, or a .txt file with a class a "
        "line (auto: the paper's)",
        nargs="+",
        metavar="ORDER",
    )
    preset: str | None = option(
        RUNS,
        "fields that the study leaves open: paper, released (the authors' code), compact (more "
        "accuracy from the same bytes) (the study's)",
        choices=tuple(PRESETS),
    )
    scale: str | None = option(RUNS, "size of the runs (small)", choices=("small", "paper"))
    seeds: tuple[int, ...] | None = option(
        RUNS,
        "every run is repeated with each; a search has one, of all its trials and of its sampler, "
        "and is confirmed with others (the study's)",
        nargs="+",
        type=whole_number(0),
        metavar="N",
    )
    settings: dict[str, Value] = option(
        RUNS,
        "a field of all runs, e.g. optimiser.epochs=10; repeatable",
        default={},
        flag="--set",
        action="append",
        metavar="FIELD=VALUE",
    )
    stream: str | None = option(
        RUNS,
        f"the tasks of a known protocol: {', '.join(PROTOCOLS)}; sets fields, which --set may "
        "replace (the paper's tasks)",
        choices=PROTOCOLS,
        metavar="NAME",
        remembered=False,  # its fields are
    )
    smoke: bool = option(RUNS, "the whole way, as small as it can be", default=False)

    trials: int | None = option(
        SEARCH, "how many in all (the study's)", type=whole_number(1), metavar="N", remembered=False
    )
    hours: float | None = option(
        SEARCH,
        "start no new trial after this time, interruptions not counted (no limit)",
        type=positive,
        metavar="H",
        remembered=False,
    )
    objectives: tuple[str, ...] | None = option(
        SEARCH,
        "what is best: val/faa, memory/bytes, time/train_seconds, ...; several for a Pareto front "
        "(the study's)",
        flag="--objective",
        nargs="+",
        metavar="METRIC",
    )
    budget: str | None = option(
        SEARCH,
        "most bytes of a memory (memory/bytes), e.g. 500kB or 1.5MB; start: the first trial's; "
        "none: any (the study's)",
        metavar="BYTES",
    )
    sampler: str | None = option(SEARCH, "how Optuna chooses (the study's)", choices=SAMPLERS)
    pruner: str | None = option(
        SEARCH, "how trials are stopped early (the study's)", choices=PRUNERS
    )
    extend: int | None = option(
        SEARCH,
        "add N trials to a search that is over, knowing all that it has tried",
        type=whole_number(1),
        metavar="N",
        remembered=False,
    )

    select: str | None = option(
        JUDGED,
        "who wins by accuracy: validation, at the end; first-tasks, after the first tasks only; "
        "gtep, on NTU-60's classes, to be tested on those that NTU-120 adds; test, on the test "
        "set, which flatters the winner (validation)",
        choices=list(RULES),
    )
    first_tasks: int | None = option(
        JUDGED,
        "tasks that first-tasks looks at, here and in the gap report (2 of 6, 3 of 12)",
        type=whole_number(1),
        metavar="K",
    )
    confirm_seeds: int | None = option(
        JUDGED,
        "seeds, none of them the search's, with which the winner and the first trial's setting, "
        "the paper's, are learned anew; 0: none (3)",
        type=whole_number(0),
        metavar="N",
    )

    cpus: float | None = option(
        RESOURCES, "cores of a trial (1)", flag="--cpus-per-trial", type=positive, metavar="X"
    )
    gpus: float | Literal["auto"] | None = option(
        RESOURCES,
        "GPUs of a trial; fractions pack one, auto measures which (1 where there are GPUs, else 0)",
        flag="--gpus-per-trial",
        type=_gpus,
        metavar="X",
    )
    share_first_task: bool = option(
        RESOURCES,
        "learn a first task once where trials agree on all that acts in it; same results",
        default=False,
    )
    hung_after: float = option(
        RESOURCES,
        "minutes without a sign of life (a step, a task evaluated) after which a trial is ended "
        "and started again from its last task (60)",
        default=60.0,
        type=positive,
        metavar="MINUTES",
    )
    address: str | None = option(
        RESOURCES, "a running Ray cluster (none: start one)", metavar="HOST:PORT", remembered=False
    )

    results: Path = option(
        PLACES, "folder (results)", default=Path("results"), type=Path, metavar="DIR"
    )
    cache: Path | None = option(
        PLACES, "prepared clips (~/.cache/charon)", type=Path, metavar="DIR"
    )
    tracking_uri: str | None = option(
        PLACES, "MLflow (MLFLOW_TRACKING_URI, else an SQLite file in --results)", metavar="URI"
    )

    resume: bool = option(MODES, "go on with an interrupted study", default=False)
    dry_run: bool = option(MODES, "check and estimate, run nothing", default=False)

    @property
    def run_scale(self) -> str:
        """The scale of the runs: ``smoke``, ``small`` or ``paper``."""
        return "smoke" if self.smoke else self.scale or "small"

    def remembered(self) -> dict[str, Any]:
        """Return what a resumed study needs of these options, as plain values."""
        return {name: getattr(self, name) for name in REMEMBERED}


REMEMBERED = tuple(f.name for f in dataclasses.fields(Options) if f.metadata["remembered"])
"""Options that ``--resume`` takes from the study where they are not given again."""


def flag_of(field: dataclasses.Field[Any]) -> str:
    """Return an option as it is written on the command line."""
    flag: str | None = field.metadata["flag"]
    return flag or f"--{field.name.replace('_', '-')}"


def parse_options(study: Study, arguments: Sequence[str] | None) -> Options:
    """Read the command line of a study.

    Raises:
        ConfigError: a ``--set`` or a list of classes cannot be read, a grid is given an option of a
            search, or a search several seeds.
        SystemExit: ``--help`` is asked for, or an option is wrong.
    """
    parser = _Parser(
        description=f"{study.question} Defaults stand in brackets.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,  # the defaults are those of Options
    )
    fields = dataclasses.fields(Options)
    titles = dict.fromkeys(field.metadata["group"] for field in fields)
    groups = {title: parser.add_argument_group(title) for title in titles}
    for field in fields:
        group = groups[field.metadata["group"]]
        group.add_argument(flag_of(field), dest=field.name, **field.metadata["parsing"])
    known, unknown = parser.parse_known_args(arguments)
    parser.refuse_unknown(unknown)
    given: dict[str, Any] = vars(known)
    of_a_search = [f for f in fields if f.name in given and f.metadata["group"] in (SEARCH, JUDGED)]
    if of_a_search and not study.is_search:
        raise ConfigError(
            f"{flag_of(of_a_search[0])} is for searches, and the study {study.name!r} runs every "
            "value of a grid."
        )
    settings = dict(map(_field, given.pop("settings", [])))
    if "stream" in given:
        settings = {**protocol_fields(given["stream"]), **settings}
    if "class_order" in given:
        given["class_order"] = [str(in_full(order)) for order in named_orders(given["class_order"])]
    given = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    if tracked := os.environ.get("MLFLOW_TRACKING_URI"):
        given.setdefault("tracking_uri", tracked)
    options = Options(**{**given, "settings": settings})
    if study.is_search and options.seeds and len(options.seeds) > 1:
        raise ConfigError(
            "A search learns all its trials with one seed, but --seeds names "
            f"{len(options.seeds)}; --confirm-seeds N says with how many its winner is confirmed."
        )
    return options


def _field(text: str) -> tuple[str, Value]:
    name, value = parse_field(text)
    if not isinstance(value, str):
        return name, value
    # Absolute, and in full, so that the study can be resumed in another folder.
    if name == "data.path":
        return name, from_anywhere(value)
    return name, str(in_full(value)) if name in ("data.classes", "data.class_order") else value


class _Parser(Parser):
    """Refuses in one sentence, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; --help explains every option.\n")
