"""GTEP tunes on NTU-60's classes."""

import pytest

from charon.errors import ConfigError
from charon.tuning.study import gtep


def test_gtep_under_another_protocol_is_one_sentence():
    for given in (["ntu120-xset"], ["ntu60-xsub", "ntu60-xview"]):
        with pytest.raises(ConfigError, match="tunes under ntu60-xsub or ntu60-xview"):
            gtep.tuning_benchmark(given)
