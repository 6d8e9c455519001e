"""The page of `eval --report`: one HTML file that needs nothing else; its plots are SVG. Standard library only."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from trm_solve import __version__
from trm_solve.evaluation.tally import judged, middle, number, percent, placed
from trm_solve.render import figures
from trm_solve.render.figures import figure
from trm_solve.talk import printable


def page(
    report: Mapping[str, Any],
    settings: Mapping[str, Any] = MappingProxyType({}),
    command: str = "",
    pictures: Sequence[tuple[str, str]] = (),
) -> str:
    """The whole page for the object of `eval --json`. `pictures` of puzzles are captions and SVG."""
    runs = report.get("runs") or [report]
    title = f"{report['model']} on {report['puzzles'] + report['unlabelled']:,} {report['kind']} puzzles"
    parts = [_summary(report)]
    if len(runs) > 1:
        parts += ["<h2>By the number of steps</h2>", _runs(runs)]
    parts += ["<h2>How it went</h2>"]
    if len(runs) > 1:
        curve = [(run["max_steps"], run["exact_accuracy"], run["exact_interval"]) for run in runs]
        parts.append(figure("Exact accuracy by the number of steps", figures.curve(curve, "steps at most", EXACT)))
    elif report["halt"] != "never":
        curve = [(row["steps"], row["share"], row["interval"]) for row in report["by_steps"]]
        drawing = figures.curve(curve, "supervision steps", "right so far, %")
        parts.append(figure("Right answers by supervision steps", drawing))
    steps, tries = (_binned(report[f"{name}_histogram"]) for name in ("steps", "attempts"))
    parts += [
        figure("Puzzles by supervision steps", figures.bars(steps, "supervision steps", "puzzles")),
        figure("Puzzles by attempts", figures.bars(tries, "attempts", "puzzles")),
    ]
    caption = "Halting probability, and how often the answer was right"
    bins = [bin_ for bin_ in report["halting"]["bins"] if bin_["puzzles"]] if report["puzzles"] else []
    points = [(bin_["halt_probability"], bin_["right"], bin_["puzzles"]) for bin_ in bins]
    parts.append(figure(caption, figures.reliability(points, "halting probability", "right, %")))
    if report["by_rating"]:
        bands = [(f"{band['from']:g}", band["exact_accuracy"], band["exact_interval"]) for band in report["by_rating"]]
        parts += [
            figure("Exact accuracy by rating", figures.bars(bands, "rating, from", EXACT, share=True)),
            _table("rating from", [(f"{band['from']:g}", band) for band in report["by_rating"]]),
        ]
    if report["by_offset"]:
        rows = [(placed(row), row) for row in report["by_offset"]]
        parts += ["<h2>By the place on the canvas</h2>", _table("size and upper left corner", rows)]
    if report.get("by_task"):
        parts += ["<h2>By task</h2>", _tasks(report["by_task"])]
    parts += ["<h2>By file</h2>", _table("file", list(report["by_file"].items()))]
    if pictures:
        shown = "".join(figure(printable(caption), svg, "puzzle") for caption, svg in pictures)
        parts += ["<h2>Some puzzles</h2>", shown]
    parts += ["<h2>How it was measured</h2>", _methods(report, settings, command), _copies(runs)]
    return figures.page(printable(title), parts)


def _methods(report: Mapping[str, Any], settings: Mapping[str, Any], command: str) -> str:
    """A paragraph that says all that is needed to measure it again."""
    weights = settings.get("weights")
    said = [
        f"{report['puzzles']:,} {report['kind']} puzzles with known answers were given to the model {report['model']}"
        + (f" (SHA-256 of its weights {weights})" if weights else "")
        + f" by trm-solve {__version__}, on {report['device']} in {report['dtype']}, seed {report['seed']}, "
        f"on {datetime.now(UTC):%Y-%m-%d}.",
        f"Effort {report['effort']}, at most {report['max_steps']} supervision steps an attempt, halting by "
        f"{report['halt']}; {report['seconds']:.0f} seconds in all.",
        *(["It was interrupted: these are the puzzles until then."] if report.get("interrupted") else []),
        "Exact accuracy is the share of puzzles whose every cell is that of the answer; intervals: Wilson's, 95 %.",
    ]
    line = f"<pre>{_escape(command)}</pre>" if command else ""
    return f"<p>{_escape(' '.join(said))}</p>{line}"


def _copies(runs: Sequence[Mapping[str, Any]]) -> str:
    """The figures as tables to copy."""
    head = ["model", "puzzles", "max steps", "exact", "95 %"]
    rows = []
    for run in runs:
        if run["exact_accuracy"] is not None:
            low, high = (100 * end for end in run["exact_interval"])
            exact = f"{100 * run['exact_accuracy']:.1f}"
            rows.append(
                [str(run["model"]), str(run["puzzles"]), str(run["max_steps"]), exact, f"{low:.1f} to {high:.1f}"]
            )
    if not rows:
        return "<p>No labels: there is no accuracy to copy.</p>"
    markdown = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    plain = ["| " + " | ".join(row) + " |" for row in markdown]
    lines = [" & ".join(cell.translate(LATEX) for cell in row) + r" \\" for row in (head, *rows)]
    latex = [r"\begin{tabular}{lrrrr}", lines[0], r"\hline", *lines[1:], r"\end{tabular}"]
    blocks = [(name, "\n".join(map(_escape, text))) for name, text in (("Markdown", plain), ("LaTeX", latex))]
    return "".join(f"<details open><summary>{name}</summary><pre>{text}</pre></details>" for name, text in blocks)


LATEX = str.maketrans(
    {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {char: "\\" + char for char in "&%$#_{}"}
)


def _escape(text: str) -> str:
    return html.escape(printable(text))


EXACT = "exact accuracy, %"


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


def _binned(histogram: Mapping[str, int], most: int = 24) -> list[figures.Bar]:
    """At most so many bars of equal width, labelled by their first value."""
    values = sorted((int(value), count) for value, count in histogram.items())
    if not values:
        return []
    low, high = values[0][0], values[-1][0]
    width = -(-(high - low + 1) // most)
    bars = [0.0] * ((high - low) // width + 1)
    for value, count in values:
        bars[(value - low) // width] += count
    return [(str(low + i * width), count, None) for i, count in enumerate(bars)]
