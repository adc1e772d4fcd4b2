"""The report of any search: ``python -m charon.report.search --results DIR``."""

from charon.report.command import show
from charon.report.search.page import describe

show(describe)
