"""Mazes in text: drawings in characters, CSV."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.kinds.maze.paths import FREE, GOAL, PATH, START, WALL, flaws
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.reading.table import fields_of, rating_of, read_rows

SYMBOLS = "?# SGo"  # by token; PAD is not a symbol of any maze
CANVAS = (30, 30)
HINT = "a maze is drawn in '#' (wall), space or '.' (free), one S and one G; 'o' marks a path"
TRIMMED_HINT = "free cells at the end of a row may have lost their spaces: write them as '.'"
SIZE_HINT = "a CSV column 'columns' gives the width of mazes that are not square"
QUESTION, ANSWER, COLUMNS = ("question", "maze", "puzzle"), ("answer", "solution"), ("columns", "cols", "width")

_TOKENS: NDArray[np.uint8] = np.zeros(128, np.uint8)  # of ASCII characters; 0 where there is none
_TOKENS[[ord(character) for character in "# .SGo"]] = (WALL, FREE, FREE, START, GOAL, PATH)


def recognises(head: list[str]) -> bool:
    lines = [line.rstrip("\r\n") for line in head]
    lines = list(itertools.dropwhile(lambda line: not line.strip(), lines))
    if lines and _begins_csv(lines[0]):
        return any(_drawn(field) and len(field) > 1 for line in lines[:2] for field in fields_of(line))
    return _drawn("".join(itertools.takewhile(str.strip, lines)))


def parse(lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
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
