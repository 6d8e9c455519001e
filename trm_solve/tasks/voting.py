"""The vote of a known task's copies: each runs under its own identifier, answers are counted as they come back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trm_solve.config import SolveOptions
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.search import Strategy
from trm_solve.solver import Attempt

VOTES = {"fast": 4, "normal": 32, "max": 1000}  # at most


def voters(model: TRM, task: str, options: SolveOptions) -> Strategy:
    """The strategy that asks the copies of a task that the model knows: at most `options.attempts`, else by effort.

    The task as it is comes first, then its copies in the order of the table's rows.
    """
    assert model.identifiers is not None
    most = options.attempts or VOTES[options.effort]
    copies = model.identifiers.copies(task)[:most]

    def strategy(puzzle: Puzzle, index: int) -> Iterator[Sequence[Attempt]]:
        yield [
            Attempt(puzzle, index, symmetry=copy, identifier=row, facts={"found_by": "vote"}) for row, copy in copies
        ]

    return strategy
