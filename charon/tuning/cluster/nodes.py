"""Wait until a cluster has all its machines: ``python -m charon.tuning.cluster.nodes HOST:PORT N``.

A study counts the machines when it begins, so a batch job waits for those that are still to join.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

WAIT_SECONDS = 600.0
"""After which a job without all its machines gives up."""


def wait_for_nodes(
    nodes: Callable[[], Sequence[Mapping[str, Any]]],
    number: int,
    seconds: float = WAIT_SECONDS,
    pause: float = 1.0,
) -> int:
    """Return how many machines are alive: ``number`` of them, or fewer when the time is over.

    ``nodes`` returns Ray's description of them.
    """
    end = time.monotonic() + seconds
    while True:
        alive = sum(bool(node["Alive"]) for node in nodes())
        if alive >= number or time.monotonic() >= end:
            return alive
        time.sleep(pause)


def main() -> None:
    """Connect, wait, and end with status 1 if machines are missing."""
    from charon.tuning.cluster.cluster import prepare_environment
    from charon.tuning.cluster.startup import send_token

    address, number = sys.argv[1], int(sys.argv[2])
    prepare_environment()
    # Imported here because it reads the environment.
    import ray

    send_token()
    end = time.monotonic() + WAIT_SECONDS
    while not ray.is_initialized():
        try:
            ray.init(address=address, log_to_driver=False, configure_logging=False)
        except (ConnectionError, RuntimeError, ValueError, OSError):
            if time.monotonic() >= end:
                sys.exit(f"error: Ray does not answer at {address}.")
            time.sleep(1.0)
    alive = wait_for_nodes(ray.nodes, number)
    ray.shutdown()
    if alive < number:
        sys.exit(f"error: only {alive} of {number} machines joined Ray at {address}.")


if __name__ == "__main__":
    main()
