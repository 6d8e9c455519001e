"""Sudokus in JSON: lists of rows, of cells, of texts; objects that hold one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trm_solve.errors import InputError
from trm_solve.kinds.sudoku.rows import BLANK_HINT, BLANKS, CELLS, bare, is_board, is_full
from trm_solve.reading.table import ANSWER, RATING, Row
from trm_solve.reading.table import QUESTION as NAMES

QUESTION = (*NAMES, "sudoku")
DEPTH = 12  # lists in lists; deeper than any file of puzzles
NINE = "Sudokus of 9 x 9 are read"
FORM = 'a board is 9 lists of 9 numbers, or a text of 81 cells; {"puzzle": ..., "solution": ...} has both'


def rows_of(value: Any, number: int, source: str, depth: int = 0) -> Iterator[Row | InputError]:
    """The boards in a value, as rows; where something stands that is none, an error."""
    where = f"{source}:{number}"
    if (text := cells_of(value)) is not None:
        yield Row(number, text, text=text)
    elif isinstance(value, dict):
        yield from _of_object(value, number, source, depth)
    elif isinstance(value, list) and depth < DEPTH and value:
        boards = [cells_of(each) for each in value]
        if len(value) == 2 and (pair := _pair(*boards)) is not None:
            yield Row(number, *pair, text=pair[0])
            return
        if not any(isinstance(each, list | dict | str) for each in value):
            yield InputError(f"{where}: a list of {len(value)} cells, a Sudoku has 81", FORM)
        elif (side := len(value)) in (4, 6, 16, 25) and all(isinstance(v, list) and len(v) == side for v in value):
            yield InputError(f"{where}: a {side} x {side} Sudoku", NINE)
        elif all(map(_is_row, value)) and not any(boards):
            yield InputError(f"{where}: {len(value)} lists that are no Sudoku", FORM)
        else:
            for each in value:
                yield from rows_of(each, number, source, depth + 1)
    elif isinstance(value, str) and len(value) > 20 and _share(value) > 0.5:
        yield InputError(f"{where}: {len(bare(value))} characters, a Sudoku has 81", BLANK_HINT)
    elif depth < DEPTH:
        yield InputError(f"{where}: no Sudoku, but {_what(value)}", FORM)


def _of_object(value: dict[str, Any], number: int, source: str, depth: int) -> Iterator[Row | InputError]:
    """One puzzle with its answer and rating, or what holds several."""
    fields = {name.strip().lower(): field for name, field in value.items()}
    boards = {name: text for name, field in fields.items() if (text := cells_of(field)) is not None}
    names = [name for name in QUESTION if name in boards] or [name for name in boards if name not in ANSWER]
    if names:
        question = boards[names[0]]
        answer = next((fields[name] for name in ANSWER if name in fields), None)
        label = cells_of(answer) or ("" if answer is None else str(answer)[:200])
        rating = next((fields[name] for name in RATING if name in fields), "")
        yield Row(number, question, label, str(rating), text=question)
        return
    found = False
    for name, field in fields.items():
        wanted = name in QUESTION and field is not None
        if isinstance(field, list | dict) or (wanted and isinstance(field, str)):
            items = list(rows_of(field, number, source, depth + 1)) if depth < DEPTH else []
            if wanted or any(isinstance(item, Row) for item in items):
                found = True
                yield from items
    if not found and not (depth == 0 and _aside(fields)):
        yield InputError(f"{source}:{number}: an object without a Sudoku", FORM)


def _is_row(value: Any) -> bool:
    """Whether a value is a list of cells, or of what is no more than a cell."""
    return isinstance(value, list) and not any(
        isinstance(each, list | dict) or (isinstance(each, str) and len(each) > 9) for each in value
    )


def _aside(fields: dict[str, Any]) -> bool:
    """Whether an object of one short text, as XML has them, is a name or a date beside puzzles."""
    return all(isinstance(field, str) and len(field) < 60 for field in fields.values()) and len(fields) < 4


def cells_of(value: Any) -> str | None:
    """The 81 cells of a board, None where it is none."""
    if isinstance(value, str):
        return bare(value) if is_board(value) else None
    if not isinstance(value, list):
        return None
    if len(value) == 81:
        return _whole(_joined(value))
    if len(value) == 9:
        rows = [bare(row) if isinstance(row, str) else _joined(row) if isinstance(row, list) else None for row in value]
        if all(row is not None and len(row) == 9 for row in rows):
            return _whole("".join(row for row in rows if row))
    return None


def _whole(text: str | None) -> str | None:
    """The cells, where empty texts may be blanks; None for blanks of two sorts: one may be a cell that was lost."""
    if text is None or (" " in text and set(text) & set(BLANKS)):
        return None
    text = text.replace(" ", ".")
    return text if is_board(text) else None


def _joined(cells: list[Any]) -> str | None:
    found = [_cell(each) for each in cells]
    return None if None in found else "".join(each for each in found if each)


def _cell(value: Any) -> str | None:
    if isinstance(value, str) and not value.strip():
        return " "
    if value is None or value is False:
        return "."
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return text if len(text) == 1 and text in CELLS else None


def _pair(first: str | None, second: str | None) -> tuple[str, str] | None:
    """A question and its answer."""
    if first is None or second is None or not is_full(second) or is_full(first):
        return None
    fits = all(a == b for a, b in zip(first, second, strict=True) if a in "123456789")
    return (first, second) if fits else None


def _share(text: str) -> float:
    return sum(character in CELLS for character in text) / len(text)


def _what(value: Any) -> str:
    names = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "an empty list"}
    return names.get(type(value), "nothing")
