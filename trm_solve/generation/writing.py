"""Puzzles to a CSV as they are made, and how far that has come, told on stderr."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from trm_solve.errors import ExitCode, TrmError
from trm_solve.files import AtomicFile, swallow_stdout, write
from trm_solve.generation.kernels import COMPILED
from trm_solve.terminal import PlainConsole, redraws

SLOW = 1.0  # seconds before progress is shown
EVERY = 10.0  # seconds between plain lines where nothing can be redrawn


class NotFoundError(TrmError):
    """No more puzzles of the wanted sort came up."""

    exit_code = ExitCode.UNSOLVED


def write_rows(
    header: str,
    rows: Callable[[Callable[[], None]], Iterator[str]],
    count: int,
    what: str,
    output: Path | None,
    *,
    quiet: bool,
) -> None:
    """Write `count` rows (and a header, if any) to stdout as they come or to a file that appears at the end.

    Where no more come up, a file holds what was found until then; an interrupt leaves none, as everywhere. `rows` is
    given what it should call every now and then; `what` are many of the puzzles, in a word.
    """
    file = None if output is None else AtomicFile(output)
    try:
        stream = file or sys.stdout
        write(stream, f"{header}\n" if header else "")
        with Counter(count, what, quiet=quiet) as counter:
            try:
                for row in itertools.islice(rows(counter.tick), min(count, sys.maxsize)):
                    write(stream, row + "\n")
                    counter.made += 1
            except NotFoundError:  # these are all that there are
                if file is not None and counter.made:
                    file.commit()
                raise
            if file is not None and counter.made:
                file.commit()
    except BrokenPipeError:  # whoever reads has enough
        swallow_stdout()
    finally:
        if file is not None:
            file.discard()


class Counter:
    """How many puzzles are made, shown on stderr while that takes long; a summary at the end. A context manager."""

    def __init__(self, count: int, what: str, *, quiet: bool) -> None:
        self.count, self.made = count, 0
        self._what, self._quiet = what, quiet
        self._console = PlainConsole(stderr=True)
        self._start = self._told = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Counter:
        if not COMPILED and not self._quiet:
            self._console.print("warning: numba is not installed, this runs some hundred times slower", soft_wrap=True)
            self._console.print("hint: pip install 'trm-solve[fast]'", markup=False, soft_wrap=True)
        return self

    def tick(self) -> None:
        """Show the state, if it is time to."""
        now = time.monotonic()
        if self._quiet or now - self._start < SLOW:
            return
        if redraws(self._console):
            self._redraw()
        elif now - self._told > EVERY:
            self._told = now
            self._console.print(f"{self.made} of {self.count} {self._what}, {self._rate()}", soft_wrap=True)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        if not self._quiet:
            seconds = time.monotonic() - self._start
            self._console.print(f"{self.made} {self._what} in {seconds:.1f} s ({self._rate()})")

    def _rate(self) -> str:
        return f"{60 * self.made / max(time.monotonic() - self._start, 1e-9):,.0f} a minute"

    def _redraw(self) -> None:
        if self._bar is None:
            columns = (BarColumn(30), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeElapsedColumn())
            self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True)
            self._bar.add_task("", total=self.count, rate="")
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=self.made, rate=self._rate())
