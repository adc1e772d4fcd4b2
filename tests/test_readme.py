"""What the README shows is what works."""

import importlib.util
import math
import re
import sys
from pathlib import Path

import pytest
from tiny_runs import learn, tiny_run

from charon.learners import LEARNERS, Method

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def own_learner(tmp_path, monkeypatch):
    """The learner of the README's page, entered in the table."""
    page = README[README.index("## A learner of your own") :]
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    (tmp_path / "lwf.py").write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("lwf", tmp_path / "lwf.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "lwf", module)
    spec.loader.exec_module(module)
    monkeypatch.setitem(LEARNERS, "lwf", Method(module.Lwf, module.LwfSettings))


@pytest.mark.usefixtures("own_learner")
def test_the_learner_of_the_readme_learns(two_bodies):
    stream, results = learn(tiny_run("lwf", learner__alpha=0.5), two_bodies)
    assert math.isfinite(results[-1].metrics["test/faa"])
    assert results[-1].metrics["train/loss/old"] > 0
    assert "train/loss/old" not in results[0].metrics
    assert stream.learner.alpha == 0.5
