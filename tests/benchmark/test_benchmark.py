"""The benchmark measures what it says, and its page says what it measured."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from plain_skeleton import read_plainly

from charon.benchmark.padded_npz import measure_padded
from charon.benchmark.sharing import hours_of_a_run
from charon.benchmark.skeleton_files import measure_preparation, recorded_text
from charon.benchmark.steps import Case, prepare, random_clips, summary, work
from charon.data.formats.skeleton_text import parse_skeleton
from charon.data.standin.source import make_raw_clip

ROOT = Path(__file__).parents[2]


def test_the_work_of_a_step_is_counted_by_rows_and_passes():
    # 16 clips and 4 second bodies; METHOD 1: 5.36 GMAC a row at η = 0.3, 7.11 - 1.27 unmasked.
    assert work(Case("train", "fp32")) == pytest.approx(2 * 3 * 5.36e9 * 20 * 2, rel=0.002)
    assert work(Case("train", "fp32", "released")) == pytest.approx(
        2 * 3 * 5.36e9 * 20 * 3, rel=0.002
    )
    assert work(Case("train", "fp32", masking_ratio=0.9)) == pytest.approx(
        2 * 3 * 1.86e9 * 40, rel=0.003
    )
    # 64 clips have 13 second bodies.
    assert work(Case("evaluate", "fp32")) == pytest.approx(2 * 5.84e9 * 77, rel=0.002)


def test_every_fifth_clip_shows_two_people():
    clips = random_clips(11, torch.device("cpu"), seed=0)
    assert clips.present[:, 1].tolist() == [n % 5 == 0 for n in range(11)]
    assert (clips.x[1, ..., 1] == 0).all()
    assert clips.x[5, ..., 1].any()


def test_a_run_takes_its_epochs_of_steps():
    # 393 batches a task, 6 tasks: 30 epochs of one second, 3 of half a second.
    steps = (37_646 / 6 / 16).__ceil__() * 6
    assert hours_of_a_run(1.0, 0.5) == pytest.approx(steps * 31.5 / 3600)


def test_preparation_is_measured_on_files_of_a_real_size():
    # NTU RGB+D 60 has 14 GB in 56,880 files.
    done = measure_preparation(read_plainly, repetitions=1)
    assert done.clips == 60
    assert done.num_bytes / done.clips == pytest.approx(246_000, rel=0.05)
    assert done.seconds > 0
    assert 0 < done.best == done.cpu_seconds == done.worst
    assert done.plain_seconds > 0


def test_the_files_hold_the_clips_to_seven_digits():
    clip = make_raw_clip("S001C001P002R001A055", 60, seed=0)
    text = recorded_text(clip)
    read = parse_skeleton(text.encode(), "a")
    np.testing.assert_array_equal(read.frame, clip.frame)
    assert read.body_id == clip.body_id
    np.testing.assert_allclose(read.xyz, clip.xyz, rtol=1e-6)


def test_preparation_of_an_npz_is_measured_beside_reading_it():
    done = measure_padded(clips=240)
    assert done.clips == 240
    assert done.num_bytes == pytest.approx(240 * (300 * 150 * 4 + 60 * 8), rel=0.01)
    assert done.seconds > 0
    assert done.cpu_seconds > 0
    assert done.load_seconds > 0


def test_the_page_says_what_was_measured(tmp_path):
    describe = runpy.run_path(str(ROOT / "analysis" / "throughput.py"))["describe"]
    row = {"kind": "train", "preset": "paper", "best": 1.0, "worst": 3.0, "gflops": 50.0}
    plain = {**row, "way": "plain", "seconds": 4.0, "times_plain": None}
    fast = {**row, "way": "fp32", "seconds": 2.0, "times_plain": 2.0}
    ratios = [
        {"way": way, "masking_ratio": ratio, "seconds": seconds, "flop": flop}
        for way in ("fp32", "bf16")
        for ratio, seconds, flop in ((0.0, 2.0, 4e12), (0.9, 1.1, 2e12))
    ]
    limits = [{"way": "fp32", "gflops": 2500.0}, {"way": "bf16", "gflops": 5000.0}]
    found = {
        name: {"machine": "a machine", "rows": rows}
        for name, rows in (("train", [plain, fast]), ("ratios", ratios), ("limits", limits))
    }
    skeletons = {"clips": 100, "num_bytes": 25_000_000, "seconds": 0.1, "times_plain": 2.5}
    padded = {"num_bytes": 180_000_000, "seconds": 0.3, "load_seconds": 0.1}
    found["prepare"] = {"rows": [{**skeletons, "clips_per_core_second": 500.0}, padded]}
    text = describe(found, tmp_path)
    assert "100 files of 250 kB, 500 clips a second and core (1000 a second in all)" in text
    assert "an .npz 600 MB a second, where numpy.load reads 1800" in text
    assert "a machine" in text
    assert "1.00 to 3.00" in text
    assert "2500 GFLOP/s in fp32" in text
    assert "+10 %" in text  # the step at η = 0.9 takes 0.55 of the time for half of the work
    assert (tmp_path / "throughput.png").stat().st_size > 10_000
    assert "| linear" not in (tmp_path / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["plain", "fp32", "bf16"])
def test_a_step_of_full_size_is_timed(way):
    from plain_charon import PlainCharon

    case = Case("train", way)
    again = prepare(case, PlainCharon if way == "plain" else None)
    timed = summary(case, [again(), again()])
    assert 0 < timed.best <= timed.seconds <= timed.worst
    torch.set_num_threads(1)
