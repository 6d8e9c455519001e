"""New Sudoku puzzles with a known answer: minimal, with one solution, rated, seeded, different up to symmetry.

A *rating* is the number of guesses that a search by naked and hidden singles makes until it has proved that there is
one solution; it branches on the first cell among those with the fewest candidates. 0 means that singles suffice.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import ExitCode, InputError, TrmError
from trm_solve.puzzles.base import Grid, Puzzle

RARE_RATING = 10  # of random minimal puzzles, 3 in 100 reach it
USUAL_CLUES = (22, 27)  # 99 in 100 random minimal puzzles have as many
NO_LIMIT = 1 << 20  # a rating beyond all
BATCH = 200  # random puzzles drawn at a time
CHAIN = 60  # steps of one local search
STARTS = 20  # random puzzles of which the hardest starts a local search
BINS = 100  # parts of the rating range that `even` fills alike, at most
PATIENCE = 100  # blocks in a row without a new puzzle after which `even` gives way, or the search gives up


class NotFoundError(TrmError):
    """No more puzzles of the wanted sort came up."""

    exit_code = ExitCode.UNSOLVED


@dataclass(frozen=True)
class SudokuRecipe:
    """What to generate. Ranges are (lowest, highest), both included; None for `highest` sets no limit."""

    count: int
    seed: int = 0
    rating: tuple[int, int | None] = (0, None)
    clues: tuple[int, int] = (17, 81)
    even: bool = False  # as many puzzles of every rating in the range; needs its upper end
    start: Sequence[Grid] = ()  # puzzles that local search starts from

    def __post_init__(self) -> None:
        low, high = self.rating
        if self.count < 1:
            raise InputError(f"cannot generate {self.count} puzzles", "--count is at least 1")
        if low < 0 or (high is not None and high < low):
            raise InputError(f"no rating lies in {low}:{'' if high is None else high}", "LO:HI with 0 <= LO <= HI")
        if not 17 <= self.clues[1] or self.clues[1] < self.clues[0]:
            raise InputError(
                f"no puzzle has {self.clues[0]}:{self.clues[1]} clues", "one solution takes at least 17 clues"
            )
        if self.even and high is None:
            raise InputError("an even spread needs a highest rating", "--rating LO:HI")

    @property
    def rare(self) -> bool:
        """Whether random puzzles seldom fit, so that local search has to find them."""
        usual = self.clues[0] <= USUAL_CLUES[1] and self.clues[1] >= USUAL_CLUES[0]
        return bool(self.start) or self.even or self.rating[0] >= RARE_RATING or not usual


@cache
def kernels() -> ModuleType:
    """The compiled search, imported (with numba) by the first who needs it."""
    from trm_solve import kernels

    return kernels


def compiled() -> bool:
    """Whether the search runs at compiled speed (numba, extra `fast`)."""
    return bool(kernels().COMPILED)


def fingerprint(grid: Grid) -> int:
    """A number that a puzzle (9, 9) shares with all its symmetric copies, and in all likelihood with no other."""
    k = kernels()
    return int(k.fingerprint(k.table(grid.ravel().tolist())))


def rate(grid: Grid) -> int | None:
    """The rating of a puzzle (9, 9); None where it has no solution or several."""
    k = kernels()
    guesses = int(k.rate(k.zeros(k.STACK), k.table(grid.ravel().tolist()), 1 << 40, k.zeros(81)))
    return None if guesses < 0 else guesses


def generate_sudoku(recipe: SudokuRecipe, exclude: Collection[int] = ()) -> Iterator[Puzzle]:
    """Puzzles as they are found, `recipe.count` of them; their `source` is "generated".

    No two are the same up to symmetry, and none has its `fingerprint` in `exclude`. The same recipe and exclusions
    give the same puzzles in the same order, compiled or not. Raises `NotFoundError` when none comes up any more.
    """
    seen = set(exclude)
    shelf = _Shelf(recipe)
    idle = 0
    for block in range(1 << 40):
        before = shelf.total
        for record in _block(recipe, block, shelf):
            puzzle = _puzzle(record)
            if shelf.wants(record[-1]) and (key := fingerprint(puzzle.question)) not in seen:
                seen.add(key)
                shelf.put(record[-1])
                yield puzzle
                if shelf.total == recipe.count:
                    return
        idle = idle + 1 if shelf.total == before else 0
        if idle == PATIENCE:
            if not shelf.widen():
                hint = "a wider --rating or --clues, or --from FILE with puzzles close to the wanted ones"
                raise NotFoundError(f"found {shelf.total} of {recipe.count} puzzles, and no more come up", hint)
            idle = 0


class _Shelf:
    """How many puzzles of each part of the rating range there are, and how many more are wanted."""

    def __init__(self, recipe: SudokuRecipe) -> None:
        low, high = recipe.rating
        self.low = low
        self.high = NO_LIMIT if high is None else high
        self.bins = np.zeros(min(self.high - low + 1, BINS) if recipe.even else 1, np.int64)
        self.room = math.ceil(recipe.count / len(self.bins))
        self.total = 0

    def _bin(self, rating: int) -> int:
        return (int(rating) - self.low) * len(self.bins) // (self.high - self.low + 1)

    def wants(self, rating: int) -> bool:
        return bool(self.bins[self._bin(rating)] < self.room)

    def put(self, rating: int) -> None:
        self.bins[self._bin(rating)] += 1
        self.total += 1

    def widen(self) -> bool:
        """Take more where there is plenty, when the rest of the range is too rare; False if that is no help."""
        if not self.bins.any() or len(self.bins) == 1:
            return False
        self.room += math.ceil(self.room / 10)
        return True

    def target(self, rng: np.random.Generator) -> int:
        """A rating that is still wanted."""
        wanted = int(rng.choice(np.flatnonzero(self.bins < self.room)))
        edges = [self.low + math.ceil(i * (self.high - self.low + 1) / len(self.bins)) for i in (wanted, wanted + 1)]
        return int(rng.integers(edges[0], edges[1])) if self.high < NO_LIMIT else NO_LIMIT


def _block(recipe: SudokuRecipe, block: int, shelf: _Shelf) -> Iterator[list[int]]:
    """The records (puzzle, solution, rating) of one batch of random puzzles or one local search, from its own seed."""
    k = kernels()
    seeds = np.random.SeedSequence([recipe.seed, block])
    rng = k.table(seeds.generate_state(4).tolist())
    stack = k.zeros(k.STACK)
    ratings, clues = k.table([shelf.low, shelf.high]), k.table(list(recipe.clues))
    if not recipe.rare:
        out = k.zeros(BATCH * k.RECORD)
        found = k.sample(rng, stack, BATCH, ratings, clues, out)
    else:
        grid = k.zeros(81)
        if recipe.start:
            start = recipe.start[block % len(recipe.start)]
            grid = k.table(start.ravel().tolist())
        else:
            k.hardest(rng, stack, STARTS, grid)
        out = k.zeros(CHAIN * k.TRIES * k.RECORD)
        found = k.climb(rng, stack, grid, CHAIN, shelf.target(np.random.default_rng(seeds)), ratings, clues, out)
    for n in range(found):
        yield [int(x) for x in out[n * k.RECORD : (n + 1) * k.RECORD]]


def _puzzle(record: Sequence[int]) -> Puzzle:
    cells: NDArray[np.uint8] = np.array(record[:162], np.uint8).reshape(2, 9, 9)
    return Puzzle("sudoku", cells[0], cells[1], "generated", float(record[162]))
