"""What the tests of studies share: libraries that do not call home, and named warnings."""

from pathlib import Path

import pytest

from charon.tuning.cluster.cluster import ENVIRONMENT

THIRD_PARTY_WARNINGS = ("ignore:The ``noload`` loader strategy:DeprecationWarning",)
"""Of MLflow 3.17 with SQLAlchemy 2.1."""


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for warning in THIRD_PARTY_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(autouse=True)
def quiet_libraries(monkeypatch):
    """Set what a study sets before it imports Ray and MLflow."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
