"""Sudoku on bit boards: count solutions, rate, make minimal puzzles, fingerprint up to symmetry.

Every function here is plain Python over flat sequences of small integers. Where numba (extra `fast`) is installed they
are compiled, otherwise they run as they are: the same code, so the same seed gives the same puzzles, some hundred
times slower. Importing this module imports numba; only `generate` does so.

A *board* is `WORDS` consecutive integers of a stack. Word `3 * d + b` holds the 27 cells of band `b` (bit
`9 * (row % 3) + column`) that may still take digit `d` (0-8); the last three words mark the cells already placed, which
means that their peers have lost the digit. A *grid* is 81 integers, row by row, 0 for a blank.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])
Words = Any  # int64 array when compiled, list of int when not

try:
    import numba
except ImportError:
    numba = None

COMPILED: bool = numba is not None
WORDS = 30
SPENT = 1 << 40
FULL = (1 << 27) - 1
MASK32 = 0xFFFFFFFF
ROUNDS = 6  # of colour refinement
SPLIT = 20  # solutions that the first of two clues may leave for the second one to tell apart
SOLUTIONS = 300  # looked at when a clue is out
CHILDREN = 8  # puzzles that one clue's replacement may yield
FAMILY = 1500  # puzzles that one local search may remember
CLUE_WEIGHT = 10  # guesses that one clue too many or too few counts for
RECORD = 163  # puzzle, solution, rating
STACK = 82 * WORDS


def jit(function: F) -> F:
    """Compile when first called, and keep the result on disk where some folder can be written to."""
    if numba is None:
        return function
    try:
        compiled: F = numba.njit(cache=True)(function)
    except RuntimeError:  # no cache folder can be written to: compile in every process
        compiled = numba.njit(function)
    return compiled


def table(values: Sequence[int]) -> Words:
    """A sequence of integers in the form the kernels index fastest."""
    return list(values) if numba is None else np.asarray(values, dtype=np.int64)


if numba is None:

    def zeros(n: int) -> Words:
        return [0] * n
else:

    @jit
    def zeros(n: int) -> Words:
        return np.zeros(n, np.int64)


def _peers_kept(cell: int, band: int) -> int:
    row, col = divmod(cell, 9)
    kept = FULL
    for other in range(27 * band, 27 * band + 27):
        r, c = divmod(other, 9)
        if r == row or c == col or (r // 3 == row // 3 and c // 3 == col // 3):
            kept &= ~(1 << (other % 27))
    return kept | (1 << (cell % 27) if cell // 27 == band else 0)


KEEP = table([_peers_kept(cell, band) for cell in range(81) for band in range(3)])
BIT_INDEX = table([next((i for i in range(27) if (1 << i) % 37 == r), 0) for r in range(37)])  # bit i is at 2^i mod 37
BOX = table([0o7007007 << (3 * i) for i in range(3)])


@jit
def draw(rng: Words, n: int) -> int:
    """An integer in [0, n), by the generator sfc32 (Doty-Humphrey) whose four 32-bit words are `rng`."""
    out = (rng[0] + rng[1] + rng[3]) & MASK32
    rng[3] = (rng[3] + 1) & MASK32
    rng[0] = rng[1] ^ (rng[1] >> 9)
    rng[1] = (rng[2] + (rng[2] << 3)) & MASK32
    rng[2] = (((rng[2] << 21) | (rng[2] >> 11)) + out) & MASK32
    return (out * n) >> 32


@jit
def shuffle(rng: Words, items: Words, n: int) -> None:
    for i in range(n - 1, 0, -1):
        j = draw(rng, i + 1)
        items[i], items[j] = items[j], items[i]


@jit
def place(s: Words, o: int, d: int, cell: int) -> None:
    """Put digit d (0-8) into the cell of the board at offset o."""
    b = cell // 27
    bit = 1 << (cell % 27)
    for w in range(o + b, o + 27, 3):
        s[w] &= ~bit
    w = o + 3 * d
    s[w] &= KEEP[3 * cell]
    s[w + 1] &= KEEP[3 * cell + 1]
    s[w + 2] &= KEEP[3 * cell + 2]
    s[w + b] |= bit
    s[o + 27 + b] |= bit


@jit
def load(s: Words, o: int, grid: Words) -> bool:
    """Set up the board of a grid; False when its clues clash."""
    for w in range(o, o + 27):
        s[w] = FULL
    for w in range(o + 27, o + WORDS):
        s[w] = 0
    for cell in range(81):
        if grid[cell] > 0:
            d = grid[cell] - 1
            if (s[o + 3 * d + cell // 27] >> (cell % 27)) & 1 == 0:
                return False
            place(s, o, d, cell)
    return True


@jit
def naked_singles(s: Words, o: int) -> int:
    """Place cells with one candidate until there is none: how many were placed, or -1 for a contradiction."""
    placed = 0
    again = True
    while again:
        again = False
        for b in range(3):
            ones = 0
            twos = 0
            for w in range(o + b, o + 27, 3):
                twos |= ones & s[w]
                ones |= s[w]
            if ones != FULL:
                return -1
            new = ones & ~twos & ~s[o + 27 + b]
            while new:
                bit = new & -new
                new ^= bit
                d = 0
                while d < 9 and s[o + 3 * d + b] & bit == 0:
                    d += 1
                if d == 9:
                    return -1
                place(s, o, d, 27 * b + BIT_INDEX[bit % 37])
                placed += 1
                again = True
    return placed


@jit
def hidden_singles(s: Words, o: int) -> int:
    """Place digits that have one place in a row, column or box, each digit once: how many, or -1 for a contradiction."""
    placed = 0
    for d in range(9):
        ones = 0
        twos = 0
        for w in range(o + 3 * d, o + 3 * d + 3):
            for shift in range(0, 27, 9):
                r = (s[w] >> shift) & 511
                twos |= ones & r
                ones |= r
        if ones != 511:
            return -1
        columns = (ones & ~twos) * 0o1001001  # the 9-bit column mask in all three rows of a band
        for b in range(3):
            w = o + 3 * d + b
            p = s[w]
            if p & ~s[o + 27 + b] == 0:  # all that is left is placed
                if p & 511 == 0 or p & 511 << 9 == 0 or p >> 18 == 0:
                    return -1
                continue
            new = p & columns
            for i in range(3):
                r = p & (511 << (9 * i))
                if r & (r - 1) == 0:
                    if r == 0:
                        return -1
                    new |= r
                r = p & BOX[i]
                if r & (r - 1) == 0:
                    if r == 0:
                        return -1
                    new |= r
            new &= ~s[o + 27 + b]
            while new:
                bit = new & -new
                new ^= bit
                if s[w] & bit == 0:
                    return -1
                place(s, o, d, 27 * b + BIT_INDEX[bit % 37])
                placed += 1
    return placed


@jit
def propagate(s: Words, o: int) -> bool:
    """Naked and hidden singles to their fixed point; False for a contradiction."""
    while True:
        if naked_singles(s, o) < 0:
            return False
        placed = hidden_singles(s, o)
        if placed <= 0:
            return placed == 0


@jit
def solved(s: Words, o: int) -> bool:
    return bool(s[o + 27] & s[o + 28] & s[o + 29] == FULL)


@jit
def fewest(s: Words, o: int, cells: Words) -> int:
    """Mark in cells[0:3] the unplaced cells with the fewest candidates, and return how many candidates they have."""
    least = 10
    for b in range(3):
        n0 = 0  # the number of candidates of every cell, in binary: n3 n2 n1 n0
        n1 = 0
        n2 = 0
        n3 = 0
        for w in range(o + b, o + 27, 3):
            carry = s[w]
            n0, carry = n0 ^ carry, n0 & carry
            n1, carry = n1 ^ carry, n1 & carry
            n2, carry = n2 ^ carry, n2 & carry
            n3 ^= carry
        cells[b] = 0
        free = FULL & ~s[o + 27 + b]
        for k in range(2, min(least, 9) + 1):
            found = free
            found &= n0 if k & 1 else ~n0
            found &= n1 if k & 2 else ~n1
            found &= n2 if k & 4 else ~n2
            found &= n3 if k & 8 else ~n3
            if found:
                if k < least:
                    least = k
                    for a in range(b):
                        cells[a] = 0
                cells[b] = found
                break
    return least


@jit
def random_cell(rng: Words, cells: Words) -> int:
    """One of the marked cells, each as likely."""
    n = 0
    for b in range(3):
        m = cells[b]
        while m:
            m &= m - 1
            n += 1
    n = draw(rng, n)
    for b in range(3):
        m = cells[b]
        while m:
            if n == 0:
                return 27 * b + BIT_INDEX[(m & -m) % 37]
            m &= m - 1
            n -= 1
    return -1


@jit
def copy(s: Words, source: int, target: int) -> None:
    for i in range(WORDS):
        s[target + i] = s[source + i]


@jit
def first_cell(cells: Words) -> int:
    """The first marked cell, in reading order."""
    for b in range(3):
        if cells[b]:
            return 27 * b + BIT_INDEX[(cells[b] & -cells[b]) % 37]
    return -1


@jit
def read(s: Words, o: int, grid: Words, at: int) -> None:
    """Write the digits of a solved board to grid[at : at + 81]."""
    for cell in range(81):
        w = o + cell // 27
        grid[at + cell] = 0
        for d in range(9):
            if (s[w + 3 * d] >> (cell % 27)) & 1:
                grid[at + cell] = d + 1


@jit
def explore(s: Words, limit: int, max_guesses: int, found: Words, keep: int) -> tuple[int, int]:
    """Search depth first from the board at offset 0: (number of solutions, number of guesses).

    Branches on the first cell among those with the fewest candidates, lowest digit first. Ends after `limit`
    solutions, or beyond `max_guesses` guesses with what was found until then. The first `keep` solutions are written
    to `found`, 81 numbers each. The stack `s` has 82 boards.
    """
    cells = zeros(3)
    branch = zeros(82)  # cell on which each open level branches
    tried = zeros(82)  # its digits below this one are done
    solutions = 0
    guesses = 0
    if not propagate(s, 0):
        return 0, 0
    if solved(s, 0):
        if keep > 0:
            read(s, 0, found, 0)
        return 1, 0
    level = 0
    fresh = True
    while level >= 0:
        o = WORDS * level
        if fresh:
            guesses += 1
            if guesses > max_guesses:
                break
            fewest(s, o, cells)
            branch[level] = first_cell(cells)
            tried[level] = 0
            fresh = False
        cell = branch[level]
        d = tried[level]
        while d < 9 and (s[o + 3 * d + cell // 27] >> (cell % 27)) & 1 == 0:
            d += 1
        if d == 9:
            level -= 1
            continue
        tried[level] = d + 1
        copy(s, o, o + WORDS)
        place(s, o + WORDS, d, cell)
        if propagate(s, o + WORDS):
            if solved(s, o + WORDS):
                if solutions < keep:
                    read(s, o + WORDS, found, 81 * solutions)
                solutions += 1
                if solutions == limit:
                    break
            else:
                level += 1
                fresh = True
    return solutions, guesses


@jit
def rate(s: Words, grid: Words, max_guesses: int, solution: Words) -> int:
    """Guesses that the proof of a single solution takes; -1 where there is none, or more than one.

    This is the number of branch points in the whole search tree of `explore`. Gives up beyond `max_guesses`, with a
    larger number as the answer.
    """
    if not load(s, 0, grid):
        return -1
    solutions, guesses = explore(s, 2, max_guesses, solution, 1)
    if solutions == 1 or guesses > max_guesses:
        return guesses
    return -1


@jit
def redundant(s: Words, grid: Words, cell: int, none: Words) -> bool:
    """Whether a puzzle with one solution keeps it without the clue at this cell: no other value will do there."""
    digit = grid[cell]
    grid[cell] = 0
    consistent = load(s, 0, grid)
    grid[cell] = digit
    if not consistent:
        return False
    s[3 * (digit - 1) + cell // 27] &= ~(1 << (cell % 27))
    return explore(s, 1, 1 << 30, none, 0)[0] == 0


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
        if load(s, 0, trial) and explore(s, 2, 1 << 30, none, 0)[0] == 1:
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
            rating = rate(s, grid, ratings[1], solution)
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
        rating = rate(s, trial, 1 << 30, none)
        if rating > most:
            most = rating
            for cell in range(81):
                grid[cell] = trial[cell]


@jit
def mix(x: int) -> int:
    """A bijection of 32-bit numbers that spreads every bit over all."""
    x ^= x >> 16
    x = (x * 0x7FEB352D) & MASK32
    x ^= x >> 15
    x = (x * 0x846CA68B) & MASK32
    return x ^ (x >> 16)


@jit
def oriented_fingerprint(grid: Words, rows: int, columns: int) -> tuple[int, int]:
    """Two 32-bit hashes that bands, stacks, rows, columns and digits may be permuted under; cell = row * rows + ...

    Colour refinement: the colour of a clue is made of those of its row, column, box and digit, and theirs of the
    clues they hold, a few times over. (rows, columns) are the strides of the grid: (9, 1), or (1, 9) for its transpose.
    """
    row = zeros(9)
    column = zeros(9)
    box = zeros(9)
    digit = zeros(9)
    band = zeros(3)
    stack = zeros(3)
    sums = zeros(36)
    first = 0
    second = 0
    for _ in range(ROUNDS):
        for i in range(36):
            sums[i] = 0
        first = 0
        second = 0
        for r in range(9):
            for c in range(9):
                d = grid[r * rows + c * columns] - 1
                if d < 0:
                    continue
                b = r // 3 * 3 + c // 3
                colour = mix(row[r] ^ mix(column[c] ^ mix(box[b] ^ mix(digit[d] + 1))))
                sums[r] += colour
                sums[9 + c] += colour
                sums[18 + b] += colour
                sums[27 + d] += colour
                first += mix(colour ^ 0x51ED270B)
                second += mix(colour ^ 0x2545F491)
        for i in range(3):
            band[i] = 0
            stack[i] = 0
        for i in range(9):
            band[i // 3] += mix(sums[i] & MASK32)
            stack[i // 3] += mix(sums[9 + i] & MASK32)
        for i in range(9):
            up = mix(band[i // 3] & MASK32)
            left = mix(stack[i % 3] & MASK32)
            row[i] = mix((sums[i] + up) & MASK32)
            column[i] = mix((sums[9 + i] + mix(stack[i // 3] & MASK32)) & MASK32)
            box[i] = mix((sums[18 + i] + mix(up ^ mix(left))) & MASK32)
            digit[i] = mix(sums[27 + i] & MASK32)
    return first & MASK32, second & MASK32


@jit
def fingerprint(grid: Words) -> int:
    """A 63-bit number, the same for every puzzle that relabelling, permutations of bands, stacks, rows and columns
    and the transpose make of this one, and in all likelihood different for any other."""
    a, b = oriented_fingerprint(grid, 9, 1)
    c, d = oriented_fingerprint(grid, 1, 9)
    if (c, d) < (a, b):
        a, b, c, d = c, d, a, b
    return ((mix(a ^ mix(c)) & 0x7FFFFFFF) << 32) | mix(b ^ mix(d))


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
        low = min(ratings[0], rate(s, base, 1 << 30, solution) * 2 // 3)
        added = 2 if here < clues[0] else 1
        for cell in range(81):
            digit = base[cell]
            if digit == 0:
                continue
            base[cell] = 0
            load(s, 0, base)
            solutions = explore(s, SOLUTIONS, 1 << 30, found, SOLUTIONS)[0]
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
                if rate(s, child, 1 << 30, solution) < low:  # or not unique, which is -1
                    continue
                left = minimise(rng, s, child)
                key = fingerprint(child)
                known = False
                for i in range(size):
                    known = known or keys[i] == key
                if known:
                    continue
                rating = rate(s, child, 1 << 30, solution)
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
