"""The eight turns and reflections of a grid, numbered as in the public ARC data sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trm_solve.puzzle import Scalar

DIHEDRAL = (
    "as it is",
    "a quarter turn",
    "a half turn",
    "a three-quarter turn",
    "left and right exchanged",
    "up and down exchanged",
    "transposed",
    "transposed along the other diagonal",
)
INVERSE = (0, 3, 2, 1, 4, 5, 6, 7)


def turn(grid: NDArray[Scalar], which: int) -> NDArray[Scalar]:
    """The grid (rows, columns) turned: 1-3 that many quarter turns against the clock, 4-7 as `DIHEDRAL` says."""
    match which:
        case 4:
            turned = np.fliplr(grid)
        case 5:
            turned = np.flipud(grid)
        case 6:
            turned = grid.T
        case 7:
            turned = np.fliplr(np.rot90(grid))
        case _:
            turned = np.rot90(grid, which)
    return np.ascontiguousarray(turned)
