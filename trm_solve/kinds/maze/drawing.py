"""The maze board: two columns a cell where there is room, else two rows a line (half blocks), else a character a cell.

Half blocks tell by colour alone, so they are for colour only; the other two forms say everything by characters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from rich.text import Text

from trm_solve.kinds.base import Space
from trm_solve.kinds.maze.paths import FREE, GOAL, PATH, START, WALL
from trm_solve.puzzle import Puzzle
from trm_solve.render.blocks import blocks
from trm_solve.render.scene import UNSURE
from trm_solve.trace import Step

BELOW = 6  # lines that the strip and the verdict want below the board
BESIDE = 33  # columns of the facts beside it, which a board without colour leaves room for
COLORS = {  # in half blocks, and of the characters of the other forms
    "wall": "bright_black",
    "S": "green",
    "G": "magenta",
    "path": "cyan",
    "new": "bright_white",
    "unsure": "blue",
    "broken": "red",
    "solved": "green",
}
FILL = Style(color=COLORS["wall"])


def board(puzzle: Puzzle, step: Step | None, space: Space) -> tuple[list[Text], Text]:
    """The maze with the path as far as it has grown: marks that are new, unsure and broken are told apart."""
    rows, columns = puzzle.question.shape
    beside = 0 if space.color else BESIDE
    if 2 * columns + beside <= space.width and rows + BELOW <= space.height:
        return letters(puzzle, step, 2, space.color), legend(space.color)
    if space.color:
        return blocks(looks(puzzle, step)), COLOR_LEGEND
    return letters(puzzle, step, 1, False), PLAIN_LEGEND


def legend(color: bool) -> Text:
    return Text.assemble(
        ("o", COLORS["path"] if color else ""),
        " path  ",
        ("new", "underline"),
        "  ",
        ("unsure", "dim"),
        "  ",
        ("broken!", COLORS["broken"] if color else ""),
    )


COLOR_LEGEND = Text(" ").join(Text(name, COLORS[name]) for name in ("S", "G", "path", "new", "unsure", "broken"))
PLAIN_LEGEND = Text.assemble("o path  ", ("new", "underline"), "  ", ("unsure", "dim"), "  x broken")


def letters(puzzle: Puzzle, step: Step | None, width: int, color: bool) -> list[Text]:
    """A cell a character, or two where the second is the mark '!' of a broken path."""
    lines = []
    for r in range(puzzle.question.shape[0]):
        line = Text()
        for c in range(puzzle.question.shape[1]):
            line.append_text(letter(puzzle, step, (r, c), width, color))
        lines.append(line)
    return lines


def letter(puzzle: Puzzle, step: Step | None, at: tuple[int, int], width: int, color: bool) -> Text:
    """One cell. Colour apart, a new mark is underlined, an unsure cell dim, a broken one has its sign."""
    symbol = int(puzzle.question[at] if step is None else step.answer[at])
    broken = step is not None and bool(step.conflicts[at])
    if symbol == WALL and not broken:
        return Text("█" * width, FILL) if color else Text("#" * width)
    character = {FREE: " ", START: "S", GOAL: "G", PATH: "o", WALL: "#"}.get(symbol, "?")
    given = puzzle.question[at] != FREE
    name = {START: "S", GOAL: "G"}.get(symbol, "path")
    unsure = changed = False
    if step is not None and not given:
        name = "solved" if step.solved else name
        unsure = bool(step.confidence[at] < UNSURE) and not step.solved
        changed = bool(step.changed[at])
    if broken:
        name = "broken"
    if unsure and symbol == FREE:
        character = "·"  # it may yet become a mark
    if broken and width == 1 and not given:
        character = "x"
    style = Style(
        color=COLORS[name] if color else None,
        bold=given or None,
        dim=(unsure and not broken) or None,
        underline=(changed and character != " ") or None,
    )
    mark = Style(color=COLORS["broken"] if color else None)
    return Text.assemble((character, style), (("!" if broken else " ")[: width - 1], mark))


def looks(puzzle: Puzzle, step: Step | None) -> NDArray[np.object_]:
    """The colour of every cell, None where there is nothing to see."""
    answer = puzzle.question if step is None else step.answer
    found = np.full(answer.shape, None, np.object_)
    found[answer == WALL] = COLORS["wall"]
    path = answer == PATH
    found[path] = COLORS["path"]
    if step is not None:
        if step.solved:
            found[path] = COLORS["solved"]
        else:
            found[path & (step.confidence < UNSURE)] = COLORS["unsure"]
            found[path & step.changed] = COLORS["new"]
            found[step.conflicts] = COLORS["broken"]
    found[puzzle.question == START] = COLORS["S"]
    found[puzzle.question == GOAL] = COLORS["G"]
    return found
