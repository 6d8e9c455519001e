"""Random symmetries of whole batches of token arrays, vectorised. numpy only.

The seam: a puzzle kind with an augmentation has a line in `AUGMENT`. Every random draw belongs to its row of the batch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trm_solve.train import augment_maze

Tokens = NDArray[np.uint8]
Augment = Callable[[np.random.Generator, Tokens, Tokens], tuple[Tokens, Tokens]]


def permutations(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Independent random permutations along the last axis."""
    return rng.random(shape).argsort(-1)


def sudoku(rng: np.random.Generator, questions: Tokens, answers: Tokens) -> tuple[Tokens, Tokens]:
    """Relabel digits, permute bands, stacks, their rows and columns, and transpose questions and answers (B, 81)."""
    slots = len(questions)
    tokens = np.zeros((slots, 11), np.uint8)
    tokens[:, 1] = 1  # PAD and blank stay
    tokens[:, 2:] = permutations(rng, (slots, 9)) + 2
    bands, within = permutations(rng, (slots, 2, 3)), permutations(rng, (slots, 2, 3, 3))
    lines = (3 * bands[..., None] + within).reshape(slots, 2, 9)
    cells = lines[:, 0, :, None] * 9 + lines[:, 1, None, :]  # (B, 9, 9)
    flip = rng.random(slots) < 0.5
    cells = np.where(flip[:, None, None], cells.transpose(0, 2, 1), cells).reshape(slots, 81)
    return tuple(  # type: ignore[return-value]
        np.take_along_axis(tokens, np.take_along_axis(grid, cells, 1), 1) for grid in (questions, answers)
    )


AUGMENT: dict[str, Augment] = {"maze": augment_maze.augment, "sudoku": sudoku}

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
