"""A study whose trials have all that they need."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from charon.tuning.records.journal import Journal
from charon.tuning.records.plan import Plan
from charon.tuning.session.data import StudyData
from charon.tuning.session.options import Options
from charon.tuning.session.planning import PlannedStudy
from charon.tuning.session.resume import StudyProgress
from charon.tuning.tracking.store import Store


@dataclass(frozen=True)
class ReadyStudy(PlannedStudy):
    """A planned study, with all that its trials need.

    Attributes:
        journal: of the study's folder, as it was when the study was planned.
        script: the study's file.
        folder, cache: of the results and of the prepared sets; absolute.
        cpus, gpus: what one trial takes.
        slots: trials at once.
        dashboard_url: empty where Ray's dashboard did not start.
        check: raises a ClusterGone once Ray cannot run the study's trials any more.
    """

    options: Options
    plan: Plan
    journal: Journal
    progress: StudyProgress
    script: Path
    folder: Path
    cache: Path
    store: Store
    data: StudyData
    cpus: float
    gpus: float
    slots: int
    dashboard_url: str
    check: Callable[[], None]
