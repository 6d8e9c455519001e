"""Boards, as each kind draws its own; kinds that do not say how are drawn as a plain grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Space
from trm_solve.puzzle import Puzzle
from trm_solve.trace import Solution, Step


@dataclass(frozen=True)
class Drawing:
    """A board's lines, and a legend of at most 30 columns that explains its marks in their own styles."""

    lines: Sequence[Text]
    legend: Text

    @property
    def width(self) -> int:
        return max((line.cell_len for line in self.lines), default=0)


def board(
    puzzle: Puzzle,
    step: Step | None,
    space: Space = Space(),  # noqa: B008 (frozen)
    solution: Solution | None = None,
) -> Drawing:
    """The board at a step, or the bare question without one. A board may overflow the space; `frame` then crops it.

    Where a solution has candidates, they are shown in place of the step.
    """
    kind, drawn = get_kind(puzzle.kind), None
    if solution is not None and solution.candidates:
        drawn = kind.draw_vote(solution, space)
    return Drawing(*(drawn or kind.draw(puzzle, step, space) or plain_grid(puzzle, step)))


def plain_grid(puzzle: Puzzle, step: Step | None) -> tuple[list[Text], Text]:
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
