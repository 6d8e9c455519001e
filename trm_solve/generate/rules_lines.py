"""Rules of lines between cells, and of patterns that go on."""

from __future__ import annotations

import itertools

import numpy as np

from trm_solve.generate.shapes import AROUND, Pair, Random, Rule, box, colours, full, lay, paint, scatter, shape
from trm_solve.puzzles.dihedral import turn


def rays(rng: Random, most: int) -> Rule:
    """From each single cell a line to the side of the grid, in one to eight directions."""
    count = int(rng.choice([1, 2, 4, 8]))
    ways = {1: AROUND[:1], 2: AROUND[0:4:2], 4: AROUND[int(rng.choice([0, 4])) :][:4], 8: AROUND}[count]
    side, own = int(rng.integers(4)), rng.random() < 0.5
    colour, line = colours(rng, 2)

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 4)
        dots = lay(rng, size, [np.ones((1, 1), np.bool_)] * int(rng.integers(1, 4)))
        grid = paint(size, dots, [colour] * len(dots) if not own else colours(rng, 3))
        after = grid.copy()
        for mask in dots:
            (row, column), ink = np.argwhere(mask)[0], grid[mask][0] if own else np.uint8(line)
            for down, right in ways:
                r, c = row + down, column + right
                while 0 <= r < size[0] and 0 <= c < size[1] and not grid[r, c]:
                    after[r, c] = ink
                    r, c = r + down, c + right
        return turn(grid, side), turn(after, side)

    return rule


def joined(rng: Random, most: int) -> Rule:
    """A line between two cells of one colour in a row, in a column, or in both."""
    way, (colour, line) = int(rng.integers(3)), colours(rng, 2)
    own = rng.random() < 0.4

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 5)
        grid = np.zeros(size, np.uint8)
        for upright in ((False,), (True,), (False, True))[way]:
            for _ in range(int(rng.integers(1, 3))):
                high, wide = size[::-1] if upright else size
                row, (left, right) = int(rng.integers(high)), np.sort(rng.permutation(wide)[:2])
                view = grid.T if upright else grid
                if not view[row].any():
                    view[row, [left, right]] = colour
        after = grid.copy()
        for before, view, wanted in ((grid, after, way != 1), (grid.T, after.T, way != 0)):
            for row, cells in enumerate(before if wanted else ()):
                found = np.flatnonzero(cells)
                for left, right in itertools.pairwise(found):
                    between = view[row, left + 1 : right]
                    between[between == 0] = colour if own else line
        return grid, after

    return rule


def striped(rng: Random, most: int) -> Rule:
    """Cells of a colour fill their row, their column, or both."""
    way, palette = int(rng.integers(3)), colours(rng, 4)

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 4)
        grid = np.zeros(size, np.uint8)
        dots = lay(rng, size, [np.ones((1, 1), np.bool_)] * (1 if way == 2 else int(rng.integers(1, 4))))
        used: list[tuple[str, int]] = []
        for mask in dots:
            row, column = np.argwhere(mask)[0]
            if {("r", row), ("c", column)} & set(used):
                continue
            used += [("r", row), ("c", column)]
            grid[row, column] = palette[int(rng.integers(4))]
        after = grid.copy()
        for row, column in np.argwhere(grid):
            if way != 1:
                after[row] = grid[row, column]
            if way != 0:
                after[:, column] = grid[row, column]
        return grid, after

    return rule


def between_corners(rng: Random, most: int) -> Rule:
    """Four cells are the corners of a rectangle that is filled or drawn."""
    (corner, ink), solid = colours(rng, 2), rng.random() < 0.5

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 5)
        top, bottom, left, right = (
            *np.sort(rng.permutation(size[0])[:2]),
            *np.sort(rng.permutation(size[1])[:2]),
        )
        grid = np.zeros(size, np.uint8)
        after = grid.copy()
        after[top : bottom + 1, left : right + 1] = ink
        if not solid:
            after[top + 1 : bottom, left + 1 : right] = 0
        for row in (top, bottom):
            for column in (left, right):
                grid[row, column] = after[row, column] = corner
        return grid, after

    return rule


def alternating(rng: Random, most: int) -> Rule:
    """Every second row, column or cell of an object gets another colour."""
    which, (colour, other) = int(rng.integers(3)), colours(rng, 2)

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 4)
        masks = lay(rng, size, [np.ones(shape(rng, min(size), 2), np.bool_) for _ in range(2)])
        grid = paint(size, masks, [colour] * 2)
        after = grid.copy()
        for mask in masks:
            rows, columns = np.indices(size)
            top, left = (int(part.start) for part in box(mask))
            odd = ((rows - top) % 2, (columns - left) % 2, (rows + columns - top - left) % 2)[which]
            after[mask & (odd == 1)] = other
        return grid, after

    return rule


def symmetric(rng: Random, most: int) -> Rule:
    """What is missing of a symmetric picture is put back: it is copied over, or a covered patch is filled."""
    which, covered, cover = (4, 5, 2)[int(rng.integers(3))], rng.random() < 0.5, colours(rng, 1)[0]

    def rule(rng: Random) -> Pair:
        rows, columns = (2 * n for n in shape(rng, most // 2, 2))
        palette = [c for c in colours(rng, 4) if c != cover]
        grid = scatter(rng, (rows, columns), palette, rng.uniform(0.4, 1))
        half = np.zeros((rows, columns), np.bool_)
        half[: rows // 2 if which == 5 else rows, : columns // 2 if which != 5 else columns] = True
        whole = np.where(half, grid, turn(grid, which))
        before = np.where(half, whole, np.uint8(0))
        if covered:
            before = whole.copy()
            size = shape(rng, max(min(rows, columns) // 2, 1), 1)
            top, left = (int(rng.integers(n - s + 1)) for n, s in zip((rows, columns), size, strict=True))
            before[top : top + size[0], left : left + size[1]] = cover
            if (before == cover)[half].any() and (before == cover)[~half].any():
                return whole, whole  # it may hide a cell and its image
        return before, whole

    return rule


def periodic(rng: Random, most: int) -> Rule:
    """A pattern that repeats; a covered patch of it is filled, or it goes on over the empty rest."""
    cover, goes_on, upright = colours(rng, 1)[0], rng.random() < 0.5, rng.random() < 0.5

    def rule(rng: Random) -> Pair:
        palette = [c for c in colours(rng, 4) if c != cover]
        tile = full(rng, shape(rng, 3, 1), palette)
        rows, columns = shape(rng, most, 6)
        whole = np.tile(tile, (rows, columns))[:rows, :columns]
        before = whole.copy()
        if goes_on:
            before[:, max(tile.shape[1] + 1, columns // 2) :] = 0
        else:
            size = shape(rng, 3, 1)
            top, left = (int(rng.integers(n - s + 1)) for n, s in zip((rows, columns), size, strict=True))
            before[top : top + size[0], left : left + size[1]] = cover
        return (turn(before, 6), turn(whole, 6)) if upright else (before, whole)

    return rule


def inverted(rng: Random, most: int) -> Rule:
    """Two colours are exchanged, the background too where it is one of them."""
    background = rng.random() < 0.6

    def rule(rng: Random) -> Pair:
        one, other = colours(rng, 2)
        if background:
            other = 0
        grid = full(rng, shape(rng, most), [one, other])
        return grid, np.where(grid == one, other, one).astype(np.uint8)

    return rule


def nested(rng: Random, most: int) -> Rule:
    """The colours of nested squares are turned inside out."""
    del rng

    def rule(rng: Random) -> Pair:
        count = int(rng.integers(2, max(most // 2, 2) // 2 + 2))
        palette = np.array(colours(rng, count), np.uint8)
        side = 2 * count - int(rng.integers(2))
        cell = np.minimum(np.arange(side), np.arange(side)[::-1])
        ring = np.minimum.outer(cell, cell)
        return palette[ring], palette[::-1][ring]

    return rule


def haloed_corners(rng: Random, most: int) -> Rule:
    """Every single cell gets a small pattern of its own colour's kind around it."""
    pattern = rng.random((3, 3)) < 0.5
    pattern[1, 1] = True
    ink = colours(rng, 1)[0]

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 5)
        seeds = lay(rng, size, [np.ones((3, 3), np.bool_)] * 2)
        palette = [c for c in colours(rng, 3) if c != ink]
        grid = np.zeros(size, np.uint8)
        after = grid.copy()
        for mask, colour in zip(seeds, palette, strict=False):
            where = box(mask)
            after[where][pattern] = ink
            for each in (grid, after):
                each[where][1, 1] = colour
        return grid, after

    return rule


FAMILIES = (rays, joined, striped, between_corners, alternating, symmetric, periodic, inverted, nested, haloed_corners)
