"""Grids of nine rows, drawn in whatever way: what is a rule, what is a row, what is a cell of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from trm_solve.errors import InputError
from trm_solve.kinds.sudoku.boards import NINE
from trm_solve.kinds.sudoku.rows import BLANK_HINT, CELLS, SPACES, bare

Line = tuple[int, str]  # its number and its text
BARS = "|│║┃┆┊╎╏¦!"
RULES = "-=+_*.:'`~^─━═┄┈╌┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╔╗╚╝╠╣╦╩╬╒╓╕╖╘╙╛╜╞╟╡╢╤╥╧╨╪╫╭╮╯╰┠┨┯┷┿┝┥┰┸╂╇╈╉╊╀╁╃╄╅╆┡┢┩┪┱┲┹┺"
NOT_CELLS = "".join(sorted(set(RULES) - set(CELLS) - set(":'`")))  # a line with one of them and no digit is a rule
DIGITS = "123456789"
SIZES = (4, 6, 8, 10, 12, 16, 25)  # sides of other Sudokus
HINT = "a Sudoku of 9 x 9 is read; write its blanks as '.'"


def is_rule(text: str) -> bool:
    """Whether a line is drawn between rows or around a grid, whatever else stands in the grid."""
    kept = bare(text)
    if not kept.strip(".") or kept.strip(RULES):
        return False
    return (len(kept) != 9 and len(kept) > 2) or any(character in NOT_CELLS for character in kept)


def is_doubtful(text: str) -> bool:
    """Whether a line may be a rule as well as a row of nine blanks."""
    kept = bare(text)
    return len(kept) == 9 and not kept.strip("-_*")


def rows_of(lines: Sequence[Line]) -> list[Line]:
    """The rows among the lines of a grid."""
    lines = [line for line in lines if not is_rule(line[1])]
    sure = "".join(text for _, text in lines if not is_doubtful(text) and any(c.isdigit() for c in text))
    lines = [line for line in lines if not is_doubtful(line[1]) or set(bare(line[1])) <= set(sure)]
    full = [line for line in lines if bare(line[1])]
    if len(full) == 9 or len(lines) < 9:
        return full if len(full) >= len(lines) or len(full) == 9 else lines
    return lines


def is_compact(text: str) -> bool:
    """Whether a row is nine cells, with or without something between them."""
    kept = bare(text)
    return len(kept) == 9 and all(character in CELLS for character in kept)


def read(lines: Sequence[Line], source: str) -> str | InputError:
    """The 81 cells of a grid, or what is wrong with it."""
    rows = rows_of(lines)
    texts = [text for _, text in rows]
    if len(rows) == 9:
        for way in (_compact, _fields, _segments, _candidates, _columns):
            if (found := way(texts)) is not None:
                return found
    return _fault(rows, source)


def _compact(rows: Sequence[str]) -> str | None:
    return "".join(map(bare, rows)) if all(map(is_compact, rows)) else None


def _nine(parts: list[list[str]]) -> str | None:
    """Nine parts a row, each a cell or nothing."""
    for row in parts:
        if len(row) != 9 or any(len(part) > 1 or part not in CELLS for part in row):
            return None
    if len({part for row in parts for part in row if part not in DIGITS or not part}) > 1:
        return None  # blanks of two sorts: one of them may be a cell that was lost
    return "".join(part or "." for row in parts for part in row)


def _fields(rows: Sequence[str]) -> str | None:
    """Cells parted by a comma, a semicolon or a tab; nothing between two of them is a blank."""
    for mark in ",;\t":
        if all(mark in row for row in rows):
            parts = [[part.strip(SPACES + "\"'[]") for part in row.split(mark)] for row in rows]
            if all(len(row) == 10 and not row[-1] for row in parts):
                parts = [row[:-1] for row in parts]
            if (found := _nine(parts)) is not None:
                return found
    return None


def _segments(rows: Sequence[str]) -> str | None:
    """Every cell in a frame of its own."""
    parts = [_framed(row) for row in rows]
    return _nine([[part.strip() for part in row] for row in parts]) if all(len(row) == 9 for row in parts) else None


def _framed(row: str) -> list[str]:
    """What stands between the bars of a row."""
    row = row.strip("\r\n")
    for bar in BARS:
        row = row.replace(bar, "|")
    if "|" not in row:
        return [row]
    parts = row.split("|")
    if row.lstrip().startswith("|"):
        parts = parts[1:]
    if row.rstrip().endswith("|"):
        parts = parts[:-1]
    return parts


def _candidates(rows: Sequence[str]) -> str | None:
    """A grid of candidates: a cell with one is that digit, any other is blank."""
    cells = [part for row in rows for part in " ".join(_framed(row)).replace(",", " ").split()]
    if len(cells) != 81 or any(len(" ".join(_framed(row)).replace(",", " ").split()) != 9 for row in rows):
        return None
    for cell in cells:
        if not (len(cell) == 1 and cell in CELLS) and not (cell.isdecimal() and cell[0] > "0" and _ascends(cell)):
            return None
    return "".join(cell if len(cell) == 1 else "." for cell in cells)


def _ascends(text: str) -> bool:
    return all(a < b for a, b in itertools.pairwise(text))


def _columns(rows: Sequence[str]) -> str | None:
    """Cells at fixed columns, where a space is a blank. None where more than one reading of it is possible."""
    parts = [_framed(row) for row in rows]
    counts = {len(row) for row in parts}
    if counts == {3}:
        bands = [_even([row[band] for row in parts], 3, framed=True) for band in range(3)]
        return "".join("".join(band[row] for band in bands if band) for row in range(9)) if all(bands) else None
    if counts != {1}:
        return None
    found = _even([row.expandtabs() for (row,) in parts], 9, framed=False)
    return "".join(found) if found else None


def _even(texts: list[str], count: int, *, framed: bool) -> list[str] | None:
    """`count` cells of each text, at the same columns in all of them."""
    texts = [text.rstrip("\r\n") for text in texts]
    width = max(map(len, texts))
    whole = all(len(text) == width for text in texts)  # nobody cut the spaces at their ends
    inked = sorted({at for text in texts for at, character in enumerate(text) if character != " "})
    if not inked or any(character not in DIGITS + " " for text in texts for character in text):
        return None  # with blanks that are written, a space is none
    if not whole and any(text.endswith(" ") for text in texts):
        return None  # nobody cut the ends, so that a row has lost a cell
    found = {}
    for stride in (1, 2, 3, 4):
        for gap in (0, 1, 2) if count == 9 else (0,):
            columns = [cell * stride + cell // 3 * gap for cell in range(count)]
            for start in range(width - columns[-1]):
                places = [start + column for column in columns]
                if not set(inked) <= set(places):
                    continue
                before, after = places[0], width - 1 - places[-1]
                if framed:  # the same room on both sides, or none before as a cell is followed by a space
                    fits = whole and (before == after or (stride > 1 and abs(before - after) < stride))
                else:
                    edges = places[0] in inked and places[-1] in inked
                    fits = edges or (whole and after == 0 and (before == 0 or inked[0] == before or stride == 1))
                if fits:
                    found[tuple(places)] = (before != after, stride)
    if not found:
        return None
    best = min(found.values())
    chosen = [places for places, value in found.items() if value == best or not framed]
    if len(chosen) != 1:
        return None
    return ["".join(f"{text:{width}}"[at].replace(" ", ".") for at in chosen[0]) for text in texts]


def _fault(rows: Sequence[Line], source: str) -> InputError:
    start = rows[0][0] if rows else 1
    side = len(bare(rows[0][1])) if rows else 0
    square = all(len(bare(text)) == side and bare(text).isascii() for _, text in rows)
    if square and side in SIZES and len(rows) == side:
        return InputError(f"{source}:{start}: a {side} x {side} Sudoku", NINE)
    for number, text in rows:
        kept = bare(text)
        if len(kept) != 9:
            if len(rows) == 9 and len(kept) < 9 and len(text.rstrip("\r\n")) > len(kept):
                told = f"{len(kept)} cells, a row of a Sudoku has 9"
                return InputError(f"{source}:{number}: {told}", "where a space is a blank, write it as '.'")
            return InputError(f"{source}:{number}: {len(kept)} cells, a row of a Sudoku has 9", BLANK_HINT)
        for offset, character in enumerate(kept):
            if character not in CELLS:
                places = [at for at, each in enumerate(text) if bare(each)]
                return InputError(
                    f"{source}:{number}:{places[offset] + 1}: {character!r} is not a digit or a blank", BLANK_HINT
                )
    return InputError(f"{source}:{start}: {len(rows)} rows, a Sudoku has 9")
