"""What a person sees of an adaptation.

On a terminal with a live view: the demonstrations, the pair that was left out with the model's present answer to it,
and how many of the examples come out right. On another terminal a bar with the time left, else a line now and then.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trm_solve.kinds.base import Space
from trm_solve.talk import printable, say
from trm_solve.tasks.progress import Progress as Stand
from trm_solve.terminal import Area, PlainConsole, live_console, redraws
from trm_solve.trace import still

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.text import Text

EVERY = 10.0  # seconds between plain lines
FRAME = 0.1  # seconds between pictures
BAR = 20  # columns


class AdaptView:
    """Hears of an adaptation's progress. A context manager; with `live`, it draws where the live view does."""

    def __init__(self, *, quiet: bool = False, live: bool = False) -> None:
        self._console = PlainConsole(stderr=True)
        self._quiet = quiet
        self._last = time.monotonic()
        self._bar: Progress | None = None
        self._screen = live_console() if live and not quiet else None
        self._area = None if self._screen is None else Area(self._screen)

    @property
    def watched(self) -> bool:
        """Whether somebody sees more of an adaptation than how long it will take."""
        return self._area is not None

    def __enter__(self) -> AdaptView:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def say(self, text: str) -> None:
        if not self._quiet:
            self.clear()
            say(text)

    def clear(self) -> None:
        """Take bar or picture away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._area is not None:
            self._area.clear()

    def notice(self, stand: Stand) -> None:
        if self._quiet:
            return
        since = time.monotonic() - self._last
        if self._screen is not None and self._area is not None:
            if since > FRAME:
                console, self._last = self._screen, time.monotonic()
                self._area.draw(picture(stand, Space(console.width, console.height - 1, console.tells_by_color)))
            return
        text = f"adapting to {stand.task}: {part(stand)}{share(stand)}, {left(stand)}"
        if not redraws(self._console):
            if since > EVERY:
                self._last = time.monotonic()
                say(text)
            return
        if self._bar is None:
            from rich.progress import BarColumn, Progress, TextColumn
            from rich.table import Column

            words = TextColumn(
                "{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
            )
            self._bar = Progress(BarColumn(BAR), words, console=self._console, transient=True, expand=True)
            self._bar.add_task("", total=1.0)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done(stand), description=printable(text))


def picture(stand: Stand, space: Space) -> Text:
    """The demonstrations and the present answer, and below them three lines: the time, the curve, what is fitted."""
    from rich.text import Text

    from trm_solve.render import board

    width = max(min(BAR, space.width - 12), 1)
    filled = round(done(stand) * width)
    below = [
        Text.assemble("\u2501" * filled, ("\u2501" * (width - filled), "dim"), f" {left(stand)}"),
        Text.assemble(("examples right  ", "dim"), *curve(stand.curve, space.width - 24), share(stand, short=True)),
        Text(f"adapting to {printable(stand.task)}: {part(stand)}", "dim"),
    ]
    lines: list[Text] = []
    if stand.puzzle is not None:
        step = None if stand.guess is None else still(stand.guess, solved=False)
        lines = list(board(stand.puzzle, step, Space(space.width, space.height - 4, space.color)).lines)
        lines = [*lines, Text()] if len(lines) + 4 <= space.height else []
    for line in (lines := lines + below):
        line.truncate(space.width, overflow="ellipsis")
    drawn = Text("\n").join(lines[-space.height :])
    drawn.no_wrap, drawn.overflow = True, "crop"
    return drawn


def curve(values: Sequence[float], width: int) -> list[str]:
    """Values from 0 to 1 as bars, the newest last; longer ones are thinned out."""
    from trm_solve.render.frame import bar

    if len(values) > max(width, 1):
        values = [values[n] for n in np.linspace(0, len(values) - 1, max(width, 1)).astype(int)]
    return [bar(value) for value in values]


def part(stand: Stand) -> str:
    return f"without a pair, fit {stand.fold} of {stand.folds}" if stand.fold else "all pairs"


def share(stand: Stand, *, short: bool = False) -> str:
    if stand.exact is None:
        return ""
    return f" {100 * stand.exact:.0f} %" if short else f", {100 * stand.exact:.0f} % of the examples right"


def left(stand: Stand) -> str:
    return f"{int(max(stand.left, 0)) // 60}:{int(max(stand.left, 0)) % 60:02d} left"


def done(stand: Stand) -> float:
    """Part of the time that has passed."""
    whole = stand.seconds + max(stand.left, 0.0)
    return stand.seconds / whole if whole else 1.0
