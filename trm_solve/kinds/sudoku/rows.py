"""Many Sudokus at once: rows of 81 characters, checked in blocks, as puzzles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.kinds.sudoku.rules import clash
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.reading.table import NONE, Row, in_blocks, rating_of

BLANKS = ".0_*-xX?·"
CELLS = "123456789" + BLANKS
EMPTY = tuple(blank * 81 for blank in ".0_")  # a grid without a digit; of other marks it is some other drawing
SPACES = " \t\r\n\v\f\u00a0"
BETWEEN = SPACES + "|,;[](){}\"':!/\\│║┃┆┊╎╏¦"  # what may stand between cells
BLANK_HINT = "blanks are '.' or '0'"

DIGITS: NDArray[np.uint8] = np.full(256, 255, np.uint8)  # of characters; 255: no cell
for _character in BLANKS:
    DIGITS[ord(_character)] = 0
for _digit in range(1, 10):
    DIGITS[ord(str(_digit))] = _digit
# A digit counts in four bits of its own, so that a sum over a unit tells how often each stands in it.
COUNTERS: NDArray[np.int64] = np.zeros(256, np.int64)
COUNTERS[1:10] = 16 ** np.arange(9)
TWICE = sum(14 * 16**digit for digit in range(9))
_DROP = {ord(character): None for character in BETWEEN}
_TO_DOTS = str.maketrans(dict.fromkeys(BLANKS, "."))


def bare(text: str) -> str:
    """A text without what stands between cells."""
    return text.translate(_DROP)


def is_board(text: str) -> bool:
    """Whether a text is the cells of one Sudoku. It may be written with something between them."""
    if not 81 <= len(text) < 1000:
        return False
    text = bare(text)
    return len(text) == 81 and all(character in CELLS for character in text)


def is_full(text: str) -> bool:
    """Whether it is the cells of a Sudoku without a blank."""
    return is_board(text) and bare(text).translate(_TO_DOTS).find(".") < 0


def puzzles(rows: Iterable[Row | InputError], source: str) -> Iterator[Puzzle | InputError]:
    """A puzzle for each row, in order; a row at fault comes as the error that names its place."""
    for block in in_blocks(rows):
        yield from _block(block, source)


def _block(block: list[Row | InputError], source: str) -> Iterator[Puzzle | InputError]:
    questions = [_cells(row.question) if isinstance(row, Row) else "" for row in block]
    answers = [_cells(row.answer) if isinstance(row, Row) and row.answer else "" for row in block]
    asked, fine = _checked(questions)
    said, right = _checked(answers)
    right &= (said > 0).all(1) & ((asked == 0) | (asked == said)).all(1)
    clues: NDArray[np.bool_] = asked.any(1) | np.array([question in EMPTY for question in questions])
    grids, labels = asked.reshape(-1, 9, 9), said.reshape(-1, 9, 9)
    facts = zip(block, fine.tolist(), clues.tolist(), right.tolist(), grids, labels, strict=True)
    for place, (row, is_fine, has_clues, is_right, grid, label) in enumerate(facts):
        if isinstance(row, InputError):
            yield row
            continue
        where = f"{source}:{row.number}"
        if not is_fine:
            yield _fault(row, questions[place], source)
        elif not has_clues:
            marks = " and ".join(map(repr, sorted(set(questions[place]))))
            yield InputError(f"{where}: a grid of {marks} without a digit", "a Sudoku has clues")
        else:
            rating = rating_of(row.rating) if row.rating else None
            fault = "" if is_right or not row.answer else _label_fault(row, answers[place], grid, where)
            answer = label if is_right else None
            yield Puzzle("sudoku", grid, answer, where, rating, note=row.note, label_fault=fault)


def _cells(text: str) -> str:
    return text if len(text) == 81 else bare(text)


def _checked(texts: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Digits (N, 81), and which rows are 81 cells without a clash. The digits of others mean nothing."""
    whole = "".join(text if len(text) == 81 else " " * 81 for text in texts).encode("latin-1", "replace")
    digits = DIGITS[np.frombuffer(whole, np.uint8)].reshape(-1, 81)
    fine: NDArray[np.bool_] = np.logical_and.reduce(digits < 10, axis=1)
    grid = COUNTERS[digits.T].reshape(9, 9, -1)  # rows of the block last: sums run along them
    boxes = grid.reshape(3, 3, 3, 3, -1)
    for counts in (grid.sum(0), grid.sum(1), boxes.sum((1, 3)).reshape(9, -1)):
        fine &= np.bitwise_or.reduce(counts, axis=0) & TWICE == 0
    return digits, fine


def _fault(row: Row, text: str, source: str, what: str = "question") -> InputError:
    """What keeps a text from being a Sudoku."""
    where = f"{source}:{row.number}"
    if len(text) != 81:
        table = not isinstance(row.text, str)
        told = f"{where}: {what} of {len(text)} characters" if table else f"{where}: {len(text)} characters"
        hint = BLANK_HINT
        if text.isdigit() and 55 < len(text) < 81 and "0" in text:
            hint = "leading zeros were lost (Excel?): save the column as text"
        elif len(text) == 162:
            hint = "a question with its answer is CSV: question,answer"
        return InputError(f"{told}, a Sudoku has 81", hint)
    for offset, character in enumerate(text):
        if character not in CELLS:
            given = row.question if what == "question" else row.answer
            place = row.place(source, given if len(given) == 81 else text, offset, BETWEEN)
            return InputError(f"{place}: {character!r} is not a digit or a blank", BLANK_HINT)
    return InputError(f"{where}: clashing clues: {clash(grid_of(text))}", "no answer can keep these clues")


def grid_of(text: str) -> Grid:
    return DIGITS[np.frombuffer(text.encode("latin-1", "replace"), np.uint8)].reshape(9, 9)


def _label_fault(row: Row, text: str, question: Grid, where: str) -> str:
    """Why the answer of a row cannot be used; empty where the file says that there is none."""
    if row.answer.strip().lower() in NONE:
        return ""
    if len(text) != 81:
        return f"{where}: answer of {len(text)} characters, a Sudoku has 81"
    if any(character not in CELLS for character in text):
        source = where.removesuffix(f":{row.number}")
        return _fault(row, text, source, "answer").message
    grid = grid_of(text)
    if not grid.all():
        return f"{where}: the answer has blanks"
    if trouble := clash(grid):
        return f"{where}: the answer breaks the rules: {trouble}"
    changed = int(np.count_nonzero((question > 0) & (grid != question)))
    return f"{where}: the answer changes {changed} clue{'s' if changed > 1 else ''}"
