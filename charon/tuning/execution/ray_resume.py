"""Going on from Ray's snapshot of a study, as it is now: by itself Ray might begin anew, unsaid.

Where Ray cannot read its snapshot it logs that and learns every trial again; and what trials
are told beside their runs it has from when they were made, though folders may have been moved.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune import Callback, ResumeConfig

from charon.tuning.records.folder import ResultsError

SNAPSHOTS = "experiment_state-*.json"
"""Ray's, one a sitting; their names sort by time."""


def resume_config(folder: Path) -> ResumeConfig | None:
    """Return how Ray goes on from its folder; None where it has no trial yet."""
    if not _may_have_trials(folder):
        return None
    kind = ResumeConfig.ResumeType
    return ResumeConfig(finished=kind.SKIP, unfinished=kind.RESUME, errored=kind.RESUME)


def _may_have_trials(folder: Path) -> bool:
    """Whether the newest snapshot has a trial; what is wrong with a damaged one is Ray's to say."""
    newest = max(folder.glob(SNAPSHOTS), default=None)
    if newest is None:
        return False
    try:
        return bool(json.loads(newest.read_text(encoding="utf-8"))["trial_data"])
    except (ValueError, KeyError, TypeError):
        return True


class GoingOn(Callback):  # type: ignore[misc]
    """Watches that Ray goes on, and tells the trials that do where things are now."""

    def __init__(
        self, folder: Path, setting: dict[str, Any], hear: Callable[[set[str]], None]
    ) -> None:
        """Watch over Ray's going on.

        Args:
            folder: Ray's.
            setting: what every trial is told beside its run.
            hear: called once, with the names of the trials that are not over, before any runs
                or another is suggested.
        """
        self._folder = folder
        self._setting = setting
        self._hear = hear
        self._has_begun = False

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Look at the trials that Ray has restored, or made since, before they run.

        Raises:
            ResultsError: at first there are none, for Ray could not read its snapshot.
        """
        if not self._has_begun:
            if not trials:
                raise ResultsError(
                    f"Ray cannot go on from its snapshot in {self._folder} (driver.log beside it "
                    "says why); what was learned is kept, so start anew in another folder with "
                    "--results DIR."
                )
            self._has_begun = True
            self._hear({trial.trial_id for trial in trials if not trial.is_finished()})
        for trial in trials:
            trial.config["trial"]["setting"] = self._setting
