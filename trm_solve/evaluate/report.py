"""What a person sees of an evaluation: progress on stderr while it runs, a table on stdout when it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from trm_solve.errors import InputError
from trm_solve.evaluate.run import Evaluation
from trm_solve.evaluate.tally import Outcome

PATIENCE = 1.0  # seconds before progress is shown
EVERY = 10.0  # seconds between plain lines where nothing can be redrawn


def count_lines(path: Path) -> int:
    """Lines of a file, at the speed of the disk; 0 where it cannot be read."""
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) + 1
    except OSError:
        return 0


class Meter:
    """Progress of an evaluation on stderr, measured in lines of input. A context manager."""

    def __init__(self, files: Iterable[Path], *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._before: dict[str, int] = {}  # lines of all files before this one
        self._lines = 0
        for file in files:
            self._before[str(file)] = self._lines
            self._lines += count_lines(file)
        self._start = self._last = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def notice(self, news: Outcome | InputError, so_far: Evaluation) -> None:
        """Hear of an outcome or of what could not be read."""
        if isinstance(news, InputError):
            self._console.print(f"error: {news.message}", markup=False, soft_wrap=True)
            if news.hint:
                self._console.print(f"hint: {news.hint}", markup=False, soft_wrap=True)
            return
        if self._quiet or time.monotonic() - self._start < PATIENCE:
            return
        file, _, line = news.source.rpartition(":")
        done = self._before.get(file, 0) + (int(line) if line.isdigit() else 0)
        all_ = so_far.tally.all
        state = f"{all_.exact} of {all_.puzzles} right, {all_.puzzles / max(so_far.seconds, 1e-9):.1f} puzzles/s"
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._redraw(done, state)
        elif time.monotonic() - self._last > EVERY:
            self._last = time.monotonic()
            left = so_far.seconds * (self._lines - done) / max(done, 1)
            self._console.print(f"{100 * done / self._lines:.0f} %: {state}, {left:.0f} s left", soft_wrap=True)

    def _redraw(self, done: int, state: str) -> None:
        if self._bar is None:
            columns = (
                BarColumn(30),
                TextColumn("{task.percentage:.0f} %  {task.fields[state]}"),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.add_task("", total=self._lines, state=state)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, state=state)


def print_table(figures: Mapping[str, Any]) -> None:
    """The figures of one evaluation on stdout: a table on a terminal, `name<TAB>value` lines elsewhere."""
    rows = rows_of(figures)
    console = Console(highlight=False)
    if not console.is_terminal:
        for name, value in rows:
            sys.stdout.write(f"{name}\t{value}\n")
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)


def print_comparison(runs: Sequence[Mapping[str, Any]]) -> None:
    """A line for each setting: a table on a terminal, tab-separated elsewhere."""
    head = ("max steps", "exact accuracy", "95 %", "valid accuracy", "mean steps", "puzzles per second")
    lines = [
        (
            str(run["max_steps"]),
            percent(run["exact_accuracy"]),
            "{:.1f} to {:.1f}".format(*(100 * end for end in run["exact_interval"])),
            percent(run["valid_accuracy"]),
            f"{run['mean_steps']:.2f}",
            f"{run['puzzles_per_second']:.1f}",
        )
        for run in runs
    ]
    console = Console(highlight=False)
    if not console.is_terminal:
        for line in (head, *lines):
            sys.stdout.write("\t".join(line) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    for name in head:
        table.add_column(name, justify="right")
    for line in lines:
        table.add_row(*line)
    console.print(table)


def rows_of(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures in words."""
    puzzles = figures["puzzles"]
    rows = [
        ("puzzles", f"{puzzles:,}"),
        ("exact accuracy", f"{percent(figures['exact_accuracy'])} {interval(figures['exact_interval'])}"),
        ("cell accuracy", percent(figures["cell_accuracy"])),
    ]
    if figures["valid_accuracy"] is not None:
        rows.append(("valid accuracy", f"{percent(figures['valid_accuracy'])} {interval(figures['valid_interval'])}"))
    if others := figures["other_solutions"]:
        rows.append(("another solution", f"{others} valid answers differ from the label: these have several solutions"))
    halting = figures["halting"]
    said = (
        "halts nowhere" if halting["precision"] is None else f"right in {percent(halting['precision'])} where it halts"
    )
    rows += [
        ("steps", f"mean {figures['mean_steps']:.2f}, median {figures['median_steps']:g}"),
        ("attempts", f"mean {figures['mean_attempts']:.2f}, median {figures['median_attempts']:g}"),
        ("halting head", f"{said}, calibration error {percent(halting['calibration_error'])}"),
        ("puzzles per second", f"{figures['puzzles_per_second']:.1f}"),
        ("halt", f"{figures['halt']}, at most {figures['max_steps']} steps"),
        ("effort", f"{figures['effort']}, seed {figures['seed']}"),
        ("model", f"{figures['model']} on {figures['device']}, {figures['dtype']}"),
    ]
    if len(figures["by_rating"]) > 1:
        for band in figures["by_rating"]:
            name = f"rating {band['from']:g} up to {band['below']:g}"
            rows.append((name, f"{percent(band['exact_accuracy'])} of {band['puzzles']:,}"))
    if len(figures["by_file"]) > 1:
        for file, row in figures["by_file"].items():
            rows.append((file, f"{percent(row['exact_accuracy'])} of {row['puzzles']:,}"))
    if figures["unreadable"]:
        rows.append(("not measured", f"{figures['unreadable']} lines without a puzzle or an answer"))
    return rows


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


def interval(ends: tuple[float, float]) -> str:
    return f"(95 %: {100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
