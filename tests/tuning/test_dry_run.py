"""What a dry run says a search begins with."""

from charon.tuning.dry_run import start_text
from charon.tuning.study.fields import complete

VARIED = ("learner.masking_ratio", "learner.buffer_size")


def test_a_search_begins_with_the_papers_setting():
    start = complete({"learner": "charon", "optimiser.epochs": 2})  # which is not searched
    assert start_text(start, VARIED) == "the paper's setting"


def test_what_of_it_is_another_is_named():
    """As at a small scale, or in a study whose base says so."""
    start = complete({"learner": "charon", "learner.buffer_size": 63})
    assert start_text(start, VARIED) == "the paper's setting but for learner.buffer_size=63"
