"""Frames as files: SVG, HTML, PNG and GIF, the same on every machine. Pillow is needed for PNG and GIF alone.

A frame is laid out as in a terminal of 80 columns. Rules, boxes and blocks are drawn as shapes, not as characters, so
that they join in whatever font; letters are centred in their cells.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from rich.color import Color, blend_rgb
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from trm_solve.errors import InputError
from trm_solve.kinds.base import Space
from trm_solve.render.frame import frame
from trm_solve.render.scene import Scene
from trm_solve.talk import printable

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

WIDTH = 80  # columns of the layout; what stays empty on the right is cut off
HEIGHT = 60  # rows at most
MARGIN = 2  # columns on each side; rows: 1
CELL = (10, 20)  # width and height, in the units of SVG
SCALE = 2  # pixels per unit in PNG and GIF
SUFFIXES = (".svg", ".html", ".png", ".gif")
FRAME_MS, LAST_MS = 500, 3000
FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
THEME = TerminalTheme(
    (22, 27, 34),
    (205, 214, 224),
    [(72, 79, 88), (248, 113, 104), (86, 204, 128), (222, 178, 84),
     (104, 160, 246), (196, 140, 240), (92, 200, 220), (205, 214, 224)],
    [(110, 118, 129), (255, 150, 140), (120, 226, 158), (240, 204, 120),
     (140, 186, 255), (216, 172, 250), (130, 224, 240), (246, 248, 250)],
)  # fmt: skip

Rectangle = tuple[float, float, float, float]  # x, y, width, height; within a cell as fractions of it
RULES = {  # box drawing: which edges of the cell a line reaches: left, right, up, down
    "─": "lr", "│": "ud", "┌": "dr", "┐": "dl", "└": "ur", "┘": "ul", "╭": "dr", "╮": "dl", "╰": "ur", "╯": "ul",
    "├": "udr", "┤": "udl", "┬": "lrd", "┴": "lru", "┼": "lrud",
}  # fmt: skip
ARMS: dict[str, Rectangle] = {  # whole pixels, so that lines are sharp
    "l": (0, 0.45, 0.5, 0.05), "r": (0.4, 0.45, 0.6, 0.05), "u": (0.4, 0, 0.1, 0.5), "d": (0.4, 0.45, 0.1, 0.55),
}  # fmt: skip
UNDERLINE: Rectangle = (0, 0.9, 1, 0.05)
BLOCKS: dict[str, Rectangle] = {
    "█": (0, 0, 1, 1), "▀": (0, 0, 1, 0.5), "▌": (0, 0, 0.5, 1), "▐": (0.5, 0, 0.5, 1),
    **{char: (0, 1 - n / 8, 1, n / 8) for n, char in enumerate("▁▂▃▄▅▆▇", 1)},
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One character on the page, its colours resolved."""

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
        return found + [ARMS[arm] for arm in RULES.get(self.char, "")]

    @property
    def letter(self) -> str:
        return "" if self.char == " " or self.char in RULES or self.char in BLOCKS else self.char


def require(path: Path) -> None:
    """Raises `InputError` where this file's format is unknown, or needs Pillow and there is none."""
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise InputError(f"{path}: no picture format of that name", f"known: {known}")
    if path.suffix.lower() in (".png", ".gif"):
        try:
            import PIL.Image  # noqa: F401
        except ImportError:
            raise InputError(f"{path}: Pillow is not installed", "pip install 'trm-solve[image]'") from None


def moves(path: Path) -> bool:
    """Whether a file of this name shows every frame, not the last alone."""
    return path.suffix.lower() == ".gif"


def encode(scenes: Sequence[Scene], path: Path) -> bytes:
    """The content of a picture file: the last scene, or all of them in a GIF. The suffix decides the format."""
    suffix = path.suffix.lower()
    if suffix == ".html":
        return html(scenes[-1]).encode()
    if suffix == ".svg":
        return svg(page(scenes[-1]), printable(scenes[-1].puzzle.source)).encode()
    return gif(scenes) if moves(path) else png(scenes[-1])


def text_of(scene: Scene) -> Text:
    return frame(scene, Space(WIDTH, HEIGHT))


def console(*, record: bool = False) -> Console:
    """A console that knows nothing of the terminal and the environment of this process."""
    return Console(
        file=io.StringIO(), width=WIDTH, force_terminal=True, color_system="truecolor", record=record, _environ={}
    )


def page(scene: Scene) -> list[list[Cell]]:
    """A frame as rows of cells."""
    rows = []
    for y, line in enumerate(console().render_lines(text_of(scene), pad=False)):
        row: list[Cell] = []
        for segment in line:
            for char in segment.text:
                row.append(cell(len(row), y, char, segment.style or Style()))
        rows.append(row)
    return rows


def cell(x: int, y: int, char: str, style: Style) -> Cell:
    def resolve(color: Color | None, default: ColorTriplet) -> ColorTriplet:
        return default if color is None or color.is_default else color.get_truecolor(THEME)

    color = resolve(style.color, THEME.foreground_color)
    background = None if style.bgcolor is None else resolve(style.bgcolor, THEME.background_color)
    if style.reverse:
        color, background = background or THEME.background_color, color
    if style.dim:
        color = blend_rgb(color, background or THEME.background_color, 0.45)
    return Cell(x, y, char, color, background, bool(style.bold), bool(style.underline))


def size(pages: Sequence[Sequence[Sequence[Cell]]]) -> tuple[int, int]:
    """Width and height of a picture that holds any of these frames."""
    columns = max(len(row) for rows in pages for row in rows)
    return (columns + 2 * MARGIN) * CELL[0], (max(map(len, pages)) + 2) * CELL[1]


def boxes(rows: Sequence[Sequence[Cell]]) -> Iterator[tuple[bool, Rectangle, ColorTriplet]]:
    """The filled rectangles of all cells, in pixels, with their colours: first the backgrounds, then what is on them.

    The first value tells the two apart.
    """
    for above in (False, True):
        for of in (each for row in rows for each in row):
            left, top = (of.x + MARGIN) * CELL[0], (of.y + 1) * CELL[1]
            if not above and of.background is not None:
                yield above, (left, top, *CELL), of.background
            for x, y, w, h in of.shapes if above else ():
                yield above, (left + x * CELL[0], top + y * CELL[1], w * CELL[0], h * CELL[1]), of.color


def svg(rows: Sequence[Sequence[Cell]], title: str) -> str:
    """A frame as SVG, with no font or style from elsewhere."""
    width, height = size([rows])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="{THEME.background_color.hex}"/>',
    ]
    paths: dict[tuple[bool, str], str] = {}
    for above, (x, y, w, h), color in boxes(rows):
        paths[above, color.hex] = paths.get((above, color.hex), "") + f"M{x:g} {y:g}h{w:g}v{h:g}h-{w:g}z"
    parts += [f'<path fill="{fill}" shape-rendering="crispEdges" d="{path}"/>' for (_, fill), path in paths.items()]
    parts.append(f'<g font-family="{FONTS}" font-size="16">')
    for word in words(rows):
        first, text = word[0], "".join(each.char for each in word)
        weight = ' font-weight="bold"' if first.bold else ""
        x, y = (first.x + MARGIN) * CELL[0], (first.y + 1.75) * CELL[1]
        length = f'textLength="{len(text) * CELL[0]}" lengthAdjust="spacingAndGlyphs"'
        parts.append(f'<text x="{x:g}" y="{y:g}" {length} fill="{first.color.hex}"{weight}>{escape(text)}</text>')
    return "\n".join([*parts, "</g>", "</svg>", ""])


def words(rows: Sequence[Sequence[Cell]]) -> Iterator[list[Cell]]:
    """Runs of letters of one look."""
    for row in rows:
        run: list[Cell] = []
        for each in row:
            if run and (not each.letter or (each.color, each.bold) != (run[0].color, run[0].bold)):
                yield run
                run = []
            if each.letter:
                run.append(each)
        if run:
            yield run


def html(scene: Scene) -> str:
    """A frame as a page of its own."""
    recorder = console(record=True)
    recorder.print(text_of(scene))
    template = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>'
        + escape(printable(scene.puzzle.source)).replace("{", "{{").replace("}", "}}")
        + "</title>\n"
        "<style>\nbody {{ color: {foreground}; background: {background}; margin: 2em; }}\n"
        "pre {{ font-family: " + FONTS + "; line-height: 1.2; }}\n{stylesheet}\n</style>\n</head>\n"
        "<body>\n<pre>{code}</pre>\n</body>\n</html>\n"
    )
    return recorder.export_html(theme=THEME, code_format=template)


def png(scene: Scene) -> bytes:
    rows = page(scene)
    content = io.BytesIO()
    bitmap(rows, [rows]).save(content, "PNG", optimize=True)
    return content.getvalue()


def gif(scenes: Sequence[Scene]) -> bytes:
    """All scenes, half a second each; those with a verdict are held."""
    pages = [page(scene) for scene in scenes]
    frames = [bitmap(rows, pages) for rows in pages]
    durations = [FRAME_MS if scene.solution is None else LAST_MS for scene in scenes]
    content = io.BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return content.getvalue()


def bitmap(rows: Sequence[Sequence[Cell]], pages: Sequence[Sequence[Sequence[Cell]]]) -> Image.Image:
    """A frame as pixels, in the size and the palette that it shares with all pages."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = size(pages)
    image = Image.new("RGB", (SCALE * width, SCALE * height), tuple(THEME.background_color))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(16 * SCALE)
    for _, (x, y, w, h), color in boxes(rows):
        left, top, right, bottom = (round(SCALE * value) for value in (x, y, x + w, y + h))
        draw.rectangle((left, top, right - 1, bottom - 1), tuple(color))
    for word in words(rows):
        draw_word(draw, font, word)
    shades = Image.new("P", (1, 1))
    shades.putpalette(palette(pages))
    return image.quantize(palette=shades, dither=Image.Dither.NONE)


def palette(pages: Sequence[Sequence[Sequence[Cell]]]) -> list[int]:
    """At most 256 colours, as r, g, b, r, ...: each colour in use, and its way into the background for soft edges."""
    base = THEME.background_color
    cells = [each for rows in pages for row in rows for each in row]
    used = sorted({each.color for each in cells} | {each.background for each in cells if each.background is not None})
    levels = max(1, min(8, 255 // len(used)))
    shades = [blend_rgb(base, color, level / levels) for color in used for level in range(1, levels + 1)]
    return [part for shade in [base, *shades][:256] for part in shade]


def draw_word(draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, word: list[Cell]) -> None:
    """Pillow's font is proportional: letters are spread evenly over the word's cells, digits stand each in its own."""
    cell_width = SCALE * CELL[0]
    x, y = float((word[0].x + MARGIN) * cell_width), SCALE * (word[0].y + 1.75) * CELL[1]
    advances = [font.getlength(each.char) for each in word]
    spare = (len(word) * cell_width - sum(advances)) / len(word)
    if not any(each.char.isalpha() for each in word):
        advances, spare = [cell_width] * len(word), 0.0
    for each, advance in zip(word, advances, strict=True):
        middle = x + (advance + spare) / 2
        for shift in (-0.5, 0.5) if each.bold else (0.0,):  # the font has no bold: twice, a pixel apart
            draw.text((middle + shift, y), each.char, tuple(each.color), font, anchor="ms")
        x += advance + spare
