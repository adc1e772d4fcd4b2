"""Results of this version, kept so that later versions show that they read them or refuse them.

Make them anew    python tests/golden/make.py

Only when a format number has changed on purpose (STUDY_VERSION of charon/files.py, VERSION of
charon/data/cache/archive.py) or these folders no longer hold what is to be shown; never to make a
test pass that fails on the old ones. Compare the tables in the diff before you commit it: their
numbers must be the old ones, but for the clock.

All of it is learned below one placeholder, /tmp/charon-golden, the only path that is written down,
on made clips. Trials run in this process, without Ray. What is large and read by nobody (pictures,
pages of plots, MLflow's and Optuna's databases, logs, models of trials) is left out.
"""

import os
import shutil
import sys
import traceback
import warnings
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PLACE = Path("/tmp/charon-golden")
KEPT = {".json", ".jsonl", ".csv", ".md", ".pt", ".npy", ".npz"}

SETTINGS = {
    "data.num_frames": 6,
    "data.classes_per_task": 2,
    "model.encoder": 4,
    "model.decoder": 4,
    "model.frames_per_tuple": 2,
    "model.heads": 1,
    "optimiser.epochs": 1,
    "optimiser.batch_size": 4,
    "learner.buffer_size": 3,
    "learner.sampling_interval": 2,
}


def write_clips(path):
    """Write 24 clips of 4 classes that differ in pose."""
    import numpy as np

    rng = np.random.default_rng(0)
    pose = rng.normal(size=(4, 1, 3, 1, 4, 1)).repeat(6, axis=1)
    x = (pose + rng.normal(0, 0.2, (4, 6, 3, 8, 4, 1))).reshape(24, 3, 8, 4, 1)
    train_mask = np.tile(np.arange(6) < 4, 4)
    label, n_frames = np.arange(4).repeat(6), np.full(24, 8)
    np.savez(path, x=x.astype(np.float32), label=label, n_frames=n_frames, train_mask=train_mask)


def studies():
    """Return the studies by the name of their folder."""
    from charon.tuning import Study
    from charon.tuning.study.space import Real

    about = {"question": "Can it be read?", "base": SETTINGS, "seeds": (0,)}
    grid = {"learner.alpha": [0.3, 0.6]}
    space = {"learner.gamma": Real(0.1, 1.0), "learner.alpha": Real(0.1, 1.0)}
    return {
        "grid": Study(name="grid", grid=grid, **about),
        "interrupted": Study(name="interrupted", grid=grid, **about),
        "search": Study(name="search", space=space, num_trials=3, pruner="asha", **about),
    }


def run_study(name, results, *flags, tasks=None):
    """Run a study in a fork, which is interrupted after so many reports; return its status."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 70
    warnings.simplefilter("ignore")  # those of pytest's process are errors
    try:
        status = _run(name, results, flags, tasks)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _run(name, results, flags, tasks):
    from faults.one_process import stand_in_for_ray

    from charon.tuning import main
    from charon.tuning.cluster.cluster import prepare_environment

    prepare_environment()
    stand_in_for_ray()
    if tasks is not None:
        _interrupt_after(tasks)
    for folder in ("studies", "analysis"):
        (PLACE / folder).mkdir(parents=True, exist_ok=True)
    sys.modules["__main__"].__file__ = str(PLACE / "studies" / f"{name}.py")
    places = ["--results", str(results), "--cache", str(PLACE / "cache")]
    sys.argv = [f"{name}.py", *flags]
    chosen = ["--data", str(PLACE / "clips.npz"), "--scale", "paper", *places, *flags]
    try:
        main(studies()[name], chosen)
    except SystemExit as end:
        return end.code


def _interrupt_after(tasks):
    from charon.tuning.execution.callbacks import Recorder

    record, count = Recorder.on_trial_result, iter(range(1, 100))

    def interrupted(self, *arguments, **named):
        record(self, *arguments, **named)
        if next(count) == tasks:
            raise KeyboardInterrupt

    Recorder.on_trial_result = interrupted


def main():
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    from charon.cli.main import main as charon

    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    write_clips(PLACE / "clips.npz")
    results = PLACE / "results"
    assert run_study("grid", results) == 0
    assert run_study("interrupted", results, tasks=3) == 130
    assert run_study("search", results, "--confirm-seeds", "1") == 0
    words = [word for name, v in SETTINGS.items() for word in ("--set", f"{name}={v}")]
    places = ["--data", PLACE / "clips.npz", "--cache", PLACE / "cache", "--output", PLACE / "run"]
    assert charon(["run", *map(str, places), *words]) == 0
    for name in (*studies(), "run", "cache"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    for name in studies():
        # The models of a search are tested when it is extended.
        keep(results / name, HERE / name, {"run.json", "model.pt" if name == "search" else ""})
    keep(PLACE / "run", HERE / "run")
    (archive,) = (PLACE / "cache").iterdir()
    keep(archive, HERE / "cache")
    shutil.copy(PLACE / "clips.npz", HERE)
    shutil.rmtree(PLACE)


def keep(folder, into, of_trials=()):
    """Copy what is kept of a folder, and the files of these names of its trials."""
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        is_left_out = "trials" in below.parts[:-1] and path.name not in of_trials
        if path.suffix in KEPT and not is_left_out and below.parts[0] not in ("ray", "progress"):
            (into / below).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, into / below)
    with suppress(FileNotFoundError):
        (into / "tracking.json").unlink()


if __name__ == "__main__":
    main()
