"""Steps of a study up to its trials, taken alone; nothing is started."""

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from tuning.study_runs import write_clips

from charon.errors import ConfigError
from charon.tuning import steps
from charon.tuning.records.journal import Journal
from charon.tuning.session.options import Options
from charon.tuning.session.planning import plan_study
from charon.tuning.session.request import make_request
from charon.tuning.session.resume import StudyProgress
from charon.tuning.study.study import Study
from charon.tuning.tracking.store import choose_store

GRID = Study(
    "some", "Which?", base={"learner": "finetune"}, grid={"optimiser.epochs": [1, 2]}, seeds=(0,)
)
FIELDS = {"data.num_frames": 20, "model.frames_per_tuple": 1, "data.classes_per_task": 2}


def ready(folder, **options):
    """Take the steps of a dry run of a study that is not resumed."""
    console = Console(file=io.StringIO())
    given = Options(
        data=str(write_clips(folder / "mine.npz")),
        settings=FIELDS,
        results=folder / "results",
        cache=folder / "cache",
        cpus=1.0,
        gpus=0.0,
        **options,
    )
    request = make_request(GRID, given, Path("some.py"))
    data = steps.prepare_data(request, console)
    store = choose_store(None, request.results)
    planned, journal = plan_study(request, data), Journal(request.folder / "journal.jsonl")
    return (
        request,
        data,
        steps.make_ready(request, store, data, planned, journal, None, console.print),
    )


def test_a_dry_run_knows_the_trials_their_device_and_their_place(tmp_path):
    _, _, study = ready(tmp_path)
    assert [trial.fields["optimiser.epochs"] for trial in study.trials] == [1, 2]
    assert {trial.fields["device"] for trial in study.trials} == {"cpu"}
    assert (study.cpus, study.gpus, study.progress) == (1.0, 0.0, StudyProgress(0, 0, 2))
    assert study.slots >= 1
    assert not (tmp_path / "results").exists()


def test_a_resumed_study_keeps_its_plan_and_refuses_another(tmp_path):
    request, data, study = ready(tmp_path)
    study.plan.write(tmp_path)
    again = replace(request, resumed=study.plan, options=replace(request.options, resume=True))
    planned = plan_study(again, data)
    resumed = steps.make_ready(again, study.store, data, planned, study.journal, None, print)
    assert (resumed.plan.key, resumed.progress) == (study.plan.key, StudyProgress(0, 0, 2))
    fewer = replace(planned, trials=planned.trials[:1])
    with pytest.raises(ConfigError, match="had 2 runs and now has 1"):
        steps.make_ready(again, study.store, data, fewer, study.journal, None, print)


@pytest.mark.parametrize(
    ("resume", "said"), [(False, []), (True, ["Going on: 1 of 2 trials is done."])]
)
def test_a_study_says_what_it_asks_and_a_resumed_study_how_far_it_is(resume, said):
    out = io.StringIO()
    study = SimpleNamespace(
        plan=SimpleNamespace(title="some on tiny"),
        study=GRID,
        options=Options(resume=resume),
        progress=StudyProgress(1, 0, 2),
        dashboard_url="",
    )
    steps.announce(study, Console(file=out))
    assert out.getvalue().splitlines() == ["some on tiny: Which?", *said]
