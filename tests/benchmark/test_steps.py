"""The benchmark's cases: their work, their clips, their times."""

import pytest
import torch

from charon.benchmark import steps
from charon.benchmark.steps import (
    Case,
    hours_of_a_run,
    make_new,
    peak_gflops,
    prepare,
    random_clips,
    summary,
    work,
)


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


def test_the_limit_is_a_speed():
    assert peak_gflops("fp32", "cpu", torch.get_num_threads()) > 0


def test_a_run_takes_its_epochs_of_steps():
    # 393 batches a task, 6 tasks: 30 epochs of one second, 3 of half a second.
    batches = (37_646 / 6 / 16).__ceil__() * 6
    assert hours_of_a_run(1.0, 0.5) == pytest.approx(batches * 31.5 / 3600)


def test_a_step_of_the_small_scale_is_timed():
    case = Case("train", "bf16", scale="small", threads=torch.get_num_threads())
    again = prepare(case)
    timed = summary(case, [again(), again()])
    assert (timed["clips"], timed["scale"]) == (8, "small")
    assert 0 < timed["best"] <= timed["seconds"] <= timed["worst"]


def test_eager_is_a_way_to_compute_in_a_precision():
    assert [Case("train", way).precision for way in ("plain", "fp32 eager", "bf16 eager")] == [
        "fp32",
        "fp32",
        "bf16",
    ]
    assert make_new(Case("train", "bf16 eager", scale="small")).graphs is None


@pytest.mark.slow
def test_processes_step_together(monkeypatch):
    monkeypatch.setattr(steps, "TOGETHER", (1, 2))
    speeds = steps.steps_per_second(Case("train", "fp32", scale="small"), 0.5)
    assert list(speeds) == [1, 2]
    assert all(speed > 0 for speed in speeds.values())


@pytest.mark.slow
@pytest.mark.parametrize("way", ["plain", "fp32", "bf16"])
def test_a_step_of_full_size_is_timed(way):
    case = Case("train", way)
    again = prepare(case)
    timed = summary(case, [again(), again()])
    assert 0 < timed["best"] <= timed["seconds"] <= timed["worst"]
    torch.set_num_threads(1)
