"""New Sudoku puzzles with a known answer: minimal, with one solution, rated, no two alike up to symmetry.

The *guesses* of a puzzle are those that a search by naked and hidden singles makes until it has proved that there is
one solution; it branches on the first cell among those with the fewest candidates. Its *rating* is their mean over the
puzzle and seven symmetric copies. 0 means that singles suffice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trm_solve.errors import InputError, or_raise
from trm_solve.generation import writing
from trm_solve.generation.kernels import COMPILED, table, zeros
from trm_solve.generation.writing import NotFoundError
from trm_solve.kinds import get_kind
from trm_solve.kinds.sudoku import kernels as sudoku_kernels
from trm_solve.kinds.sudoku import makers as sudoku_makers
from trm_solve.kinds.sudoku.makers import FAMILY, RECORD
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.reading import read_file

RARE_RATING = 10  # of random minimal puzzles, 3 in 100 reach it
USUAL_CLUES = (22, 27)  # 99 in 100 random minimal puzzles have as many
NO_LIMIT = 1 << 20  # a rating beyond all
BATCH = 200 if COMPILED else 2  # random puzzles drawn at a time
STARTS = 20  # random puzzles of which the hardest starts a local search
PARENTS = 20  # puzzles that a local search looks around
PARENTS_OF_GIVEN = 5  # the same for one that starts from a given puzzle, every time round
BINS = 100  # parts of the rating range that an even spread fills alike, at most
PATIENCE = 50  # searches in a row without a new puzzle after which an even spread gives way, or all is given up


@dataclass(frozen=True, kw_only=True)
class SudokuRecipe:
    """What to generate. Ranges are (lowest, highest), both included; None sets no limit. Raises `InputError`."""

    count: int
    seed: int = 0
    rating: tuple[int, int | None] = (0, None)
    clues: tuple[int, int | None] = (17, None)
    even: bool = False  # as many puzzles of every rating in the range; needs its upper end
    start: Sequence[Grid] = ()  # puzzles with one solution that local search starts from

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"at least one puzzle has to be made, not {self.count}")
        if self.seed < 0:
            raise InputError(f"a seed cannot be negative ({self.seed})")
        for name, (low, high) in (("rating", self.rating), ("number of clues", self.clues)):
            if low < 0 or (high is not None and high < low):
                raise InputError(f"no {name} lies in {low}:{'' if high is None else high}", "write LO:HI with LO <= HI")
        if self.clues[1] is not None and self.clues[1] < 17:
            raise InputError(f"no puzzle with one solution has {self.clues[1]} clues", "the fewest are 17")
        if self.even and self.rating[1] is None:
            raise InputError("an even spread needs a highest rating", "add --rating LO:HI")

    @property
    def rare(self) -> bool:
        """Whether random puzzles seldom fit, so that local search has to find them."""
        usual = self.clues[0] <= USUAL_CLUES[1] and _top(self.clues[1]) >= USUAL_CLUES[0]
        return bool(self.start) or self.even or self.rating[0] >= RARE_RATING or not usual


def read_range(text: str, option: str) -> tuple[int, int | None]:
    """The ends of `4:60`, `4:`, `:60` or `4`. Raises `InputError`."""
    low, colon, high = text.partition(":")
    try:
        return int(low or 0), int(high) if high else (None if colon else int(low))
    except ValueError:
        raise InputError(f"{option}: '{text}' is not a range", "write LO:HI, such as 4:60") from None


def fingerprint(grid: Grid) -> int:
    """A number that a puzzle (9, 9) shares with all its symmetric copies, and in all likelihood with no other."""
    return int(sudoku_kernels.fingerprint(table(grid.ravel().tolist())))


def rate(grid: Grid) -> int | None:
    """The rating of a puzzle (9, 9); None where it has no solution or several."""
    rating = int(sudoku_kernels.rate(zeros(sudoku_kernels.STACK), table(grid.ravel().tolist()), zeros(81)))
    return None if rating < 0 else rating


def guesses(grid: Grid) -> int | None:
    """The guesses of a puzzle (9, 9) as it stands; None where it has no solution or several."""
    count = int(sudoku_kernels.guesses(zeros(sudoku_kernels.STACK), table(grid.ravel().tolist()), zeros(81)))
    return None if count < 0 else count


def generate_sudoku(
    recipe: SudokuRecipe, exclude: Collection[int] = (), tick: Callable[[], None] | None = None
) -> Iterator[Puzzle]:
    """Puzzles as they are found, `recipe.count` of them; their `source` is "generated".

    No two are the same up to symmetry, and none has its `fingerprint` in `exclude`. The same recipe and exclusions
    give the same puzzles in the same order. `tick` is called every now and then, found or not. Raises `NotFoundError`
    when no more come up.
    """
    seen = set(exclude)
    shelf = _Shelf(recipe)
    search = idle = 0
    while True:
        before = shelf.total
        for record in _search(recipe, search, shelf):
            puzzle = _puzzle(record)
            if shelf.wants(record[-1]) and (key := fingerprint(puzzle.question)) not in seen:
                seen.add(key)
                shelf.put(record[-1])
                yield puzzle
                if shelf.total == recipe.count:
                    return
        if tick is not None:
            tick()
        search += 1
        idle = idle + 1 if shelf.total == before else 0
        if idle == PATIENCE:
            idle = 0
            if not shelf.widen():
                hint = "a wider --rating or --clues, or a start from puzzles close to the wanted ones (--from FILE)"
                raise NotFoundError(f"found {shelf.total} of {recipe.count} puzzles, and no more come up", hint)


class _Shelf:
    """How many puzzles of each part of the rating range there are, and how many of each are wanted."""

    def __init__(self, recipe: SudokuRecipe) -> None:
        self.low, self.high = recipe.rating[0], _top(recipe.rating[1])
        self.bins = np.zeros(min(self.high - self.low + 1, BINS) if recipe.even else 1, np.int64)
        self.room = math.ceil(recipe.count / len(self.bins))
        self.total = 0

    def wants(self, rating: int) -> bool:
        return bool(self.bins[self._bin(rating)] < self.room)

    def put(self, rating: int) -> None:
        self.bins[self._bin(rating)] += 1
        self.total += 1

    def wish(self, rng: np.random.Generator) -> tuple[int, int]:
        """The lowest rating that is still wanted, and a random one to look for."""
        wanted = np.flatnonzero(self.bins < self.room)
        lowest = self._edge(int(wanted[0]))
        if self.high == NO_LIMIT:
            return lowest, NO_LIMIT
        chosen = int(rng.choice(wanted))
        return lowest, int(rng.integers(self._edge(chosen), self._edge(chosen + 1)))

    def widen(self) -> bool:
        """Want more of what there is when the rest of an even spread is too rare; False where that is no help."""
        full = bool((self.bins >= self.room).any())
        self.room += math.ceil(self.room / 10)
        return full

    def _bin(self, rating: int) -> int:
        return (rating - self.low) * len(self.bins) // (self.high - self.low + 1)

    def _edge(self, index: int) -> int:
        """The lowest rating of a bin."""
        return self.low - (-index * (self.high - self.low + 1) // len(self.bins))


def _search(recipe: SudokuRecipe, number: int, shelf: _Shelf) -> Iterator[list[int]]:
    """The records of one batch of random puzzles, or of one local search, which depend on its number and the shelf."""
    seeds = np.random.SeedSequence([recipe.seed, number])
    rng, stack = table(seeds.generate_state(4).tolist()), zeros(sudoku_kernels.STACK)
    clues = table([recipe.clues[0], _top(recipe.clues[1])])
    if not recipe.rare:
        out = zeros(BATCH * RECORD)
        found = sudoku_makers.sample(rng, stack, BATCH, table([shelf.low, shelf.high]), clues, out)
    else:
        grid, parents = zeros(81), PARENTS
        if recipe.start:
            order = np.random.default_rng(recipe.seed).permutation(len(recipe.start))
            grid = table(recipe.start[order[number % len(order)]].ravel().tolist())
            parents = PARENTS_OF_GIVEN * (1 + number // len(order))
        else:
            sudoku_makers.hardest(rng, stack, STARTS, grid)
        lowest, target = shelf.wish(np.random.default_rng(seeds))
        out = zeros(FAMILY * RECORD)
        found = sudoku_makers.family(rng, stack, grid, parents, target, table([lowest, shelf.high]), clues, out)
    numbers: list[int] = [int(x) for x in out[: found * RECORD]]
    for at in range(0, len(numbers), RECORD):
        yield numbers[at : at + RECORD]


def _puzzle(record: Sequence[int]) -> Puzzle:
    cells = np.array(record[:162], np.uint8).reshape(2, 9, 9)
    return Puzzle("sudoku", cells[0], cells[1], "generated", float(record[162]))


def _top(limit: int | None) -> int:
    return NO_LIMIT if limit is None else limit


def read_puzzles(paths: Iterable[Path]) -> Iterator[Puzzle]:
    """All Sudokus of files. Raises `InputError` at the first that cannot be read: nothing may slip through."""
    return (puzzle for path in paths for puzzle in or_raise(read_file(path, "sudoku")))


def read_starts(paths: Iterable[Path]) -> list[Grid]:
    """Puzzles to start from. Raises `InputError` for one that has no solution or several."""
    grids = []
    for puzzle in read_puzzles(paths):
        if rate(puzzle.question) is None:
            raise InputError(f"{puzzle.source}: has no solution, or several", "local search starts from one solution")
        grids.append(puzzle.question)
    return grids


def csv_row(puzzle: Puzzle) -> str:
    """A row of the public sets' form."""
    kind = get_kind(puzzle.kind)
    assert puzzle.answer is not None
    return f"{puzzle.source},{kind.format(puzzle.question)},{kind.format(puzzle.answer)},{puzzle.rating:.0f}"


def write(recipe: SudokuRecipe, output: Path | None, exclude: Iterable[Path] = (), quiet: bool = False) -> None:
    """Write puzzles as CSV; see `writing.write_rows`."""
    known = {fingerprint(puzzle.question) for puzzle in read_puzzles(exclude)}

    def made(tick: Callable[[], None]) -> Iterator[str]:
        return map(csv_row, generate_sudoku(recipe, known, tick))

    writing.write_rows("source,question,answer,rating", made, recipe.count, "puzzles", output, quiet=quiet)
