"""Paths in a maze: the canonical shortest one, what breaks a drawn one, and how much of it is missing.

A search takes a fraction of a millisecond on 900 cells: it runs over plain lists in a frame of walls, so that no step
asks whether it has left the grid. Standard library and numpy only.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trm_solve.puzzle import Grid, Mask

WALL, FREE, START, GOAL, PATH = 1, 2, 3, 4, 5
Cells = NDArray[np.intp]


def shortest_path(question: Grid) -> Cells | None:
    """The canonical path: flat cells from S to G, both included; None where there is no path.

    Of the shortest paths it is the one that a breadth-first search from S finds first when it looks down, left, right
    and up, in this order, and keeps the cell it came from: the tie-break of the public labels.
    """
    return _search(question.tobytes(), question.shape[1])


@lru_cache(maxsize=4096)
def _search(question: bytes, columns: int) -> Cells | None:
    """`shortest_path` of the question's bytes: every step of every attempt at a maze asks for it."""
    state = _framed(question, columns)
    width = columns + 2
    start, goal = (_place(question.index(symbol), columns) for symbol in (START, GOAL))
    came_from = [-1 if symbol > WALL else 0 for symbol in state]  # the frame's corner, 0, stands for "not to enter"
    came_from[start] = start
    frontier = [start]
    while frontier:
        reached = []
        for cell in frontier:
            for near in (cell + width, cell - 1, cell + 1, cell - width):
                if came_from[near] == -1:
                    came_from[near] = cell
                    reached.append(near)
        if came_from[goal] != -1:
            return _trace(came_from, goal, width)
        frontier = reached
    return None


def _trace(came_from: list[int], cell: int, width: int) -> Cells:
    path = [cell]
    while came_from[cell] != cell:
        cell = came_from[cell]
        path.append(cell)
    framed = np.array(path[::-1], np.intp)
    cells: Cells = (framed // width - 1) * (width - 2) + framed % width - 1
    cells.flags.writeable = False  # it is cached
    return cells


def flaws(question: Grid, marked: Mask) -> Mask:
    """Cells that keep the marks from being one walk from S to G without branches; none exactly where they are one.

    Those are pieces that touch neither S nor G, side branches that lead nowhere, cells where the walk divides or
    touches itself, the open ends of a walk that is broken, and S or G where not exactly one way leads on.
    `marked` has the question's shape and may cover free cells only.
    """
    columns = question.shape[1]
    width = columns + 2
    ends = [_place(int(np.flatnonzero(question == symbol)[0]), columns) for symbol in (START, GOAL)]
    on = bytearray(width * (question.shape[0] + 2))
    members = (_place(cell, columns) for cell in np.flatnonzero(marked).tolist())
    ways: dict[int, int] = dict.fromkeys([*ends, *members], 0)  # marked neighbours of each marked cell
    for cell in ways:
        on[cell] = 1
    for cell in ways:
        ways[cell] = on[cell + width] + on[cell - 1] + on[cell + 1] + on[cell - width]
    first = _flood(on, ends[0], width)
    whole = ends[1] in first
    joined = first if whole else first | _flood(on, ends[1], width)
    wrong = [cell for cell in ways if cell not in joined]
    if whole:
        wrong += _prune(on, ways, joined, ends, width)
    pruned = set(wrong)
    for cell in joined - pruned:
        if cell in ends:
            if ways[cell] != 1:
                wrong.append(cell)
        elif ways[cell] != 2:
            wrong.append(cell)
    found: Mask = np.zeros(question.shape, np.bool_)
    framed = np.array(wrong, np.intp)
    found[framed // width - 1, framed % width - 1] = True
    return found


def are_walks(answers: NDArray[np.uint8]) -> list[bool]:
    """Whether the marks of each answer (N, rows, columns) with one S and one G are one walk between them.

    `flaws` finds none exactly there, but slowly.
    """
    width, walks, ends = answers.shape[2] + 1, _bits(answers == PATH), _bits((answers == START) | (answers == GOAL))
    return [_is_walk(walk, end, width) for walk, end in zip(walks, ends, strict=True)]


def are_shortest(answers: NDArray[np.uint8]) -> list[bool]:
    """Whether each answer (N, rows, columns) that is a walk is as short as any."""
    width, floors = answers.shape[2] + 1, _bits(answers > WALL)
    starts, goals = _bits(answers == START), _bits(answers == GOAL)
    moves = (1 + np.count_nonzero(answers == PATH, axis=(1, 2))).tolist()
    mazes = zip(floors, starts, goals, moves, strict=True)
    return [_reaches(free, start, goal, width) == least for free, start, goal, least in mazes]


def _bits(masks: NDArray[np.bool_]) -> list[int]:
    """Each mask (rows, columns) as a number with a bit for every cell, and a bit behind every row that is not set.

    All cells of a mask then move at once: by a bit to the left or right, by columns + 1 bits up or down.
    """
    framed = np.pad(masks, ((0, 0), (0, 0), (0, 1)))
    cells = framed.reshape(len(masks), (masks.shape[2] + 1) * masks.shape[1])
    packed = np.packbits(cells, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def _is_walk(walk: int, ends: int, width: int) -> bool:
    """Whether each cell of the walk has two marked neighbours, each end has one, and the walk reaches all its cells."""
    marked = walk | ends
    up, down, left, right = marked >> width, marked << width, marked >> 1, marked << 1
    level, upright = left ^ right, up ^ down
    # the count of neighbours in binary
    odd, two = level ^ upright, (left & right) ^ (up & down) ^ (level & upright)
    if walk & (odd | ~two) or ends & (two | ~odd):
        return False
    while ends := (ends >> width | ends << width | ends >> 1 | ends << 1) & walk:
        walk ^= ends
    return not walk


def _reaches(free: int, cells: int, goal: int, width: int) -> int:
    """The moves from `cells` to the goal, -1 where there is no way."""
    moves = 0
    while cells:
        if cells & goal:
            return moves
        free &= ~cells
        cells = (cells >> width | cells << width | cells >> 1 | cells << 1) & free
        moves += 1
    return -1


def _flood(on: bytearray, cell: int, width: int) -> set[int]:
    """The piece of marked cells that this one belongs to."""
    piece, stack = {cell}, [cell]
    while stack:
        cell = stack.pop()
        for near in (cell + width, cell - 1, cell + 1, cell - width):
            if on[near] and near not in piece:
                piece.add(near)
                stack.append(near)
    return piece


def _prune(on: bytearray, ways: dict[int, int], piece: set[int], ends: list[int], width: int) -> list[int]:
    """Take side branches off the piece that joins S and G; returns their cells. `ways` is kept up to date."""
    pruned = []
    stack = [cell for cell in piece if ways[cell] < 2 and cell not in ends]
    while stack:
        cell = stack.pop()
        pruned.append(cell)
        on[cell] = 0
        for near in (cell + width, cell - 1, cell + 1, cell - width):
            if on[near]:
                ways[near] -= 1
                if ways[near] == 1 and near not in ends:
                    stack.append(near)
    return pruned


def missing(question: Grid, marked: Mask) -> int:
    """The least number of free cells that must be marked as well to join S and G; -1 where nothing joins them."""
    columns = question.shape[1]
    width = columns + 2
    state = _framed(np.where(marked, np.uint8(PATH), question).tobytes(), columns)
    start, goal = (_place(int(np.flatnonzero(question == symbol)[0]), columns) for symbol in (START, GOAL))
    cost = {start: 0}
    queue = deque([start])
    while queue:  # steps onto marked cells are free and go first
        cell = queue.popleft()
        if cell == goal:
            return cost[cell]
        for near in (cell + width, cell - 1, cell + 1, cell - width):
            symbol = state[near]
            step = cost[cell] + (symbol == FREE)
            if symbol > WALL and step < cost.get(near, len(state)):
                cost[near] = step
                (queue.append if symbol == FREE else queue.appendleft)(near)
    return -1


def _framed(grid: bytes, columns: int) -> list[int]:
    """The grid's symbols in a frame of walls, flat, two columns wider."""
    state = [WALL] * (columns + 2)
    for row in range(0, len(grid), columns):
        state += [WALL, *grid[row : row + columns], WALL]
    return state + [WALL] * (columns + 2)


def _place(cell: int, columns: int) -> int:
    """Where a flat cell stands in the framed grid."""
    return (cell // columns + 1) * (columns + 2) + cell % columns + 1


def solve(question: Grid) -> Grid | None:
    """The question with the canonical shortest path drawn in; None where there is no path."""
    path = shortest_path(question)
    if path is None:
        return None
    answer = question.copy()
    answer.ravel()[path[1:-1]] = PATH
    return answer
