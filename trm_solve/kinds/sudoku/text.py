"""Sudokus in text: lines of 81, drawn grids, CSV."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.kinds.sudoku.rules import clash, valid_sudoku
from trm_solve.puzzle import Grid, Puzzle, Tokens
from trm_solve.reading.table import rating_of, read_rows

BLANKS = ".0_*"
BLANK_HINT = "blanks are '.' or '0'"
RULE = re.compile(r"^[\s|+*=-]*[-=][\s|+*=-]*$")  # a drawn line between rows or around a grid
QUESTION = ("question", "puzzle", "puzzles", "quiz", "quizzes", "sudoku")
ANSWER = ("answer", "solution", "solutions")
RATING = ("rating", "difficulty")


def _digits(text: str, where: str, columns: Iterable[int]) -> Grid:
    """Digits of a text of cells; `columns` are their places in the line. Raises `InputError` with `where:column`."""
    for character, column in zip(text, columns, strict=True):
        if character not in "123456789" and character not in BLANKS:
            raise InputError(f"{where}:{column}: {character!r} is not a digit or a blank", BLANK_HINT)
    return np.array([0 if c in BLANKS else int(c) for c in text], np.uint8)


def recognises(head: list[str]) -> bool:
    for line in head:
        text = _without_comment(line)
        if not text or RULE.match(text):
            continue
        if "," in text or text.strip('"').lower() in QUESTION:
            fields = [field.strip().strip('"').lower() for field in text.split(",")]
            return any(f in QUESTION for f in fields) or any(_looks_like_81(f) for f in fields)
        cells = re.sub(r"[\s|]", "", text)
        return sum(c.isdigit() or c in BLANKS for c in cells) >= 0.5 * len(cells) and len(cells) >= 5
    return False


def parse(lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
    numbered = ((number, line.rstrip("\r\n")) for number, line in enumerate(lines, 1))
    rows: list[Grid] = []  # of a 9 x 9 grid that is being read
    trouble: InputError | None = None  # the first thing wrong with it
    start = 0
    for number, line in numbered:
        text = _without_comment(line)
        where = f"{source}:{number}"
        if not text or RULE.match(text):
            if rows and not text:
                yield trouble or _short(rows, source, start)
                rows, trouble = [], None
            continue
        if not rows and ("," in text or text.strip('"').lower() in QUESTION):
            names = (QUESTION, ANSWER, RATING)
            yield from read_rows(number, line, numbered, source, names, range(len(names)), _csv_row)
            return
        columns = [i + 1 for i, c in enumerate(line) if c not in " \t|"]
        columns = columns[: len(re.sub(r"[\s|]", "", text))]
        cells = "".join(line[i - 1] for i in columns)
        if rows or _grid_like(line, cells):
            start = start if rows else number
            row = _row(cells, where, columns)
            if isinstance(row, InputError):
                trouble, row = trouble or row, np.zeros(9, np.uint8)
            rows.append(row)
            if len(rows) == 9:
                yield trouble or _puzzle_or_error(np.stack(rows), f"{source}:{start}")
                rows, trouble = [], None
        elif len(cells) != 81:
            hint = "a question with its answer is CSV: question,answer" if len(cells) == 162 else BLANK_HINT
            yield InputError(f"{where}: {len(cells)} characters, a Sudoku has 81", hint)
        else:
            try:
                grid = _digits(cells, where, columns).reshape(9, 9)
            except InputError as error:
                yield error
            else:
                yield _puzzle_or_error(grid, where)
    if rows:
        yield trouble or _short(rows, source, start)


def _without_comment(line: str) -> str:
    """The line without a `#` comment or an .sdk section header, stripped."""
    text = line.split("#", 1)[0].strip()
    return "" if text.startswith("[") else text


def _looks_like_81(text: str) -> bool:
    return len(text) == 81 and all(c.isdigit() or c in BLANKS for c in text)


def _grid_like(line: str, cells: str) -> bool:
    """Whether a line is a row of a grid rather than a puzzle cut short."""
    return len(cells) <= 12 or (len(cells) < 20 and ("|" in line or " " in line.strip()))


def _row(cells: str, where: str, columns: Iterable[int]) -> Grid | InputError:
    if len(cells) != 9:
        return InputError(f"{where}: {len(cells)} cells, a row of a Sudoku has 9", BLANK_HINT)
    try:
        return _digits(cells, where, columns)
    except InputError as error:
        return error


def _puzzle_or_error(grid: Grid, source: str) -> Puzzle | InputError:
    try:
        return _puzzle(grid, source)
    except InputError as error:
        return error


def _puzzle(grid: Grid, source: str, answer: Grid | None = None, rating: float | None = None) -> Puzzle:
    if trouble := clash(grid):
        raise InputError(f"{source}: clashing clues: {trouble}", "no answer can keep these clues")
    return Puzzle("sudoku", grid, answer, source, rating)


def _short(rows: list[Grid], source: str, start: int) -> InputError:
    return InputError(f"{source}:{start}: {len(rows)} rows, a Sudoku has 9")


def _csv_row(line: str, where: str, fields: list[str]) -> Puzzle:
    question, answer, rating = (field.strip() for field in fields)
    rated = rating_of(rating, where)
    label = _csv_grid(line, where, "answer", answer) if answer else None
    puzzle = _puzzle(_csv_grid(line, where, "question", question), where, label, rated)
    if label is not None:
        _check_label(puzzle, where)
    return puzzle


def _csv_grid(line: str, where: str, name: str, text: str) -> Grid:
    if len(text) != 81:
        raise InputError(f"{where}: {name} of {len(text)} characters, a Sudoku has 81", BLANK_HINT)
    offset = line.find(text) + 1
    return _digits(text, where, range(offset, offset + 81)).reshape(9, 9)


def _check_label(puzzle: Puzzle, where: str) -> None:
    """A label that breaks the rules is refused: it would train or measure nonsense."""
    assert puzzle.answer is not None
    if not puzzle.answer.all():
        raise InputError(f"{where}: the answer has blanks")
    if trouble := clash(puzzle.answer):
        raise InputError(f"{where}: the answer breaks the rules: {trouble}")
    if changed := int(np.count_nonzero((puzzle.question > 0) & (puzzle.answer != puzzle.question))):
        raise InputError(f"{where}: the answer changes {changed} clue{'s' if changed > 1 else ''}")


def read_table(path: Path) -> tuple[Tokens, Tokens, NDArray[np.float64]] | None:
    """The CSV of the public sets, checked in one go (the general reader takes minutes for its millions of rows).

    None where the file does not look like it, or some row is at fault: the general reader then says where and what.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            if not {"question", "answer"} <= set(header):
                return None
            places = [header.index(name) for name in ("question", "answer")]
            rating = header.index("rating") if "rating" in header else None
            rows = [row for row in reader if row]
        joined = ["".join(row[place] for row in rows) for place in places]
        ratings = [math.nan if rating is None or not row[rating] else float(row[rating]) for row in rows]
        grids = [np.frombuffer(text.encode("ascii"), np.uint8).reshape(len(rows), 81) for text in joined]
    except (OSError, ValueError, IndexError, csv.Error):
        return None
    blank = np.isin(grids[0], np.frombuffer(b".0_*", np.uint8))
    question, answer = np.where(blank, 1, grids[0] - 47).astype(np.uint8), (grids[1] - 47).astype(np.uint8)
    if not len(rows) or not valid_sudoku(question, answer).all():
        return None
    return question, answer, np.array(ratings)
