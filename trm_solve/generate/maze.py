"""New mazes with their canonical shortest paths, drawn as Maze-Hard was, no two alike up to rotation and reflection."""

from __future__ import annotations

import hashlib
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trm_solve.errors import InputError
from trm_solve.files import AtomicFile
from trm_solve.generate.kernels import COMPILED, draw, table, zeros
from trm_solve.generate.maze_kernels import UNIT, hunt
from trm_solve.generate.sudoku import NotFoundError
from trm_solve.puzzles import read_file
from trm_solve.puzzles.base import Grid, Puzzle
from trm_solve.puzzles.dihedral import DIHEDRAL, turn
from trm_solve.puzzles.maze import CANVAS, SYMBOLS
from trm_solve.puzzles.maze_paths import FREE, PATH

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
    recipe: MazeRecipe, known: Iterable[bytes] = (), tick: Callable[[int], None] | None = None
) -> Iterator[Puzzle]:
    """Mazes without end, each with its label; the same seed gives the same ones. `known` holds fingerprints to avoid.

    `tick` hears of the draws every now and then. Raises `NotFoundError` where nothing new turns up any more.
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
            tick(draws)
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
    for path in paths:
        for item in read_file(path, "maze"):
            if isinstance(item, InputError):
                raise item
            yield fingerprint(item.question)


def csv_header(recipe: MazeRecipe) -> str:
    return "source,question,answer,rating" + (",columns" if recipe.rows != recipe.columns else "")


def csv_row(maze: Puzzle) -> str:
    """A row of the public set's form; the rating is the number of moves."""
    assert maze.answer is not None
    assert maze.rating is not None
    texts = ("".join(SYMBOLS[symbol] for symbol in grid.ravel()) for grid in (maze.question, maze.answer))
    rows, columns = maze.question.shape
    return ",".join([maze.source, *texts, f"{maze.rating:.0f}", *([str(columns)] if rows != columns else [])])


class Progress:
    """A line on stderr that is rewritten every second, where stderr is a terminal; a summary at the end."""

    def __init__(self, count: int) -> None:
        self.count, self.made, self.draws = count, 0, 0
        self.start = self.told = time.monotonic()
        self.shown = sys.stderr.isatty()

    def tick(self, draws: int) -> None:
        self.draws += draws
        now = time.monotonic()
        if self.shown and now - self.told >= 1:
            self.told = now
            left = (self.count - self.made) * (now - self.start) / self.made if self.made else float("inf")
            rest = f", {left:.0f} s left" if self.made else ""
            print(
                f"\r\x1b[K{self.made} of {self.count} mazes, {self.text(now)}{rest}",
                end="",
                file=sys.stderr,
                flush=True,
            )

    def text(self, now: float) -> str:
        return f"{60 * self.made / max(now - self.start, 1e-9):,.0f} a minute, {self.draws:,} draws"

    def close(self) -> None:
        now = time.monotonic()
        clear = "\r\x1b[K" if self.shown and self.told > self.start else ""
        print(f"{clear}{self.made} mazes in {now - self.start:.1f} s ({self.text(now)})", file=sys.stderr)


def write(
    recipe: MazeRecipe, count: int, output: Path | None, exclude: Iterable[Path] = (), quiet: bool = False
) -> None:
    """Write `count` mazes as CSV to a file (whole or not at all), or to stdout as they come."""
    if count < 1:
        raise InputError(f"at least one maze has to be made, not {count}")
    known = set(fingerprints(exclude))
    file = None if output is None else AtomicFile(output)
    if not COMPILED and not quiet:
        print("warning: numba is not installed, mazes are drawn some hundred times slower", file=sys.stderr)
        print("hint: pip install 'trm-solve[fast]'", file=sys.stderr)
    progress = Progress(count)
    try:
        put = sys.stdout.write if file is None else file.write
        put(csv_header(recipe) + "\n")
        mazes = generate_maze(recipe, known, progress.tick)
        while progress.made < count:
            put(csv_row(next(mazes)) + "\n")
            progress.made += 1
        if file is not None:
            file.commit()
    finally:
        if file is not None:
            file.discard()
        if not quiet:
            progress.close()
