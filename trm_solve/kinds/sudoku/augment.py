"""Random symmetries of whole batches of Sudokus in tokens, vectorised. numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trm_solve.puzzle import Tokens


def permutations(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Independent random permutations along the last axis."""
    return rng.random(shape).argsort(-1)


def augment(rng: np.random.Generator, questions: Tokens, answers: Tokens) -> tuple[Tokens, Tokens]:
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
