"""How well are the clips of a memory rebuilt?

Question   Error of rebuilding against s, for each codec and storage of the memory; thinned clips
           between the true frame positions (linear) and as the released code resizes (late by
           (s-1)/2 frames).
Paper      CHARON (ICPR 2024), supplement, Fig. A.
Measured   on the test clips, their bodies that are present; nothing is learned.
Run        python studies/interpolation_error.py [--data PATH] [--frames N]
Read       python analysis/interpolation_error.py
"""

import argparse
from pathlib import Path

from charon.benchmark.rebuild_error import rebuild_errors
from charon.data.cache.archive import default_cache_dir
from charon.data.prepare import from_anywhere, prepare
from charon.data.settings import DataSettings
from charon.files import write_json
from charon.training.tasks import Tasks, union


def main() -> None:
    """Measure every codec at every interval, and leave the errors as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=from_anywhere, default="standin", metavar="PATH")
    parser.add_argument("--benchmark", default="auto", metavar="NAME")
    parser.add_argument("--frames", type=int, default=120, help="of a clip")
    parser.add_argument("--clips", type=int, default=1000, help="at most so many are measured")
    parser.add_argument("--cache", type=Path, default=default_cache_dir(), metavar="DIR")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR")
    given = parser.parse_args()
    settings = DataSettings(given.data, benchmark=given.benchmark, num_frames=given.frames)
    archive = prepare(given.data, given.cache, reading=settings.reading)
    tasks = Tasks(archive, settings, seed=0)
    clips = tasks.load(union(tasks.tasks).test[: given.clips], "test")
    content = {
        "data": archive.description.name,
        "is_standin": archive.description.is_standin,
        "protocol": tasks.protocol,
        "fingerprint": archive.fingerprint,
        "clips": len(clips),
        "frames": given.frames,
        "rows": list(rebuild_errors(clips.x, clips.present)),
    }
    folder = given.results / "interpolation_error"
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "interpolation_error.json", content)
    print(f"Written to {folder}; the figure: python analysis/interpolation_error.py")


if __name__ == "__main__":
    main()
