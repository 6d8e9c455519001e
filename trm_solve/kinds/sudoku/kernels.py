"""Sudoku on bit boards: search, rating, and a fingerprint up to symmetry. Kernels, see `kernels.py`.

A *board* is `WORDS` consecutive integers of a stack. Word `3 * d + b` holds the 27 cells of band `b` (bit
`9 * (row % 3) + column`) that may still take digit `d` (0-8); the last three words mark the cells already placed, which
means that their peers have lost the digit. A *grid* is 81 integers, row by row, 0 for a blank.
"""

from __future__ import annotations

import numpy as np

from trm_solve.generation.kernels import MASK32, Words, draw, jit, table, zeros

WORDS = 30
STACK = 82 * WORDS  # a search goes at most 81 boards deep
FULL = (1 << 27) - 1
ROUNDS = 6  # of colour refinement
COPIES = 8  # that a rating is the mean of


def _peers_kept(cell: int, band: int) -> int:
    row, col = divmod(cell, 9)
    kept = FULL
    for other in range(27 * band, 27 * band + 27):
        r, c = divmod(other, 9)
        if r == row or c == col or (r // 3 == row // 3 and c // 3 == col // 3):
            kept &= ~(1 << (other % 27))
    return kept | (1 << (cell % 27) if cell // 27 == band else 0)


def _moves(seed: int) -> list[int]:
    """Where the cells of a random symmetric copy come from."""
    rng = np.random.Generator(np.random.PCG64(seed))
    rows, columns = ([3 * int(b) + int(i) for b in rng.permutation(3) for i in rng.permutation(3)] for _ in range(2))
    return [9 * r + c if seed % 2 else 9 * c + r for r in rows for c in columns]


KEEP = table([_peers_kept(cell, band) for cell in range(81) for band in range(3)])
BIT_INDEX = table([next((i for i in range(27) if (1 << i) % 37 == r), 0) for r in range(37)])  # bit i is at 2^i mod 37
MOVES = table([cell for seed in range(1, COPIES) for cell in _moves(seed)])
BOX = table([0o7007007 << (3 * i) for i in range(3)])


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
    """Place digits that have one place in a unit, once over all digits: how many, or -1 for a contradiction."""
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
                return 27 * b + int(BIT_INDEX[(m & -m) % 37])
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
            return 27 * b + int(BIT_INDEX[(cells[b] & -cells[b]) % 37])
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
def explore(s: Words, limit: int, found: Words, keep: int) -> tuple[int, int]:
    """Search depth first from the board at offset 0: (number of solutions, number of guesses).

    Branches on the first cell among those with the fewest candidates, lowest digit first. Ends after `limit`
    solutions. The first `keep` solutions are written to `found`, 81 numbers each. The stack `s` has 82 boards.
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
def guesses(s: Words, grid: Words, solution: Words) -> int:
    """Guesses that the proof of a single solution takes; -1 where there is none, or more than one.

    This is the number of branch points in the whole search tree of `explore`.
    """
    if not load(s, 0, grid):
        return -1
    solutions, count = explore(s, 2, solution, 1)
    return count if solutions == 1 else -1


@jit
def rate(s: Words, grid: Words, solution: Words) -> int:
    """The mean of `guesses` over the puzzle and some symmetric copies of it, rounded; -1 if not one solution.

    One copy tells little, as much depends on which cell comes first; a search for hard puzzles would find lucky ones.
    """
    count = guesses(s, grid, solution)
    if count <= 0:  # singles suffice in every copy
        return count
    copied = zeros(81)
    none = zeros(81)
    for at in range(0, 81 * (COPIES - 1), 81):
        for cell in range(81):
            copied[cell] = grid[MOVES[at + cell]]
        count += guesses(s, copied, none)
    return (2 * count + COPIES) // (2 * COPIES)


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
    return explore(s, 1, none, 0)[0] == 0


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
