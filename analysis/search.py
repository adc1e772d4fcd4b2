"""The search: its winner, how it was selected, what it is worth, and every trial.

Reads    results/search/: study.json, trials.csv, curves.csv, selection.json,
         gap.json, gap.csv, confirm.json, confirm/trials.csv, importance.csv
Writes   README.md and pictures beside them, and prints the tables
Run      python analysis/search.py [--results DIR]
"""

from charon.report.command import show
from charon.report.search.page import describe

if __name__ == "__main__":
    show(describe, "search")
