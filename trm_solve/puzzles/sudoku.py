"""Sudoku: text forms, tokens, rules and symmetries.

Symbols: 0 blank, 1-9. Tokens: 0 PAD, 1 blank, digit d -> d + 1 (the public checkpoints' vocabulary of 11).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.puzzles.base import Check, Grid, Kind, Mask, Puzzle, Reading, Symmetry
from trm_solve.puzzles.table import rating_of, read_rows

BLANKS = ".0_*"
BLANK_HINT = "blanks are '.' or '0'"
RULE = re.compile(r"^[\s|+*=-]*[-=][\s|+*=-]*$")  # a drawn line between rows or around a grid
QUESTION = ("question", "puzzle", "puzzles", "quiz", "quizzes", "sudoku")
ANSWER = ("answer", "solution", "solutions")
RATING = ("rating", "difficulty")

_rows, _columns = np.divmod(np.arange(81), 9)
_boxes = _rows // 3 * 3 + _columns // 3
UNITS: NDArray[np.intp] = np.array(
    [np.flatnonzero(axis == i) for axis in (_rows, _columns, _boxes) for i in range(9)]
)  # (27, 9) cells of each row, column and box
_UNIT_NAMES = ("row", "column", "box")
_PLACES: NDArray[np.intp] = np.argsort(UNITS.ravel(), kind="stable").reshape(81, 3)  # where each cell stands in UNITS


_PEERS: NDArray[np.bool_] = np.zeros((81, 81), np.bool_)  # pairs of cells that share a unit
for _unit in UNITS:
    _PEERS[np.ix_(_unit, _unit)] = True
np.fill_diagonal(_PEERS, False)


def conflicts(grid: Grid) -> Mask:
    """Cells (9, 9) whose digit stands twice in a row, column or box."""
    digits = grid.ravel()[UNITS]
    twice = ((digits[:, :, None] == digits[:, None, :]).sum(-1) > 1) & (digits > 0)
    found: Mask = twice.ravel()[_PLACES].any(-1).reshape(9, 9)
    return found


def clash(grid: Grid) -> str:
    """The first repeated digit in words, such as `two 5s in row 3 (columns 1 and 7)`; empty where there is none."""
    flat = grid.ravel()
    for index, unit in enumerate(UNITS):
        digits = flat[unit]
        for digit in range(1, 10):
            cells = unit[digits == digit]
            if len(cells) > 1:
                what, which = _UNIT_NAMES[index // 9], index % 9 + 1
                spots = " and ".join(f"r{cell // 9 + 1}c{cell % 9 + 1}" for cell in cells[:2])
                return f"two {digit}s in {what} {which} ({spots})"
    return ""


def _digits(text: str, where: str, columns: Iterable[int]) -> Grid:
    """Digits of a text of cells; `columns` are their places in the line. Raises `InputError` with `where:column`."""
    for character, column in zip(text, columns, strict=True):
        if character not in "123456789" and character not in BLANKS:
            raise InputError(f"{where}:{column}: {character!r} is not a digit or a blank", BLANK_HINT)
    return np.array([0 if c in BLANKS else int(c) for c in text], np.uint8)


class Sudoku(Kind):
    """9 x 9 Sudoku."""

    name = "sudoku"
    canvas = (9, 9)
    vocab_size = 11
    blank = 1

    @property
    def relations(self) -> Mapping[str, NDArray[np.bool_]]:
        axes = {"row": _rows, "column": _columns, "box": _boxes}
        return {name: axis[:, None] == axis for name, axis in axes.items()}

    def recognises(self, head: list[str]) -> bool:
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

    def parse(self, lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
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

    def format(self, grid: Grid) -> str:
        return "".join("." if digit == 0 else str(digit) for digit in grid.ravel())

    def encode(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        return puzzle.question.ravel() + np.uint8(1)

    def encode_answer(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        assert puzzle.answer is not None
        return puzzle.answer.ravel() + np.uint8(1)

    def decode(self, puzzle: Puzzle, tokens: NDArray[np.uint8], confidence: NDArray[np.float32]) -> Reading:
        question = puzzle.question.ravel()
        given = question > 0
        wanted = np.where(tokens > 1, tokens - 1, 0).astype(np.uint8)
        answer = np.where(given, question, wanted)
        sure = np.where(given, np.float32(1), confidence)
        overruled = int(np.count_nonzero(given & (wanted != question)))
        return Reading(answer.reshape(9, 9), sure.reshape(9, 9), overruled)

    def check(self, puzzle: Puzzle, answer: Grid) -> Check:
        bad = conflicts(answer)
        given = puzzle.question > 0
        bad |= given & (answer != puzzle.question)
        complete = bool(answer.all())
        bad |= answer > 9
        return Check(complete and not bad.any(), complete, bad)

    def screen(self, questions: NDArray[np.uint8], tokens: NDArray[np.uint8]) -> NDArray[np.bool_]:
        answers = np.where(questions > 1, questions, tokens)
        sorted_units = np.sort(answers[:, UNITS], axis=-1)  # (B, 27, 9)
        found: NDArray[np.bool_] = (sorted_units == np.arange(2, 11)).all((1, 2))
        return found

    def open_symbols(self, question: Grid) -> Mask | None:
        flat = question.ravel()
        filled = np.flatnonzero(flat)
        standing = np.zeros((81, 10), np.bool_)
        standing[filled, flat[filled]] = True
        allowed = ~(_PEERS.astype(np.uint8) @ standing).astype(np.bool_)  # no peer has the digit
        allowed[:, 0] = False
        kept = bool(allowed[filled, flat[filled]].all())
        allowed[filled] &= standing[filled]
        found = np.zeros((9, 9, self.vocab_size), np.bool_)
        places = np.logical_or.reduce(allowed[UNITS], axis=1)  # (27, 10) digits that have a place in each unit
        if kept and allowed[:, 1:].any(1).all() and places[:, 1:].all():
            found[..., :10] = allowed.reshape(9, 9, 10)
            found[question > 0] = False
        return found

    def symmetry(self, puzzle: Puzzle, rng: np.random.Generator) -> Symmetry:
        axes = [np.concatenate([3 * band + rng.permutation(3) for band in rng.permutation(3)]) for _ in range(2)]
        cells = (axes[0][:, None] * 9 + axes[1]).astype(np.intp)
        if rng.random() < 0.5:
            cells = cells.T
        symbols = np.concatenate(([0], 1 + rng.permutation(9))).astype(np.uint8)
        return Symmetry(cells.ravel(), symbols, (9, 9), "digits and cells permuted")


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
