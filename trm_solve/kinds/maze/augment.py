"""Mazes in training: turned, reflected, moved about the canvas and labelled anew, whole batches at a time."""

from __future__ import annotations

import math

import numpy as np

from trm_solve.kinds.maze.paths import WALL
from trm_solve.puzzle import Tokens


def augment(rng: np.random.Generator, questions: Tokens, answers: Tokens) -> tuple[Tokens, Tokens]:
    """A random turn or reflection and a random place for every maze; questions, answers (B, side * side).

    Labels are searched for again, since the canonical path does not survive a turn. A maze is where its label is not 0;
    around it are walls, and nothing to learn.
    """
    from trm_solve.kinds.maze.kernels import labels  # imports numba

    size, side = len(questions), math.isqrt(questions.shape[1])
    used = (answers != 0).reshape(size, side, side)
    spans = [used.any(2), used.any(1)]  # rows, columns
    first, length = (np.stack(found, 1) for found in zip(*[(s.argmax(1), s.sum(1)) for s in spans], strict=True))
    flip = rng.random((size, 2)) < 0.5  # rows, columns
    transpose = rng.random(size) < 0.5
    new_length = np.where(transpose[:, None], length[:, ::-1], length)
    place = (rng.random((size, 2)) * (side - new_length + 1)).astype(np.intp)
    steps = np.arange(side)[None, :, None] - place[:, None, :]  # (B, side, 2): where lines lie in the turned maze
    inside = (steps >= 0) & (steps < new_length[:, None, :])
    steps = np.where(flip[:, None, :], new_length[:, None, :] - 1 - steps, steps).clip(0, side - 1)
    down, across = steps[:, :, None, 0], steps[:, None, :, 1]
    swap = transpose[:, None, None]
    row = first[:, 0, None, None] + np.where(swap, across, down)
    column = first[:, 1, None, None] + np.where(swap, down, across)
    cells = (row.clip(max=side - 1) * side + column.clip(max=side - 1)).reshape(size, -1)
    within = (inside[:, :, None, 0] & inside[:, None, :, 1]).reshape(size, -1)
    moved = np.where(within, np.take_along_axis(questions, cells, 1), np.uint8(WALL))
    return moved, np.where(within, labels(moved, side), np.uint8(0))
