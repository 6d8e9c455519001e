"""The page of `eval --report`: one HTML file that needs nothing else; its plots are SVG. Standard library only."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trm_solve.evaluation.tally import judged, middle, number, percent, placed
from trm_solve.talk import printable

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 460, 240, 44, 34, 10  # pixels of a plot and its margins
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .8rem; text-align: right }
th { border-bottom: 1px solid #888 } td:first-child, th:first-child { text-align: left }
figure { display: inline-block; margin: 0 1rem 1rem 0 } figcaption { font-weight: 600 }
svg text { font: 11px system-ui, sans-serif; fill: currentColor } .bar { fill: #4477aa } .point { fill: #aa3377 }
.axis { stroke: currentColor; fill: none } .guide { stroke: #999; stroke-dasharray: 4 3; fill: none }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd } }
"""


def page(report: Mapping[str, Any]) -> str:
    """The whole page for the object of `eval --json`."""
    runs = report.get("runs") or [report]
    title = f"{report['model']} on {report['puzzles'] + report['unlabelled']:,} {report['kind']} puzzles"
    parts = [f"<h1>{_escape(title)}</h1>", _summary(report)]
    if len(runs) > 1:
        parts += ["<h2>By the number of steps</h2>", _runs(runs)]
    parts += [
        "<h2>How it went</h2>",
        _plot("Puzzles by supervision steps", _bars(_binned(report["steps_histogram"]), share=False)),
        _plot("Puzzles by attempts", _bars(_binned(report["attempts_histogram"]), share=False)),
        _plot("Halting probability, and how often the answer was right", _reliability(report["halting"]["bins"])),
    ]
    if report["by_rating"]:
        bands = [(f"{band['from']:g}", band["exact_accuracy"]) for band in report["by_rating"]]
        parts += [
            _plot("Exact accuracy by rating, from", _bars(bands, share=True)),
            _table("rating from", [(f"{band['from']:g}", band) for band in report["by_rating"]]),
        ]
    if report["by_offset"]:
        rows = [(placed(row), row) for row in report["by_offset"]]
        parts += ["<h2>By the place on the canvas</h2>", _table("size and upper left corner", rows)]
    if report.get("by_task"):
        parts += ["<h2>By task</h2>", _tasks(report["by_task"])]
    parts += ["<h2>By file</h2>", _table("file", list(report["by_file"].items()))]
    head = f"<meta charset=utf-8><title>{_escape(title)}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _escape(text: str) -> str:
    return html.escape(printable(text))


def _summary(report: Mapping[str, Any]) -> str:
    rows = [
        ("exact accuracy", _sure(report["exact_accuracy"], report["exact_interval"])),
        ("cell accuracy", percent(report["cell_accuracy"])),
        *((name, _sure(share, ends)) for name, share, ends in judged(report)),
        ("accepted, but not the label", f"{report['other_solutions']:,}"),
        ("steps", middle(report, "steps")),
        ("attempts", middle(report, "attempts")),
        ("precision of the halting head", percent(report["halting"]["precision"])),
        ("its recall", percent(report["halting"]["recall"])),
        ("its calibration error", percent(report["halting"]["calibration_error"])),
        ("puzzles per second", number(report["puzzles_per_second"], ".1f")),
        ("settings", f"halt {report['halt']}, at most {report['max_steps']} steps, effort {report['effort']}, "
         f"seed {report['seed']}, {report['device']}, {report['dtype']}"),
    ]  # fmt: skip
    cells = "".join(f"<tr><td>{_escape(name)}<td>{_escape(value)}" for name, value in rows)
    return f"<table>{cells}</table>"


def _runs(runs: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{run['max_steps']}<td>{percent(run['exact_accuracy'])}"
        f"{_cells(run)}<td>{number(run['mean_steps'], '.2f')}<td>{number(run['puzzles_per_second'], '.1f')}"
        for run in runs
    )
    return f"<table><tr><th>max steps<th>exact{_heads(runs[0])}<th>mean steps<th>puzzles/s{rows}</table>"


def _table(name: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    cells = "".join(
        f"<tr><td>{_escape(label)}<td>{row['puzzles']:,}<td>{percent(row['exact_accuracy'])}"
        f"<td>{percent(row['exact_interval'][0])} to {percent(row['exact_interval'][1])}{_cells(row)}"
        for label, row in rows
    )
    further = _heads(rows[0][1]) if rows else ""
    return f"<table><tr><th>{name}<th>puzzles<th>exact<th>95 %{further}{cells}</table>"


def _tasks(rows: Sequence[Mapping[str, Any]]) -> str:
    """What came of each test input of each task, one below the other."""

    def lines(values: Iterable[str]) -> str:
        return "<td>" + "<br>".join(values)

    cells = "".join(
        f"<tr><td>{_escape(row['task'])}<td>{row['inputs']}"
        + lines(("-" if rank is None else str(rank)) if row["labelled"] else "?" for rank in row["ranks"])
        + lines(f"{votes} of {all_}" for votes, all_ in zip(row["votes"], row["attempts"], strict=True))
        + lines(map(percent, row["confidence"]))
        + f"<td>{row['minutes']:.2f}"
        for row in rows
    )
    head = "<th>task<th>inputs<th>rank of the answer<th>votes for the first<th>confidence<th>minutes"
    return f"<table><tr>{head}{cells}</table>"


def _heads(row: Mapping[str, Any]) -> str:
    return "".join(f"<th>{_escape(name)} (95 %)" for name, *_ in judged(row))


def _cells(row: Mapping[str, Any]) -> str:
    return "".join(f"<td>{_sure(share, ends)}" for _, share, ends in judged(row))


def _sure(share: float | None, interval: Sequence[float]) -> str:
    return "-" if share is None else "{} ({} to {})".format(*map(percent, (share, *interval)))


def _binned(histogram: Mapping[str, int], most: int = 24) -> list[tuple[str, float]]:
    """At most so many bars of equal width, labelled by their first value."""
    values = sorted((int(value), count) for value, count in histogram.items())
    if not values:
        return []
    low, high = values[0][0], values[-1][0]
    width = -(-(high - low + 1) // most)
    bars = [0.0] * ((high - low) // width + 1)
    for value, count in values:
        bars[(value - low) // width] += count
    return [(str(low + i * width), count) for i, count in enumerate(bars)]


def _plot(caption: str, drawing: str) -> str:
    frame = f'<path class=axis d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - 4}"/>'
    box = f'<svg width={WIDTH} height={HEIGHT} viewBox="0 0 {WIDTH} {HEIGHT}" role=img>{drawing}{frame}</svg>'
    return f"<figure><figcaption>{_escape(caption)}</figcaption>{box}</figure>"


def _y(value: float, top: float) -> float:
    """Pixels from the top for a value on an axis from 0 to `top`."""
    return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)


def _scale(top: float, share: bool) -> str:
    marks = ((0.0, "0"), (top, "100 %" if share else f"{top:g}"))
    return "".join(f"<text x={LEFT - 6} y={_y(at, top) + 4:.1f} text-anchor=end>{text}</text>" for at, text in marks)


def _bars(bars: Sequence[tuple[str, float | None]], *, share: bool) -> str:
    top = 1.0 if share else max((value or 0 for _, value in bars), default=1) or 1
    step = (WIDTH - LEFT - 8) / max(len(bars), 1)
    drawn = [_scale(top, share)]
    for i, (label, value) in enumerate(bars):
        x, y = LEFT + 4 + i * step, _y(value or 0, top)
        height = HEIGHT - BOTTOM - y
        shown = f"{label}: " + (percent(value) if share else f"{value:g}")
        place = f"x={x:.1f} y={y:.1f} width={step * 0.85:.1f} height={height:.1f}"
        drawn.append(f"<rect class=bar {place}><title>{shown}</title></rect>")
        if i % (len(bars) // 12 + 1) == 0:
            drawn.append(f"<text x={x + step * 0.42:.1f} y={HEIGHT - BOTTOM + 16} text-anchor=middle>{label}</text>")
    return "".join(drawn)


def _reliability(bins: Sequence[Mapping[str, Any]]) -> str:
    """Points of what the head said against what was true; on the diagonal it can be taken at its word."""
    span = WIDTH - LEFT - 8
    drawn = [_scale(1.0, share=True), f'<path class=guide d="M{LEFT} {_y(0, 1)}L{LEFT + span} {_y(1, 1)}"/>']
    most = max((bin_["puzzles"] for bin_ in bins), default=1) or 1
    for bin_ in bins:
        if bin_["puzzles"]:
            x, y = LEFT + span * bin_["halt_probability"], _y(bin_["right"], 1)
            title = f"said {percent(bin_['halt_probability'])}, right {percent(bin_['right'])} of {bin_['puzzles']:,}"
            radius = 2 + 6 * (bin_["puzzles"] / most) ** 0.5
            drawn.append(f"<circle class=point cx={x:.1f} cy={y:.1f} r={radius:.1f}><title>{title}</title></circle>")
    for share in (0, 0.5, 1):
        drawn.append(f"<text x={LEFT + span * share:.0f} y={HEIGHT - BOTTOM + 16} text-anchor=middle>{share:g}</text>")
    return "".join(drawn)
