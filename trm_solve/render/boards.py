"""Boards: how a puzzle kind is drawn. A kind registers one function in `BOARDS`; others are drawn by `plain_grid`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from trm_solve.puzzles.base import Puzzle
from trm_solve.render import arc, maze, sudoku
from trm_solve.render.scene import Space
from trm_solve.trace import Solution, Step


@dataclass(frozen=True)
class Drawing:
    """A board's lines, and a legend of at most 30 columns that explains its marks in their own styles."""

    lines: Sequence[Text]
    legend: Text

    @property
    def width(self) -> int:
        return max((line.cell_len for line in self.lines), default=0)


BoardFunction = Callable[[Puzzle, Step | None, Space], tuple[list[Text], Text]]
BOARDS: dict[str, BoardFunction] = {"arc": arc.board, "maze": maze.board, "sudoku": sudoku.board}
ENDINGS = {"arc": arc.attempts}  # of kinds whose answers are voted on: how a solution's candidates are drawn


def board(
    puzzle: Puzzle,
    step: Step | None,
    space: Space = Space(),  # noqa: B008 (frozen)
    solution: Solution | None = None,
) -> Drawing:
    """The board at a step, or the bare question without one. A board may overflow the space; `frame` then crops it.

    Where a solution has candidates, they are shown in place of the step.
    """
    if solution is not None and solution.candidates and puzzle.kind in ENDINGS:
        return Drawing(*ENDINGS[puzzle.kind](solution, space))
    return Drawing(*BOARDS.get(puzzle.kind, plain_grid)(puzzle, step, space))


def plain_grid(puzzle: Puzzle, step: Step | None, space: Space) -> tuple[list[Text], Text]:  # noqa: ARG001
    """Any kind's grid: a symbol a cell, in base 36; changed cells underlined, offending ones followed by '!'."""
    grid = puzzle.question if step is None else step.answer
    lines = []
    for r, row in enumerate(grid):
        line = Text()
        for c, symbol in enumerate(row):
            clash = step is not None and bool(step.conflicts[r, c])
            style = "underline" if step is not None and step.changed[r, c] else ""
            line.append("0123456789abcdefghijklmnopqrstuvwxyz"[symbol % 36], style)
            line.append("!" if clash else " ", "red" if clash else "")
        lines.append(line)
    return lines, Text.assemble(("changed", "underline"), "  clash", ("!", "red"))
