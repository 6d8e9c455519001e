"""The rules of Sudoku: rows, columns and boxes, what clashes, and what a blank may still be. numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trm_solve.puzzle import Grid, Mask

_rows, _columns = np.divmod(np.arange(81), 9)
AXES = {"row": _rows, "column": _columns, "box": _rows // 3 * 3 + _columns // 3}  # which of each a cell (81,) is in
UNITS: NDArray[np.intp] = np.array(
    [np.flatnonzero(axis == i) for axis in AXES.values() for i in range(9)]
)  # (27, 9) cells of each row, column and box
_PLACES: NDArray[np.intp] = np.argsort(UNITS.ravel(), kind="stable").reshape(81, 3)  # where each cell stands in UNITS


PEERS: NDArray[np.bool_] = np.zeros((81, 81), np.bool_)  # pairs of cells that share a unit
for _unit in UNITS:
    PEERS[np.ix_(_unit, _unit)] = True
np.fill_diagonal(PEERS, False)


def conflicts(grid: Grid) -> Mask:
    """Cells (9, 9) whose digit stands twice in a row, column or box."""
    digits = grid.ravel()[UNITS]
    twice = ((digits[:, :, None] == digits[:, None, :]).sum(-1) > 1) & (digits > 0)
    found: Mask = twice.ravel()[_PLACES].any(-1).reshape(9, 9)
    return found


def clash(grid: Grid) -> str:
    """The first repeated digit in words, such as `two 5s in row 3 (columns 1 and 7)`; empty where there is none."""
    flat = grid.ravel()
    for index, unit in enumerate(UNITS):
        digits = flat[unit]
        for digit in range(1, 10):
            cells = unit[digits == digit]
            if len(cells) > 1:
                what, which = list(AXES)[index // 9], index % 9 + 1
                spots = " and ".join(f"r{cell // 9 + 1}c{cell % 9 + 1}" for cell in cells[:2])
                return f"two {digit}s in {what} {which} ({spots})"
    return ""
