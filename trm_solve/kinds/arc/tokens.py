"""Grids on the canvas: tokens with their EOS, the square that a task needs, the rectangle that is an answer.

numpy only.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from trm_solve.puzzle import Grid

SIDE = 30
CANVAS = (SIDE, SIDE)
SIDES = (6, 9, 11, 13, 17, 21, 26, SIDE)  # of cropped canvases: few shapes, each compiled and batched once
EOS, COLOR = 1, 2  # the token of the end of a grid, and that of colour 0
COLORS = 10


def needed_side(pairs: Iterable[tuple[Grid, Grid | None]], questions: Iterable[Grid]) -> int:
    """The side of a square canvas from (0, 0) for these grids, and for answers that grow as much as any pair does.

    One of `SIDES`, with room for an EOS where the whole canvas has it.
    """
    pairs, growth = list(pairs), 1.0
    sides = [max(grid.shape) for pair in pairs for grid in pair if grid is not None]
    for question, answer in pairs:
        if answer is not None:
            growth = max(growth, *(out / size for out, size in zip(answer.shape, question.shape, strict=True)))
    for question in questions:
        sides += [max(question.shape), round(max(question.shape) * growth)]
    return next((side for side in SIDES if side > max(sides, default=SIDE)), SIDE)


def square(side: int) -> NDArray[np.intp] | None:
    """Cells of the square of this side at the canvas's first cell; None: the whole canvas."""
    if side >= SIDE:
        return None
    return (np.arange(side)[:, None] * SIDE + np.arange(side)).ravel()


def place(grid: Grid, offset: tuple[int, int] = (0, 0)) -> Grid:
    """A grid's tokens on the canvas (30, 30), EOS below and right of it where there is room."""
    canvas = np.zeros(CANVAS, np.uint8)
    (top, left), (rows, columns) = offset, grid.shape
    bottom, right = top + rows, left + columns
    canvas[top:bottom, left:right] = grid + np.uint8(COLOR)
    canvas[bottom : bottom + 1, left:right] = EOS
    canvas[top:bottom, right : right + 1] = EOS
    return canvas


def largest_rectangle(tokens: NDArray[np.uint8]) -> tuple[int, int]:
    """Rows, columns of the largest rectangle at (0, 0) that holds colours only; of equal ones that with fewer rows."""
    widths = np.minimum.accumulate((np.cumprod(tokens >= COLOR, axis=1)).sum(1))
    areas = widths * np.arange(1, len(widths) + 1)
    rows = int(areas.argmax()) + 1
    return (rows, int(widths[rows - 1])) if areas.any() else (0, 0)
