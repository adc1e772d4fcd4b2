"""The benchmark's page says what was measured."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_says_what_was_measured(tmp_path):
    describe = runpy.run_path(str(ROOT / "analysis" / "throughput.py"))["describe"]
    row = {
        "kind": "train",
        "clips": 16,
        "scale": "paper",
        "preset": "paper",
        "best": 1.0,
        "worst": 3.0,
        "gflops": 50.0,
    }
    plain = {**row, "way": "plain", "seconds": 4.0, "times_plain": None}
    fast = {**row, "way": "fp32", "seconds": 2.0, "times_plain": 2.0}
    ratios = [
        {"way": way, "masking_ratio": ratio, "seconds": seconds, "flop": flop}
        for way in ("fp32", "bf16")
        for ratio, seconds, flop in ((0.0, 2.0, 4e12), (0.9, 1.1, 2e12))
    ]
    limits = [{"way": "fp32", "gflops": 2500.0}, {"way": "bf16", "gflops": 5000.0}]
    measured = {
        name: {"machine": "a machine", "rows": rows}
        for name, rows in (("train", [plain, fast]), ("ratios", ratios), ("limits", limits))
    }
    skeletons = {"clips": 100, "num_bytes": 25_000_000, "seconds": 0.1, "best": 0.19}
    skeletons |= {"worst": 0.25, "plain_seconds": 0.5}
    skeletons |= {"clips_per_core_second": 500.0, "times_plain": 2.5}
    padded = {"num_bytes": 180_000_000, "seconds": 0.3, "load_seconds": 0.1}
    measured["prepare"] = {"rows": [skeletons, padded]}
    shared = {"scale": "paper", "together": 2, "steps_per_second": 41.2, "hours": 0.98}
    measured["share"] = {"machine": "a GPU", "rows": [shared]}
    text = describe(measured, tmp_path)
    assert "| 2 | paper | 41.2 | 0.98 |" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "100 files of 250 kB, 500 clips (125 MB) a second and core" in text
    assert "(400 to 526; 1000 a second in all)" in text
    assert "2.5 times as many as a reader of line after line prepares (200)" in text
    assert "an .npz of 180 MB 600 MB a second, where numpy.load reads 1800" in text
    assert "a machine" in text
    assert "training step, 16 clips" in text
    assert "1 to 3" in text
    assert "2500 GFLOP/s in fp32" in text
    assert "+10 %" in text  # the step at η = 0.9 takes 0.55 of the time for half of the work
    assert (tmp_path / "throughput.png").stat().st_size > 10_000
    assert "| linear" not in (tmp_path / "README.md").read_text(encoding="utf-8")
