"""A terminal: whether it can show a live view, and an area of it that is redrawn in place."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import ControlType, Segment, Segments
from rich.text import Text

from trm_solve.talk import printable


class PlainConsole(Console):
    """A console for names and messages of others: nothing in them is a mark-up, an emoji or a terminal's command."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, "markup": False, "emoji": False, **options})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            text, style, control = segment
            if control or text.isprintable() or text == "\n":
                yield segment
            else:
                yield Segment("\n".join(map(printable, text.split("\n"))), style)

    def on_broken_pipe(self) -> None:
        """A reader that goes away ends the program as everywhere else."""
        raise BrokenPipeError


def live_console() -> Console | None:
    """A console on stdout where a live view makes sense: a terminal that moves its cursor and knows Unicode."""
    if not sys.stdout.isatty() or not (sys.stdout.encoding or "").lower().startswith("utf"):
        return None
    console = PlainConsole(force_terminal=True)
    return console if console.is_interactive else None


def print_tsv(rows: Iterable[Iterable[object]]) -> None:
    """Rows on standard output for programs: tab-separated, None empty; no value has a tab or an end of line in it."""
    for row in rows:
        sys.stdout.write("\t".join("" if value is None else printable(value) for value in row) + "\n")


def redraws(console: Console) -> bool:
    """Whether a console writes to what can show a live view. Rich takes FORCE_COLOR for a terminal: it is a wish."""
    return console.file.isatty() and not console.is_dumb_terminal


class Area:
    """Lines at the bottom of a terminal that are redrawn in place; the cursor, just below them, is hidden meanwhile."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._widths: list[int] = []  # of the lines on screen

    def draw(self, text: Text) -> None:
        self._paint(self._console.render_lines(text, pad=False))
        self._console.show_cursor(False)

    def clear(self) -> None:
        """Take the lines away; what is printed next stands in their place."""
        self._paint([])
        self.keep()

    def keep(self) -> None:
        """Leave the lines where they are; what is printed next goes below."""
        self._widths = []
        self._console.show_cursor(True)

    def _paint(self, lines: list[list[Segment]]) -> None:
        """Back to the first row, over the old lines, and away with what is left of them; all in one write."""
        width = max(self._console.width, 1)
        rows = sum(max(1, -(-each // width)) for each in self._widths)  # a window made narrower has wrapped them
        segments = [up(rows)]
        for line in lines:
            segments += [ERASE, *line, Segment.line()]
        surplus = max(rows - len(lines), 0)
        segments += [ERASE, Segment.line()] * surplus + [up(surplus)]
        self._console.print(Segments(segments), end="", crop=False, no_wrap=True)
        self._widths = [Segment.get_line_length(line) for line in lines]


ERASE = Segment("\x1b[2K", None, [(ControlType.ERASE_IN_LINE, 2)])


def up(rows: int) -> Segment:
    return Segment(f"\x1b[{rows}A" if rows else "\r", None, [(ControlType.CURSOR_UP, rows)])
