"""What rules of ARC-like tasks are made of: drawing shapes on small colour grids, and looking at them.

Colour 0 is the background everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trm_solve.puzzles.base import Grid, Mask

Random = np.random.Generator
Shape = tuple[int, int]
Pair = tuple[Grid, Grid]
Rule = Callable[[Random], Pair]  # draws an input and the output that the rule makes of it
Family = Callable[[Random, int], Rule]  # draws a rule for grids of at most so many cells a side

AROUND = ((-1, 0), (0, 1), (1, 0), (0, -1), (-1, -1), (-1, 1), (1, 1), (1, -1))  # the first four by an edge


def colours(rng: Random, count: int) -> list[int]:
    """Different colours other than the background."""
    return [int(c) for c in 1 + rng.permutation(9)[:count]]


def shape(rng: Random, most: int, least: int = 3) -> Shape:
    rows, columns = rng.integers(least, most + 1, 2)
    return int(rows), int(columns)


def scatter(rng: Random, size: Shape, palette: list[int], density: float) -> Grid:
    """Single cells of these colours, so many of all cells."""
    drawn = rng.choice(np.array(palette, np.uint8), size)
    return np.where(rng.random(size) < density, drawn, np.uint8(0))


def full(rng: Random, size: Shape, palette: list[int]) -> Grid:
    return rng.choice(np.array(palette, np.uint8), size)


def shifted(cells: NDArray[np.generic], move: tuple[int, int]) -> NDArray[np.generic]:
    """The same cells moved; what leaves is lost, what comes in is 0."""
    out = np.zeros_like(cells)
    rows, columns = cells.shape
    down, right = move
    if abs(down) < rows and abs(right) < columns:
        target = out[max(down, 0) : rows + min(down, 0), max(right, 0) : columns + min(right, 0)]
        target[:] = cells[max(-down, 0) : rows - max(down, 0), max(-right, 0) : columns - max(right, 0)]
    return out


def grown(mask: Mask, ways: tuple[tuple[int, int], ...] = AROUND) -> Mask:
    """The mask and its neighbours."""
    out = mask.copy()
    for way in ways:
        out |= shifted(mask, way).astype(np.bool_)
    return out


def blob(rng: Random, most: int) -> Mask:
    """A connected shape of 2 to `most` cells."""
    cells = {(0, 0)}
    for _ in range(int(rng.integers(1, most))):
        edge = [(r + dr, c + dc) for r, c in sorted(cells) for dr, dc in AROUND[:4]]
        free = [each for each in edge if each not in cells]
        cells.add(free[int(rng.integers(len(free)))])
    where = np.array(sorted(cells))
    where -= where.min(0)
    mask = np.zeros(where.max(0) + 1, np.bool_)
    mask[tuple(where.T)] = True
    return mask


def lay(rng: Random, size: Shape, shapes: list[Mask]) -> list[Mask]:
    """The shapes somewhere on a grid, none touching another; those that find no room are left out."""
    taken, found = np.zeros(size, np.bool_), []
    for each in shapes:
        room = np.subtract(size, each.shape)
        if (room < 0).any():
            continue
        for _ in range(20):
            top, left = (int(rng.integers(r + 1)) for r in room)
            mask = np.zeros(size, np.bool_)
            mask[top : top + each.shape[0], left : left + each.shape[1]] = each
            if not (grown(mask) & taken).any():
                taken |= mask
                found.append(mask)
                break
    return found


def objects(rng: Random, size: Shape, count: int, most: int = 6) -> list[Mask]:
    return lay(rng, size, [blob(rng, most) for _ in range(count)])


def paint(size: Shape, masks: list[Mask], with_colours: list[int]) -> Grid:
    grid = np.zeros(size, np.uint8)
    for mask, colour in zip(masks, with_colours, strict=False):
        grid[mask] = colour
    return grid


def box(mask: Mask) -> tuple[slice, slice]:
    """The smallest rectangle around the marked cells."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def outside(free: Mask) -> Mask:
    """Free cells that a walk by edges reaches from the border."""
    border = np.ones_like(free)
    border[1:-1, 1:-1] = False
    reached = free & border
    while (more := grown(reached, AROUND[:4]) & free).sum() > reached.sum():
        reached = more
    return reached


def frames(rng: Random, size: Shape, count: int) -> list[Mask]:
    """Outlines of rectangles of 3 cells a side and more."""
    drawn = []
    for _ in range(count):
        frame = np.ones(shape(rng, max(3, min(size) // 2 + 1)), np.bool_)
        frame[1:-1, 1:-1] = False
        drawn.append(frame)
    return lay(rng, size, drawn)
