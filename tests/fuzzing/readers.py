"""Every reader of a file or of a command line, with small valid inputs that it takes."""

import argparse
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from cli.small_sets import skeleton_text
from data.set_makers import any_arrays, pyskl_annotation, write_ntu_npz, write_pickle
from tiny_runs import tiny_run, write_set
from tuning.search_folder import BY_TEST, searched_records, write_search

from charon.arguments import positive, real, whole_number
from charon.cli.commands import ui
from charon.cli.commands.prepare import print_summary
from charon.cli.commands.run import given_fields, resumed_run
from charon.cli.run_folder import RunFolder
from charon.config import Run
from charon.data.cache.archive import Archive
from charon.data.formats.ntu_npz import NtuNpz
from charon.data.formats.plain_npz import PlainNpz
from charon.data.formats.pyskl_pickle import PysklPickle
from charon.data.formats.skeleton_folder import SkeletonFolder
from charon.errors import CharonError
from charon.files import write_json
from charon.report.predictions import recomputed_faa
from charon.report.results import read_results
from charon.report.search.results import read_search
from charon.training.artifacts import load_model, write_outputs
from charon.training.first_task import MainPhase, find, keep
from charon.training.stream import Stream
from charon.tuning.records.heartbeat import read_beat
from charon.tuning.records.journal import FINISHED, PRUNED, Journal, is_over, spent_seconds
from charon.tuning.records.plan import read_plan
from charon.tuning.records.status import read_status
from charon.tuning.records.tables import curves_csv, trials_csv
from charon.tuning.session.options import Options
from charon.tuning.session.resume import check_fields, restore_options
from charon.tuning.study.space import Choice, MaskingRatio, Real, Whole

NAME = "S001C001P001R001A001"


@dataclass
class Reader:
    """A reader: what it reads in a folder of its own, and how.

    Attributes:
        name: of the reader.
        form: of the file, a key of :data:`fuzzing.mutations.FORMS`.
        file: below the folder, which is damaged.
        read: reads the folder; a CharonError is what it may raise.
        seeds: valid contents of the file; where empty, what ``make`` leaves is the only one.
        make: writes all that the reader needs into the folder.
    """

    name: str
    form: str
    file: str
    read: Callable[[Path], object]
    make: Callable[[Path], object]
    seeds: list[bytes] = field(default_factory=list)


GROUPS = ("clips", "prepared sets", "runs", "studies", "command lines")


def readers(group: str, made: Path) -> list[Reader]:
    """Return the readers of a group; what their inputs are made of stays in the folder."""
    make = [_of_clips, _of_prepared_sets, _of_runs, _of_studies, _of_command_lines]
    return dict(zip(GROUPS, make, strict=True))[group](made)


def _nothing(folder: Path) -> None:
    pass


def _take(source):
    assert len(source.description.class_names) >= 1
    source.identity()
    return len(source), list(source.clips(1))


def _bytes(path, write):
    """Return the bytes of a file that ``write`` makes at a path."""
    write(path)
    return path.read_bytes()


def _zipped(path, packing=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", packing) as archive:
        for number in (1, 2):
            text = skeleton_text(num_frames=2, seed=number)
            archive.writestr(f"below/S001C00{number}P001R001A00{number}.skeleton", text)


def _of_clips(made):
    file, npz = made / "file", made / "made.npz"
    rng = np.random.default_rng(0)
    clips = [(k, rng.normal(size=(4, 2, 25, 3)).astype(np.float32)) for k in (0, 5)]
    names = (NAME, "S001C002P003R002A050")
    annotations = [pyskl_annotation(rng, name, 2, 1 + (name != NAME)) for name in names]
    arrays = any_arrays(num_clips=4)
    more = {"class_names": np.array(["a", "b"]), "parts": np.array([0, 0, 1, 1, 1])}
    more |= {"centre_joint": np.array(2), "view": arrays["label"], "to25": np.arange(25) % 5}
    texts = [skeleton_text(2, num_people=people).encode() for people in (1, 2)]
    return [
        Reader(
            "skeleton text",
            "text",
            f"{NAME}.skeleton",
            lambda folder: _take(SkeletonFolder(folder)),
            _nothing,
            [*texts, texts[0].replace(b"\n", b"\r\n")],
        ),
        Reader(
            "skeleton zip",
            "zip",
            "clips.zip",
            lambda folder: _take(SkeletonFolder(folder / "clips.zip")),
            _nothing,
            [_bytes(file, _zipped), _bytes(file, partial(_zipped, packing=zipfile.ZIP_STORED))],
        ),
        Reader(
            "any npz",
            "zip",
            "clips.npz",
            lambda folder: _take(PlainNpz(folder / "clips.npz")),
            _nothing,
            [
                _bytes(npz, partial(np.savez, **arrays, **more)),
                _bytes(npz, partial(np.savez_compressed, **arrays)),
            ],
        ),
        Reader(
            "ntu npz",
            "zip",
            "NTU60_CS.npz",
            lambda folder: _take(NtuNpz(folder / "NTU60_CS.npz")),
            _nothing,
            [_bytes(npz, lambda path: write_ntu_npz(path, clips, clips[:1], num_frames=5))],
        ),
        Reader(
            "pyskl pickle",
            "pickle",
            "clips.pkl",
            lambda folder: _take(PysklPickle(folder / "clips.pkl")),
            _nothing,
            [
                _bytes(file, partial(write_pickle, annotations=annotations, protocol=number))
                for number in (0, 2, 3, 4, 5)
            ],
        ),
    ]


def _open_set(folder):
    archive = Archive(folder)
    print_summary(archive)
    for row in range(archive.num_clips):
        start, length = archive.start[row], archive.length[row]
        assert len(archive.frames[start : start + length]) == length
        assert archive.description.class_names[archive.label[row]]
    return archive.source, archive.unreadable


def _of_prepared_sets(made):
    def make(folder):
        shutil.rmtree(folder)
        write_set(folder)

    files = {"clips.npz": "zip", "frames.npy": "npy", "archive.json": "json"}
    return [
        Reader(f"prepared set, {file}", form, file, _open_set, make) for file, form in files.items()
    ]


def _of_runs(made):
    run = tiny_run()
    archive = write_set(made / "set")
    stream = Stream(run, archive)
    folder = RunFolder(made / "run")
    folder.start(stream)
    for result in stream:
        folder.save(stream, result)
        if result.task == 2:
            break
    folder.finish(stream)
    write_outputs(made / "run" / "trials" / "a", stream)
    learner = stream.state_dict()["learner"]
    del learner["memory"]
    keep(made / "run" / "first.pt", MainPhase(learner, torch.zeros(9), [{"train/loss": 1.0}], 1.0))

    def make(folder):
        shutil.copytree(made / "run", folder, dirs_exist_ok=True)

    def resume(folder):
        resumed_run(RunFolder(folder), {}, None)
        return RunFolder(folder).load(stream)

    return [
        Reader("checkpoint", "zip", "checkpoint.pt", resume, make),
        Reader("run.json", "json", "run.json", resume, make),
        Reader("metrics.jsonl", "lines", "metrics.jsonl", resume, make),
        Reader("model", "zip", "model.pt", lambda f: load_model(f, "cpu"), make),
        Reader("first task", "zip", "first.pt", lambda f: find(f / "first.pt"), make),
        Reader(
            "predictions",
            "zip",
            "trials/a/predictions.npz",
            lambda folder: recomputed_faa(folder, "a"),
            make,
        ),
    ]


def _write_journal(folder):
    journal = Journal(folder / "journal.jsonl")
    journal.append("study", key="k", title="t", varied=["seed"], tags={"device": "cpu"})
    for number, outcome in enumerate((FINISHED, PRUNED, "failed")):
        name = f"t{number}"
        fields = {"learner": "charon", "seed": number, "learner.alpha": 0.5}
        journal.append("trial", name, label=f"run {number}", fields=fields, tags={}, number=number)
        journal.append("start", name, machine="here")
        report = {"metrics": {"test/faa": 50.0}, "matrix": [[50.0, None], [40.0, 60.0]]}
        epochs = {"first": 1, "means": {"train/loss/total": [2.0, None]}}
        for task in (1, 2):
            at = {"task": task, "num_tasks": 2, "seconds": 1.5, "epochs": epochs}
            journal.append("report", name, **report, **at, tags={"device": "cpu"})
        journal.append("end", name, outcome=outcome, error="because")
    journal.append("refused", number=3, fields={"seed": 1}, refused="too large", sampler={})
    journal.append("tag", "t0", tags={"winner": "true"})
    journal.append("study_end", outcome=FINISHED, artifacts=[])


def _write_plan(folder):
    from tuning.session.test_resume import plan

    space = {
        "learner.alpha": Real(0.1, 1.0, log=True),
        "learner.masking_ratio": MaskingRatio(0.0, 0.9, tuples=20),
        "learner.buffer_size": Whole(1, 9),
        "optimiser.rule": Choice(("sgd", "adamw")),
    }
    plan(space=space, options=Options(seeds=(1, 2), settings={"seed": 1}, gpus=0.5)).write(folder)


def _of_studies(made):
    def make(folder):
        _write_plan(folder)
        _write_journal(folder)
        (folder / "progress").mkdir(exist_ok=True)
        write_json(folder / "progress" / "t1.json", [1, 2, 3, "train", 5.5])
        state = {"uri": "sqlite:///a.db", "position": 3, "experiment_id": "1"}
        write_json(folder / "tracking.json", state)

    def make_search(folder):
        write_search(folder, searched_records(12), rule=BY_TEST)

    def read_journal(folder):
        journal = Journal(folder / "journal.jsonl")
        trials_csv(journal.records), curves_csv(journal.records)
        return is_over(journal, 3), spent_seconds(journal.events), journal.num_over

    def resume(folder):
        plan = read_plan(folder)
        if plan is not None:
            assert plan.title
            restore_options(Options(resume=True), plan)
            check_fields(plan, {"data.path": "standin"}, "again")
            read_status(folder).as_json()

    def search(folder):
        return read_search(read_results(folder))

    files = {"study.json": "json", "trials.csv": "text", "curves.csv": "text"}
    files |= {"selection.json": "json", "gap.json": "json", "gap.csv": "text"}
    files |= {"confirm.json": "json", "confirm/trials.csv": "text", "importance.csv": "text"}
    return [
        Reader("journal", "lines", "journal.jsonl", read_journal, make),
        Reader("study.json", "json", "study.json", resume, make),
        Reader(
            "beat", "json", "progress/t1.json", lambda f: read_beat(f / "progress/t1.json"), make
        ),
        Reader("tracking.json", "json", "tracking.json", ui._store, make),
        *(
            Reader(f"results, {file}", form, file, search, make_search)
            for file, form in files.items()
        ),
    ]


FIELDS = """\
model.size=tiny
data.classes_per_task=4,4,2
optimiser.epochs=10
learner.masking_ratio=0.3
learner.store_without_probing=false
data.class_order=shuffled(3)
learner=xder
seed=7
device=cpu
learner.buffer_bytes=none
"""


def _of_command_lines(made):
    def options(config=None, settings=()):
        return argparse.Namespace(
            data=None, stream=None, learner=None, seed=None, settings=list(settings), config=config
        )

    def flat(given):
        return Run.from_flat(Run.preset("released", given).to_flat())

    def settings(folder):
        text = (folder / "words.txt").read_bytes().decode("utf-8", "surrogateescape")
        for line in text.split("\n"):
            try:
                flat(given_fields(options(settings=[line])))
            except CharonError:
                continue  # so that every line is read

    def config(folder):
        return flat(given_fields(options(folder / "config.json")))

    def numbers(folder):
        text = (folder / "words.txt").read_bytes().decode("utf-8", "surrogateescape")
        for word in text.split("\n"):
            for read in (whole_number(0), positive, real):
                try:
                    read(word)
                except argparse.ArgumentTypeError:
                    continue

    flat_run = _bytes(made / "run.json", partial(write_json, content=tiny_run().to_flat()))
    return [
        Reader("--set", "text", "words.txt", settings, _nothing, [FIELDS.encode()]),
        Reader("--config", "json", "config.json", config, _nothing, [flat_run]),
        Reader("numbers", "text", "words.txt", numbers, _nothing, [b"1\n0.5\n-3\n1e5\nx\n12345\n"]),
    ]
