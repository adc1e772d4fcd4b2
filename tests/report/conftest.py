"""Studies that several tests of the report read."""

import pytest
from report.made_studies import over_interval, write_study

from charon.report.results import read_results


@pytest.fixture
def intervals(tmp_path):
    """ER and CHARON over three sampling intervals, three seeds."""
    varied = ["learner", "learner.sampling_interval"]
    return read_results(write_study(tmp_path / "own", over_interval(), varied=varied))
