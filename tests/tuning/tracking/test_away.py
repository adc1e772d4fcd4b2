"""A server that is away for a third of a study, in six ways; all of it arrives later and once.

``python tests/faults/tracking_away.py`` does the same to whole studies.
"""

import time

import pytest
from faults.tracking_away import WAYS, Process, arrived, differences
from tuning.tracking.test_sender import new_journal, play

from charon.tuning.records.journal import FINISHED, PRUNED
from charon.tuning.tracking.sender import Sender
from charon.tuning.tracking.store import Store

CLIENT_WAITS = 1
PAUSES = (0.1,)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Process(tmp_path_factory.mktemp("server"), client_waits=CLIENT_WAITS) as process:
        yield process


@pytest.fixture(scope="module")
def calm(server, tmp_path_factory):
    """What MLflow has of a study for which it was always there."""
    return send_in_thirds(server, tmp_path_factory.mktemp("calm"), "calm", lambda sender: None)


def send_in_thirds(server, folder, name, in_the_middle):
    """Send a study while it goes on; return what MLflow has of it."""
    journal = new_journal(folder)
    sender = Sender(journal, folder, Store(server.uri, None), name, PAUSES)
    sender.start()
    play(journal, "t1", [1, 2], PRUNED, seed=1)
    wait_until(lambda: sender._position == len(journal.events))
    middle = in_the_middle(sender)
    play(journal, "t2", [1, 2, 3], FINISHED, seed=2)
    play(journal, "t3", [1], PRUNED, seed=3)
    if middle:
        middle()
    play(journal, "t4", [1], PRUNED, seed=4)
    journal.append("study_end", outcome=FINISHED, artifacts=[str(journal.path)])
    assert sender.close()
    assert sender.skipped == []
    return arrived(server.folder, name)


def wait_until(is_so):
    end = time.monotonic() + 20.0
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_what_a_server_that_was_away_has_missed_arrives_later_and_once(
    server, calm, tmp_path, way, monkeypatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", str(CLIENT_WAITS))

    def leave(sender):
        server.leave(way)

        def come_back():
            wait_until(lambda: sender.problem)
            assert server.uri in sender.problem
            asked = server.come_back()
            assert asked > 0 or way == "killed"

        return come_back

    assert differences(calm, send_in_thirds(server, tmp_path, way, leave)) == []
