"""Tables as text, Markdown and LaTeX."""

from charon.report.tables import (
    latex_table,
    markdown_table,
    plus_minus,
    text_table,
)


def test_a_single_run_has_no_spread():
    assert plus_minus(50.0, 1.0) == "50.0 ± 1.0"
    assert plus_minus(50.0, float("nan")) == "50.0"
    assert plus_minus(float("nan"), 1.0) == "–"


def test_a_text_table_lines_its_columns_up():
    assert text_table(["a", "bb"], [["ccc", "1"]]) == "a    bb\n───  ──\nccc   1"


def test_a_markdown_table_has_its_rule():
    assert markdown_table(["a"], [["1"]]) == "| a |\n| --- |\n| 1 |"


def test_a_latex_table_escapes_and_sets_symbols():
    text = latex_table(["masking ratio η", "FAA %"], [["0.3", "50.0 ± 1.0"], ["–", "a_b"]])
    assert r"masking ratio $\eta$ & FAA \%" in text
    assert r"50.0 $\pm$ 1.0" in text
    assert r"a\_b" in text
    assert r"\bottomrule" in text
