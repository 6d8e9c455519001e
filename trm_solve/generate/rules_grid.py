"""Rules that treat a grid as a whole: turns, colours, sizes, halves."""

from __future__ import annotations

import numpy as np

from trm_solve.generate.shapes import (
    Pair,
    Random,
    Rule,
    box,
    colours,
    full,
    lay,
    objects,
    paint,
    scatter,
    shape,
    shifted,
)
from trm_solve.puzzles.dihedral import turn


def turned(rng: Random, most: int) -> Rule:
    which, palette = int(rng.integers(1, 8)), colours(rng, int(rng.integers(2, 7)))

    def rule(rng: Random) -> Pair:
        grid = scatter(rng, shape(rng, most), palette, rng.uniform(0.3, 1))
        return grid, turn(grid, which)

    return rule


def recoloured(rng: Random, most: int) -> Rule:
    """Some colours become others."""
    palette = colours(rng, 6)
    table = np.arange(10, dtype=np.uint8)
    changed = int(rng.integers(1, 5))
    table[palette[:changed]] = np.roll(palette[: changed + int(rng.integers(2))], 1)[:changed]

    def rule(rng: Random) -> Pair:
        grid = scatter(rng, shape(rng, most), palette, rng.uniform(0.4, 1))
        return grid, table[grid]

    return rule


def moved(rng: Random, most: int) -> Rule:
    """Everything moves by the same step; what leaves is lost or comes in again."""
    step, wraps = tuple(int(s) for s in rng.integers(-2, 3, 2)), rng.random() < 0.5

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 4)
        grid = paint(size, objects(rng, size, 3), colours(rng, 3))
        after = np.roll(grid, step, (0, 1)) if wraps else shifted(grid, (step[0], step[1]))
        return grid, after.astype(np.uint8)

    return rule


def fallen(rng: Random, most: int) -> Rule:
    """All cells fall to one side."""
    side, palette = int(rng.integers(4)), colours(rng, int(rng.integers(1, 4)))

    def rule(rng: Random) -> Pair:
        grid = scatter(rng, shape(rng, most), palette, rng.uniform(0.2, 0.5))
        down = np.zeros_like(grid)
        for column, cells in enumerate(grid.T):
            some = cells[cells > 0]
            down[len(cells) - len(some) :, column] = some
        return turn(grid, side), turn(down, side)

    return rule


def sorted_bars(rng: Random, most: int) -> Rule:
    """Bars stand in the order of their heights."""
    side, up, colour = int(rng.integers(4)), rng.random() < 0.5, colours(rng, 3)

    def rule(rng: Random) -> Pair:
        size = shape(rng, most)
        heights = rng.integers(0, size[0] + 1, size[1])
        bars = [np.arange(size[0])[::-1, None] < h for h in (heights, np.sort(heights)[:: 1 if up else -1])]
        before, after = (bar.astype(np.uint8) * np.uint8(colour[0]) for bar in bars)
        return turn(before, side), turn(after, side)

    return rule


def framed(rng: Random, most: int) -> Rule:
    """A frame around the grid, inside it or without."""
    colour, inside = colours(rng, 1)[0], rng.random() < 0.5

    def rule(rng: Random) -> Pair:
        grid = scatter(rng, shape(rng, most if inside else most - 2), colours(rng, 3), rng.uniform(0, 0.6))
        after = grid.copy() if inside else np.pad(grid, 1)
        after[[0, -1]] = colour
        after[:, [0, -1]] = colour
        return grid, after

    return rule


def tiled(rng: Random, most: int) -> Rule:
    """Copies of the grid beside each other, some of them turned."""
    rows, columns = ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3), (3, 3))[int(rng.integers(6))]
    turns = rng.choice([0, 0, 2, 4, 5], (rows, columns)) if rng.random() < 0.7 else np.zeros((rows, columns), int)
    turns.flat[int(rng.integers(rows * columns))] = 0

    def rule(rng: Random) -> Pair:
        small = max(most // max(rows, columns), 2)
        grid = scatter(rng, shape(rng, small, 2), colours(rng, 3), rng.uniform(0.4, 1))
        return grid, np.block([[turn(grid, int(which)) for which in line] for line in turns])

    return rule


def enlarged(rng: Random, most: int) -> Rule:
    """Every cell becomes a block; or the other way round."""
    factor, back = int(rng.integers(2, 4)), rng.random() < 0.4

    def rule(rng: Random) -> Pair:
        grid = scatter(rng, shape(rng, max(most // factor, 2), 2), colours(rng, 3), rng.uniform(0.4, 1))
        large = np.kron(grid, np.ones((factor, factor), np.uint8))
        return (large, grid) if back else (grid, large)

    return rule


def self_tiled(rng: Random, most: int) -> Rule:
    """Where the grid has a cell, the whole grid; elsewhere nothing, or the other way round."""
    negative, side = rng.random() < 0.3, min(3, int(most**0.5))

    def rule(rng: Random) -> Pair:
        grid = scatter(rng, (side, side), colours(rng, 1), rng.uniform(0.3, 0.8))
        where = (grid == 0) if negative else (grid > 0)
        return grid, np.kron(where.astype(np.uint8), grid)

    return rule


def part(rng: Random, most: int) -> Rule:
    """One half of the grid, or a quarter."""
    side, quarter = int(rng.integers(4)), rng.random() < 0.3

    def rule(rng: Random) -> Pair:
        rows, columns = (2 * n for n in shape(rng, most // 2, 2))
        grid = scatter(rng, (rows, columns), colours(rng, 4), rng.uniform(0.5, 1))
        cut = turn(grid, side)[: grid.shape[0] // 2 if side % 2 == 0 else grid.shape[1] // 2]
        return grid, np.ascontiguousarray(cut[:, : cut.shape[1] // 2] if quarter else cut)

    return rule


def cropped(rng: Random, most: int) -> Rule:
    """The rectangle around everything, around the largest object, or around that of one colour."""
    which, wanted = int(rng.integers(3)), colours(rng, 1)[0]

    def rule(rng: Random) -> Pair:
        size = shape(rng, most, 5)
        masks = sorted(objects(rng, size, 3, 7), key=np.sum)
        palette = [c for c in colours(rng, 9) if c != wanted][: len(masks)]
        if which == 2:
            palette[int(rng.integers(len(masks)))] = wanted
        grid = paint(size, masks, palette)
        chosen = (grid > 0, masks[-1], grid == wanted)[which]
        after = grid[box(chosen)].copy()
        if which:
            after[~chosen[box(chosen)]] = 0
        if which == 1 and len(masks) > 1 and masks[-1].sum() == masks[-2].sum():
            return grid, grid  # no largest one: drawn again
        return grid, after

    return rule


def folded(rng: Random, most: int) -> Rule:
    """Two halves, with or without a line between, are laid upon each other by a logical operation."""
    upon = (np.logical_and, np.logical_or, np.logical_xor, lambda a, b: ~(a | b), lambda a, b: a & ~b)
    how, (first, second, line, after) = upon[int(rng.integers(len(upon)))], colours(rng, 4)
    upright, lined = rng.random() < 0.5, rng.random() < 0.7

    def rule(rng: Random) -> Pair:
        size = shape(rng, (most - 1) // 2, 3)
        one, other = (rng.random(size) < 0.5 for _ in range(2))
        between = np.full((size[0], 1), line, np.uint8)
        halves = [one * np.uint8(first), *([between] if lined else []), other * np.uint8(second)]
        before, result = np.hstack(halves), how(one, other) * np.uint8(after)
        return (turn(before, 6), turn(result, 6)) if upright else (before, result)

    return rule


def counted(rng: Random, most: int) -> Rule:
    """As many cells in a row as there are cells, or objects, of a colour."""
    colour, of_objects, upright = colours(rng, 1)[0], rng.random() < 0.5, rng.random() < 0.5

    def rule(rng: Random) -> Pair:
        size, count = shape(rng, most, 4), int(rng.integers(1, 6))
        solid = [np.ones((2, 2) if of_objects else (1, 1), np.bool_)] * count
        masks = lay(rng, size, solid)
        grid = paint(size, masks, [colour] * count)
        out = np.full((1, max(len(masks), 1)), colour, np.uint8)
        return grid, turn(out, 6) if upright else out

    return rule


def commonest(rng: Random, most: int) -> Rule:
    """A grid of the commonest colour, of one fixed size or as it was."""
    small = shape(rng, 3, 1) if rng.random() < 0.5 else None

    def rule(rng: Random) -> Pair:
        palette = colours(rng, int(rng.integers(2, 5)))
        size = shape(rng, min(most, 6))
        grid = full(rng, size, [*palette, palette[0], palette[0]])
        counts = np.sort(np.bincount(grid.ravel(), minlength=10))
        if counts[-1] == counts[-2]:
            return grid, grid
        return grid, np.full(small or size, np.bincount(grid.ravel()).argmax(), np.uint8)

    return rule


FAMILIES = (
    turned,
    recoloured,
    moved,
    fallen,
    sorted_bars,
    framed,
    tiled,
    enlarged,
    self_tiled,
    part,
    cropped,
    folded,
    counted,
    commonest,
)
