"""Mazes by the thousand: breadth-first search over flat arrays, to draw mazes and to label them.

As in `kernels.py`, every function is plain Python that is compiled where numba (extra `fast`) is installed and gives
the same mazes where it is not. Grids are flat sequences of the tokens of `puzzles/maze.py`; a *framed* grid has a wall
all around, so it is two rows higher and two columns wider.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trm_solve.generation.kernels import COMPILED, Words, draw, jit, zeros
from trm_solve.kinds.maze.paths import FREE, GOAL, PATH, START, WALL

BITS = 15
UNIT = 1 << BITS  # shares of walls are counted in this unit: a draw of 30 bits decides two cells
FAVOUR = 16  # cells far from S from which on a maze is always kept; see `hunt`


@jit
def search(
    framed: Words, width: int, start: int, goal: int, far: int, came_from: Words, order: Words
) -> tuple[int, int]:
    """Breadth-first from `start` until `goal` is met (0: everywhere). Returns how many cells were reached, and how many
    of them lie less than `far` moves away.

    `order` receives the cells reached, nearest first, `came_from` their predecessors (0 or -1 in all other cells).
    Neighbours are looked at in the order down, left, right, up, which decides between equally short paths.
    """
    for cell in range(len(framed)):
        came_from[cell] = -1 if framed[cell] == WALL else 0
    came_from[start] = start
    order[0] = start
    reached = 1
    done = 0
    near = 0
    depth = 0
    while done < reached and came_from[goal] <= 0:
        if depth < far:
            near = reached
        depth += 1
        for at in range(done, reached):
            cell = order[at]
            for step in (width, -1, 1, -width):
                next_to = cell + step
                if came_from[next_to] == 0:
                    came_from[next_to] = cell
                    order[reached] = next_to
                    reached += 1
            done += 1
    return reached, near


@jit
def mark(framed: Words, came_from: Words, goal: int) -> int:
    """Mark the cells between the search's start and the goal; returns the number of moves."""
    cell = came_from[goal]
    moves = 1
    while came_from[cell] != cell:
        framed[cell] = PATH
        cell = came_from[cell]
        moves += 1
    return moves


@jit
def scatter(rng: Words, framed: Words, rows: int, columns: int, walls: int) -> int:
    """Fill a framed grid, each cell a wall with probability walls / UNIT; returns how many cells are free."""
    free = 0
    bits = 0
    spare = False
    for row in range(1, rows + 1):
        first = row * (columns + 2) + 1
        for cell in range(first, first + columns):
            bits = bits >> BITS if spare else draw(rng, UNIT * UNIT)
            spare = not spare
            wall = (bits & (UNIT - 1)) < walls
            framed[cell] = WALL if wall else FREE
            free += not wall
    return free


@jit
def hunt(
    rng: Words, rows: int, columns: int, walls_low: int, walls_high: int, least: int, tries: int, framed: Words
) -> tuple[int, int]:
    """Draw walls and S until some cell is at least `least` moves away; G is one of those cells, each as likely.

    The share of walls is drawn from walls_low to walls_high (of UNIT) for each try. Drawing G blindly as well would
    favour mazes with many far cells, and the public mazes look as if drawn so (mean path 113.9; 111.4 without any
    favour, 112.5 with this one): a maze with fewer than `FAVOUR` far cells is kept in proportion to them. Returns the
    number of tries and the length of the path, 0 where `tries` were not enough. `framed` then holds the maze with its
    path marked.
    """
    width = columns + 2
    size = (rows + 2) * width
    came_from, order = zeros(size), zeros(size)
    for cell in range(size):
        framed[cell] = WALL
    for tried in range(1, tries + 1):
        free = scatter(rng, framed, rows, columns, walls_low + draw(rng, walls_high - walls_low + 1))
        if free <= least:
            continue
        start = 0
        while framed[start] == WALL:
            start = (draw(rng, rows) + 1) * width + draw(rng, columns) + 1
        reached, near = search(framed, width, start, 0, least, came_from, order)
        if draw(rng, FAVOUR) < reached - near:
            goal = order[near + draw(rng, reached - near)]
            framed[start], framed[goal] = START, GOAL
            return tried, mark(framed, came_from, goal)
    return tries, 0


@jit
def label(grid: Words, rows: int, columns: int) -> int:
    """Mark the canonical path in a grid without marks; returns its length, 0 where there is no path."""
    width = columns + 2
    size = (rows + 2) * width
    framed, came_from, order = zeros(size), zeros(size), zeros(size)
    for cell in range(size):
        framed[cell] = WALL
    start, goal = 0, 0
    for row in range(rows):
        shift = (row + 1) * width + 1 - row * columns  # from a cell to its place in the frame
        for i in range(row * columns, (row + 1) * columns):
            framed[i + shift] = grid[i]
            if grid[i] == START:
                start = i + shift
            elif grid[i] == GOAL:
                goal = i + shift
    search(framed, width, start, goal, 0, came_from, order)
    if came_from[goal] <= 0:
        return 0
    moves = mark(framed, came_from, goal)
    for row in range(rows):
        shift = (row + 1) * width + 1 - row * columns
        for i in range(row * columns, (row + 1) * columns):
            grid[i] = framed[i + shift]
    return moves


@jit
def label_all(grids: Words, rows: int, columns: int) -> None:
    """`label` for a whole array of grids (N, rows * columns), in place."""
    for i in range(len(grids)):
        label(grids[i], rows, columns)


def labels(questions: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Questions (N, cells) with their canonical paths marked; one without a path is returned as it is."""
    rows = questions.shape[1] // columns
    if COMPILED:
        answers = questions.copy()
        label_all(answers, rows, columns)
        return answers
    lists = questions.tolist()  # plain Python is at home there
    label_all(lists, rows, columns)
    return np.array(lists, np.uint8).reshape(questions.shape)
