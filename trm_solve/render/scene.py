"""What a picture is made of: a `Scene`, the facts of one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from trm_solve.kinds import get_kind
from trm_solve.puzzle import Puzzle
from trm_solve.trace import Solution, Step

if TYPE_CHECKING:
    from trm_solve.tasks.progress import Progress

UNSURE = 0.9  # below this probability a cell is drawn as unsure


@dataclass(frozen=True, eq=False)
class Scene:
    """One moment of one puzzle: its steps so far, over all attempts, and what came of it once that is known."""

    puzzle: Puzzle
    steps: Sequence[Step] = ()
    solution: Solution | None = None
    max_steps: int | None = None  # supervision steps of one attempt, where known
    model: str = ""
    seconds: float | None = None  # since the first step, where known
    follow: int | None = None  # the attempt on the board, where it is not the latest
    tally: Solution | None = None  # the votes so far, on the board in place of a step
    fit: Progress | None = None  # a moment of the adaptation that came before, in place of all else

    @property
    def shown(self) -> Step | None:
        """The step on the board: the latest; in the end the one that has the answer, or else the best attempt.

        Where many attempts vote, they run side by side and one after the other is followed to its end.
        """
        if self.solution is not None and self.solution.best_step is not None:
            return self.solution.best_step
        if self.follow is not None:
            return next((step for step in reversed(self.steps) if step.attempt == self.follow), None)
        last = self.steps[-1] if self.steps else None
        if last is not None and self.solution is None and not get_kind(self.puzzle.kind).has_rules:
            latest = {step.attempt: step for step in self.steps}
            return next(latest[n] for n in sorted(latest) if latest[n] is last or not latest[n].halted)
        return last


def beside(left: Sequence[Text], right: Sequence[Text], column: int) -> list[Text]:
    """Two blocks of lines side by side; the right one begins at this column."""
    lines = []
    for n in range(max(len(left), len(right))):
        line = Text.assemble(left[n]) if n < len(left) else Text()  # its style does not reach over
        line.pad_right(column - line.cell_len)
        lines.append(line.append_text(right[n]) if n < len(right) else line)
    return lines
