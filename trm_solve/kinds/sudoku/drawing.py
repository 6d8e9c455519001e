"""The Sudoku board: 25 columns by 13 rows; 21 by 9 in a low window."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from trm_solve.kinds.base import Space
from trm_solve.puzzle import Puzzle
from trm_solve.render.scene import UNSURE
from trm_solve.trace import Step

RULE = Style(dim=True)
GIVEN = Style(bold=True)
# Of filled cells, by the probability below which each stands: middle tones, for dark terminals and light ones, which
# terminals of 256 colours have too.
SHADES = (
    (0.3, Style(color="#d75f87", dim=True)),
    (0.5, Style(color="#af5fd7", dim=True)),
    (0.7, Style(color="#8787ff", dim=True)),
    (UNSURE, Style(color="#0087d7", dim=True)),
    (2.0, Style(color="cyan")),
)
SOLVED = Style(color="green")
CLASH = Style(color="red")
PINNED = Style(reverse=True)  # taken for granted by this attempt
LEGEND = Text.assemble(
    *(("given", GIVEN), "  ", ("new", "underline"), "  ", ("pin", PINNED), " "),
    *zip(("u", "n", "s", "ure"), (shade for _, shade in SHADES), strict=False),
    *(" ", ("clash!", CLASH)),
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
        if any((r, c, digit) == pin.place for pin in step.pins):
            style += PINNED
    if clash:
        style += CLASH
    return Text.assemble((str(digit), style), ("!" if clash else " ", CLASH))


def board(puzzle: Puzzle, step: Step | None, space: Space) -> tuple[list[Text], Text]:
    """The 9 x 9 board in its boxes. Givens bold, changed cells underlined, unsure ones dim, clashes followed by '!'."""
    rows = [[cell(puzzle, step, r, c) for c in range(9)] for r in range(9)]
    bar = "─" * 7
    framed = space.height >= 13
    lines = [Text(f"╭{bar}┬{bar}┬{bar}╮", RULE)] if framed else []
    for r, row in enumerate(rows):
        if framed and r in (3, 6):
            lines.append(Text(f"├{bar}┼{bar}┼{bar}┤", RULE))
        line = Text()
        for c, each in enumerate(row):
            if c % 3 == 0 and (c or framed):
                line.append("│ ", RULE)
            line.append_text(each)
        lines.append(line.append("│", RULE) if framed else line)
    return ([*lines, Text(f"╰{bar}┴{bar}┴{bar}╯", RULE)] if framed else lines), LEGEND
