"""Drawings of mazes as people make them, brought into '#', '.', S, G and o. Standard library and numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError

Line = tuple[int, str]  # its number and its text
LEVEL, UPRIGHT = "-─━═╌┄", "|│┃║"
CORNERS = "+┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╔╗╚╝╠╣╦╩╬╭╮╯╰╴╵╶╷╒╓╕╖╘╙╛╜╞╟╡╢╤╥╧╨╪╫"
LINES = LEVEL + UPRIGHT + CORNERS
WALLS = "█▓■▒@*%WH"  # what may stand for '#', where no '#' stands
FREES = "_-,⬜□◻▢"  # what may stand for '.', where neither it nor a space stands
PATHS = "xX+*•·"  # what may stand for 'o', where it makes a path
STARTS, GOALS = "sA", "gEeFfB"
LARGEST = 30
LINE_HINT = "draw each cell and each wall between two cells as one character, walls as '#'"


@dataclass(frozen=True)
class Drawing:
    """Rows of cells, and what a person should know of how they were read."""

    rows: list[Line]
    note: str = ""


def is_caption(text: str) -> bool:
    """Whether a line is words, or the fence of a code block."""
    if text.lstrip()[:3] in ("```", "~~~"):
        return True
    letters = sum(character.isalpha() for character in text)
    cells = sum(map(text.count, "SGoxX"))
    return "#" not in text and letters - cells > 1 and 2 * letters >= len(text) - text.count(" ")


def read(rows: Sequence[Line], source: str) -> Drawing:
    """The cells of a drawing. Raises `InputError` for one that cannot be brought into cells."""
    tabs = all(text.startswith("\t") for _, text in rows)
    texts = [text.lstrip("\t") if tabs else text for _, text in rows]
    if (apart := _apart(texts)) is not None:
        texts = apart
    characters = set("".join(texts))
    drawing = Drawing([(number, text) for (number, _), text in zip(rows, texts, strict=True)])
    if "#" not in characters and characters & set(UPRIGHT) and characters & set(LEVEL + CORNERS + "_"):
        drawing = _of_lines(drawing.rows, source)
    texts = [text for _, text in drawing.rows]
    named = _named(texts, source, rows[0][0])
    return Drawing([(number, text) for (number, _), text in zip(drawing.rows, named, strict=True)], drawing.note)


def _apart(texts: list[str]) -> list[str] | None:
    """Cells that stand apart, with a comma, a semicolon, a tab or a space between any two."""
    for mark in ",;\t":
        if all(mark in text for text in texts):
            parts = [text.strip().strip("[](){}, ").split(mark) for text in texts]
            cells = [[part.strip().strip("'\"") if part.strip() else "" for part in row] for row in parts]
            if all(len(cell) < 2 for row in cells for cell in row):
                return ["".join(cell or " " for cell in row) for row in cells]
    texts = [text.strip() for text in texts]
    width = max(map(len, texts))
    even = width > 4 and width % 2 and len(texts) > 1 and all(len(text) == width for text in texts)
    if even and not "".join(text[1::2] for text in texts).strip() and not any(" " in text[::2] for text in texts):
        return [text[::2] for text in texts]
    return None


def _named(texts: list[str], source: str, number: int) -> list[str]:
    """The rows in '#', '.', S, G: other characters are these where nothing else can be meant."""
    whole = "".join(texts)
    characters = set(whole) - {" "}
    names: dict[str, str] = {}
    edges = [texts[0].strip(), texts[-1].strip(), *(text.strip()[:1] + text.strip()[-1:] for text in texts)]
    border = set("".join(edges)) - set("SG" + STARTS + GOALS)
    if "#" not in characters and {"0", "1"} <= characters and characters <= set("0123SG" + STARTS + GOALS):
        if border - {"2", "3"} != {"1"}:
            told = "a grid of 0 and 1, without a border of 1 that shows what a wall is"
            raise InputError(f"{source}:{number}: {told}", "write walls as '#' and free cells as '.'")
        if not characters & set("2S" + STARTS) or not characters & set("3G" + GOALS):
            hint = "write 2 or S where it begins, 3 or G where it ends"
            raise InputError(f"{source}:{number}: a maze of 0 and 1 without S and G", hint)
        names = {"1": "#", "0": ".", "2": "S", "3": "G"}
    else:
        free = [] if set(whole) & {".", " "} else [mark for mark in FREES if mark in characters]
        wall = ["#"]
        if "#" not in characters:
            wall = [mark for mark in WALLS if whole.count(mark) * 5 > len(whole)]
            if not wall and len(border) == 1 and len(texts) > 2:  # whatever is drawn all round
                wall = [*border - {*" .o0123456789"}]
        known = {"#", *".SGo", *STARTS, *GOALS, *PATHS}
        if len(wall) == 1 and len(free) < 2 and characters <= {wall[0], *free} | known:
            names = {wall[0]: "#", **dict.fromkeys(free, ".")}
    for symbol, others in (("S", STARTS), ("G", GOALS)):
        given = [other for other in others if other in characters]
        if symbol not in characters and symbol not in [names.get(c) for c in characters] and len(given) == 1:
            names[given[0]] = symbol
    table = {ord(mark): symbol for mark, symbol in names.items()}
    return [text.translate(table) for text in texts]


def _of_lines(rows: list[Line], source: str) -> Drawing:
    """A maze whose walls are lines between cells, as one whose walls are cells too. Raises `InputError`."""
    number = rows[0][0]
    texts = [text.rstrip() for _, text in rows]
    left = min(len(text) - len(text.lstrip()) for text in texts if text.strip())
    texts = [text[left:] for text in texts]
    height, width = len(texts), max(map(len, texts))
    fault = f"{source}:{number}: a maze drawn in lines"
    if "_" in "".join(texts) or height > 4 * LARGEST or width > 12 * LARGEST:
        raise InputError(f"{fault} of a kind that is not read", LINE_HINT)
    marks = np.array([list(text.ljust(width)) for text in texts])
    posts = LINES + ("o" if "+" not in "".join(texts) and texts[0].startswith("o") else "")
    walls: NDArray[np.bool_] = np.isin(marks, list(posts))
    pitches = [(down, across) for down in (4, 3, 2) for across in range(8, 1, -1)]
    corners = np.isin(marks, [mark for mark in posts if mark not in LEVEL + UPRIGHT])
    fits = [pitch for pitch in pitches if _fits(walls, corners, *pitch)]
    if not fits:
        raise InputError(f"{fault} that do not meet at even distances", LINE_HINT)
    down, across = max(fits, key=lambda pitch: pitch[0] * pitch[1])
    size = (height - 1) // down, (width - 1) // across
    grid = np.full((2 * size[0] + 1, 2 * size[1] + 1), "#")
    grid[1::2, 2::2] = np.where(walls[1::down, across::across], "#", " ")
    grid[1::2, 0] = np.where(walls[1::down, 0], "#", " ")
    grid[0::2, 1::2] = np.where(walls[::down, 1::across], "#", " ")
    for row in range(size[0]):
        for column in range(size[1]):
            cell = marks[row * down + 1 : (row + 1) * down, column * across + 1 : (column + 1) * across]
            said = "".join(cell.ravel().tolist()).strip()
            if len(said) > 1:
                raise InputError(f"{fault} with {said[:8]!r} in a cell", "S, G or a path's mark may stand in a cell")
            grid[2 * row + 1, 2 * column + 1] = said or " "
    if max(grid.shape) > LARGEST:
        told = f"{fault}, of {size[0]} x {size[1]} cells: with its walls {grid.shape[0]} x {grid.shape[1]}"
        raise InputError(f"{told}, at most {LARGEST} x {LARGEST} can be read", "cut it, or draw a smaller one")
    numbers = [rows[min(row // 2 * down + row % 2, height - 1)][0] for row in range(grid.shape[0])]
    note = f"drawn in lines, read as {grid.shape[0]} x {grid.shape[1]} characters with walls as '#'"
    return Drawing([(at, "".join(row)) for at, row in zip(numbers, grid.tolist(), strict=True)], note)


def _fits(walls: NDArray[np.bool_], corners: NDArray[np.bool_], down: int, across: int) -> bool:
    """Whether walls run along lines at these distances only, each of them whole from corner to corner or not there."""
    height, width = walls.shape
    if height <= down or width <= across or (height - 1) % down or (width - 1) % across:
        return False
    rows, columns = np.arange(height) % down > 0, np.arange(width) % across > 0
    if walls[np.ix_(rows, columns)].any() or corners[rows].any() or corners[:, columns].any():
        return False
    level = walls[np.ix_(~rows, columns)].reshape(-1, (width - 1) // across, across - 1)
    upright = walls[np.ix_(rows, ~columns)].reshape((height - 1) // down, down - 1, -1)
    return bool((level.all(2) == level.any(2)).all() and (upright.all(1) == upright.any(1)).all())
