"""Mazes: text forms, tokens, rules and symmetries.

Symbols are the public checkpoints' tokens: 0 PAD, 1 wall '#', 2 free ' ', 3 start 'S', 4 goal 'G', 5 path 'o'. A maze
of any size up to the canvas stands somewhere on it (`Puzzle.offset`) with walls all around.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.puzzles.base import Check, Grid, Kind, Mask, Puzzle, Reading, Symmetry
from trm_solve.puzzles.dihedral import DIHEDRAL, turn
from trm_solve.puzzles.maze_paths import FREE, GOAL, PATH, START, WALL, draw, flaws, missing, shortest_path
from trm_solve.puzzles.table import fields_of, rating_of, read_rows

SYMBOLS = "?# SGo"  # by token; PAD is not a symbol of any maze
CANVAS = (30, 30)
HINT = "a maze is drawn in '#' (wall), space or '.' (free), one S and one G; 'o' marks a path"
TRIMMED_HINT = "free cells at the end of a row may have lost their spaces: write them as '.'"
SIZE_HINT = "a CSV column 'columns' gives the width of mazes that are not square"
QUESTION, ANSWER, COLUMNS = ("question", "maze", "puzzle"), ("answer", "solution"), ("columns", "cols", "width")

_TOKENS: NDArray[np.uint8] = np.zeros(128, np.uint8)  # of ASCII characters; 0 where there is none
_TOKENS[[ord(character) for character in "# .SGo"]] = (WALL, FREE, FREE, START, GOAL, PATH)


class Maze(Kind):
    """Find a shortest path from S to G."""

    name = "maze"
    canvas = CANVAS
    vocab_size = 6

    def recognises(self, head: list[str]) -> bool:
        lines = [line.rstrip("\r\n") for line in head]
        lines = list(itertools.dropwhile(lambda line: not line.strip(), lines))
        if lines and _begins_csv(lines[0]):
            return any(_drawn(field) and len(field) > 1 for line in lines[:2] for field in fields_of(line))
        return _drawn("".join(itertools.takewhile(str.strip, lines)))

    def parse(self, lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
        numbered = ((number, line.rstrip("\r\n")) for number, line in enumerate(lines, 1))
        block: list[tuple[int, str]] = []
        for number, line in numbered:
            if not block and _begins_csv(line):
                yield from _parse_csv(number, line, numbered, source)
                return
            if line:
                block.append((number, line))
            else:
                yield from _parse_block(block, source)
                block = []
        yield from _parse_block(block, source)

    def format(self, grid: Grid) -> str:
        return "\n".join("".join(SYMBOLS[symbol] for symbol in row) for row in grid.tolist())

    def encode(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        return self._place(puzzle, puzzle.question, WALL)

    def encode_answer(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        assert puzzle.answer is not None
        return self._place(puzzle, puzzle.answer, 0)

    def _place(self, puzzle: Puzzle, grid: Grid, around: int) -> NDArray[np.uint8]:
        tokens = np.full(self.canvas, around, np.uint8)
        tokens[self._window(puzzle)] = grid
        return tokens.ravel()

    def _window(self, puzzle: Puzzle) -> tuple[slice, slice]:
        """Where the maze stands on the canvas: at its offset, or as near to it as there is room."""
        spans = zip(puzzle.offset, puzzle.question.shape, self.canvas, strict=True)
        rows, columns = (slice(at := min(wish, room - size), at + size) for wish, size, room in spans)
        return rows, columns

    def crop(self, puzzle: Puzzle) -> NDArray[np.intp] | None:
        if puzzle.question.shape == self.canvas:
            return None
        return np.arange(self.canvas[0] * self.canvas[1]).reshape(self.canvas)[self._window(puzzle)].ravel()

    def decode(self, puzzle: Puzzle, tokens: NDArray[np.uint8], confidence: NDArray[np.float32]) -> Reading:
        question, window = puzzle.question, self._window(puzzle)
        said, sure = tokens.reshape(self.canvas)[window], confidence.reshape(self.canvas)[window]
        given = self.givens(puzzle)
        answer = np.where(given | (said == PATH), np.where(given, question, PATH), FREE).astype(np.uint8)
        odd = ~given & (said != answer)  # the model says wall, S or G of a free cell, which is shown as free
        sure = np.where(given, np.float32(1), np.where(odd, 1 - sure, sure))
        return Reading(answer, sure, int(np.count_nonzero(given & (said != question))))

    def check(self, puzzle: Puzzle, answer: Grid) -> Check:
        """Solved by a shortest path. `facts` tell apart: `valid` (a path from S to G), `shortest`, and `canonical`.

        A walk that touches itself is not valid: marks alone do not tell how it runs there, and it can be cut short.
        """
        question = puzzle.question
        marked = (question == FREE) & (answer == PATH)
        conflicts = (answer != question) & ~marked
        conflicts |= flaws(question, marked)
        path = shortest_path(question)
        valid = path is not None and not conflicts.any()
        shortest = valid and path is not None and int(np.count_nonzero(marked)) == len(path) - 2
        canonical = shortest and path is not None and bool(marked.ravel()[path[1:-1]].all())
        return Check(shortest, valid, conflicts, {"valid": valid, "shortest": shortest, "canonical": canonical})

    def defects(self, puzzle: Puzzle, answer: Grid, conflicts: Mask) -> int:
        """Cells that break the path, cells that it lacks, or the moves that a path has too many; 0: solved."""
        path, marked = shortest_path(puzzle.question), answer == PATH
        if path is None or conflicts.any():
            return 1 + int(np.count_nonzero(conflicts)) + max(missing(puzzle.question, marked), 0)
        return int(np.count_nonzero(marked)) - (len(path) - 2)

    def symmetry(self, puzzle: Puzzle, rng: np.random.Generator) -> Symmetry:
        return self.dihedral(puzzle.question.shape, int(rng.integers(1, 8)))

    def dihedral(self, shape: tuple[int, ...], which: int) -> Symmetry:
        """One of the eight turns and reflections (0: identity) of a grid of this shape.

        A shortest path stays one, the canonical one does not stay canonical.
        """
        cells = turn(np.arange(math.prod(shape)).reshape(shape), which)
        return Symmetry(cells.ravel(), np.arange(self.vocab_size, dtype=np.uint8), cells.shape, DIHEDRAL[which])

    def givens(self, puzzle: Puzzle) -> Mask:
        mask: Mask = puzzle.question != FREE
        return mask

    def unsolvable(self, puzzle: Puzzle) -> str:
        return "" if shortest_path(puzzle.question) is not None else "no path from S to G"


def solve(question: Grid) -> Grid | None:
    """The question with the canonical shortest path drawn in; None where there is no path."""
    path = shortest_path(question)
    return None if path is None else draw(question, path)


def _drawn(text: str) -> bool:
    """Whether a text looks like a maze: walls, S and G outweigh everything that cannot stand in one."""
    ink = sum(text.count(character) for character in "#SGo")
    return ink > len(text) - ink - text.count(" ") - text.count(".")


def _begins_csv(line: str) -> bool:
    return "," in line or line.strip().lower() in QUESTION


def _tokens(text: str) -> Grid:
    """Tokens of characters, 0 where one has no meaning."""
    codes = np.frombuffer(text.encode("ascii", "replace"), np.uint8)
    return _TOKENS[np.where(codes < 128, codes, 0)]


def _parse_block(block: list[tuple[int, str]], source: str) -> Iterator[Puzzle | InputError]:
    """Mazes of lines without an empty one. A line of spaces is a row where it is as wide as the maze, else a gap."""
    width = next((len(line) for _, line in block if line.strip()), None)
    if width is None:
        return
    rows: list[tuple[int, str]] = []
    for number, line in [*block, (0, "")]:
        if line.strip() or len(line) == width:
            rows.append((number, line))
        elif rows:
            try:
                yield _parse_rows(rows, source)
            except InputError as error:
                yield error
            rows = []


def _parse_rows(rows: list[tuple[int, str]], source: str) -> Puzzle:
    """One maze drawn in lines; a path drawn into it is its label."""
    for number, line in rows:
        if not (tokens := _tokens(line)).all():
            at = int(np.argmin(tokens))
            raise InputError(f"{source}:{number}:{at + 1}: {line[at]!r} is not a cell of a maze", HINT)
    width = statistics.mode(len(line) for _, line in rows)
    for number, line in rows:
        if len(line) != width:
            cells = "cell" if len(line) == 1 else "cells"
            raise InputError(f"{source}:{number}: {len(line)} {cells}, other rows have {width}", TRIMMED_HINT)
    where = f"{source}:{rows[0][0]}"
    grid = np.stack([_tokens(line) for _, line in rows])
    question = np.where(grid == PATH, np.uint8(FREE), grid)
    answer = grid if (grid == PATH).any() else None
    return _puzzle(question, where, lambda cell: f"{source}:{rows[cell // width][0]}:{cell % width + 1}", answer)


def _puzzle(
    question: Grid, source: str, place: Callable[[int], str], answer: Grid | None = None, rating: float | None = None
) -> Puzzle:
    """A puzzle whose size, S and G were looked at, and whose label is a path. `place` tells where a cell stands."""
    if question.shape[0] > CANVAS[0] or question.shape[1] > CANVAS[1]:
        size = f"{question.shape[0]} x {question.shape[1]}"
        raise InputError(f"{source}: a maze of {size} cells, at most {CANVAS[0]} x {CANVAS[1]} can be read")
    for symbol in (START, GOAL):
        name, cells = SYMBOLS[symbol], np.flatnonzero(question == symbol)
        if not len(cells):
            raise InputError(f"{source}: no {name} in this maze", HINT)
        if len(cells) > 1:
            raise InputError(f"{place(int(cells[1]))}: a second {name}, the first is at {_rc(int(cells[0]), question)}")
    puzzle = Puzzle("maze", question, answer, source, rating)
    if answer is not None:
        marked = (answer == PATH) & (question == FREE)
        if changed := int(np.count_nonzero((answer != question) & ~marked)):
            raise InputError(f"{source}: the answer changes {changed} cell{'s' if changed > 1 else ''} of the maze")
        if broken := np.flatnonzero(flaws(question, marked)).tolist():
            raise InputError(f"{source}: the answer is not one walk from S to G (see {_rc(broken[0], question)})")
    return puzzle


def _rc(cell: int, grid: Grid) -> str:
    return f"row {cell // grid.shape[1] + 1}, column {cell % grid.shape[1] + 1}"


def _parse_csv(number: int, first: str, rest: Iterator[tuple[int, str]], source: str) -> Iterator[Puzzle | InputError]:
    """Rows of `question[,answer][,rating][,columns]` in the order that a header names; without one, the first three."""
    start = next((i for i, field in enumerate(fields_of(first)) if _drawn(field)), 0)
    columns, usual = (QUESTION, ANSWER, ("rating",), COLUMNS), (start, start + 1, start + 2, None)
    return read_rows(number, first, rest, source, columns, usual, _csv_row)


def _csv_row(line: str, where: str, fields: list[str]) -> Puzzle:
    question, answer, rating, columns = fields
    columns = columns.strip()
    if columns and not (columns.isdecimal() and len(columns) < 5):
        raise InputError(f"{where}: columns {columns!r} is not a number of columns", SIZE_HINT)
    width = int(columns) if columns else math.isqrt(len(question))
    if not question or not width or len(question) % width or (not columns and len(question) != width**2):
        shape = f"not a square and not rows of {columns}" if columns else "not a square"
        raise InputError(f"{where}: question of {len(question)} characters, {shape}", SIZE_HINT)
    rated = rating_of(rating, where)
    if answer and len(answer) != len(question):
        raise InputError(f"{where}: answer of {len(answer)} characters, the question has {len(question)}")
    grid = _csv_grid(line, where, "question", question, width)
    label = _csv_grid(line, where, "answer", answer, width) if answer else None
    offset = line.find(question) + 1
    return _puzzle(grid, where, lambda cell: f"{where}:{offset + cell}", label, rated)


def _csv_grid(line: str, where: str, name: str, text: str, width: int) -> Grid:
    tokens = _tokens(text)
    bad = (tokens == 0) | ((tokens == PATH) & (name == "question"))
    if bad.any():
        at = int(np.argmax(bad))
        place = f"{where}:{line.find(text) + at + 1}"
        raise InputError(f"{place}: {text[at]!r} is not a cell of a maze's {name}", HINT)
    return tokens.reshape(-1, width)
