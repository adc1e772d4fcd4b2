"""The paper regenerated: one page of every study that was run, with its claims judged.

Reads    every study's folder under --results (several folders for several data sets)
Writes   report.html, which opens without a network
Run      python analysis/report.py [--results DIR [DIR ...]] [--output FILE]
"""

import argparse
import sys
from pathlib import Path

from charon.errors import CharonError
from charon.files import write_text
from charon.report.paper.page import page
from charon.report.results import read_results


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, nargs="+", default=[Path("results")], metavar="DIR")
    parser.add_argument("--output", type=Path, default=None, metavar="FILE")
    given = parser.parse_args()
    folders = sorted(path.parent for root in given.results for path in root.glob("*/study.json"))
    try:
        studies = [read_results(folder) for folder in folders]
    except CharonError as error:
        sys.exit(f"error: {error}")
    if not studies:
        sys.exit(f"error: no study under {', '.join(map(str, given.results))}; run one first.")
    output = given.output or given.results[0] / "report.html"
    write_text(output, page(studies))
    print(f"{len(studies)} studies in {output}")


if __name__ == "__main__":
    main()
