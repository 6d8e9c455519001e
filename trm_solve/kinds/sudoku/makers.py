"""Minimal Sudoku puzzles: at random, and by local search from hard ones. Kernels, see `kernels.py`.

A *record* is `RECORD` integers: puzzle, solution, rating. Ranges are pairs (lowest, highest), both included.
"""

from __future__ import annotations

from trm_solve.generation.kernels import Words, draw, jit, shuffle, zeros
from trm_solve.kinds.sudoku.kernels import (
    explore,
    fewest,
    fingerprint,
    guesses,
    load,
    place,
    propagate,
    random_cell,
    rate,
    read,
    redundant,
    solved,
)

RECORD = 163
SPLIT = 20  # solutions that the first of two clues may leave for the second one to tell apart
SOLUTIONS = 300  # looked at when a clue is out
CHILDREN = 8  # puzzles that replacing one clue may yield
FAMILY = 1500  # puzzles that one local search may remember
CLUE_WEIGHT = 10  # guesses that one clue too many or too few counts for
SPENT = 1 << 40  # stands for the gap of a puzzle that was a parent already


@jit
def minimise(rng: Words, s: Words, grid: Words) -> int:
    """Take redundant clues out of a puzzle with one solution, in random order; returns how many stay."""
    none = zeros(1)
    order = zeros(81)
    n = 0
    for cell in range(81):
        if grid[cell] > 0:
            order[n] = cell
            n += 1
    shuffle(rng, order, n)
    start = 0
    # As long as many are redundant, try whole runs at once: a subset that has one solution proves it for all between.
    run = n // 3 if n > 40 else 0
    while run > 2:
        trial = zeros(81)
        for cell in range(81):
            trial[cell] = grid[cell]
        for i in range(start, start + run):
            trial[order[i]] = 0
        if load(s, 0, trial) and explore(s, 2, none, 0)[0] == 1:
            for i in range(start, start + run):
                grid[order[i]] = 0
            start += run
        else:
            run //= 2
        if start + run > n - 17:
            break
    left = n - start
    for i in range(start, n):
        if redundant(s, grid, order[i], none):
            grid[order[i]] = 0
            left -= 1
    return left


@jit
def random_solution(rng: Words, s: Words, grid: Words) -> None:
    """Fill the grid at random: the fewest candidates first, digits in random order."""
    cells = zeros(3)
    digits = zeros(9)
    while True:
        for cell in range(81):
            grid[cell] = 0
        load(s, 0, grid)
        alive = True
        while alive and not solved(s, 0):
            fewest(s, 0, cells)
            cell = random_cell(rng, cells)
            n = 0
            for d in range(9):
                if (s[3 * d + cell // 27] >> (cell % 27)) & 1:
                    digits[n] = d
                    n += 1
            place(s, 0, digits[draw(rng, n)], cell)
            alive = propagate(s, 0)
        if alive:  # otherwise a dead end: start anew, which is rare and favours no digit
            read(s, 0, grid, 0)
            return


@jit
def random_minimal(rng: Words, s: Words, grid: Words) -> int:
    """A random minimal puzzle, by taking clues from a random solution; returns its number of clues."""
    random_solution(rng, s, grid)
    return minimise(rng, s, grid)


@jit
def frequencies(found: Words, n: int, cell: int, digit: int, counts: Words) -> int:
    """In how many of the n solutions that have this digit in the cell (any, for digit 0) each of the 729 pairs occurs.

    Returns the number of those solutions; pair 9 * cell + digit - 1 is at that place of `counts`.
    """
    for i in range(729):
        counts[i] = 0
    chosen = 0
    for at in range(0, 81 * n, 81):
        if digit == 0 or found[at + cell] == digit:
            chosen += 1
            for c in range(81):
                counts[9 * c + found[at + c] - 1] += 1
    return chosen


@jit
def random_pair(rng: Words, counts: Words, low: int, high: int) -> int:
    """A pair (cell, digit) whose count is within [low, high], each as likely; -1 where there is none."""
    n = 0
    for i in range(729):
        if low <= counts[i] <= high:
            n += 1
    if n == 0:
        return -1
    n = draw(rng, n)
    for i in range(729):
        if low <= counts[i] <= high:
            if n == 0:
                return i
            n -= 1
    return -1


@jit
def put_in(rng: Words, grid: Words, count: int, found: Words, n: int, counts: Words, rest: Words) -> int:
    """Add one or two clues that leave one of n > 1 solutions; the first one's pair, -1 where there is no such.

    `counts` are the frequencies of all n solutions; `rest` is room for those of the solutions the first clue leaves.
    """
    first = random_pair(rng, counts, 1, 1 if count == 1 else min(SPLIT, n - 1))
    if first < 0:
        return -1
    grid[first // 9] = first % 9 + 1
    if counts[first] > 1:
        frequencies(found, n, first // 9, first % 9 + 1, rest)
        second = random_pair(rng, rest, 1, 1)
        if second >= 0:
            grid[second // 9] = second % 9 + 1
    return first


@jit
def emit(out: Words, n: int, puzzle: Words, solution: Words, rating: int) -> int:
    """Write the n-th record; returns n + 1."""
    for cell in range(81):
        out[RECORD * n + cell] = puzzle[cell]
        out[RECORD * n + 81 + cell] = solution[cell]
    out[RECORD * n + 162] = rating
    return n + 1


@jit
def sample(rng: Words, s: Words, count: int, ratings: Words, clues: Words, out: Words) -> int:
    """Draw `count` random minimal puzzles; those in both ranges (low, high) go to `out`. Returns how many."""
    grid = zeros(81)
    solution = zeros(81)
    n = 0
    for _ in range(count):
        left = random_minimal(rng, s, grid)
        if clues[0] <= left <= clues[1]:
            rating = rate(s, grid, solution)
            if ratings[0] <= rating <= ratings[1]:
                n = emit(out, n, grid, solution, rating)
    return n


@jit
def hardest(rng: Words, s: Words, count: int, grid: Words) -> None:
    """The hardest of `count` random minimal puzzles."""
    trial = zeros(81)
    none = zeros(81)
    most = -1
    for _ in range(count):
        random_minimal(rng, s, trial)
        rating = rate(s, trial, none)
        if rating > most:
            most = rating
            for cell in range(81):
                grid[cell] = trial[cell]


@jit
def family(
    rng: Words, s: Words, grid: Words, parents: int, target: int, ratings: Words, clues: Words, out: Words
) -> int:
    """Local search from a puzzle with one solution: puzzles with rating and clues in the ranges (low, high).

    The puzzle among all met so far that is nearest to the target and was no parent yet becomes one, `parents` times:
    each of its clues in turn is replaced by others that leave one solution, and what that makes redundant goes.
    Writes records to `out`, which has room for FAMILY, and returns how many.
    """
    found = zeros(81 * SOLUTIONS)
    counts = zeros(729)
    rest = zeros(729)
    solution = zeros(81)
    base = zeros(81)
    child = zeros(81)
    members = zeros(81 * FAMILY)
    keys = zeros(FAMILY)
    gaps = zeros(FAMILY)
    size = 1
    for cell in range(81):
        members[cell] = grid[cell]
    keys[0] = fingerprint(grid)
    emitted = 0
    for _ in range(parents):
        nearest = 0
        for i in range(size):
            if gaps[i] < gaps[nearest]:
                nearest = i
        if gaps[nearest] >= SPENT:
            break
        gaps[nearest] = SPENT
        at = 81 * nearest
        here = 0
        for cell in range(81):
            base[cell] = members[at + cell]
            here += base[cell] > 0
        low = min(ratings[0], rate(s, base, solution) * 2 // 3)
        added = 2 if here < clues[0] else 1
        for cell in range(81):
            digit = base[cell]
            if digit == 0:
                continue
            base[cell] = 0
            load(s, 0, base)
            solutions = explore(s, SOLUTIONS, found, SOLUTIONS)[0]
            if solutions > 1:
                frequencies(found, solutions, 0, 0, counts)
                counts[9 * cell + digit - 1] = 0
            for _ in range(CHILDREN if solutions > 1 else 0):
                for i in range(81):
                    child[i] = base[i]
                pair = put_in(rng, child, added, found, solutions, counts, rest)
                if pair < 0:
                    break
                counts[pair] = 0  # not again
                if guesses(s, child, solution) < low // 3:  # or not unique, which is -1
                    continue
                left = minimise(rng, s, child)
                key = fingerprint(child)
                known = False
                for i in range(size):
                    known = known or keys[i] == key
                if known:
                    continue
                rating = rate(s, child, solution)
                if ratings[0] <= rating <= ratings[1] and clues[0] <= left <= clues[1]:
                    emitted = emit(out, emitted, child, solution, rating)
                keys[size] = key
                gaps[size] = abs(rating - target) + max(0, clues[0] - left, left - clues[1]) * CLUE_WEIGHT
                for i in range(81):
                    members[81 * size + i] = child[i]
                size += 1
                if size == FAMILY:
                    return emitted
            base[cell] = digit
    return emitted
