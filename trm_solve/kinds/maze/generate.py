"""New mazes with their canonical shortest paths, drawn as Maze-Hard was, no two alike up to rotation and reflection."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trm_solve.errors import InputError, or_raise
from trm_solve.generation import writing
from trm_solve.generation.kernels import COMPILED, draw, table, zeros
from trm_solve.generation.writing import NotFoundError
from trm_solve.kinds.dihedral import DIHEDRAL, turn
from trm_solve.kinds.maze.kernels import UNIT, hunt
from trm_solve.kinds.maze.paths import FREE, PATH
from trm_solve.kinds.maze.text import CANVAS, SYMBOLS
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.reading import read_file

GIVE_UP = 1_000_000  # draws without a new maze; Maze-Hard needs about 3,000
BATCH = 2_000 if COMPILED else 20  # draws between two looks at the clock and the keyboard
WARM_UP = 16  # draws thrown away, so that near seeds part


@dataclass(frozen=True, kw_only=True)
class MazeRecipe:
    """What is drawn. Raises `InputError` for what cannot be."""

    rows: int = 30
    columns: int = 30
    least: int  # moves on the path
    walls: tuple[float, float] = (0.3, 0.5)  # range of the share of walls
    seed: int = 0

    def __post_init__(self) -> None:
        if not (1 <= self.rows <= CANVAS[0] and 1 <= self.columns <= CANVAS[1] and self.rows * self.columns > 1):
            size = f"{self.rows}x{self.columns}"
            raise InputError(f"a maze of {size} cells cannot be made", f"from 1x2 to {CANVAS[0]}x{CANVAS[1]}")
        if not 0 <= self.walls[0] <= self.walls[1] < 1:
            raise InputError(f"a share of walls from {self.walls[0]:g} to {self.walls[1]:g} cannot be drawn")
        if not 1 <= self.least < self.rows * self.columns:
            raise InputError(f"no {self.rows}x{self.columns} maze has a path of {self.least} moves")
        if self.seed < 0:
            raise InputError(f"a seed cannot be negative ({self.seed})")


def least_moves(rows: int, columns: int) -> int:
    """A hard path's length: 109 moves at 30 x 30 (Maze-Hard), 54 at 20 x 20, 32 at 15 x 15, 16 at 10 x 10."""
    return max(1, round(109 * math.pow(rows * columns / 900, 0.875)))


def read_size(text: str) -> tuple[int, int]:
    """Rows and columns of `30` or `10x20`. Raises `InputError`."""
    rows, _, columns = text.lower().partition("x")
    try:
        return int(rows), int(columns or rows)
    except ValueError:
        raise InputError(f"'{text}' is not a size", "write 20 or 10x20 (rows x columns)") from None


def read_share(text: str) -> tuple[float, float]:
    """The bounds of `0.3:0.5`, or one value twice. Raises `InputError`."""
    low, _, high = text.partition(":")
    try:
        return float(low), float(high or low)
    except ValueError:
        raise InputError(f"'{text}' is not a range of shares", "write LO:HI, such as 0.3:0.5") from None


def fingerprint(question: Grid) -> bytes:
    """The same for a maze and all its rotations and reflections."""
    looks = []
    for which in range(len(DIHEDRAL)):
        turned = turn(question, which)
        looks.append(bytes(turned.shape) + turned.tobytes())
    return hashlib.blake2b(min(looks), digest_size=16).digest()


def generate_maze(
    recipe: MazeRecipe, known: Iterable[bytes] = (), tick: Callable[[], None] | None = None
) -> Iterator[Puzzle]:
    """Mazes without end, each with its label; the same seed gives the same ones. `known` holds fingerprints to avoid.

    `tick` is called every now and then. Raises `NotFoundError` where nothing new turns up any more.
    """
    seen = set(known)
    rng = table(np.random.SeedSequence(recipe.seed).generate_state(4).tolist())
    for _ in range(WARM_UP):
        draw(rng, 2)
    framed = zeros((recipe.rows + 2) * (recipe.columns + 2))
    low, high = (round(UNIT * share) for share in recipe.walls)
    spent = 0
    while True:
        draws, moves = hunt(rng, recipe.rows, recipe.columns, low, high, recipe.least, BATCH, framed)
        spent += draws
        if tick is not None:
            tick()
        if moves:
            answer = np.array(framed, np.uint8).reshape(recipe.rows + 2, recipe.columns + 2)[1:-1, 1:-1]
            question = np.where(answer == PATH, np.uint8(FREE), answer)
            mark = fingerprint(question)
            if mark not in seen:
                seen.add(mark)
                spent = 0
                source = f"generated-{recipe.rows}x{recipe.columns}"
                yield Puzzle("maze", question, np.ascontiguousarray(answer), source, float(moves))
        if spent > GIVE_UP:
            what = f"{recipe.rows}x{recipe.columns} maze with a path of {recipe.least} moves or more"
            raise NotFoundError(f"no new {what} in {spent:,} draws", "a shorter --min-path or another --wall")


def fingerprints(paths: Iterable[Path]) -> Iterator[bytes]:
    """Of all mazes in files. Raises `InputError` at the first that cannot be read: nothing may slip through."""
    return (fingerprint(maze.question) for path in paths for maze in or_raise(read_file(path, "maze")))


def csv_header(recipe: MazeRecipe) -> str:
    return "source,question,answer,rating" + (",columns" if recipe.rows != recipe.columns else "")


def csv_row(maze: Puzzle) -> str:
    """A row of the public set's form; the rating is the number of moves."""
    assert maze.answer is not None
    assert maze.rating is not None
    texts = ("".join(SYMBOLS[symbol] for symbol in grid.ravel()) for grid in (maze.question, maze.answer))
    rows, columns = maze.question.shape
    return ",".join([maze.source, *texts, f"{maze.rating:.0f}", *([str(columns)] if rows != columns else [])])


def write(
    recipe: MazeRecipe, count: int, output: Path | None, exclude: Iterable[Path] = (), quiet: bool = False
) -> None:
    """Write `count` mazes as CSV; see `writing.write_rows`."""
    if count < 1:
        raise InputError(f"at least one maze has to be made, not {count}")
    known = set(fingerprints(exclude))

    def made(tick: Callable[[], None]) -> Iterator[str]:
        return map(csv_row, generate_maze(recipe, known, tick))

    writing.write_rows(csv_header(recipe), made, count, "mazes", output, quiet=quiet)
