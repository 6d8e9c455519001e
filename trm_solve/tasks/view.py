"""What a person sees of an adaptation, on stderr: a bar with the time left on a terminal, else a line now and then."""

from __future__ import annotations

import time

from rich.progress import BarColumn, Progress, TextColumn

from trm_solve.talk import printable, say
from trm_solve.tasks.progress import Progress as Stand
from trm_solve.terminal import PlainConsole, redraws

EVERY = 10.0  # seconds between plain lines


class AdaptView:
    """Hears of an adaptation's progress. A context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = PlainConsole(stderr=True)
        self._quiet = quiet
        self._last = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> AdaptView:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def say(self, text: str) -> None:
        if not self._quiet:
            self.clear()
            say(text)

    def clear(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def notice(self, stand: Stand) -> None:
        if self._quiet:
            return
        part = f"without a pair, fit {stand.fold} of {stand.folds}" if stand.fold else "all pairs"
        exact = "" if stand.exact is None else f", {100 * stand.exact:.0f} % of the examples right"
        left = f"{int(max(stand.left, 0)) // 60}:{int(max(stand.left, 0)) % 60:02d} left"
        text = f"adapting to {stand.task}: {part}{exact}, {left}"
        if not redraws(self._console):
            if time.monotonic() - self._last > EVERY:
                self._last = time.monotonic()
                say(text)
            return
        if self._bar is None:
            self._bar = Progress(
                BarColumn(20), TextColumn("{task.description}", markup=False), console=self._console, transient=True
            )
            self._bar.add_task("", total=1.0)
            self._bar.start()
        whole = stand.seconds + max(stand.left, 0.0)
        self._bar.update(
            self._bar.task_ids[0], completed=stand.seconds / whole if whole else 1.0, description=printable(text)
        )
