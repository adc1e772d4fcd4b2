"""A study that is ready to run: everything that its trials need is known and in its place."""

from dataclasses import dataclass
from pathlib import Path

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
        options: complete.
        plan: what stands in ``study.json``.
        progress: how far it is.
        script: the study's file.
        folder: the study's absolute folder.
        cache: absolute folder of the prepared sets.
        store: where it is tracked.
        data: prepared.
        cpus, gpus: what one trial takes.
        slots: trials at once.
        dashboard_url: Ray's dashboard; empty where it did not start.
    """

    options: Options
    plan: Plan
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
