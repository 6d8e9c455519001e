"""What a person sees of a training run, on stderr: a live line, validations as they come, a table at the end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from trm_solve.talk import printable
from trm_solve.terminal import PlainConsole, redraws

EVERY = 30.0  # seconds between two plain lines where nothing can be redrawn
Line = dict[str, Any]  # of metrics.jsonl


class View:
    """Progress of one run on a console (stderr by default); plain lines where it is not a live terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or PlainConsole(stderr=True)
        self._shown = -EVERY
        self._bar: Progress | None = None
        self._line: Line | None = None  # the last of metrics
        self._validating: TaskID | None = None

    def quiet(self) -> None:
        """Say nothing: for the processes that do not lead."""
        self.console = PlainConsole(quiet=True)

    def message(self, text: str) -> None:
        for line in text.splitlines():  # curves in characters have several
            self.console.print(printable(line), highlight=False, markup=False, soft_wrap=True)

    def start(self, summary: str, *, endless: bool) -> None:
        """A line of what is trained on what; `endless` where the run has no horizon."""
        self.message(summary)
        if redraws(self.console) and not self.console.quiet:
            columns = [BarColumn(16), TimeRemainingColumn(compact=True), TextColumn("{task.description}", markup=False)]
            self._bar = Progress(*columns, console=self.console, transient=True)
            self._bar.add_task("starting", total=None if endless else 1.0)
            self._bar.start()

    def stop(self) -> None:
        """End the live line, whatever happened."""
        if self._bar:
            self._bar.stop()
            self._bar = None

    def step(self, step: int, rate: float, progress: float) -> None:
        """Where it stands between two lines of metrics: `rate` in samples a second, since this session began."""
        words = f"step {step:,}  {rate:.3g} samples/s"
        if self._line is not None:
            words = describe(self._line | {"step": step, "progress": progress})
        self._show(words, progress, first=self._line is None and self._shown < 0)

    def metrics(self, line: Line) -> None:
        first, self._line = self._line is None, line
        self._show(describe(line), line["progress"], first=first)

    def _show(self, words: str, progress: float, *, first: bool) -> None:
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=progress, description=words)
        elif first or time.monotonic() - self._shown >= EVERY:
            self._shown = time.monotonic()
            self.message(words)

    def validating(self, done: int, puzzles: int) -> None:
        """How far a validation has come: a bar of its own."""
        words = f"validating: {done:,} of {puzzles:,} puzzles"
        if self._bar is None:
            if 0 < done < puzzles and time.monotonic() - self._shown >= EVERY:
                self._shown = time.monotonic()
                self.message(words)
            return
        if self._validating is None:
            self._validating = self._bar.add_task(words, total=puzzles)
        self._bar.update(self._validating, completed=done, description=words)
        if done == puzzles:
            self._bar.remove_task(self._validating)
            self._validating = None

    def validation(self, line: Line) -> None:
        parts = [f"{Path(name).stem} {percent(found['exact_accuracy'])}" for name, found in line["valid"].items()]
        best = "  best so far" if line["best"] else ""
        self.message(f"step {line['step']:,}  validation, exact: {', '.join(parts)}{best}")

    def finish(self, ended: str, lines: list[Line], folder: Path, plot: str) -> None:
        """The summary table; `plot` is the curve in characters, or where its picture lies."""
        self.stop()
        self.console.print(summary_table(ended, lines, folder))
        self.message(plot)
        if ended == "interrupted":
            self.message(f"interrupted, and saved: trm-solve train --resume --out {folder} goes on")
        else:
            best = folder / ("best" if (folder / "best").exists() else "last")
            self.message(f"use it: trm-solve solve PUZZLE --model {best}")


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def describe(line: Line) -> str:
    """A line of metrics in words."""
    steps = "-" if line["mean_steps"] is None else f"{line['mean_steps']:.1f}"
    on_halting = f"exact {percent(line['exact_accuracy'])}  cells {percent(line['accuracy'])}  steps {steps}"
    rate = f"{line['samples_per_second']:.0f} samples/s"
    done = f"  {100 * line['progress']:.0f} %" if line["progress"] else ""
    return f"step {line['step']:,}  loss {line['loss']:.4f}  {on_halting}  {rate}{done}"


def summary_table(ended: str, lines: list[Line], folder: Path) -> Table:
    """What the run came to: its length, its last losses, and each validation set's last and best."""
    table = Table(title=Text(f"{printable(folder)}: {ended}"), title_justify="left", show_header=False)
    training = [line for line in lines if "loss" in line]
    validation = [line for line in lines if "valid" in line]
    if training:
        last = training[-1]
        table.add_row("steps", f"{last['step']:,}")
        table.add_row("time", f"{last['seconds'] / 60:.1f} minutes")
        table.add_row("loss", f"{last['loss']:.4f}")
        table.add_row("on halting", f"exact {percent(last['exact_accuracy'])}, cells {percent(last['accuracy'])}")
        table.add_row("speed", f"{last['samples_per_second']:.0f} samples/s")
    for name, found in validation[-1]["valid"].items() if validation else ():
        best = next(line for line in reversed(validation) if line["best"])
        at_best = f"; best, step {best['step']:,}: {percent(best['valid'].get(name, found)['exact_accuracy'])}"
        table.add_row(Text(f"exact, {printable(Path(name).stem)}"), percent(found["exact_accuracy"]) + at_best)
    return table
