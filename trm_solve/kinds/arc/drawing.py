"""The ARC board: demonstration pairs, the test input, and the answer as it forms or the first two attempts by votes.

A grid stands in a box. Two columns a cell have the colour's digit, changed cells underlined, unsure ones dim; where
that is too large, half blocks, or a digit a cell without colour. Demonstrations give way before the test does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.color import Color, blend_rgb
from rich.color_triplet import ColorTriplet
from rich.style import Style
from rich.text import Text

from trm_solve.kinds.base import Space
from trm_solve.puzzle import Grid, Mask, Puzzle
from trm_solve.render.blocks import blocks
from trm_solve.render.scene import UNSURE, beside
from trm_solve.trace import GUESSES, Solution, Step

PALETTE = (  # of the colours 0-9: black, blue, red, green, yellow, grey, magenta, orange, light blue, maroon
    "#000000", "#0074d9", "#ff4136", "#2ecc40", "#ffdc00", "#aaaaaa", "#f012be", "#ff851b", "#7fdbff", "#870c25",
)  # fmt: skip
BELOW = 6  # lines that the strip and the verdict want below the board
BESIDE = 33  # columns of the facts beside it, kept free where a board fits all the same
WIDE = 110  # columns from which on demonstrations stand beside the test
RULE = Style(dim=True)


def shades(dim: float) -> tuple[tuple[Style, str], ...]:
    """For each colour its digit's style and the colour itself, that much darker."""
    found = []
    for name in PALETTE:
        color = blend_rgb(Color.parse(name).get_truecolor(), ColorTriplet(0, 0, 0), dim)
        light = 0.299 * color.red + 0.587 * color.green + 0.114 * color.blue > 110
        found.append((Style(color="#000000" if light else "#ffffff", bgcolor=color.hex), color.hex))
    return tuple(found)


SURE, DARK = shades(0.0), shades(0.5)
CHIPS = Text.assemble(*((str(n), style) for n, (style, _) in enumerate(SURE)))
MARKS = Text.assemble(("changed", "underline"), "  ", ("unsure", "dim"))


@dataclass(frozen=True, eq=False)
class Tile:
    """A grid in its box, with a title on it; `arrow` leads on to the tile on its right."""

    title: str
    grid: Grid
    changed: Mask | None = None
    unsure: Mask | None = None
    wrong: Mask | None = None
    room: tuple[int, int] = (0, 0)  # rows and columns that it takes up at least, so that a growing answer moves nothing
    arrow: bool = False
    wide: bool = False  # two columns a cell
    color: bool = True

    def measure(self, rows: int, columns: int) -> tuple[int, int]:
        """Columns and lines that so many cells take up in the box."""
        return columns * (1 + self.wide), rows if self.wide or not self.color else -(-rows // 2)

    @property
    def above(self) -> bool:
        """Whether the title is too long for the box's upper edge."""
        return bool(self.title) and len(self.title) + 2 > self.measure(*self.grid.shape)[0]

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of the box with its title, a line above it apart."""
        columns, lines = self.measure(*(max(pair) for pair in zip(self.grid.shape, self.room, strict=True)))
        return max(columns + 2, len(self.title) if self.above else 0), lines + 2

    def draw(self, *, above: bool) -> list[Text]:
        """The lines; `above`: titles of this row of tiles stand in a line above the boxes."""
        inside = list(self.cells())
        width = self.measure(*self.grid.shape)[0]
        title = "" if above or not self.title else f" {self.title} "
        lines = [Text.assemble(("┌", RULE), title, ("─" * (width - len(title)) + "┐", RULE))]
        lines += [Text.assemble(("│", RULE), line, ("│", RULE)) for line in inside]
        return [Text(self.title)] * above + [*lines, Text("└" + "─" * width + "┘", RULE)]

    def cells(self) -> Iterator[Text]:
        """The grid's lines."""
        unsure = np.zeros(self.grid.shape, np.bool_) if self.unsure is None else self.unsure
        if self.color and not self.wide:
            looks = np.array([[hue for _, hue in SURE], [hue for _, hue in DARK]], np.object_)
            dark = unsure if self.wrong is None else ~self.wrong  # no room for a mark: what is right steps back
            yield from blocks(looks[dark.astype(int), self.grid % len(PALETTE)])
            return
        changed = np.zeros(self.grid.shape, np.bool_) if self.changed is None else self.changed
        wrong = np.zeros(self.grid.shape, np.bool_) if self.wrong is None else self.wrong
        for row in zip(self.grid, changed, unsure, wrong, strict=True):
            line = Text()
            for symbol, new, vague, other in zip(*row, strict=True):
                blank = self.color and symbol == 0 and not vague and not other  # a black cell needs no digit
                style = Style(underline=bool(new) or None, dim=bool(vague) or None, bold=bool(other) or None)
                if self.color:
                    style += (DARK if vague else SURE)[symbol % len(PALETTE)][0]
                mark = ("!" if other else " ") * self.wide
                line.append((" " if blank else str(symbol % len(PALETTE))) + mark, style)
            yield line


@dataclass(frozen=True, eq=False)
class Row:
    """Tiles side by side."""

    tiles: Sequence[Tile]

    GAP = 3  # columns between two tiles

    @property
    def above(self) -> bool:
        return any(tile.above for tile in self.tiles)

    @property
    def size(self) -> tuple[int, int]:
        sizes = [tile.size for tile in self.tiles]
        return sum(w for w, _ in sizes) + self.GAP * (len(sizes) - 1), max(h for _, h in sizes) + self.above

    def draw(self) -> list[Text]:
        lines: list[Text] = []
        column, height = 0, self.size[1]
        for tile in self.tiles:
            lines = beside(lines, tile.draw(above=self.above), column)
            if tile.arrow:
                middle = [Text()] * (self.above + (tile.size[1] - self.above) // 2)
                lines = beside(lines, [*middle, Text(" > ", RULE)], column + tile.size[0])
            column += tile.size[0] + self.GAP
        return beside(lines, [Text()] * height, column - self.GAP)


def board(puzzle: Puzzle, step: Step | None, space: Space) -> tuple[list[Text], Text]:
    """The demonstrations, the test input, and the answer of this step."""
    answer = Tile("", np.zeros((0, 0), np.uint8), room=room(puzzle))
    if step is not None and step.answer.size:
        unsure = step.confidence < UNSURE
        answer = replace(answer, title="answer", grid=step.answer, changed=step.changed, unsure=unsure)
    if space.alone:
        tiles = [replace(answer, title="", room=(0, 0), wide=wide, color=space.color) for wide in (True, False)]
        fits = tiles[0].size[0] <= space.width and tiles[0].size[1] <= space.height
        return tiles[not fits].draw(above=False), legend(fits, space.color)
    return arrange(puzzle, [answer], space)


def attempts(solution: Solution, space: Space) -> tuple[list[Text], Text]:
    """The demonstrations, the test input, the two answers to hand in, and the right one if the first is wrong."""
    label, of = solution.puzzle.answer, f"of {solution.attempts}"
    answers = []
    for number, candidate in enumerate(solution.candidates[:GUESSES], 1):
        votes = f"{candidate.votes} {of}" if candidate.votes or candidate.found_in == "vote" else candidate.found_in
        text = f"attempt {number}: {votes}" + " votes" * (number == 1 and candidate.votes > 0)
        same = label is not None and label.shape == candidate.answer.shape
        wrong = candidate.answer != label if same and (candidate.answer != label).any() else None
        answers.append(Tile(text, candidate.answer, wrong=wrong))
    if solution.correct is False and label is not None and solution.verdict == "predicted":
        answers.append(Tile("right answer", label))
    lines, marks = arrange(solution.puzzle, answers, space)
    if any(answer.wrong is not None for answer in answers):
        marks = Text.assemble(CHIPS if space.color else "", "  ", ("wrong!", "bold"))
    return lines, marks


def task(puzzles: Sequence[Puzzle], space: Space) -> tuple[list[Text], Text]:
    """A whole task: its demonstrations, all of its test inputs, and their answers where they are known."""
    shown = puzzles[0].examples
    for wide in (True, False):
        tiles = [list(pair(str(n), *grids)) for n, grids in enumerate(shown, 1)]
        tiles += [list(pair(f"test {n}", each.question, each.answer)) for n, each in enumerate(puzzles, 1)]
        groups = [[replace(tile, wide=wide, color=space.color) for tile in group] for group in tiles]
        rows = list(filled(groups, space.width))
        if max(row.size[0] for row in rows) <= space.width:
            break
    return [line for row in rows for line in row.draw()], legend(wide, space.color)


def pair(title: str, before: Grid, after: Grid | None) -> Iterator[Tile]:
    yield Tile(title, before, arrow=after is not None)
    if after is not None:
        yield Tile("", after)


def room(puzzle: Puzzle) -> tuple[int, int]:
    """Rows and columns that the answer may well have: those of any demonstration, and its input's if one keeps it."""
    shapes = [out.shape for _, out in puzzle.examples]
    shapes += [puzzle.question.shape for before, out in puzzle.examples if before.shape == out.shape]
    return max((rows for rows, _ in shapes), default=0), max((columns for _, columns in shapes), default=0)


def arrange(puzzle: Puzzle, answers: Sequence[Tile], space: Space) -> tuple[list[Text], Text]:
    """The first layout that fits: above the strip of steps and beside the facts where there is room for them.

    Demonstrations stand above the test, in a wide window beside it.
    """
    for height in (space.height - BELOW, space.height - 1):
        for wide, count, tiles in layouts(puzzle, answers):
            tiles = [replace(tile, wide=wide, color=space.color) for tile in tiles]
            for width in (space.width - BESIDE, space.width):
                if space.width >= WIDE and (lines := abreast(puzzle, count, tiles, width, height, space.color)):
                    return lines, legend(wide, space.color)
                rows = [*demonstrations(puzzle, count, width, space.color), Row(tiles)]
                if max(row.size[0] for row in rows) <= width and sum(row.size[1] for row in rows) <= height:
                    return [line for row in rows for line in row.draw()], legend(wide, space.color)
    return Row(tiles).draw(), legend(wide, space.color)


def abreast(puzzle: Puzzle, count: int, tiles: Sequence[Tile], width: int, height: int, color: bool) -> list[Text]:
    """Demonstrations on the left, the test on the right; empty where that does not fit."""
    test = Row(tiles)
    rows = list(demonstrations(puzzle, count, width - test.size[0] - 2 * Row.GAP, color))
    across = max((row.size[0] for row in rows), default=0) + 2 * Row.GAP
    if not rows or across + test.size[0] > width or max(test.size[1], sum(row.size[1] for row in rows)) > height:
        return []
    return beside([line for row in rows for line in row.draw()], test.draw(), across)


def layouts(puzzle: Puzzle, answers: Sequence[Tile]) -> Iterator[tuple[bool, int, Sequence[Tile]]]:
    """From the best to the smallest: two columns a cell or not, how many demonstrations, tiles of the test."""
    count = len(puzzle.examples)
    test = [Tile("test", puzzle.question, arrow=True), *answers]
    yield True, count, test
    yield from ((False, fewer, test) for fewer in range(count, 0, -1))
    alone = answers if any(answer.grid.size for answer in answers) else [Tile("test", puzzle.question)]
    for tiles in (test, alone, alone[:1]):
        yield True, 0, tiles
        yield False, 0, tiles


def demonstrations(puzzle: Puzzle, count: int, width: int, color: bool) -> Iterator[Row]:
    """The first pairs, in as few rows as hold them."""
    pairs = (pair(str(number), *grids) for number, grids in enumerate(puzzle.examples[:count], 1))
    yield from filled(([replace(tile, color=color) for tile in tiles] for tiles in pairs), width)


def filled(groups: Iterable[Sequence[Tile]], width: int) -> Iterator[Row]:
    """Rows of tiles, those of a group in one row."""
    row: list[Tile] = []
    for group in groups:
        if row and Row([*row, *group]).size[0] > width:
            yield Row(row)
            row = []
        row += group
    if row:
        yield Row(row)


def legend(wide: bool, color: bool) -> Text:
    """Ten colours and their digits, and the marks that this form can show."""
    marks = MARKS if wide or not color else Text("unsure", "dim")
    return Text("  ").join([CHIPS, marks]) if color else marks
