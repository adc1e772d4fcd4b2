"""A study whose trials have all that they need."""

from dataclasses import dataclass
from pathlib import Path

from charon.tuning.records.plan import Plan
from charon.tuning.session.data import StudyData
from charon.tuning.session.options import Options
from charon.tuning.session.planning import SelectionPlan
from charon.tuning.session.resume import StudyProgress
from charon.tuning.study.study import Study
from charon.tuning.study.trials import PlannedTrial
from charon.tuning.tracking.store import Store


@dataclass(frozen=True)
class ReadyStudy:
    """A study that is ready to run.

    Attributes:
        study: the declaration at its scale; a search's space is bound to its clips.
        trials: all runs; of a search the first.
        selection: how a search is judged; None for a grid.
        script: the study's file.
        folder, cache: of the results and of the prepared sets; absolute.
        cpus, gpus: what one trial takes.
        slots: trials at once.
        dashboard_url: empty where Ray's dashboard did not start.
    """

    study: Study
    options: Options
    plan: Plan
    progress: StudyProgress
    trials: list[PlannedTrial]
    selection: SelectionPlan | None
    script: Path
    folder: Path
    cache: Path
    store: Store
    data: StudyData
    cpus: float
    gpus: float
    slots: int
    dashboard_url: str
