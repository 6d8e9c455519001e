"""Where an adaptation stands. Standard library and numpy only."""

from __future__ import annotations

from dataclasses import dataclass

from trm_solve.puzzle import Grid, Puzzle


@dataclass(frozen=True)
class Progress:
    """Where an adaptation stands."""

    task: str
    fold: int  # from 1; 0: the last fit, to all pairs
    folds: int
    seconds: float  # since the adaptation began
    left: float
    exact: float | None  # part of the training examples that came out right of late
    curve: tuple[float, ...] = ()  # the same in this fit so far
    puzzle: Puzzle | None = None  # the pair that was left out, or the question, with the pairs that are learned from
    guess: Grid | None = None  # the model's present answer to it
