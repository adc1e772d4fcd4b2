"""A server of MLflow's own handlers on an SQLite file, which can be away in six ways.

A program for tracking_away.py, which says what the ways are. It takes a folder and the seconds that
its clients wait for an answer, and says its port. A line on standard input is a way to be away from
now on, an empty one ends that; each is answered by the number of requests that met it away.
"""

import itertools
import os
import sqlite3
import sys
import threading
import time
from pathlib import Path

from mlflow import server
from mlflow.server import handlers
from mlflow.server.constants import (
    ARTIFACT_ROOT_ENV_VAR,
    ARTIFACTS_DESTINATION_ENV_VAR,
    BACKEND_STORE_URI_ENV_VAR,
    SERVE_ARTIFACTS_ENV_VAR,
)
from sqlalchemy import event
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """Says nothing of what it is asked."""

    def log(self, *words):
        pass


class Server:
    """Serves MLflow's API for the database and the artifacts in a folder."""

    def __init__(self, folder, *, client_waits):
        """Begin to serve; a client gives up after ``client_waits`` seconds."""
        self.file, self.client_waits = folder / "mlflow.db", client_waits
        os.environ[ARTIFACTS_DESTINATION_ENV_VAR] = str(folder / "artifacts")
        os.environ[SERVE_ARTIFACTS_ENV_VAR] = "true"
        os.environ[BACKEND_STORE_URI_ENV_VAR] = f"sqlite:///{self.file}"
        os.environ[ARTIFACT_ROOT_ENV_VAR] = "mlflow-artifacts:/"
        event.listen(handlers._get_tracking_store().engine, "checkout", self._limit)
        self.way, self._back, self._number = None, threading.Event(), itertools.count()
        self._app, self._lock = server.app.wsgi_app, None
        self.asked = 0
        self._serve(0)
        self.port = self._server.server_port

    def leave(self, way):
        """Be away in one of the ways."""
        self._back.clear()
        self.way, self.asked = way, 0
        if way == "killed":
            time.sleep(0.3)  # in which answers are lost
            self._stop_serving()
        elif way == "locked":
            self._lock = sqlite3.connect(self.file, check_same_thread=False, isolation_level=None)
            self._lock.execute("begin exclusive")

    def come_back(self):
        """Be there again."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        way, self.way = self.way, None
        self._back.set()
        if way == "killed":
            self._serve(self.port)

    def _serve(self, port):
        self._server = make_server(
            "127.0.0.1", port, self._answer, threaded=True, request_handler=Quiet
        )
        self._server.daemon_threads, self._server.block_on_close = True, False
        serve = {"target": self._server.serve_forever, "kwargs": {"poll_interval": 0.05}}
        self._thread = threading.Thread(**serve, daemon=True)
        self._thread.start()

    def _stop_serving(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ, start_response):
        way, is_second = self.way, next(self._number) % 2
        self.asked += way is not None
        if way == "500":
            start_response("500 Internal Server Error", [])
            return [b"it is broken"]
        if way == "stopped":
            self._back.wait()
        answer = self._app(environ, start_response)
        if way == "slow" and is_second:
            time.sleep(1.2 * self.client_waits)
        if way == "killed" and is_second:
            raise ConnectionError("the answer is lost")
        return answer

    def _limit(self, connection, record, proxy):
        """Let the database take no more pages while the disk is full."""
        is_full = self.way == "full"
        if is_full or record.info.get("limited"):
            pages = connection.execute("pragma page_count").fetchone()[0]
            most = pages if is_full else 2**30
            connection.execute(f"pragma max_page_count = {most}")
            record.info["limited"] = is_full


def main():
    serving = Server(Path(sys.argv[1]), client_waits=float(sys.argv[2]))
    print(serving.port, flush=True)
    for line in sys.stdin:
        if line.strip():
            serving.leave(line.strip())
        else:
            serving.come_back()
        print(serving.asked, flush=True)


if __name__ == "__main__":
    main()
