"""What a picture is made of: a `Scene` (the facts) and the `Space` that it has to fit in."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trm_solve.puzzles.base import Puzzle
from trm_solve.trace import Solution, Step


@dataclass(frozen=True)
class Space:
    """Room for a picture, in character cells. Without colour, a board says everything by its characters."""

    width: int = 80
    height: int = 24
    color: bool = True


@dataclass(frozen=True, eq=False)
class Scene:
    """One moment of one puzzle: its steps so far, over all attempts, and what came of it once that is known."""

    puzzle: Puzzle
    steps: Sequence[Step] = ()
    solution: Solution | None = None
    max_steps: int | None = None  # supervision steps of one attempt, where known
    model: str = ""
    seconds: float | None = None  # since the first step, where known

    @property
    def shown(self) -> Step | None:
        """The step on the board: the latest; in the end the one that has the answer, or else the best attempt."""
        last = self.steps[-1] if self.steps else None
        end = self.solution
        best = None if end is None else end.answer if end.answer is not None else end.best_attempt
        if last is None or end is None or best is None:
            return last
        for step in reversed(self.steps):
            if np.array_equal(step.answer, best):
                return step
        conflicts = end.conflicts if end.conflicts is not None else np.zeros(best.shape, np.bool_)
        same = best == last.answer if best.shape == last.answer.shape else np.zeros(best.shape, np.bool_)
        confidence = np.ones(best.shape, np.float32)
        return dataclasses.replace(last, answer=best, conflicts=conflicts, changed=~same, confidence=confidence)
