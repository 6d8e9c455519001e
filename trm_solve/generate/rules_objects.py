"""Rules about objects: which are enclosed, large, single, pushed, repeated."""

from __future__ import annotations

import numpy as np

from trm_solve.generate.shapes import (
    AROUND,
    Pair,
    Random,
    Rule,
    blob,
    box,
    colours,
    frames,
    grown,
    lay,
    objects,
    outside,
    paint,
    scatter,
    shape,
)
from trm_solve.puzzles.dihedral import turn


def filled(rng: Random, most: int) -> Rule:
    """What is enclosed gets a colour."""
    wall, inside = colours(rng, 2)
    ragged = rng.random() < 0.5

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 5)
        grid = paint(size, frames(rng, size, 3), [wall] * 3)
        if ragged:
            grid[rng.random(size) < 0.15] = wall
        after = grid.copy()
        after[(grid == 0) & ~outside(grid == 0)] = inside
        return grid, after

    return rule


def outlined(rng: Random, most: int) -> Rule:
    """A line of a colour around each object."""
    line, ways = colours(rng, 1)[0], AROUND[: 4 if rng.random() < 0.4 else 8]

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 5)
        palette = [c for c in colours(rng, 4) if c != line]
        grid = paint(size, objects(rng, size, 3, 4), palette)
        after = grid.copy()
        after[grown(grid > 0, ways) & (grid == 0)] = line
        return grid, after

    return rule


def hollowed(rng: Random, most: int) -> Rule:
    """The inside of solid rectangles is emptied, or gets a colour."""
    inside, (colour, other) = rng.random() < 0.5, colours(rng, 2)

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 5)
        solid = [np.ones(shape(rng, max(4, min(size) - 3)), np.bool_) for _ in range(2)]
        grid = paint(size, lay(rng, size, solid), [colour, colour])
        inner = ~grown(grid == 0) & np.pad(np.ones((size[0] - 2, size[1] - 2), np.bool_), 1)
        after = grid.copy()
        after[inner & (grid > 0)] = other if inside else 0
        return grid, after

    return rule


def by_size(rng: Random, most: int) -> Rule:
    """The largest object, the smallest, or all of so many cells get a colour."""
    which, (colour, marked, rest) = int(rng.integers(3)), colours(rng, 3)
    both, exact = rng.random() < 0.5, int(rng.integers(2, 5))

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 5)
        masks = sorted(objects(rng, size, 4), key=np.sum)
        sizes = [int(mask.sum()) for mask in masks]
        chosen = [n == (sizes[-1], sizes[0], exact)[which] for n in sizes]
        if which < 2 and sum(chosen) != 1:
            grid = paint(size, masks, [colour] * 4)
            return grid, grid
        after = paint(size, masks, [marked if yes else rest if both else colour for yes in chosen])
        return paint(size, masks, [colour] * 4), after

    return rule


def kept(rng: Random, most: int) -> Rule:
    """Only one colour stays, or only one goes."""
    chosen, stays = colours(rng, 1)[0], rng.random() < 0.5

    def rule(rng: Random) -> Pair:
        palette = [chosen, *colours(rng, 3)]
        grid = scatter(rng, shape(rng, most), palette, rng.uniform(0.3, 0.9))
        return grid, np.where((grid == chosen) == stays, grid, np.uint8(0))

    return rule


def cleaned(rng: Random, most: int) -> Rule:
    """Single cells go, larger objects stay."""
    del rng

    def rule(rng: Random) -> Pair:
        size, palette = shape(rng, most, 6), colours(rng, 3)
        dots = [np.ones((1, 1), np.bool_)] * int(rng.integers(2, 6))
        solid = [np.ones(shape(rng, 4, 2), np.bool_) for _ in range(2)]
        masks = lay(rng, size, solid + dots)
        same = palette[:1] * 3 if rng.random() < 0.5 else palette
        grid = paint(size, masks, [same[int(rng.integers(3))] for _ in masks])
        return grid, paint(
            size, [mask for mask in masks if mask.sum() > 1], [int(grid[m][0]) for m in masks if m.sum() > 1]
        )

    return rule


def turned_in_place(rng: Random, most: int) -> Rule:
    """Each object is mirrored where it stands."""
    which = (2, 4, 5)[int(rng.integers(3))]

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 5)
        masks = objects(rng, size, 3, 7)
        grid = paint(size, masks, colours(rng, 3))
        after = grid.copy()
        for mask in masks:
            where = box(mask)
            after[where] = turn(np.where(mask[where], grid[where], np.uint8(0)), which)
        return grid, after

    return rule


def pushed(rng: Random, most: int) -> Rule:
    """Objects move until they reach the side, or a wall of cells."""
    side, wall = int(rng.integers(4)), colours(rng, 1)[0]
    walled = rng.random() < 0.5

    def rule(rng: Random) -> Pair:
        rows, columns = shape(rng, most, 5)
        grid = np.zeros((rows, columns), np.uint8)
        after = grid.copy()
        end = columns
        if walled:
            end = columns - int(rng.integers(1, columns // 2))
            grid[:, end:] = after[:, end:] = wall
        palette = [c for c in colours(rng, 4) if c != wall]
        row = 0
        while row < rows - 1:
            piece = blob(rng, 4)
            high, wide = piece.shape
            if row + high > rows or wide > end:
                break
            left, colour = int(rng.integers(end - wide + 1)), palette[int(rng.integers(3))]
            grid[row : row + high, left : left + wide][piece] = colour
            after[row : row + high, end - wide : end][piece] = colour
            row += high + int(rng.integers(2))
        return turn(grid, side), turn(after, side)

    return rule


def repeated(rng: Random, most: int) -> Rule:
    """An object is repeated in one direction to the side of the grid."""
    side, gap = int(rng.integers(4)), int(rng.integers(2))

    def rule(rng: Random) -> Pair:
        rows, columns = shape(rng, most, 6)
        piece = blob(rng, 6)[:3, :3] * np.uint8(colours(rng, 1)[0])
        high, wide = piece.shape
        grid = np.zeros((rows, columns), np.uint8)
        top, left = int(rng.integers(rows - high + 1)), int(rng.integers(2))
        grid[top : top + high, left : left + wide] = piece
        after = grid.copy()
        for at in range(left, columns, wide + gap):
            room = min(wide, columns - at)
            after[top : top + high, at : at + room] = piece[:, :room]
        return turn(grid, side), turn(after, side)

    return rule


def coloured_by_key(rng: Random, most: int) -> Rule:
    """Objects of one colour take that of the single cell at the corner."""
    colour, corner = colours(rng, 1)[0], int(rng.integers(4))

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 5)
        key = next(c for c in colours(rng, 2) if c != colour)
        masks = [mask for mask in objects(rng, size, 3) if not mask[:2, :2].any()]
        grid, after = paint(size, masks, [colour] * 3), paint(size, masks, [key] * 3)
        grid[0, 0] = after[0, 0] = key
        return turn(grid, corner), turn(after, corner)

    return rule


FAMILIES = (filled, outlined, hollowed, by_size, kept, cleaned, turned_in_place, pushed, repeated, coloured_by_key)
