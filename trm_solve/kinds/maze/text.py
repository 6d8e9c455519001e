"""Mazes in text: drawings in characters, CSV, JSON."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.kinds.base import Fit
from trm_solve.kinds.maze import shapes
from trm_solve.kinds.maze.paths import FREE, GOAL, PATH, START, WALL, are_walks, flaws
from trm_solve.puzzle import Grid, Puzzle, Tokens
from trm_solve.reading import json_text
from trm_solve.reading.ahead import ahead
from trm_solve.reading.table import NONE, QUESTION, Row, Table, in_blocks, rating_of, read_rows, sniff, split

SYMBOLS = "?# SGo"  # by token; PAD is not a symbol of any maze
CANVAS = (30, 30)
TALLEST = 1000  # lines of a drawing; no maze that can be read has as many
HINT = "a maze is drawn in '#' (wall), space or '.' (free), one S and one G; 'o' marks a path"
TRIMMED_HINT = "free cells at the end of a row may have lost their spaces: write them as '.'"
SIZE_HINT = "a CSV column 'columns' gives the width of mazes that are not square"

_TOKENS: NDArray[np.uint8] = np.zeros(128, np.uint8)  # of ASCII characters; 0 where there is none
_TOKENS[[ord(character) for character in "# .SGo"]] = (WALL, FREE, FREE, START, GOAL, PATH)


def fit(head: list[str]) -> Fit:
    """By what can be read of it; of what cannot, whether it is drawn as a maze is."""
    if json_text.is_json(head):
        found = [item for value in json_text.samples(head) for item in itertools.islice(_of_value(value, 1, ""), 4)]
        return Fit(0.9 if any(isinstance(item, Puzzle) for item in found) else 0.0)
    items = list(parse(head, ""))
    errors = [item for item in items if isinstance(item, InputError)]
    if len(errors) < len(items):
        return Fit(0.95)
    lines = [line for line in (line.rstrip("\r\n") for line in head) if line.strip()]
    table = _table(lines)
    fields = [field for line in lines for field in split(line, table.separator)] if table is not None else []
    if any(map(_is_field, fields)) or (table is None and _drawn("".join(_first_block(head)))):
        return Fit(0.5 if errors else 0.4)
    if set("".join(map(str.strip, lines))) <= set("0123 ,;[]") and any(
        "of 0 and 1" in error.message for error in errors
    ):
        return Fit(0.85)  # clues that clash speak for it less
    known = any("no S in this maze" in error.message or "maze drawn in lines" in error.message for error in errors)
    return Fit(0.5 if known and not any(map(str.isdigit, "".join(lines))) else 0.0)


def parse(lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
    head, lines = ahead(lines, part=True)
    if json_text.is_json(head):
        yield from _of_json(lines, source)
    elif (table := _table([line.rstrip("\r\n") for line in head])) is not None:
        yield from _of_table(lines, table, source)
    else:
        yield from _of_blocks(lines, source)


def _table(lines: list[str]) -> Table | None:
    return sniff(lines, _is_field, _is_field, "maze", separators=",;\t")  # a bar is a wall


def _is_field(text: str) -> bool:
    """Whether a field of a table is a maze; one character may be a cell of one."""
    return len(text) > 3 and _drawn(text)


def _of_blocks(lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
    block: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        if text and not shapes.is_caption(text):
            block.append((number, text))
        if block and (not text or len(block) == TALLEST or shapes.is_caption(text)):
            yield from _parse_block(block, source)
            block = []
    yield from _parse_block(block, source)


def _of_json(lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
    for item in json_text.values(lines, source):
        if isinstance(item, InputError):
            yield item
        else:
            yield from _of_value(item[1], item[0], source)


def _of_value(value: Any, number: int, source: str, depth: int = 0) -> Iterator[Puzzle | InputError]:
    """The mazes in a value of JSON: lists of rows, texts, objects that hold one."""
    if (rows := _rows_of(value)) is not None:
        yield _parse_or_error([(number, row) for row in rows], source)
    elif isinstance(value, dict):
        names = [name for name in (*QUESTION, "maze") if name in value] or list(value)
        held = [value[name] for name in names if isinstance(value[name], list | dict | str)]
        yield from _of_value(held[0] if held else None, number, source, depth + 1)
    elif isinstance(value, list) and value and depth < 8 and all(isinstance(each, list | dict | str) for each in value):
        for each in value:
            yield from _of_value(each, number, source, depth + 1)
    else:
        yield InputError(f"{source}:{number}: no maze", 'a maze is a list of rows: ["#####", "#S.G#", "#####"]')


def _rows_of(value: Any) -> list[str] | None:
    if isinstance(value, str):
        if "\n" in value:
            return [row for row in value.split("\n") if row] or None
        width = math.isqrt(len(value))
        square = len(value) > 3 and width * width == len(value) and _drawn(value)
        return [value[at : at + width] for at in range(0, len(value), width)] if square else None
    if not isinstance(value, list) or len(value) < 2:
        return None
    rows = []
    for row in value:
        if isinstance(row, list) and all(isinstance(c, str | int) and len(str(c)) < 2 for c in row):
            row = "".join(str(cell) or " " for cell in row)
        if not isinstance(row, str) or not row or "\n" in row or len(row) > CANVAS[1]:
            return None
        rows.append(row)
    return rows if len(set(map(len, rows))) == 1 and len(rows) <= CANVAS[0] else None


def _first_block(head: list[str]) -> Iterator[str]:
    lines = (line.rstrip("\r\n") for line in head)
    kept = itertools.dropwhile(lambda line: not line.strip() or shapes.is_caption(line), lines)
    return itertools.takewhile(str.strip, kept)


def _drawn(text: str) -> bool:
    """Whether a text looks like a maze: walls, S and G outweigh everything that cannot stand in one."""
    ink = sum(text.count(character) for character in "#SGo")
    return ink > len(text) - ink - text.count(" ") - text.count(".")


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
            yield _parse_or_error(rows, source)
            rows = []


def _parse_or_error(rows: list[tuple[int, str]], source: str) -> Puzzle | InputError:
    try:
        return _parse_rows(rows, source)
    except InputError as error:
        return error


def _parse_rows(rows: list[tuple[int, str]], source: str) -> Puzzle:
    """One maze drawn in lines; a path drawn into it is its label."""
    drawing = shapes.read(rows, source)
    rows, note = drawing.rows, drawing.note
    if "\t" not in rows[0][1] and len({len(line) for _, line in rows}) > 1:  # spaces behind some rows
        short = [(number, line.rstrip(" ")) for number, line in rows]
        width = max(len(line) for _, line in short)
        if all(len(line) == width for _, line in short):
            rows = short
    rows, left, cut = _without_margin(rows, source)
    rows = _with_path(rows)
    for number, line in rows:
        if not (tokens := _tokens(line)).all():
            at = int(np.argmin(tokens))
            what = f"{source}:{number}:{left + at + 1}: {line[at]!r} is not a cell of a maze"
            raise InputError(what, _naming("".join(text for _, text in rows)) or HINT)
    width = statistics.mode(len(line) for _, line in rows)
    for number, line in rows:
        if len(line) != width:
            cells = "cell" if len(line) == 1 else "cells"
            raise InputError(f"{source}:{number}: {len(line)} {cells}, other rows have {width}", TRIMMED_HINT)
    where = f"{source}:{rows[0][0]}"
    grid = np.stack([_tokens(line) for _, line in rows])
    question = np.where(grid == PATH, np.uint8(FREE), grid)
    answer = grid if (grid == PATH).any() else None
    notes = ", ".join(each for each in (cut, note) if each)
    return _puzzle(
        question, where, lambda cell: f"{source}:{rows[cell // width][0]}:{left + cell % width + 1}", answer, note=notes
    )


def _naming(whole: str) -> str:
    """How to name start and goal, where a maze without S and G has two signs that stand there once."""
    odd = [mark for mark in dict.fromkeys(whole) if mark not in SYMBOLS + "."]
    if {"S", "G"} & set(whole) or len(odd) != 2 or any(whole.count(mark) > 1 or mark in "'\\-" for mark in odd):
        return ""
    first, last = odd
    return f"where '{first}' is the start and '{last}' the goal: tr '{first}{last}' SG < FILE | trm-solve solve -"


def _without_margin(rows: list[tuple[int, str]], source: str) -> tuple[list[tuple[int, str]], int, str]:
    """The rows without blank columns and rows around walls, how many columns were cut on the left, and a note.

    What is blank around walls is paper, and a path must not run there. Raises `InputError` where the walls have gaps,
    so that nobody can tell.
    """
    inked = [place for place, (_, line) in enumerate(rows) if line.strip(" ")]
    if not inked:
        return rows, 0, ""
    kept = rows[inked[0] : inked[-1] + 1]
    left = min((len(line) - len(line.lstrip(" ")) for _, line in kept if line.strip(" ")), default=0)
    right = max(len(line.rstrip(" ")) for _, line in kept)
    wide = max(len(line) for _, line in rows) - right
    if not left and not wide and len(kept) == len(rows):
        return rows, 0, ""
    found = [(number, f"{line:{right}}"[left:right]) for number, line in kept]
    if len(found) < 3 or right - left < 3:
        return rows, 0, ""  # walls enclose nothing
    ring = _ring([line for _, line in found])
    gaps = sum(map(ring.count, " ."))
    sides = {"left": left, "right": wide, "above": inked[0], "below": len(rows) - 1 - inked[-1]}
    told = ", ".join(f"{count} {side}" for side, count in sides.items() if count)
    if 2 * ring.count("#") < len(ring):
        return rows, 0, ""  # no walls all round: an open field
    if gaps > 1:
        what = f"blank columns or rows around the walls ({told}), which have gaps"
        raise InputError(f"{source}:{kept[0][0]}: {what}", "write free cells as '.', and cut what is no floor")
    return found, left, f"blank columns and rows around the walls were cut off ({told})"


def _ring(lines: list[str]) -> str:
    """The cells at the border."""
    return lines[0] + "".join(line[:1] + line[-1:] for line in lines[1:-1]) + (lines[-1] if len(lines) > 1 else "")


def _with_path(rows: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The rows with a path in 'o', where another mark makes one."""
    whole = "".join(line for _, line in rows)
    marks = [mark for mark in shapes.PATHS if mark in whole]
    if len(marks) != 1 or "o" in whole or len({len(line) for _, line in rows}) > 1:
        return rows
    drawn = [(number, line.replace(marks[0], "o")) for number, line in rows]
    if whole.count("S") != 1 or whole.count("G") != 1 or not all(_tokens(line).all() for _, line in drawn):
        return rows
    grid = np.stack([_tokens(line) for _, line in drawn])
    return drawn if are_walks(grid[None])[0] else rows


def _puzzle(
    question: Grid,
    source: str,
    place: Callable[[int], str],
    answer: Grid | None = None,
    rating: float | None = None,
    note: str = "",
    fault: str = "",
) -> Puzzle:
    """A puzzle whose size, S and G were looked at; its label is a path or left out. `place` tells where a cell is."""
    if question.shape[0] > CANVAS[0] or question.shape[1] > CANVAS[1]:
        size = f"{question.shape[0]} x {question.shape[1]}"
        raise InputError(f"{source}: a maze of {size} cells, at most {CANVAS[0]} x {CANVAS[1]} can be read")
    for symbol in (START, GOAL):
        name, cells = SYMBOLS[symbol], np.flatnonzero(question == symbol)
        if not len(cells):
            raise InputError(f"{source}: no {name} in this maze", _gaps(question) or HINT)
        if len(cells) > 1:
            raise InputError(f"{place(int(cells[1]))}: a second {name}, the first is at {_rc(int(cells[0]), question)}")
    if answer is not None:
        marked = (answer == PATH) & (question == FREE)
        if changed := int(np.count_nonzero((answer != question) & ~marked)):
            fault = f"{source}: the answer changes {changed} cell{'s' if changed > 1 else ''} of the maze"
        elif not are_walks(answer[None])[0]:
            broken = np.flatnonzero(flaws(question, marked)).tolist()
            fault = f"{source}: the answer is not one walk from S to G (see {_rc(broken[0], question)})"
    return Puzzle("maze", question, None if fault else answer, source, rating, note=note, label_fault=fault)


def _gaps(question: Grid) -> str:
    """Where a border of walls has just two gaps, which are its entrances."""
    border = np.ones(question.shape, np.bool_)
    border[1:-1, 1:-1] = False
    gaps = np.flatnonzero(border & (question == FREE)).tolist()
    if len(gaps) != 2 or (question == START).any() or (question == GOAL).any():
        return ""
    first, second = (_rc(gap, question) for gap in gaps)
    return f"the border has two gaps, at {first} and {second}: write S into one and G into the other"


def _rc(cell: int, grid: Grid) -> str:
    return f"row {cell // grid.shape[1] + 1}, column {cell % grid.shape[1] + 1}"


def _of_table(lines: Iterable[str], table: Table, source: str) -> Iterator[Puzzle | InputError]:
    for block in in_blocks(read_rows(lines, table, source)):
        alike: dict[tuple[int, int, str], list[int]] = {}  # by sizes: these are looked at together
        for place, row in enumerate(block):
            if isinstance(row, Row):
                alike.setdefault((len(row.question), len(row.answer), row.columns), []).append(place)
        plain = [(places, _plain([block[place] for place in places], source)) for places in alike.values()]
        found = {place: puzzle for places, puzzles in plain for place, puzzle in zip(places, puzzles, strict=True)}
        for place, row in enumerate(block):
            try:
                yield row if isinstance(row, InputError) else found[place] or _of_row(row, source)
            except InputError as error:
                yield error


def _plain(rows: Sequence[Row | InputError], source: str) -> Sequence[Puzzle | None]:
    """The puzzles of rows of the same sizes, None for one at which there is something to say."""
    kept = [row for row in rows if isinstance(row, Row)]
    size, labelled, width = len(kept[0].question), len(kept[0].answer), _width(kept[0])
    if not width or size // width > CANVAS[0] or width > CANVAS[1] or labelled not in (0, size):
        return [None] * len(kept)
    shape = (-1, size // width, width)
    questions = _tokens("".join(row.question for row in kept)).reshape(shape)
    fine = ((questions > 0) & (questions != PATH)).all((1, 2))
    for symbol in (START, GOAL):
        fine &= np.count_nonzero(questions == symbol, axis=(1, 2)) == 1
    answers: Iterable[Grid | None] = itertools.repeat(None, len(kept))
    if labelled:
        answers = grids = _tokens("".join(row.answer for row in kept)).reshape(shape)
        fine &= ((grids == questions) | ((grids == PATH) & (questions == FREE))).all((1, 2))
        fine[fine] = are_walks(grids[fine])
    return [
        Puzzle(
            "maze",
            question,
            answer,
            f"{source}:{row.number}",
            rating_of(row.rating) if row.rating else None,
            note=row.note,
        )
        if sound
        else None
        for row, question, answer, sound in zip(kept, questions, answers, fine.tolist(), strict=True)
    ]


def _width(row: Row) -> int:
    """Columns of a row's maze; 0 where its question is none."""
    columns, size = row.columns.strip(), len(row.question)
    if not columns:
        return width if (width := math.isqrt(size)) ** 2 == size else 0
    width = int(columns) if columns.isdecimal() and len(columns) < 5 else 0
    return width if width and size and not size % width else 0


def _of_row(row: Row, source: str) -> Puzzle:
    where, question, answer, columns = f"{source}:{row.number}", row.question, row.answer, row.columns.strip()
    if "\n" in question.strip("\n"):
        return _parse_rows([(row.number, line) for line in question.splitlines() if line], source)
    if columns and not (columns.isdecimal() and len(columns) < 5):
        raise InputError(f"{where}: columns {columns!r} is not a number of columns", SIZE_HINT)
    if not (width := _width(row)):
        shape = f"not a square and not rows of {columns}" if columns else "not a square"
        raise InputError(f"{where}: question of {len(question)} characters, {shape}", _lost(row) or SIZE_HINT)
    grid = _cells(row, source, "question", question, width)
    label, fault = None, ""
    if answer.strip().lower() in NONE and len(answer) != len(question):
        pass
    elif len(answer) != len(question):
        fault = f"{where}: answer of {len(answer)} characters, the question has {len(question)}"
    else:
        try:
            label = _cells(row, source, "answer", answer, width)
        except InputError as error:
            fault = error.message
    rating = rating_of(row.rating) if row.rating else None
    return _puzzle(grid, where, lambda cell: row.place(source, question, cell), label, rating, fault=fault)


def _lost(row: Row) -> str:
    """What to say of a question that is as long as a maze without its last spaces."""
    size = len(row.question)
    whole = (math.isqrt(size) + 1) ** 2
    if whole - size > math.isqrt(whole) or size < 4:
        return ""
    return f"spaces at its end may be lost, {size} of {whole} characters are left: write free cells as '.'"


def _cells(row: Row, source: str, name: str, text: str, width: int) -> Grid:
    tokens = _tokens(text)
    bad = (tokens == 0) | ((tokens == PATH) & (name == "question"))
    if bad.any():
        at = int(np.argmax(bad))
        raise InputError(f"{row.place(source, text, at)}: {text[at]!r} is not a cell of a maze's {name}", HINT)
    return tokens.reshape(-1, width)


def written(grid: Grid) -> str:
    """A maze in characters. Free cells are dots where spaces would look like a margin."""
    rows = ["".join(SYMBOLS[symbol] for symbol in row) for row in grid.tolist()]
    try:
        plain = not _without_margin(list(enumerate(rows)), "")[2] if "".join(rows).strip() else True
    except InputError:
        plain = False
    return "\n".join(rows) if plain else "\n".join(rows).replace(" ", ".")


def of_tokens(question: Tokens, answer: Tokens | None, source: str) -> Puzzle | InputError:
    """The maze of a data set's row, on the whole canvas."""
    grids = [None if each is None else each.reshape(CANVAS) for each in (question, answer)]
    asked = grids[0]
    assert asked is not None
    if ((asked == 0) | (asked == PATH)).any():
        return InputError(f"{source}: a cell that is no wall, floor, S or G")
    try:
        return _puzzle(asked, source, lambda cell: f"{source}:{cell + 1}", grids[1])
    except InputError as error:
        return error
