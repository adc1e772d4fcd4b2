"""Ray on its way: started while the study is being read, and ended with it.

Ray takes five seconds, most of which it waits; so does a study, most of which it imports.
"""

import atexit
import gc
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from charon.text import first_line
from charon.tuning.cluster.cluster import Cluster, ClusterError, Machine

REACH_SECONDS = 5.0
"""How long a running cluster may take to answer."""

LONGEST_TEMPORARY = 40
"""Characters; Ray makes socket paths of about 60 more below it, and 107 is the limit."""

MOST_READY = 8
"""CPUs. Ray starts a process for each; on a larger machine few of them would get a trial, and
each holds 300 MB once it has imported torch."""


class Starting:
    """Starts Ray on this machine, or connects to the running cluster at an address.

    From a thread of its own, which stays: Ray's processes end with the thread that started
    them. Where nothing stops it, the end of the program does, after the last word of the
    study has been said.
    """

    def __init__(self, address: str | None, log_file: Path) -> None:
        """Begin; Ray must have been imported, so that its own clean-up comes after this one's.

        Args:
            address: of a running cluster, such as ``"10.0.0.1:6379"`` or ``"auto"``; None
                starts one.
            log_file: where :func:`log_to` sends what Ray has to say, for an error's sentence.
        """
        self._is_own = address is None
        self._cluster: Cluster | None = None
        self._error: BaseException | None = None
        self._is_up, self._is_over = threading.Event(), threading.Event()
        arguments = (address, log_file)
        self._thread = threading.Thread(target=self._run, args=arguments, name="ray", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def wait(self) -> Cluster:
        """Return the cluster once it is there.

        Raises:
            ClusterError: Ray does not start, or nothing answers at the address.
        """
        self._is_up.wait()
        if self._error is not None:
            raise self._error
        assert self._cluster is not None
        return replace(self._cluster, stop=self.stop)

    def stop(self) -> None:
        """Disconnect; an own cluster ends and its temporary folder goes."""
        self._is_over.set()
        # An own cluster comes up or fails; one that never answers is not waited for.
        self._thread.join(None if self._is_own else REACH_SECONDS)

    def _run(self, address: str | None, log_file: Path) -> None:
        temporary = None
        try:
            if address is None:
                temporary = Path(tempfile.mkdtemp(prefix="charon-", dir=_short_folder()))
            self._cluster = _connect(address, temporary, log_file)
        except BaseException as error:
            self._error = error
        else:
            self._is_up.set()
            self._is_over.wait()
            _disconnect()
        finally:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)
            self._is_up.set()


def _connect(address: str | None, temporary: Path | None, log_file: Path) -> Cluster:
    import ray

    if address is not None:
        _check_reachable(address)
    try:
        if address is None:
            context = ray.init(
                address="local",
                include_dashboard=True,
                dashboard_host="127.0.0.1",
                log_to_driver=False,
                configure_logging=False,
                _temp_dir=str(temporary),
                _system_config={"preload_python_modules": _ready_modules()},
            )
        else:
            context = ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as error:
        where = "on this machine" if address is None else f"at {address}"
        raise ClusterError(
            f"Ray does not answer {where}: {first_line(error)} (more in {log_file})."
        ) from error
    url = context.dashboard_url
    return Cluster(f"http://{url}" if url else "", machines_of(ray.nodes()))


def machines_of(nodes: Sequence[Mapping[str, Any]]) -> tuple[Machine, ...]:
    """Return the machines that are there, from what Ray tells of its nodes."""
    there = [node["Resources"] for node in nodes if node["Alive"]]
    return tuple(Machine(one.get("CPU", 0.0), one.get("GPU", 0.0)) for one in there)


def _disconnect() -> None:
    import ray
    from ray._private import worker

    # Ray ends the process at once, with status 1, should another thread come upon what is left
    # of its trials while it goes down.
    gc.collect()
    if worker._global_node is not None:
        # Ray ends it after what it talks to, and waits a second in vain for its farewell.
        worker._global_node.kill_monitor(check_alive=False)
    ray.shutdown()


def _ready_modules() -> list[str]:
    """Return what Ray's first processes import."""
    return ["charon.tuning.cluster.worker_imports"] if (os.cpu_count() or 1) <= MOST_READY else []


def _check_reachable(address: str) -> None:
    """Try the address for some seconds; Ray by itself would try for many minutes.

    Raises:
        ClusterError: nothing listens there, or it is no such address.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(f"--address takes HOST:PORT of a running cluster, but got {address!r}.")
    try:
        socket.create_connection((host, int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"No Ray cluster answers at --address {address} ({error}); start one with "
            "`ray start --head`, or leave --address out."
        ) from error


def _short_folder() -> str | None:
    """Return a folder whose path is short enough for Ray's sockets."""
    default = tempfile.gettempdir()
    return default if len(default) <= LONGEST_TEMPORARY else "/tmp"
