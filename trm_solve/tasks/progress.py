"""Where an adaptation stands. Standard library and numpy only."""

from __future__ import annotations

from dataclasses import dataclass

from trm_solve.puzzle import Grid, Puzzle

BAR = 20  # columns of a bar that shows it


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
    fresh: bool = False  # from fresh weights, not from the base
    number: int = 0  # of the fit to all pairs, from 0

    @property
    def part(self) -> str:
        """What is fitted to now."""
        if self.fold:
            return f"without a pair, fit {self.fold} of {self.folds}"
        which = f", fit {self.number + 1}" if self.number else ""
        return f"all pairs{which}{', fresh weights' if self.fresh else ''}"

    @property
    def share(self) -> str:
        """How many of the examples come out right; empty before that is known."""
        return "" if self.exact is None else f"{100 * self.exact:.0f} %"

    @property
    def clock(self) -> str:
        """The time that is left."""
        seconds = int(max(self.left, 0))
        return f"{seconds // 60}:{seconds % 60:02d} left"

    @property
    def done(self) -> float:
        """Part of the time that has passed."""
        whole = self.seconds + max(self.left, 0.0)
        return self.seconds / whole if whole else 1.0
