"""What a person sees of an evaluation: progress on stderr while it runs, a table on stdout when it is done."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from trm_solve.errors import InputError
from trm_solve.evaluation.tally import Outcome, judged, middle, number, percent, placed
from trm_solve.talk import printable
from trm_solve.tasks.budget import in_words
from trm_solve.terminal import PlainConsole, bar_and_words, print_tsv, redraws

if TYPE_CHECKING:
    from rich.progress import Progress

    from trm_solve.evaluation.evaluation import Evaluation

PATIENCE = 1.0  # seconds before progress is shown
EVERY = 9.0  # seconds between plain lines where nothing can be redrawn: with a TICK, at least one every ten
TICK = 0.5  # seconds between looks
ENOUGH = 20  # answers from which on it is said how long the rest will take, or a quarter of all


def count_lines(path: Path) -> int:
    """Lines of a file, at the speed of the disk; 0 where it cannot be read."""
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b"")) + 1
    except OSError:
        return 0


class Meter:
    """Progress of an evaluation on stderr, measured in lines of input, or in `items` where these were counted.

    A context manager. It looks at `so_far` from a thread of its own: it has something to say while no puzzle ends too.
    """

    def __init__(
        self, files: Iterable[Path], so_far: Evaluation, *, items: int = 0, quiet: bool = False, silent: bool = False
    ) -> None:
        self._console = PlainConsole(stderr=True)
        self._quiet, self._silent, self._so_far = quiet, silent, so_far
        self._before: dict[str, int] = {}  # lines of all files before this one
        self._items, self._all, self._line = items, items, 0
        for file in () if items else files:
            self._before[str(file)] = self._all
            self._all += count_lines(file)
        self._heard = self._told = time.monotonic()
        self._bar: Progress | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Meter:
        if not self._quiet:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._bar is not None:
            self._bar.stop()

    def notice(self, news: Outcome | InputError) -> None:
        """Hear of an outcome or of what could not be read."""
        if isinstance(news, Outcome):
            file, _, line = news.source.rpartition(":")
            self._line = self._before.get(file, 0) + (int(line) if line.isdigit() else 0)
            self._heard = time.monotonic()
        elif not self._silent:
            self._console.print(f"error: {printable(news.message)}", soft_wrap=True)
            if news.hint:
                self._console.print(f"hint: {printable(news.hint)}", soft_wrap=True)

    def _watch(self) -> None:
        wait = PATIENCE
        while not self._ended.wait(wait):
            wait = TICK
            if redraws(self._console):
                self._redraw()
            elif time.monotonic() - self._told >= EVERY:
                self._told = time.monotonic()
                done, state = self.state()
                self._console.print(f"{100 * done:.0f} %: {state}", soft_wrap=True)

    def state(self) -> tuple[float, str]:
        """The part that is done, and where it stands in words, with the time left as soon as that can be said."""
        labelled, unlabelled = self._so_far.tally.all.puzzles, self._so_far.tally.unlabelled
        answered = labelled + unlabelled
        seconds = self._so_far.seconds + time.monotonic() - self._heard
        if not answered:
            return 0.0, f"no puzzle has ended yet, {in_words(seconds / 60)}"
        done = (answered + self._so_far.errors if self._items else self._line) / max(self._all, 1)
        state = f"{labelled - len(self._so_far.failures)} of {labelled} right" if labelled else f"{answered} answered"
        state += f", {answered / max(seconds, 1e-9):.3g} puzzles/s"
        if done and (answered >= ENOUGH or done >= 0.25):
            state += f", about {in_words(seconds / 60 * (1 - done) / done)} left"
        return min(done, 1.0), state

    def _redraw(self) -> None:
        done, state = self.state()
        words = f"{100 * done:.0f} %  {state}"
        self._bar = self._bar or bar_and_words(self._console, words)
        self._bar.update(self._bar.task_ids[0], completed=done, description=words)


def leaves(figures: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The figures of `eval --json` as (name, number or word), without histograms and those of parts.

    An inner name follows the outer one and a dot; the ends of an interval are `low` and `high`.
    """
    for name, value in figures.items():
        if name in ("runs", "bins") or name.endswith("_histogram") or name.startswith("by_"):
            continue
        if name.endswith("interval") and value is not None:
            value = dict(zip(("low", "high"), value, strict=True))
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", leaf) for inner, leaf in leaves(value))
        else:
            yield name, value


def print_table(figures: Mapping[str, Any]) -> None:
    """The figures of one evaluation on stdout: a table in words on a terminal, `name<TAB>number` lines elsewhere."""
    if not sys.stdout.isatty():
        print_tsv(leaves(figures))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows_of(figures):
        table.add_row(name, value)
    PlainConsole().print(table)


def print_comparison(runs: Sequence[Mapping[str, Any]]) -> None:
    """A line for each setting: a table in words on a terminal, numbers that are tab-separated elsewhere."""
    if not sys.stdout.isatty():
        lines = [{"max_steps": run["max_steps"]} | dict(leaves(run)) for run in runs]
        print_tsv([lines[0], *(line.values() for line in lines)])
        return
    table = Table(box=None, pad_edge=False)
    verdicts = [name for name, *_ in judged(runs[0])]
    for name in ("max steps", "exact accuracy", "95 %", *verdicts, "mean steps", "puzzles per second"):
        table.add_column(name, justify="right")
    for run in runs:
        table.add_row(
            str(run["max_steps"]),
            percent(run["exact_accuracy"]),
            "{:.1f} to {:.1f}".format(*(100 * end for end in run["exact_interval"])),
            *(f"{percent(share)} {interval(ends)}" for _, share, ends in judged(run)),
            number(run["mean_steps"], ".2f"),
            number(run["puzzles_per_second"], ".1f"),
        )
    PlainConsole().print(table)


def rows_of(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures in words."""
    puzzles = figures["puzzles"]
    rows = [("puzzles", f"{puzzles:,}")]
    if figures["unlabelled"]:
        rows.append(("without an answer", f"{figures['unlabelled']:,}"))
    if puzzles:
        rows += [
            ("exact accuracy", f"{percent(figures['exact_accuracy'])} {interval(figures['exact_interval'])}"),
            ("cell accuracy", percent(figures["cell_accuracy"])),
        ]
    if tasks := figures.get("tasks"):
        rows.append(("tasks", f"{tasks:,}"))
    rows += [(name, f"{percent(share)} {interval(ends)}") for name, share, ends in judged(figures)]
    if others := figures["other_solutions"]:
        rows.append(
            ("another solution", f"{others} answers that the rules accept differ from the label: these have several")
        )
    halting = figures["halting"]
    found = f"right in {percent(halting['precision'])} where it halts, recall {percent(halting['recall'])}"
    said = "halts nowhere" if halting["precision"] is None else found
    rows += [
        ("steps", middle(figures, "steps")),
        ("attempts", middle(figures, "attempts")),
        *([("halting head", f"{said}, calibration error {percent(halting['calibration_error'])}")] if puzzles else []),
        ("puzzles per second", number(figures["puzzles_per_second"], ".1f")),
        ("halt", f"{figures['halt']}, at most {figures['max_steps']} steps"),
        ("effort", f"{figures['effort']}, seed {figures['seed']}"),
        ("model", f"{figures['model']} on {figures['device']}, {figures['dtype']}"),
    ]
    if len(figures["by_rating"]) > 1:
        for band in figures["by_rating"]:
            end = "and more" if band["below"] is None else f"up to {band['below']:g}"
            rows.append((f"rating {band['from']:g} {end}", _part(band)))
    if 1 < len(figures["by_file"]) < (tasks or math.inf):  # not where each task has its file
        for file, row in figures["by_file"].items():
            rows.append((file, _part(row)))
    if figures["by_offset"]:
        rows.append(("placements", "each counts as a puzzle; the intervals above take them for independent"))
    for row in figures["by_offset"]:
        rows.append((placed(row), _part(row)))
    if figures["unreadable"]:
        rows.append(("not measured", f"{figures['unreadable']}, see the errors"))
    return rows


def _part(row: Mapping[str, Any]) -> str:
    """The figures of some of the puzzles in one line."""
    further = "".join(f", {name} {percent(each['share'])}" for name, each in row["verdicts"].items())
    return f"{'exact ' if further else ''}{percent(row['exact_accuracy'])} of {row['puzzles']:,}{further}"


def interval(ends: Sequence[float]) -> str:
    return f"(95 %: {100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
