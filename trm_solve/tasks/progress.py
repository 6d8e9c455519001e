"""Where an adaptation stands. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where an adaptation stands."""

    task: str
    fold: int  # from 1; 0: the last fit, to all pairs
    folds: int
    seconds: float  # since the adaptation began
    left: float
    exact: float | None  # part of the training examples that came out right of late
