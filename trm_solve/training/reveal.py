"""A ladder out of any puzzles: cells of hard ones are filled in from their answers. numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trm_solve.puzzle import Tokens

HARD = 20.0  # the rating from which on a puzzle gets as many cells as there are


def reveal(
    rng: np.random.Generator,
    questions: Tokens,
    answers: Tokens,
    ratings: NDArray[np.float64],
    blank: int,
    low: float,
    high: float,
) -> Tokens:
    """Questions (B, L) with a random number of blanks filled in from their answers, so that hard ones become a ladder.

    The number is uniform from `low` to `high` where the rating (B,) is `HARD` or more or unknown (NaN), and in
    proportion less below. A cell that the answer does not label stays blank.
    """
    share = np.clip(np.nan_to_num(ratings, nan=HARD) / HARD, 0, 1)
    counts = np.floor(share * (low + (high - low) * rng.random(len(questions))) + 0.5)
    open_cells = (questions == blank) & (answers != 0)
    order = np.where(open_cells, rng.random(questions.shape), 2.0).argsort(-1).argsort(-1)  # open cells first
    return np.where(open_cells & (order < counts[:, None]), answers, questions)
