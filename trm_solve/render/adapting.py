"""An adaptation as a picture: what it learns from, its present answer, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from trm_solve.kinds.base import Space
from trm_solve.render.boards import board
from trm_solve.render.film import thin
from trm_solve.render.frame import bar
from trm_solve.talk import printable
from trm_solve.tasks.progress import BAR, Progress
from trm_solve.trace import still


def picture(stand: Progress, space: Space) -> Text:
    """The demonstrations and the present answer, and below them three lines: the time, the curve, what is fitted."""
    width = max(min(BAR, space.width - 12), 1)
    filled = round(stand.done * width)
    below = [
        Text.assemble("\u2501" * filled, ("\u2501" * (width - filled), "dim"), f" {stand.clock}"),
        Text.assemble(("examples right  ", "dim"), *curve(stand.curve, space.width - 24), f" {stand.share}"),
        Text(f"adapting to {printable(stand.task)}: {stand.part}", "dim"),
    ]
    lines: list[Text] = []
    if stand.puzzle is not None:
        step = None if stand.guess is None else still(stand.guess, solved=False)
        lines = list(board(stand.puzzle, step, Space(space.width, space.height - 4, space.color)).lines)
        lines = [*lines, Text()] if len(lines) + 4 <= space.height else []
    for line in (lines := lines + below):
        line.truncate(space.width, overflow="ellipsis")
    drawn = Text("\n").join(lines[-space.height :])
    drawn.no_wrap, drawn.overflow = True, "crop"
    return drawn


def curve(values: Sequence[float], width: int) -> list[str]:
    """Values from 0 to 1 as bars, the newest last; longer ones are thinned out."""
    return [bar(value) for value in thin(values, max(width, 1))]
