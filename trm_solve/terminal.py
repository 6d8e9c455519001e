"""A terminal: whether it can show a live view, and an area of it that is redrawn in place."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import ControlType, Segment, Segments
from rich.text import Text

from trm_solve.talk import printable

if TYPE_CHECKING:
    from rich.progress import Progress


class PlainConsole(Console):
    """A console for names and messages of others: nothing in them is a mark-up, an emoji or a terminal's command."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, "markup": False, "emoji": False, **options})

    @property
    def unicode(self) -> bool:
        return self.encoding.startswith("utf")

    @property
    def tells_by_color(self) -> bool:
        """Whether a board may say something by colour alone; with no blocks to fill, it says all by characters."""
        return self.color_system is not None and not self.no_color and self.unicode

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            text, style, control = segment
            if control:
                yield segment
                continue
            if not text.isprintable() and text != "\n":
                text = "\n".join(map(printable, text.split("\n")))
            yield Segment(text if self.unicode else encodable(text, self.encoding), style)

    def on_broken_pipe(self) -> None:
        """A reader that goes away ends the program as everywhere else."""
        raise BrokenPipeError


ASCII = str.maketrans(
    "─│┌┐└┘╭╮╰╯├┤┬┴┼━┃┏┓┗┛┣┫┳┻╋╸╺╹╻·…█▀▄▌▐▁▂▃▅▆▇░▒▓←→",
    "-|+++++++++++++-|+++++++++--||..#####_.-=*#.:%<>",
)


def encodable(text: str, encoding: str) -> str:
    """A text as an encoding can say it: lines and blocks by signs of the same width, else '?'."""
    said = "".join(char if _fits(char, encoding) else char.translate(ASCII) for char in text)
    return said.encode(encoding, "replace").decode(encoding)


@lru_cache(maxsize=1024)
def _fits(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def live_console() -> PlainConsole | None:
    """A console on stdout where a live view makes sense: a terminal that moves its cursor."""
    if not sys.stdout.isatty():
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


def bar_and_words(console: Console, words: str, width: int = 20) -> Progress:
    """A bar of so many columns and its task's description beside it, drawn from now on until it is stopped."""
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")  # or long words push the bar out
    text = TextColumn("{task.description}", markup=False, table_column=rest)
    progress = Progress(BarColumn(width), text, console=console, transient=True, expand=True)
    progress.add_task(words, total=1.0)
    progress.start()
    return progress


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
        narrower = any(each > width for each in self._widths)  # some terminals wrap old lines then, others cut them
        rows = 0 if narrower else len(self._widths)
        segments = [BEGIN, HOME if narrower else up(rows)]
        for line in lines:
            segments += [ERASE, *line, Segment.line()]
        surplus = max(rows - len(lines), 0)
        segments += [ERASE, Segment.line()] * surplus + [up(surplus), END]
        self._console.print(Segments(segments), end="", crop=False, no_wrap=True)
        self._widths = [Segment.get_line_length(line) for line in lines]


BEGIN, END = (  # drawn as a whole by terminals that know this, passed over by others
    Segment(f"\x1b[?2026{code}", None, [(ControlType.CLEAR,)]) for code in "hl"
)
HOME = Segment("\x1b[H\x1b[J", None, [(ControlType.HOME,), (ControlType.CLEAR,)])
ERASE = Segment("\x1b[2K", None, [(ControlType.ERASE_IN_LINE, 2)])


def up(rows: int) -> Segment:
    return Segment(f"\x1b[{rows}A" if rows else "\r", None, [(ControlType.CURSOR_UP, rows)])
