"""Watch over Ray while a study runs, so that a study whose Ray is gone ends instead of waiting.

Ray waits for what does not come back: trials whose node is gone are pending for ever. Without its
head (the GCS), its calls are silent for a minute and then end the process.
"""

import atexit
import gc
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

LOOK_SECONDS = 1.0
"""Between two looks."""

PATIENCE_SECONDS = 8.0
"""How long what may come back may be missing."""

Missing = tuple[str, float]
"""What is missing, in a sentence, and for how many seconds it may be."""

ENDING_SECONDS = 30.0
"""How long the study may take to end by itself afterwards: calls of Ray may never return."""

INTERRUPTED_STATUS = 130
"""Of a process that was interrupted."""


class ClusterGone(KeyboardInterrupt):
    """Ray, or the last node for a trial, is gone: as good as an interruption."""


class Watch:
    """Looks at Ray from a thread.

    Once something is gone for good, calls of Ray may never return. The garbage collector, which
    makes some, is switched off then, and the process ends without Ray's own exit handlers.

    Attributes:
        problem: a sentence once something is gone for good; empty until then.
        trial: the CPUs and GPUs that one trial takes; as long as they are not known, none.
    """

    def __init__(
        self,
        look: Callable[[float, float], Missing | None],
        last_words: str,
        *,
        ending: float = ENDING_SECONDS,
        exit: Callable[[int], None] = os._exit,
    ) -> None:
        """Begin. ``look`` returns what is missing now for a trial of this many CPUs and GPUs.

        If the process is still there ``ending`` seconds after something is gone, it says its
        ``last_words`` and exits: what it has written until then, it goes on from.
        """
        self.problem, self.trial = "", (0.0, 0.0)
        self._look, self._last_words = look, last_words
        self._ending, self._exit = ending, exit
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ray-watch", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise ClusterGone if something is gone for good."""
        if self.problem:
            raise ClusterGone(self.problem)

    def stop(self) -> None:
        """Look no more: Ray is about to be left."""
        self._is_over.set()
        if not self.problem:
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        missing_since = None
        while not self._is_over.wait(LOOK_SECONDS):
            missing = self._look(*self.trial)
            if missing is None:
                missing_since = None
                continue
            (sentence, patience), now = missing, time.monotonic()
            missing_since = missing_since or now
            if now - missing_since >= patience:
                gc.disable()
                atexit.register(self._leave)
                self.problem = sentence
                break
        if self.problem:
            time.sleep(self._ending)
            print(f"{self.problem} {self._last_words}", file=sys.stderr)
            self._leave()

    def _leave(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        self._exit(INTERRUPTED_STATUS)


def look_at_ray() -> Callable[[float, float], Missing | None]:
    """Return what looks at the cluster to which this process is connected now."""
    # Imported here because a refused study or a dry run never needs Ray.
    import ray

    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    head, here = (host, int(port)), context.get_node_id()

    def look(cpus: float, gpus: float) -> Missing | None:
        # Asked first, for without the head the next question is never answered.
        try:
            socket.create_connection(head, timeout=2.0).close()
        except OSError as error:
            reason = error.strerror or error
            return f"Ray's head at {context.gcs_address} is gone ({reason}).", PATIENCE_SECONDS
        try:
            nodes = [node for node in ray.nodes() if node["Alive"]]
        except Exception:  # the head has gone in between, or Ray is being left
            return None
        if not any(node["NodeID"] == here for node in nodes):
            # Ray took 15 s to be sure of it; one that is started again is another node.
            return "The Ray node on which the study runs is gone.", 0.0
        resources = [node["Resources"] for node in nodes]
        if not any(r.get("CPU", 0) >= cpus and r.get("GPU", 0) >= gpus for r in resources):
            return "The last Ray node that had room for a trial is gone.", PATIENCE_SECONDS
        return None

    return look
