"""What listens where while a study runs: Ray as a study starts it, with a process for a trial.

Run    python tests/faults/listening.py            (Linux)
Says   for each port the process, the address, and whether other machines can reach it; then who may
       read Ray's token.
"""

import os
import stat
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))


def listeners():
    """Return the address and port of each socket that listens, by its inode."""
    found = {}
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{family}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A":
                address, port = words[1].split(":")
                found[words[9]] = readable(address), int(port, 16)
    return found


def readable(address):
    """Return an address of /proc/net in words of a reader."""
    if not address.strip("0"):
        return "all interfaces"
    if len(address) == 8:
        return ".".join(str(byte) for byte in bytes.fromhex(address)[::-1])
    return "::1" if address.endswith("01000000") else address


def below(ancestor):
    """Return the processes that a process has started, and that these have, with itself."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:
            continue
        parents[int(folder.name)] = int(text.rpartition(")")[2].split()[1])
    found, before = {ancestor}, 0
    while len(found) > before:
        before = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found


def rows(ancestor):
    """Return process, address and port of all that listens below a process."""
    sockets, found = listeners(), []
    for process in sorted(below(ancestor)):
        folder = Path(f"/proc/{process}")
        try:
            links = [str(link.readlink()) for link in (folder / "fd").iterdir()]
            words = (folder / "cmdline").read_text().split("\0")
        except OSError:
            continue
        program = next((w for w in words if "/ray/" in w or w.startswith("ray::")), words[0])
        name = "the study" if process == ancestor else Path(program).name
        for link in sorted(links):
            if link.startswith("socket:[") and link[8:-1] in sockets:
                found.append((name, *sockets[link[8:-1]]))
    return sorted(set(found))


def main():
    from charon.tuning.cluster.cluster import log_to, prepare_environment

    prepare_environment()
    log = Path(tempfile.mkdtemp()) / "driver.log"
    log_to(log)
    import ray

    from charon.tuning.cluster.startup import Starting

    starting = Starting(None, log)
    starting.wait()
    ray.get(ray.remote(lambda: None).remote())
    time.sleep(5)  # until Ray's agents listen, too
    print("| process | listens on | port | reached from other machines |\n|---|---|---|---|")
    for name, address, port in rows(os.getpid()):
        reached = "no" if address in ("127.0.0.1", "::1") else "yes"
        print(f"| {name} | {address} | {port} | {reached} |")
    print("\nRay's token is asked for:", os.environ.get("RAY_AUTH_MODE") == "token")
    token = Path.home() / ".ray" / "auth_token"
    if token.exists():
        print("its file may be read by:", stat.filemode(token.stat().st_mode))
    starting.stop()


if __name__ == "__main__":
    main()
