"""Sudokus in text: runs of 81 cells in a line, drawn grids, tables, JSON."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from trm_solve.errors import InputError
from trm_solve.kinds.base import Fit
from trm_solve.kinds.sudoku import drawn
from trm_solve.kinds.sudoku.boards import NINE, cells_of, rows_of
from trm_solve.kinds.sudoku.rows import BETWEEN, BLANK_HINT, BLANKS, CELLS, bare, is_board, is_full, puzzles
from trm_solve.puzzle import Puzzle
from trm_solve.reading import json_text
from trm_solve.reading.ahead import ahead
from trm_solve.reading.table import Row, read_rows, sniff

CELL = "[1-9.0_*xX?·-]"
RUN = re.compile(f"(?<!{CELL}){CELL}{{81}}(?!{CELL})")  # begins only where no cell stands before: linear
SECTION = re.compile(r"\[([A-Za-z][\w ]{0,30})\]")
STATES = ("state", "pencilmarks", "marks", "solution", "history", "colors", "notes", "comment")  # not puzzles, in .sdk
FENCE = ("```", "~~~")
TALLEST = 64  # lines of a drawn grid, with its rules
LONG = 20  # cells from which on a line is no row of a grid but a puzzle of its own
OTHERS = {256: 16, 36: 6, 16: 4, 144: 12, 625: 25}  # characters of Sudokus of other sides
Item = Puzzle | InputError
_APART = str.maketrans(dict.fromkeys(BETWEEN, " "))


def fit(head: list[str]) -> Fit:
    """By what can be read of it."""
    if json_text.is_json(head):
        values = json_text.samples(head)
        if any(isinstance(row, Row) for value in values for row in itertools.islice(rows_of(value, 1, ""), 4)):
            return Fit(0.9)
        value = values[0] if values else None
        row = isinstance(value, list) and len(value) == 9 and cells_of([value] * 9) is not None
        return Fit(0.6 if row else 0.1 if isinstance(value, list) else 0.0)
    items = list(parse(head, ""))
    errors = [item.message for item in items if isinstance(item, InputError)]
    if len(items) > len(errors):
        return Fit(0.9)
    if any("clashing clues" in message for message in errors):
        return Fit(0.8)
    if errors and " x " in errors[0] and errors[0].endswith("Sudoku"):
        return Fit(0.6)
    cells = sum(sum(map(text.count, CELLS)) for text in map(bare, map(_content, head)))
    size = sum(len(bare(text)) for text in map(_content, head) if not _is_caption(text))
    return Fit(0.3 if errors and cells >= 5 and 2 * cells >= size else 0.0)


def parse(lines: Iterable[str], source: str) -> Iterator[Item]:
    head, lines = ahead(lines)
    if json_text.is_json(head):
        return puzzles(_once(_of_json(lines, source)), source)
    if (table := sniff(head, is_board, is_full, "sudoku", "#")) is not None:
        return puzzles(read_rows(lines, table, source, "#"), source)
    return puzzles(_once(_of_lines(lines, source)), source)


def _of_json(lines: Iterable[str], source: str) -> Iterator[Row | InputError]:
    for item in json_text.values(lines, source):
        if isinstance(item, InputError):
            yield item
        else:
            yield from rows_of(item[1], item[0], source)


def _once(rows: Iterable[Row | InputError]) -> Iterator[Row | InputError]:
    """The rows; of a file that begins with a Sudoku of another size, that and no more."""
    found = False
    for row in rows:
        yield row
        found = found or isinstance(row, Row)
        if not found and isinstance(row, InputError) and row.hint == NINE:
            return


def _content(line: str) -> str:
    """The line without a `#` comment; its spaces count in drawn grids."""
    return line.split("#", 1)[0].rstrip("\r\n")


def _is_caption(text: str) -> bool:
    """Whether a line is words: letters beyond the crosses that stand for blanks."""
    if text.lstrip()[:3] in FENCE:
        return True
    letters = sum(character.isalpha() for character in text) - text.count("x") - text.count("X")
    return letters > 2 and (letters >= (cells := sum(map(text.count, CELLS))) or cells < 7)


class _Groups:
    """Lines of drawn grids, gathered until a grid is whole."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._lines: list[drawn.Line] = []
        self._bands: list[list[drawn.Line]] = []  # parts of a grid with a blank line between them
        self._compact = 0

    def add(self, number: int, text: str) -> Iterator[Row | InputError]:
        self._lines.append((number, text))
        if drawn.is_compact(text) and not drawn.is_rule(text) and not drawn.is_doubtful(text):
            self._compact += 1
        if len(self._lines) >= TALLEST:
            yield from self.close()
        if self._compact and not bare(text):
            return
        if self._compact >= 9 or (self._compact and len(self._lines) >= 9 and drawn.is_doubtful(text)):
            rows = drawn.rows_of(self._lines)
            if len(rows) == 9 and all(drawn.is_compact(row) for _, row in rows):
                yield from self._short()
                yield from self._grid(self._lines)
                self._lines, self._compact = [], 0

    @property
    def spaced(self) -> bool:
        """Whether a line of spaces may be a row here."""
        return not self._lines or self._compact < len(drawn.rows_of(self._lines)) or not self._compact

    def end(self) -> Iterator[Row | InputError]:
        """A blank line."""
        lines, self._lines, self._compact = self._lines, [], 0
        rows = drawn.rows_of(lines)
        if not [row for row in rows if bare(row[1])]:
            return
        part = len(rows) in (1, 3) and all(drawn.is_compact(text) for _, text in rows)
        if part and all(len(band) == len(rows) for band in self._bands):
            self._bands.append(rows)
            if sum(map(len, self._bands)) == 9:
                bands, self._bands = self._bands, []
                yield from self._grid([row for band in bands for row in band])
            return
        yield from self._short()
        yield from self._grid(lines)

    def close(self) -> Iterator[Row | InputError]:
        """The end, or a line of words: no grid goes on behind it."""
        yield from self.end()
        yield from self._short()

    def _grid(self, lines: list[drawn.Line]) -> Iterator[Row | InputError]:
        found = drawn.read(lines, self._source)
        if isinstance(found, InputError):
            yield found
        else:
            number = drawn.rows_of(lines)[0][0]
            yield Row(number, found, text=found)

    def _short(self) -> Iterator[InputError]:
        bands, self._bands = self._bands, []
        for band in [[row for part in bands for row in part]] if bands else []:
            yield InputError(f"{self._source}:{band[0][0]}: {len(band)} rows, a Sudoku has 9")


def _of_lines(lines: Iterable[str], source: str) -> Iterator[Row | InputError]:
    groups = _Groups(source)
    active = True  # not so in a section of an .sdk file that is no puzzle
    for number, line in enumerate(lines, 1):
        text = _content(line)
        kept = bare(text)
        if section := SECTION.fullmatch(text.strip()):
            yield from groups.close()
            active = section[1].strip().lower() not in STATES
        elif not active:
            continue
        elif not kept:
            if (
                (len(text) >= 9 and groups.spaced)
                or any(mark in text for mark in drawn.BARS + ",;")
                or text.count("\t") >= 8
            ):
                yield from groups.add(number, text)
            else:
                yield from groups.end()
        elif len(kept) >= LONG and (row := _single(number, text, kept, source)) is not None:
            yield from groups.close()
            yield row
        elif _is_caption(text):
            yield from groups.close()
        else:
            yield from groups.add(number, text)
    yield from groups.close()


def _single(number: int, text: str, kept: str, source: str) -> Row | InputError | None:
    """What a line says that is a puzzle of its own, if it is one."""
    runs = RUN.findall(text)
    if runs:
        question, *others = runs
        if others and is_full(question) and not is_full(others[0]):
            question, others = others[0], [question]
        answer = next((each for each in others if is_full(each)), "")
        note = "" if answer or not others else "more than one puzzle in this line, the first is taken"
        return Row(number, question, answer, "" if others else _behind(text, question), note=note, text=text)
    if len(kept) == 81 and all(character in CELLS for character in kept):
        return Row(number, kept, text=text)
    if len(kept) == 162 and len(text.strip()) > 162 and is_board(kept[:81]) and is_full(kept[81:]):
        return Row(number, kept[:81], kept[81:], text=text)
    for mark in ",;\t":
        fields = [field.strip() for field in text.split(mark)] if text.count(mark) >= 80 else []
        cells = len(fields) == 81 and all(len(field) < 2 and field in CELLS for field in fields)
        if cells and not (set(fields) - {""}) & set(BLANKS):  # blanks of two sorts: one may be a cell that was lost
            return Row(number, "".join(field or "." for field in fields), text=text)
    if drawn.is_rule(text) or _is_caption(text) or _is_row(text, kept):
        return None
    if (side := OTHERS.get(len(kept))) and (side == 16 or any(map(str.isalpha, kept))):
        return InputError(f"{source}:{number}: a {side} x {side} Sudoku", NINE)
    if 3 * sum(map(kept.count, CELLS)) < len(kept):
        return InputError(f"{source}:{number}: not a line of a Sudoku", BLANK_HINT)
    return Row(number, kept, text=text)  # which is told what is wrong with it


def _is_row(text: str, kept: str) -> bool:
    """Whether a long line is a row of a grid of candidates, or of another size."""
    return len(text.translate(_APART).split()) == 9 or len(kept) == 25


def _behind(text: str, question: str) -> str:
    """A number behind the puzzle is its rating."""
    words = text[text.find(question) + 81 :].split()
    return words[0] if words and words[0].replace(".", "", 1).isdecimal() else ""
