"""The report: one self-contained page of everything that was run, beside the paper."""

import base64
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import NotRequired, TypedDict
from urllib.parse import quote

from charon.errors import CheckpointError
from charon.files import read_json, reading_from
from charon.plain import conform
from charon.report.cases import METHOD
from charon.report.names import number_text
from charon.report.paper.claims import CLAIMS, Judged, judge
from charon.report.paper.judgement import MARGIN, Row, faa_of, is_stale, rows_of
from charon.report.paper.published import why_not_comparable
from charon.report.results import Results, read_events
from charon.report.tables import interval_text, plus_minus
from charon.text import counted, duration

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 60rem; margin: 0 auto;
  padding: 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 2px solid #e4e7eb; }
table { border-collapse: collapse; font-size: .9rem; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #e4e7eb;
  vertical-align: top; } td.n { white-space: nowrap; }
.held, .within { color: #00664b; font-weight: 600; } .failed, .outside { color: #9c2314;
  font-weight: 600; } .undecided { color: #7a5200; } .quiet { color: #52606d; }
img { max-width: 100%; height: auto; } code { overflow-wrap: anywhere; }
@media print { details { display: none; } h2 { break-after: avoid; } img { max-height: 12cm; } }
"""

PICTURES = ("figure", "tasks", "matrices")


def page(studies: Sequence[Results]) -> str:
    """Return the page as HTML; studies are in the order given."""
    judged = [
        (results, judge(claim, results))
        for claim in CLAIMS
        for results in studies
        if results.study.name == claim.study
    ]
    rows = [rows_of(results) for results in studies]
    parts = [_head(studies), _claims(judged), _studies(studies, rows), _open(studies, judged, rows)]
    body = "\n".join(line for part in parts for line in part)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>CHARON, regenerated</title><style>{STYLE}</style></head>\n<body>\n{body}\n"
        "</body></html>\n"
    )


def _head(studies: Sequence[Results]) -> Iterator[str]:
    runs = sum(len(results.finished) for results in studies)
    hours = sum(float(results.trials["seconds"].sum()) for results in studies)
    yield "<h1>CHARON, regenerated</h1>"
    yield (
        f"<p>{len(studies)} {'study' if len(studies) == 1 else 'studies'}, "
        f"{counted(runs, 'finished run')}, {duration(hours)} of learning. Figures and tables of "
        "“Mask and Compress” (ICPR 2024), each with the runs that it rests on.</p>"
    )
    yield (
        "<p class=quiet>Means ± standard deviation with 95 % intervals (Student's t). A claim is "
        "<b>held</b> if all its paired contrasts are above zero (paired t-tests at 5 %), "
        "<b>failed</b> if one is below (at 5 % by Holm's correction), else <b>undecided</b>. A "
        f"published value is <b>within</b> ±{MARGIN:g} points by two one-sided tests at 5 %, "
        "<b>outside</b> if the 95 % interval lies beyond; it is taken as exact, though it is a "
        "mean of three runs. Of several class orders, each counts as one pair. A single run "
        "decides nothing.</p>"
    )


def _name(results: Results) -> str:
    return f"{results.study.name} on {results.study.data}"


def _claims(judged: Sequence[tuple[Results, Judged]]) -> Iterator[str]:
    yield "<h2 id=claims>The paper's claims</h2>"
    rows = []
    for claim in CLAIMS:
        verdicts = "<br>".join(
            f"{escape(r.study.data)}, {escape(r.study.scale)} scale: {_verdict(j)}"
            for r, j in judged
            if j.claim is claim
        )
        cells = [escape(claim.text), escape(claim.source), verdicts or "not run"]
        rows.append(_row(cells))
    yield _table(["claim", "where", "verdict"], rows)


def _verdict(judged: Judged) -> str:
    """Return a verdict with its weakest contrast, and what it would take."""
    word = f"<span class={judged.verdict.replace(' ', '-')}>{judged.verdict}</span>"
    if not judged.parts:
        return word
    run = {name: one for name, one in judged.parts.items() if one.apart.n}
    weakest, one = min(run.items(), key=lambda item: item[1].apart.mean)
    said = f"{escape(weakest)} {one.apart.mean:+.3g}"
    if one.apart.n > 1:
        said += f" ({one.apart.low:+.3g} to {one.apart.high:+.3g})"
    said += f", {counted(one.apart.n, 'pair')}"
    if judged.verdict == "undecided" and judged.needed:
        said += f"; about {judged.needed} pairs would decide"
    if missing := [name for name in judged.parts if name not in run]:
        said += f"; not run: {escape('; '.join(missing))}"
    return f"{word}, {said}"


def _studies(studies: Sequence[Results], rows_of_each: Sequence[list[Row]]) -> Iterator[str]:
    for results, rows in zip(studies, rows_of_each, strict=True):
        yield f"<h2 id={_anchor(results)}>{escape(_name(results))}</h2>"
        yield f"<p><b>{escape(results.study.question)}</b></p>"
        yield f"<p class=quiet>{_provenance(results)}</p>"
        if is_stale(results):
            yield "<p class=failed>Its figures are stale: its tables have changed since.</p>"
        if not rows:
            yield "<p>No run has finished.</p>"
            continue
        yield _case_table(results, rows)
        yield from _pictures(results)
        yield _runs(results)


def _provenance(results: Results) -> str:
    tags = results.tags
    devices = {
        event["tags"]["device"]
        for event in read_events(results.folder)
        if "device" in event.get("tags", {})
    }
    parts = [
        results.provenance,
        f"fingerprint {tags.get('fingerprint', 'unknown')}",
        f"commit {tags.get('mlflow.source.git.commit', 'unknown')}",
        f"device {', '.join(sorted(devices)) or 'unknown'}",
        f"{duration(float(results.trials['seconds'].sum()))} of learning",
    ]
    reason = why_not_comparable(results)
    text = escape(" · ".join(parts))
    if reason:
        text += f"<br>Not comparable with published values: {escape(reason)}."
    return f"{text}<br>MLflow: <code>charon ui {escape(str(results.folder))}</code>"


def _case_table(results: Results, rows: Sequence[Row]) -> str:
    has_published = any(row.published for row in rows)
    header = ["case", _faa_title(results), "95 % interval", "n", "seeds"]
    header += ["published", "verdict"] if has_published else []
    lines = []
    for row in rows:
        name = escape(row.case.name)
        link = _link(results, row)
        cells = [
            f'<a href="{escape(link)}">{name}</a>' if link else name,
            plus_minus(row.faa.mean, row.faa.std),
            interval_text(row.faa),
            str(row.faa.n),
            ", ".join(map(str, sorted(row.case.runs["seed"]))),
        ]
        if has_published:
            found = row.published
            cells.append(f"{found} ({escape(found.source)})" if found else "–")
            word = row.verdict.partition(" ")[0].rstrip(";")
            cells.append(f"<span class={word}>{escape(row.verdict)}</span>" if word else "–")
        lines.append(_row(cells))
    again = sum(row.recomputed for row in rows)
    total = sum(row.faa.n for row in rows)
    wrong = [name for row in rows for name in row.disagree]
    note = f"FAA of {again} of {counted(total, 'run')} recomputed from single predictions"
    note += f"; not as recorded: {', '.join(wrong)}" if wrong else ""
    return f"{_table(header, lines)}<p class=quiet>{escape(note)}.</p>"


def _faa_title(results: Results) -> str:
    """Name the FAA of a study's trials: a search's is on validation clips."""
    return "validation FAA %" if "val/faa" in results.trials else "FAA %"


class _SentState(TypedDict):
    """What is read of ``tracking.json``."""

    uri: str
    experiment_id: NotRequired[str]


def _link(results: Results, row: Row) -> str:
    """Return the address of a case's runs in MLflow, once `charon ui` serves it."""
    path = results.folder / "tracking.json"
    if not path.exists():
        return ""
    with reading_from(path, "move the file away", CheckpointError):
        state = conform(read_json(path), _SentState)
    fields = {n: v for n, v in row.case.values.items() if n != METHOD and v is not None}
    fields["learner"] = row.case.runs.iloc[0]["learner"]
    wanted = " and ".join(f"params.`{name}` = '{value}'" for name, value in fields.items())
    server = state["uri"] if state["uri"].startswith("http") else "http://127.0.0.1:5000"
    runs = f"/#/experiments/{state.get('experiment_id', '')}/runs"
    return f"{server}{runs}?workflowType=machine_learning&searchFilter={quote(wanted)}"


def _pictures(results: Results) -> Iterator[str]:
    own = [path for path in sorted(results.folder.glob("*.png")) if path.stem not in PICTURES]
    general = [results.folder / f"{name}.png" for name in PICTURES]
    for path in [*own, *general]:
        if path.exists():
            image = f"<img loading=lazy alt='{escape(path.stem)}' src='{_inlined(path)}'>"
            opened = path.stem != "matrices"
            yield (
                f"<p>{image}</p>"
                if opened
                else f"<details><summary>Accuracy matrices</summary><p>{image}</p></details>"
            )


def _inlined(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _runs(results: Results) -> str:
    """Return every run with its outcome and the command that repeats it."""
    commands = {
        event["trial"]: event["tags"].get("command", "")
        for event in read_events(results.folder)
        if event["kind"] == "trial"
    }
    lines = [
        _row(
            [
                escape(str(run["name"])),
                escape(str(run["status"])),
                number_text(faa_of(run), 2),
                f"<code>{escape(commands.get(str(run['trial_id']), ''))}</code>",
            ]
        )
        for run in results.trials.to_dict("records")
    ]
    table = _table(["run", "outcome", _faa_title(results), "repeat it"], lines)
    return f"<details><summary>{counted(len(lines), 'run')}</summary>{table}</details>"


def _open(
    studies: Sequence[Results],
    judged: Sequence[tuple[Results, Judged]],
    rows_of_each: Sequence[list[Row]],
) -> Iterator[str]:
    yield "<h2 id=open>What did not reproduce, and what failed</h2>"
    lines = []
    for results, one in judged:
        if one.verdict in ("failed", "undecided"):
            said = f"{escape(_name(results))}: {escape(one.claim.text)}: {_verdict(one)}"
            lines.append(f"<li>{said}</li>")
    for results, rows in zip(studies, rows_of_each, strict=True):
        for row in rows:
            if row.published and not row.verdict.startswith("within"):
                lines.append(
                    f"<li>{escape(_name(results))}: {escape(row.case.name)}: "
                    f"{row.faa.mean:.1f} against {row.published.mean}: {escape(row.verdict)}</li>"
                )
        counts = results.trials["status"].value_counts().drop("finished", errors="ignore")
        for status, number in counts.items():
            lines.append(
                f"<li>{escape(_name(results))}: {counted(int(number), 'run')} {status}</li>"
            )
    total = sum(len(results.trials) for results in studies)
    yield f"<ul>{''.join(lines)}</ul>" if lines else "<p>Nothing.</p>"
    yield f"<p>{counted(total, 'run')} in all.</p>"


def _anchor(results: Results) -> str:
    return quote(_name(results).replace(" ", "-"))


def _row(cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _table(header: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    return f"<div class=wide><table><tr>{head}</tr>{''.join(rows)}</table></div>"
