"""Start Ray in the background while the study is read, and end it with the study.

Ray takes five seconds, most of them waiting; a study spends as long on imports and data.
"""

import atexit
import gc
import logging
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from charon.text import first_line
from charon.tuning.cluster.cluster import Cluster, ClusterError, Machine
from charon.tuning.cluster.watch import Watch, look_at_ray

REACH_SECONDS = 5.0
"""How long a running cluster may take to answer."""


def connect_to_ray(
    address: str | None, temporary: Path | None, log_file: Path, last_words: str
) -> Cluster:
    """Start Ray with its files below ``temporary``, or connect to the cluster at ``address``.

    It is watched from then on; ``last_words`` are those of :class:`Watch`.

    Raises:
        ClusterError: Ray does not start, or nothing answers at the address.
    """
    # Imported here because a refused study or a dry run never needs Ray.
    import ray

    if address is not None:
        _check_reachable(address)
        send_token()
        flags: dict[str, Any] = {"address": address}
    else:
        flags = {"address": "local", "include_dashboard": True, "dashboard_host": "127.0.0.1"}
        # The docstring of ray.init names it, though it is a private argument by its name.
        # Ray lets everybody read and write there, but nobody else gets through the folder above.
        flags["_temp_dir"] = f"{temporary}/r"
    try:
        context = _patiently(
            lambda: ray.init(**flags, log_to_driver=False, configure_logging=False)
        )
    except Exception as error:  # a plain one where its dashboard is too slow to start
        if "InvalidAuthToken" in str(error.__cause__):
            raise ClusterError(
                f"Ray at {address} asks for another token than there is here; give all machines "
                "that of the first: the file ~/.ray/auth_token, or the variable RAY_AUTH_TOKEN."
            ) from error
        where = "on this machine" if address is None else f"at {address}"
        raise ClusterError(
            f"Ray does not answer {where}: {first_line(error)} (more in {log_file})."
        ) from error
    if address is None:
        _keep_private(Path.home() / ".ray" / "auth_token")
    url = context.dashboard_url
    watch = Watch(look_at_ray(), last_words)
    return Cluster(f"http://{url}" if url else "", machines_of(ray.nodes()), watch=watch)


def _patiently(init: Callable[[], Any]) -> Any:
    """Start Ray; once more where it was too slow, as on a machine with much else to do.

    It gives each of its processes half a minute, which cannot be changed.
    """
    try:
        return init()
    except Exception as error:
        if "timed out" not in str(error):
            raise
        logging.getLogger(__name__).warning("Ray is started once more: %s", error)
        return init()


def _keep_private(token: Path) -> None:
    """Let nobody else read Ray's token, which Ray makes for itself as any other file."""
    with suppress(OSError):
        token.chmod(0o600)


def send_token() -> None:
    """Have Ray send the user's token, if there is one, to the cluster that it connects to.

    ``ray start --head`` asks for it wherever there is one; ``ray.init`` with an address sends none
    unless RAY_AUTH_MODE says so.
    """
    # Imported here for the reason given in connect_to_ray.
    from ray._private.authentication import authentication_token_setup as tokens

    tokens.maybe_enable_token_auth_if_token_available(warn_if_disabled=False)


def machines_of(nodes: Sequence[Mapping[str, Any]]) -> tuple[Machine, ...]:
    """Return the machines that are alive, from Ray's description of its nodes."""
    alive = [node["Resources"] for node in nodes if node["Alive"]]
    return tuple(Machine(found.get("CPU", 0.0), found.get("GPU", 0.0)) for found in alive)


def disconnect_from_ray() -> None:
    """Disconnect, and end a cluster that was started here."""
    # Imported here for the reason given in connect_to_ray.
    import ray
    from ray._private import worker

    # Were another thread to collect remains of its trials meanwhile, Ray would end the process
    # with status 1.
    gc.collect()
    if worker._global_node is not None:
        # Earns a second: Ray ends its monitor only after what that talks to, and waits for it.
        worker._global_node.kill_monitor(check_alive=False)
    ray.shutdown()


def _check_reachable(address: str) -> None:
    """Try the address for a few seconds; Ray itself would try for many minutes."""
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


MOST_BYTES = 22
"""Of the folder of temporary files: a socket's path may have 107, and Ray's are up to 85 longer."""


def _temporary_folder() -> Path:
    """Make a folder for Ray, with a short enough path.

    Raises:
        ClusterError: there is none that can be written.
    """
    default = tempfile.gettempdir()
    short = default if len(os.fsencode(default)) <= MOST_BYTES else "/tmp"
    try:
        return Path(tempfile.mkdtemp(prefix="charon-", dir=short))
    except OSError as error:
        raise ClusterError(
            f"Ray's temporary files cannot be written in {short} ({error.strerror or error}); set "
            f"TMPDIR to a folder that can be written and whose path has at most {MOST_BYTES} bytes."
        ) from error


class Starting:
    """Start Ray on this machine, or connect to a running cluster, in a thread.

    Ray's processes end with the thread that started them, so the thread stays until
    :meth:`stop` is called, at the latest when the program ends.
    """

    def __init__(
        self,
        address: str | None,
        log_file: Path,
        last_words: str = "",
        connect: Callable[[str | None, Path | None, Path, str], Cluster] = connect_to_ray,
        disconnect: Callable[[], None] = disconnect_from_ray,
    ) -> None:
        """Begin. Ray must have been imported, so that its own exit handlers run after this one.

        The address is a running cluster's, such as ``"10.0.0.1:6379"`` or ``"auto"``; None starts
        a new one. ``last_words`` are said where Ray is gone and the study does not come to its end.
        """
        self._address, self._log_file, self._last_words = address, log_file, last_words
        self._connect, self._disconnect = connect, disconnect
        self._cluster: Future[Cluster] = Future()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ray", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    def wait(self) -> Cluster:
        """Return the cluster once it is up.

        Raises:
            ClusterError: Ray does not start, or nothing answers at the address.
        """
        cluster = replace(self._cluster.result(), stop=self.stop)
        # Earns two seconds at the end, where Ray makes Python search all objects for garbage:
        # the half million of imported modules are left out.
        gc.freeze()
        return cluster

    def stop(self) -> None:
        """Disconnect; a cluster that was started here ends and its temporary folder is removed."""
        self._is_over.set()
        # A new cluster comes up or fails; a connection that never answers is not waited for.
        self._thread.join(None if self._address is None else REACH_SECONDS)

    def _run(self) -> None:
        temporary = None
        try:
            if self._address is None:
                temporary = _temporary_folder()
            cluster = self._connect(self._address, temporary, self._log_file, self._last_words)
        except BaseException as error:
            self._cluster.set_exception(error)
        else:
            self._cluster.set_result(cluster)
            self._is_over.wait()
            if cluster.watch is not None:
                cluster.watch.stop()
            # Where Ray is gone it could not answer; what is left of it ends with this thread.
            if cluster.watch is None or not cluster.watch.problem:
                self._disconnect()
        finally:
            for _ in range(10):  # Ray's dashboard may write there for a moment longer
                if temporary is None or not temporary.exists():
                    break
                shutil.rmtree(temporary, ignore_errors=True)
                time.sleep(0.1)
