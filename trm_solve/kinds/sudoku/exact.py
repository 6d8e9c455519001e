"""An exact Sudoku solver, to judge whether a puzzle has one solution. It never supplies an answer of `solve`.

A search state is one integer of 729 bits: bit 81 * digit + 9 * row + column (each 0-8) tells that this digit may still
stand in this cell. The 324 constraints (every cell holds a digit; every row, column and box holds every digit) ask for
exactly one bit each out of nine. All constraints of one sort are looked at together: shifted against each other, their
nine options are nine *planes* with one bit a constraint.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from trm_solve.puzzle import Grid

STATES = 3000  # of a search that is given up then, after about a second
_ALL = (1 << 729) - 1


def _bit(digit: int, row: int, column: int) -> int:
    return 81 * digit + 9 * row + column


def _mask(bits: Iterator[int]) -> int:
    return sum(1 << bit for bit in bits)


_NINE = range(9)
_CORNERS = [(row, column) for row in (0, 3, 6) for column in (0, 3, 6)]
# (one bit for every constraint of a sort, where its first option is; how far away the nine options are)
_SORTS: list[tuple[int, list[int]]] = [
    (_mask(_bit(0, r, c) for r in _NINE for c in _NINE), [_bit(i, 0, 0) for i in _NINE]),
    (_mask(_bit(d, r, 0) for d in _NINE for r in _NINE), [_bit(0, 0, i) for i in _NINE]),
    (_mask(_bit(d, 0, c) for d in _NINE for c in _NINE), [_bit(0, i, 0) for i in _NINE]),
    (_mask(_bit(d, r, c) for d in _NINE for r, c in _CORNERS), [_bit(0, i // 3, i % 3) for i in _NINE]),
]


def _rivals(digit: int, row: int, column: int) -> int:
    """What a digit in a cell rules out."""
    box = [(row // 3 * 3 + r, column // 3 * 3 + c) for r in range(3) for c in range(3)]
    cells = box + [(row, c) for c in _NINE] + [(r, column) for r in _NINE]
    out = {_bit(digit, r, c) for r, c in cells} | {_bit(d, row, column) for d in _NINE}
    return _mask(iter(out - {_bit(digit, row, column)}))


_KEEP = [_ALL & ~_rivals(d, r, c) for d in _NINE for r in _NINE for c in _NINE]


def _settle(live: int, placed: int) -> tuple[int, int, int]:
    """Naked and hidden singles to the end: (options left, options placed, options of an open constraint with few).

    No options are left after a contradiction; no constraint is open in a solution.
    """
    while True:
        forced = choice = 0
        for base, shifts in _SORTS:
            once = twice = thrice = 0
            for shift in shifts:
                plane = (live >> shift) & base
                thrice |= twice & plane
                twice |= once & plane
                once |= plane
            if once != base:
                return 0, placed, 0
            single = once & ~twice
            for shift in shifts:
                forced |= live & (single << shift)
            several = twice & ~thrice or twice  # two options, if there are such
            if several and choice.bit_count() != 2:
                lowest = several & -several
                options = sum(live & (lowest << shift) for shift in shifts)
                if not choice or options.bit_count() < choice.bit_count():
                    choice = options
        forced &= ~placed
        if not forced:
            return live, placed, choice
        placed |= forced
        while forced:
            lowest = forced & -forced
            if not live & lowest:
                return 0, placed, 0
            live &= _KEEP[lowest.bit_length() - 1]
            forced ^= lowest


def _solutions(grid: Grid) -> Iterator[int]:
    """All solutions, as integers with 81 bits set."""
    return (solution for solution in _states(grid) if solution is not None)


def _states(grid: Grid) -> Iterator[int | None]:
    """The states of the search in order: a solution, or None for one that is none."""
    live = _ALL
    for cell, symbol in enumerate(grid.ravel().tolist()):
        if symbol:
            bit = 81 * (symbol - 1) + cell
            if not live >> bit & 1:
                return
            live &= _KEEP[bit]
    states = [(live, 0)]
    while states:
        live, placed, choice = _settle(*states.pop())
        yield live if live and not choice else None
        while choice:
            lowest = choice & -choice
            states.append((live & _KEEP[lowest.bit_length() - 1], placed | lowest))
            choice ^= lowest


def count_solutions(grid: Grid, limit: int = 2) -> int:
    """How many solutions a puzzle (9, 9) has, counted up to `limit`; 0 where its clues clash."""
    return sum(1 for _ in itertools.islice(_solutions(grid), limit))


def count_within(grid: Grid, limit: int, states: int = STATES) -> tuple[int, bool]:
    """As `count_solutions`, given up after so many states of the search; and whether it came to its end."""
    found = 0
    for number, solution in enumerate(_states(grid), 1):
        found += solution is not None
        if found == limit:
            return found, True
        if number == states:
            return found, False
    return found, True
