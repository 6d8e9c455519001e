"""The maze board: two columns a cell where there is room, else two rows a line (half blocks), else a character a cell.

With colour the path is filled cells, from one colour at the start to another at the goal; without, a line. Half blocks
tell by colour alone, so they are for colour only; the other two forms say everything by characters.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.color import blend_rgb
from rich.color_triplet import ColorTriplet
from rich.style import Style
from rich.text import Text

from trm_solve.kinds.base import Space
from trm_solve.kinds.maze.paths import FREE, GOAL, PATH, START, WALL
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.render.blocks import blocks
from trm_solve.render.scene import UNSURE
from trm_solve.trace import Step

BELOW = 6  # lines that the strip and the verdict want below the board
BESIDE = 33  # columns of the facts beside it, which a board without colour leaves room for
COLORS = {  # middle tones: seen on dark terminals and on light ones
    "wall": "#808080",
    "S": "#00af5f",
    "G": "#af5fd7",
    "new": "#d7af00",
    "unsure": "#5f87d7",
    "broken": "#ff5f5f",
}
TONES = 12  # of the path, from start to goal
LINES = {  # of a path without colour, by where it goes on: left, right, up, down
    (1, 1, 0, 0): "━", (0, 0, 1, 1): "┃", (0, 1, 0, 1): "┏", (1, 0, 0, 1): "┓", (0, 1, 1, 0): "┗", (1, 0, 1, 0): "┛",
    (0, 1, 1, 1): "┣", (1, 0, 1, 1): "┫", (1, 1, 0, 1): "┳", (1, 1, 1, 0): "┻", (1, 1, 1, 1): "╋",
    (1, 0, 0, 0): "━", (0, 1, 0, 0): "━", (0, 0, 1, 0): "┃", (0, 0, 0, 1): "┃", (0, 0, 0, 0): "·",
}  # fmt: skip


def board(puzzle: Puzzle, step: Step | None, space: Space) -> tuple[list[Text], Text]:
    """The maze with the path as far as it has grown: marks that are new, unsure and broken are told apart."""
    rows, columns = puzzle.question.shape
    beside = 0 if space.color else BESIDE
    wide = 2 * columns + beside <= space.width and rows + BELOW <= space.height
    if not space.color:
        return lines(puzzle, step, 1 + wide), PLAIN_LEGEND
    if wide:
        return filled(puzzle, step), FILLED_LEGEND
    return blocks(looks(puzzle, step)), COLOR_LEGEND


def tone(share: float) -> str:
    """The path's colour so far from start to goal."""
    ends = (ColorTriplet(0x00, 0xAF, 0x5F), ColorTriplet(0xAF, 0x5F, 0xD7))
    return blend_rgb(*ends, round(share * TONES) / TONES).hex


def patch(color: str, text: str = " ") -> tuple[str, Style]:
    return text, Style(color="#000000", bgcolor=color)


FILLED_LEGEND = Text.assemble(
    *(patch(tone(n / 2)) for n in range(3)), " path ", patch(tone(0.5), "+"), "new ", ("▒", tone(0.5)), "unsure ",
    patch(COLORS["broken"], "!"), "broken",
)  # fmt: skip
COLOR_LEGEND = Text(" ").join(
    [Text("S", COLORS["S"]), Text("G", COLORS["G"]), Text.assemble(*(("▄", tone(n / 2)) for n in range(3)), " path")]
    + [Text(name, COLORS[name]) for name in ("new", "unsure", "broken")]
)
PLAIN_LEGEND = Text.assemble("━━ path  ", ("new", "bold underline"), "  ", ("unsure", "dim"), "  x broken")


@lru_cache(maxsize=64)
def _far(question: bytes, columns: int) -> NDArray[np.float64]:
    """How far each cell is from S, 0 to 1 at G and beyond; 1 where no way leads."""
    grid = np.frombuffer(question, np.uint8).reshape(-1, columns)
    far = np.full(grid.shape, np.inf)
    (start,), (goal,) = (np.argwhere(grid == symbol) for symbol in (START, GOAL))
    far[tuple(start)] = 0
    edge, distance = [tuple(start)], 0
    while edge:
        distance, reached = distance + 1, []
        for r, c in edge:
            for at in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
                inside = 0 <= at[0] < grid.shape[0] and 0 <= at[1] < columns
                if inside and grid[at] != WALL and far[at] == np.inf:
                    far[at] = distance
                    reached.append(at)
        edge = reached
    most = far[tuple(goal)]
    return np.minimum(far / (most if 0 < most < np.inf else max(distance, 1)), 1.0)


def far(question: Grid) -> NDArray[np.float64]:
    return _far(question.tobytes(), question.shape[1])


def looks(puzzle: Puzzle, step: Step | None) -> NDArray[np.object_]:
    """The colour of every cell, None where there is nothing to see."""
    answer = puzzle.question if step is None else step.answer
    found = np.full(answer.shape, None, np.object_)
    found[answer == WALL] = COLORS["wall"]
    path = answer == PATH
    share = far(puzzle.question)
    for r, c in np.argwhere(path):
        found[r, c] = tone(float(share[r, c]))
    if step is not None:
        if not step.solved:
            found[path & (step.confidence < UNSURE)] = COLORS["unsure"]
            found[path & step.changed] = COLORS["new"]
        found[step.conflicts] = COLORS["broken"]
    found[puzzle.question == START] = COLORS["S"]
    found[puzzle.question == GOAL] = COLORS["G"]
    return found


def filled(puzzle: Puzzle, step: Step | None) -> list[Text]:
    """Two columns a cell in their colours; '+' marks what is new, '!' what is broken, '▒' what is unsure."""
    answer = puzzle.question if step is None else step.answer
    share = far(puzzle.question)
    made = []
    for r, row in enumerate(answer):
        line = Text()
        for c, symbol in enumerate(row):
            hue = tone(float(share[r, c]))
            broken = step is not None and bool(step.conflicts[r, c])
            if puzzle.question[r, c] in (START, GOAL):
                name = "S" if puzzle.question[r, c] == START else "G"
                line.append(*patch(COLORS["broken"] if broken else COLORS[name], name + (" !"[broken])))
            elif broken:
                line.append(*patch(COLORS["broken"], "#!" if symbol == WALL else "!!"))
            elif symbol == WALL:
                line.append("██", COLORS["wall"])
            elif step is not None and not step.solved and step.confidence[r, c] < UNSURE:
                line.append("▒▒" if symbol == PATH else "··", hue if symbol == PATH else "dim")  # it may yet be one
            elif symbol == PATH:
                new = step is not None and not step.solved and bool(step.changed[r, c])
                line.append(*patch(hue, "++" if new else "  "))
            else:
                line.append("  ")
        made.append(line)
    return made


def lines(puzzle: Puzzle, step: Step | None, width: int) -> list[Text]:
    """A cell a character or two; the path is a line, bold and underlined if new, dim if unsure, 'x' if broken."""
    answer = puzzle.question if step is None else step.answer
    marked = np.pad((answer == PATH) | (puzzle.question == START) | (puzzle.question == GOAL), 1)
    made = []
    for r, row in enumerate(answer):
        line = Text()
        for c, symbol in enumerate(row):
            ways = (marked[r + 1, c], marked[r + 1, c + 2], marked[r, c + 1], marked[r + 2, c + 1])
            given = puzzle.question[r, c] != FREE
            broken = step is not None and bool(step.conflicts[r, c])
            unsure = step is not None and not step.solved and not given and bool(step.confidence[r, c] < UNSURE)
            text = {WALL: "#", START: "S", GOAL: "G", FREE: "·" if unsure else " "}.get(int(symbol), "?")
            if symbol == PATH:
                text = "x" if broken else LINES[tuple(int(way) for way in ways)]  # type: ignore[index]
            new = symbol == PATH and step is not None and not step.solved and bool(step.changed[r, c])
            style = Style(
                bold=(new or symbol in (START, GOAL)) or None,
                underline=new or None,
                dim=(unsure and not broken) or None,
            )
            goes_on = marked[r + 1, c + 1] and ways[1]
            second = "!" if broken else "#" if symbol == WALL else "━" if goes_on else " "
            line.append((text + second)[:width], style)
        made.append(line)
    return made
