"""The report's page: complete, self-contained, its text as it was kept."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

from report.made_studies import over_interval, write_study

from charon.report.paper.page import page
from charon.report.results import read_results
from charon.report.summary import describe

ROOT = Path(__file__).parents[3]


def studies(folder):
    intervals = [
        {**run, "learner": {"er": "derpp"}.get(run["learner"], run["learner"])}
        for run in over_interval()
    ]
    ratios = [
        {"learner.masking_ratio": eta, "learner.buffer_size": 500, "seed": seed, "faa": faa + seed}
        for eta, faa in ((0.0, 60.0), (0.3, 72.6), (0.5, 50.0))
        for seed in range(3)
    ]
    ratios.append({"learner.masking_ratio": 0.5, "seed": 3, "faa": 0.0, "status": "failed"})
    varied = ["learner", "learner.sampling_interval"]
    made = [
        write_study(folder / "a", intervals, name="sampling_interval", varied=varied),
        write_study(
            folder / "b",
            ratios,
            name="masking_ratio",
            varied=["learner.masking_ratio"],
            data="ntu60",
            is_standin=False,
            scale="paper",
        ),
    ]
    return [read_results(path) for path in made]


def text_of(html, folder):
    text = re.sub(r"<style>.*?</style>|<img[^>]*>", "", html, flags=re.S)
    text = unescape(re.sub(r"<[^>]+>", " ", text)).replace(str(folder), "results")
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return "\n".join(filter(None, lines))


def test_its_text_is_the_one_that_was_kept(tmp_path):
    kept = Path(__file__).with_name("report.txt")
    made = text_of(page(studies(tmp_path)), tmp_path)
    assert made + "\n" == kept.read_text(encoding="utf-8")


def test_it_needs_no_network_and_shows_the_figures(tmp_path):
    made = studies(tmp_path)
    for results in made:
        describe(results)
    html = page(made)
    assert html.count("src='data:image/png;base64,") == 6
    assert not re.search(r"(src|href)=['\"]https?://(?!127\.0\.0\.1)", html)


def test_the_program_writes_it(tmp_path):
    studies(tmp_path)
    command = [sys.executable, str(ROOT / "analysis" / "report.py"), "--results", str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert "2 studies in" in done.stdout
    assert (tmp_path / "report.html").exists()
