"""A frame as cells on a page: every character's place, colours and shape, the same on every machine.

A frame is laid out as in a wide terminal. Rules, boxes and blocks are drawn as shapes, not as characters, so that they
join in whatever font.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len
from rich.color import Color, blend_rgb
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme

from trm_solve.kinds.base import Space
from trm_solve.render.adapting import picture
from trm_solve.render.frame import frame
from trm_solve.render.scene import Scene

WIDTH, HEIGHT = 108, 60  # columns and rows of the layout; what stays empty on the right and below is cut off
MARGIN = 2  # columns on each side; rows: 1
CELL = (10, 20)  # width and height, in the units of SVG
THEME = TerminalTheme(
    (22, 27, 34),
    (205, 214, 224),
    [(72, 79, 88), (248, 113, 104), (86, 204, 128), (222, 178, 84),
     (104, 160, 246), (196, 140, 240), (92, 200, 220), (205, 214, 224)],
    [(110, 118, 129), (255, 150, 140), (120, 226, 158), (240, 204, 120),
     (140, 186, 255), (216, 172, 250), (130, 224, 240), (246, 248, 250)],
)  # fmt: skip
BACKGROUND = THEME.background_color
DIM = 0.25  # of the background in what is dim: still easy to read

Rectangle = tuple[float, float, float, float]  # x, y, width, height; within a cell as fractions of it
THIN = {  # box drawing: which edges of the cell a line reaches: left, right, up, down
    "─": "lr", "│": "ud", "┌": "dr", "┐": "dl", "└": "ur", "┘": "ul", "╭": "dr", "╮": "dl", "╰": "ur", "╯": "ul",
    "├": "udr", "┤": "udl", "┬": "lrd", "┴": "lru", "┼": "lrud",
}  # fmt: skip
THICK = {
    "━": "lr", "┃": "ud", "┏": "dr", "┓": "dl", "┗": "ur", "┛": "ul", "┣": "udr", "┫": "udl", "┳": "lrd", "┻": "lru",
    "╋": "lrud", "╸": "l", "╺": "r", "╹": "u", "╻": "d",
}  # fmt: skip
ARMS: dict[str, Rectangle] = {  # whole pixels, so that lines are sharp
    "l": (0, 0.45, 0.5, 0.05), "r": (0.4, 0.45, 0.6, 0.05), "u": (0.4, 0, 0.1, 0.5), "d": (0.4, 0.45, 0.1, 0.55),
}  # fmt: skip
BROAD: dict[str, Rectangle] = {
    "l": (0, 0.4, 0.7, 0.2), "r": (0.3, 0.4, 0.7, 0.2), "u": (0.3, 0, 0.4, 0.6), "d": (0.3, 0.4, 0.4, 0.6),
}  # fmt: skip
UNDERLINE: Rectangle = (0, 0.9, 1, 0.05)
BLOCKS: dict[str, Rectangle] = {
    "█": (0, 0, 1, 1), "▀": (0, 0, 1, 0.5), "▌": (0, 0, 0.5, 1), "▐": (0.5, 0, 0.5, 1),
    **{char: (0, 1 - n / 8, 1, n / 8) for n, char in enumerate("▁▂▃▄▅▆▇", 1)},
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One character on the page, its colours resolved. `x` and `y` count columns and rows."""

    x: int
    y: int
    char: str
    color: ColorTriplet
    background: ColorTriplet | None
    bold: bool
    underline: bool

    @property
    def shapes(self) -> list[Rectangle]:
        """What is filled with the cell's colour, apart from a letter."""
        found = [UNDERLINE] if self.underline else []
        if self.char in BLOCKS:
            found.append(BLOCKS[self.char])
        found += [ARMS[arm] for arm in THIN.get(self.char, "")]
        return found + [BROAD[arm] for arm in THICK.get(self.char, "")]

    @property
    def letter(self) -> str:
        return "" if self.char == " " or any(self.char in table for table in (THIN, THICK, BLOCKS)) else self.char

    @property
    def empty(self) -> bool:
        return self.char == " " and self.background is None and not self.underline


Page = Mapping[tuple[int, int], Cell]  # by (y, x), in this order; cells in which there is nothing to see are left out


def page(scene: Scene) -> Page:
    """A frame as cells. A wide character takes up two columns; what joins a character stands in its cell."""
    console = Console(file=io.StringIO(), width=WIDTH, force_terminal=True, color_system="truecolor", _environ={})
    found: dict[tuple[int, int], Cell] = {}
    space = Space(WIDTH, HEIGHT)
    drawn = frame(scene, space) if scene.fit is None else picture(scene.fit, space)
    for y, line in enumerate(console.render_lines(drawn, pad=False)):
        x = 0
        for segment in line:
            color, background, bold, underline = _look(segment.style or Style())
            for char in segment.text:
                if not (width := cell_len(char)):
                    continue
                cell = Cell(x, y, char, color, background, bold, underline)
                if not cell.empty:
                    found[y, x] = cell
                x += width
    return found


@lru_cache(maxsize=4096)
def _look(style: Style) -> tuple[ColorTriplet, ColorTriplet | None, bool, bool]:
    """Colour, background, bold, underlined."""

    def resolve(color: Color | None, default: ColorTriplet) -> ColorTriplet:
        return default if color is None or color.is_default else color.get_truecolor(THEME)

    color = resolve(style.color, THEME.foreground_color)
    background = None if style.bgcolor is None else resolve(style.bgcolor, BACKGROUND)
    if style.reverse:
        color, background = background or BACKGROUND, color
    if style.dim:
        color = blend_rgb(color, background or BACKGROUND, DIM)
    return color, background, bool(style.bold), bool(style.underline)


def size(pages: Sequence[Page]) -> tuple[int, int]:
    """Width and height of a picture that holds any of these frames, in the units of SVG."""
    cells = [each for found in pages for each in found.values()]
    columns = max((each.x + cell_len(each.char) for each in cells), default=0)
    return (columns + 2 * MARGIN) * CELL[0], (max((each.y for each in cells), default=0) + 3) * CELL[1]


def boxes(cells: Iterable[Cell]) -> Iterator[tuple[bool, Rectangle, ColorTriplet]]:
    """The filled rectangles of cells, in the units of SVG, with their colours: backgrounds, then what is on them.

    The first value tells the two apart.
    """
    kept = list(cells)
    for above in (False, True):
        for of in kept:
            left, top = (of.x + MARGIN) * CELL[0], (of.y + 1) * CELL[1]
            if not above and of.background is not None:
                yield above, (left, top, *CELL), of.background
            for x, y, w, h in of.shapes if above else ():
                yield above, (left + x * CELL[0], top + y * CELL[1], w * CELL[0], h * CELL[1]), of.color


def words(cells: Iterable[Cell]) -> Iterator[list[Cell]]:
    """Runs of letters of one look, in neighbouring cells."""
    run: list[Cell] = []
    for each in cells:
        if run:
            last = run[-1]
            joined = (last.y, last.x + 1, last.color, last.bold) == (each.y, each.x, each.color, each.bold)
            if not each.letter or not joined:
                yield run
                run = []
        if each.letter:
            run.append(each)
    if run:
        yield run
