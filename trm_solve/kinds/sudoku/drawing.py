"""The Sudoku board: 25 columns by 13 rows."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from trm_solve.kinds.base import Space
from trm_solve.puzzle import Puzzle
from trm_solve.render.scene import UNSURE
from trm_solve.trace import Step

RULE = Style(dim=True)
GIVEN = Style(bold=True)
# Of filled cells, by the probability below which each stands: middle tones, for dark terminals and light ones.
SHADES = (
    (0.3, Style(color="#e08aa8", dim=True)),
    (0.5, Style(color="#c99be6", dim=True)),
    (0.7, Style(color="#9aa9f0", dim=True)),
    (UNSURE, Style(color="#6cbcf5", dim=True)),
    (2.0, Style(color="cyan")),
)
SOLVED = Style(color="green")
CLASH = Style(color="red")
LEGEND = Text.assemble(
    *(("given", GIVEN), "  ", ("changed", "underline"), "  "),
    *zip(("u", "n", "s", "ure"), (shade for _, shade in SHADES), strict=False),
    *("  ", ("clash!", CLASH)),
)


def shade(confidence: float) -> Style:
    """How a filled cell looks that the model holds right with this probability."""
    return next(style for below, style in SHADES if confidence < below)


def cell(puzzle: Puzzle, step: Step | None, r: int, c: int) -> Text:
    """One cell, two columns wide: the digit and a mark. Every mark is told by weight, line or sign, colour apart."""
    given = puzzle.question[r, c] != 0
    digit = int(puzzle.question[r, c] if step is None else step.answer[r, c])
    clash = step is not None and bool(step.conflicts[r, c])
    if digit == 0:
        return Text.assemble(("·", RULE), ("!" if clash else " ", CLASH))
    style = GIVEN
    if step is not None and not given:
        style = SOLVED if step.solved else shade(float(step.confidence[r, c]))
        style += Style(underline=True if step.changed[r, c] else None)
    if clash:
        style += CLASH
    return Text.assemble((str(digit), style), ("!" if clash else " ", CLASH))


def board(puzzle: Puzzle, step: Step | None, space: Space) -> tuple[list[Text], Text]:  # noqa: ARG001
    """The 9 x 9 board in its boxes. Givens bold, changed cells underlined, unsure ones dim, clashes followed by '!'."""
    bar = "─" * 7
    lines = [Text().append(f"╭{bar}┬{bar}┬{bar}╮", RULE)]
    for r in range(9):
        if r in (3, 6):
            lines.append(Text().append(f"├{bar}┼{bar}┼{bar}┤", RULE))
        line = Text()
        for c in range(9):
            if c % 3 == 0:
                line.append("│ ", RULE)
            line.append_text(cell(puzzle, step, r, c))
        lines.append(line.append("│", RULE))
    lines.append(Text().append(f"╰{bar}┴{bar}┴{bar}╯", RULE))
    return lines, LEGEND
