"""The gallery: every study's figure drawn again from its tables, on one page.

Reads    the folder of every study of studies/ under --results, whose analyses are run
Writes   a picture of each study into --output, and gallery.md beside that folder
Run      python analysis/gallery.py [--results DIR] [--output DIR]
"""

import argparse
import subprocess
import sys
from pathlib import Path

from charon.errors import CharonError
from charon.files import read_json, write_text
from charon.report.command import analysis_of
from charon.report.results import read_results
from charon.text import counted, duration

HERE = Path(__file__).parent
STUDIES = HERE.parent / "studies"
SHOWN = ("{name}", "confirm", "figure")
"""Names of a study's pictures: the first that there is stands in the gallery."""


def draw(folder: Path) -> Path | None:
    """Run a study's analysis, its own or the general one; return the picture that it is known by.

    Raises:
        CharonError: the analysis fails.
    """
    is_search = (folder / "selection.json").exists()
    command = analysis_of(STUDIES / f"{folder.name}.py", is_search=is_search)
    of = folder.parent if folder.name == "interpolation_error" else folder
    done = subprocess.run(
        [sys.executable, *command, "--results", str(of)], capture_output=True, text=True
    )
    if done.returncode:
        raise CharonError(f"{folder}: {done.stderr.strip().removeprefix('error: ')}")
    pictures = [folder / f"{name.format(name=folder.name)}.png" for name in SHOWN]
    return next((path for path in pictures if path.exists()), None)


def entry(folder: Path, picture: str) -> str:
    """Return a study's part of the page: its question, runs, picture and command."""
    command = f"`python studies/{folder.name}.py`"
    if not (folder / "study.json").exists():
        content = read_json(folder / "interpolation_error.json")
        clips = counted(content["clips"], "clip")
        return f"## {folder.name}\n\n{content['data']}, {clips}: {command}\n\n![]({picture})"
    results = read_results(folder)
    seconds = float(results.trials["seconds"].sum())
    about = f"{results.provenance} · {duration(seconds)} of learning: {command}"
    return f"## {results.study.question}\n\n{about}\n\n![{folder.name}]({picture})"


def main() -> None:
    """Draw every study, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="DIR")
    parser.add_argument("--output", type=Path, default=HERE / "pictures" / "gallery", metavar="DIR")
    given = parser.parse_args()
    described = [*given.results.glob("*/study.json"), *given.results.glob("*/*_error.json")]
    folders = sorted(p.parent for p in described if (STUDIES / f"{p.parent.name}.py").exists())
    if not folders:
        sys.exit(f"error: no study under {given.results}; run one first.")
    given.output.mkdir(parents=True, exist_ok=True)
    entries = []
    for folder in folders:
        try:
            picture = draw(folder)
            if picture is None:
                print(f"{folder.name}: no run has finished, so there is no picture")
                continue
            (given.output / f"{folder.name}.png").write_bytes(picture.read_bytes())
            entries.append(entry(folder, f"{given.output.name}/{folder.name}.png"))
        except CharonError as error:
            sys.exit(f"error: {error}")
    page = given.output.parent / "gallery.md"
    write_text(page, "\n\n".join(["# Every study's figure", *entries]) + "\n")
    print(f"{counted(len(entries), 'figure')} in {page}")


if __name__ == "__main__":
    main()
