"""What a Python program holds -> puzzles: texts, names of files, arrays, lists, dicts, open files, and many of these.

No torch: whatever is wrong with a form is said at once. Everything goes through the kinds' own readers, so that an
array or a list is refused in the words that a file would be.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, TextIO, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import FileError, InputError, or_raise, shown
from trm_solve.inputs import read_named
from trm_solve.kinds import get_kind, kinds
from trm_solve.kinds.base import Kind
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_lines, read_stream, read_text
from trm_solve.reading.container import lines_of

BLANK = "write 0 for a cell to fill in"


@runtime_checkable
class Table(Protocol):
    """An array, or what is one on demand: a tensor, a table of pandas or polars."""

    def __array__(self, dtype: None = None) -> NDArray[np.generic]: ...


Form = Puzzle | str | os.PathLike[str] | bytes | Mapping[str, object] | Table | IO[str] | IO[bytes] | Iterable[object]
"""What may hold a puzzle."""


def one(form: Form, kind: str | None = None) -> Puzzle:
    """The puzzle that a form holds. Raises `InputError` where it holds none, several, or one that cannot be read."""
    found = list(or_raise(list(read_form(form, kind))))
    if len(found) != 1:
        raise InputError(f"{len(found)} puzzles where one is expected", "solve_many takes several")
    return found[0]


def many(forms: Form, kind: str | None = None) -> Iterator[Puzzle | InputError]:
    """The puzzles of a form that holds several, or of an iterable of forms, lazily and in order.

    What cannot be read comes as the error that says where it stands.
    """
    if kind is not None:
        get_kind(kind)
    whole = isinstance(forms, Puzzle | str | os.PathLike | bytes | Mapping) or hasattr(forms, "read")
    try:
        if whole or _is_grid(forms):
            yield from read_form(forms, kind)
            return
        if isinstance(forms, Table):
            forms = cast(Iterable[object], np.asarray(forms))
        if not isinstance(forms, Iterable) or (isinstance(forms, np.ndarray) and not forms.ndim):
            raise InputError(f"{shown(forms)} holds no puzzles", "give a list of them, or a file")
    except InputError as error:
        yield error
        return
    for number, each in enumerate(forms, 1):
        try:
            yield from read_form(cast(Form, each), kind, f"<puzzle {number}>")
        except InputError as error:
            yield error


def read_form(form: Form, kind: str | None = None, source: str = "<puzzle>") -> Iterator[Puzzle | InputError]:
    """The puzzles of one form. `source` names it where it has no name of its own. Raises `InputError`."""
    if kind is not None:
        get_kind(kind)
    if isinstance(form, Puzzle):
        yield _sound(form, kind)
    elif isinstance(form, str):
        yield from read_named(str(form), kind, source)
    elif isinstance(form, os.PathLike):
        yield from _of_path(Path(form), kind, source)
    elif isinstance(form, bytes):
        yield from read_lines(lines_of(io.BytesIO(form), source), source, kind)
    elif isinstance(form, Mapping):
        yield from _of_json(form, kind, source)
    elif hasattr(form, "read"):
        yield from _of_file(cast(IO[Any], form), kind)
    elif isinstance(form, Table):
        yield from _of_array(np.asarray(form), kind, source)
    elif isinstance(form, Iterable):
        yield from _of_list(list(form), kind, source)
    else:
        raise InputError(
            f"{source}: {shown(form)} is no puzzle", "a text, a file, an array, a list, a dict or a Puzzle"
        )


def _of_path(path: Path, kind: str | None, source: str) -> Iterator[Puzzle | InputError]:
    if not path.exists():  # a text would be taken for the puzzle itself
        raise FileError(f"{path}: no such file or directory")
    yield from read_named(str(path), kind, source)


def _sound(puzzle: Puzzle, kind: str | None) -> Puzzle:
    """A puzzle whose question is one of its kind. Raises `InputError`."""
    where, asked = puzzle.source or "<puzzle>", puzzle.question
    if kind is not None and puzzle.kind != kind:
        raise InputError(f"{where}: a {puzzle.kind} puzzle, not of the kind {kind}")
    own = get_kind(puzzle.kind)
    if not isinstance(asked, np.ndarray) or asked.dtype != np.uint8 or asked.ndim != 2:
        raise InputError(f"{where}: the question is no 2-D array of uint8", "read makes a Puzzle of an array")
    try:
        tokens = own.encode(puzzle)
        fits = tokens.shape == (math.prod(own.canvas),) and tokens.max() < own.vocab_size
    except (ValueError, LookupError):
        fits = False
    if not fits:
        raise InputError(f"{where}: {asked.shape[0]} x {asked.shape[1]} cells that are not a {own.name} puzzle")
    return puzzle


def _of_file(file: IO[Any], kind: str | None) -> Iterator[Puzzle | InputError]:
    name = str(getattr(file, "name", "<file>"))
    if getattr(file, "closed", False):
        raise InputError(f"{name}: the file is closed", "open it, or give its name")
    if hasattr(file, "readable") and not file.readable():
        raise InputError(f"{name}: the file is open for writing only", "give its name")
    if hasattr(file, "encoding"):
        yield from read_stream(cast(TextIO, file), name, kind)
    else:
        yield from read_lines(lines_of(cast(BinaryIO, file), name), name, kind)


def _of_json(form: Mapping[str, object], kind: str | None, source: str) -> Iterator[Puzzle | InputError]:
    """A dict as a file of JSON would hold it: a task, or a question with its answer."""

    def plain(value: object) -> object:
        if isinstance(value, Table):
            return np.asarray(value).tolist()
        raise InputError(f"{source}: {shown(value)} in a puzzle", "lists, numbers, texts and arrays can be read")

    try:
        text = json.dumps(form, default=plain)
    except (TypeError, ValueError, RecursionError) as error:  # a key that is no text, a circle
        raise InputError(f"{source}: a dict that cannot be read ({error})") from None
    yield from read_text(text, source, kind)


def _of_list(items: list[object], kind: str | None, source: str) -> Iterator[Puzzle | InputError]:
    """The lines of a puzzle, or the rows of its cells."""
    if items and all(isinstance(each, str) for each in items):
        yield from read_text("\n".join(map(str, items)), source, kind)
        return
    rows = [list(each) if isinstance(each, list | tuple | np.ndarray) else each for each in items]
    for number, row in enumerate(rows, 1):
        if isinstance(row, list) != isinstance(rows[0], list):
            raise InputError(f"{source}: row {number} is {shown(items[number - 1])}, others are lists of cells")
        if isinstance(row, list) and isinstance(rows[0], list) and len(row) != len(rows[0]):
            raise InputError(f"{source}: row {number} has {len(row)} cells, the first has {len(rows[0])}")
    cells = [cell for row in rows for cell in (row if isinstance(row, list) else [row])]
    if any(isinstance(cell, str) for cell in cells):
        texts = [[_cell(cell) for cell in row] if isinstance(row, list) else row for row in rows]
        yield from read_text(json.dumps(texts, default=str), source, kind)
        return
    known = [[0 if cell is None else cell for cell in row] if isinstance(row, list) else row or 0 for row in rows]
    try:
        array = np.array(known)
    except (ValueError, TypeError):
        raise InputError(f"{source}: lists of unequal length in lists") from None
    yield from _of_array(array, kind, source)


def _cell(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _is_grid(form: object) -> bool:
    """Whether an array, or a list of lists of numbers, is one puzzle; else its rows are."""
    if isinstance(form, list | tuple) and form and all(isinstance(row, list | tuple) for row in form):
        flat = [cell for row in form for cell in row]
        if not all(cell is None or isinstance(cell, int | float | np.number) for cell in flat):
            return False
        return bool(len(form) > 1 and max(map(len, form)) <= _widest())
    if not isinstance(form, Table):
        return False
    array = np.asarray(form)
    return array.ndim == 2 and array.shape[1] <= _widest()


def _widest() -> int:
    return max(kind.canvas[1] for kind in kinds().values())


def _of_array(array: NDArray[Any], kind: str | None, source: str) -> Iterator[Puzzle | InputError]:
    """A grid of a kind's symbols, or in one of the forms that files have: rows, or all cells in one row."""
    if array.dtype.kind in "OSUT":
        yield from _of_list(array.astype(object).tolist(), kind, source)
        return
    if array.dtype.kind not in "biuf":
        raise InputError(f"{source}: an array of {array.dtype} is no puzzle")
    candidates = list(kinds().values()) if kind is None else [get_kind(kind)]
    if array.ndim == 1:
        flat = next((each.canvas for each in candidates if math.prod(each.canvas) == array.size), None)
        array = array.reshape(flat) if flat is not None else array
    if array.ndim != 2 or not array.size:
        hint = "solve_many takes a stack of them" if array.ndim == 3 else "a puzzle has rows and columns"
        raise InputError(f"{source}: an array of shape {array.shape} is no puzzle", hint)
    grid = _whole(array, source)
    found = [_of_symbols(each, grid, source) for each in candidates]
    for item in found:
        if isinstance(item, Puzzle):
            yield item
            return
    if (other := _as_in_files(grid, kind, source)) is not None:
        yield other
        return
    for each, item in zip(candidates, found, strict=True):
        if isinstance(item, InputError) and (kind is not None or each.canvas == grid.shape):
            raise item
    ruled = [each for each in candidates if each.tasks is None]
    sizes = [
        f"{each.name}: at most {each.canvas[0]} x {each.canvas[1]}, symbols below {each.vocab_size}" for each in ruled
    ]
    what = f"an array of {grid.shape[0]} x {grid.shape[1]} with symbols up to {grid.max()}"
    name = f"{candidates[0].name} puzzle" if kind is not None else "puzzle"
    raise InputError(f"{source}: {what} is no {name}", "; ".join(sizes) or "a task is a dict or a file")


def _whole(array: NDArray[Any], source: str) -> NDArray[np.uint8]:
    """The symbols. Raises `InputError` that names the first cell that cannot be one."""
    with np.errstate(invalid="ignore"):
        fits = np.isfinite(array) & (array >= 0) & (array < 256) & (array == np.trunc(array))
    if not fits.all():
        row, column = np.argwhere(~fits)[0].tolist()
        value = array[row, column].item()
        hint = BLANK if value != value or value < 0 else "symbols are small whole numbers"
        raise InputError(f"{source}: row {row + 1}, column {column + 1}: {value} is not a symbol", hint)
    return array.astype(np.uint8)


def _of_symbols(kind: Kind, grid: NDArray[np.uint8], source: str) -> Puzzle | InputError | None:
    """A grid of a kind's own symbols, read back from the form that the kind writes; None where it has not as many."""
    if kind.tasks is not None or grid.max() >= kind.vocab_size:
        return None
    try:
        text = kind.format(grid)
        if len(text) != len(kind.format(np.minimum(grid, 1))):  # some symbol has no character
            return None
        items = list(kind.parse(io.StringIO(text), source))
    except InputError as error:
        return error
    except (ValueError, LookupError):  # no symbols of this kind
        return None
    return items[0] if len(items) == 1 else None


def _as_in_files(grid: NDArray[np.uint8], kind: str | None, source: str) -> Puzzle | None:
    """A grid in the numbers that files of other programs have."""
    try:
        items = list(read_text(json.dumps(grid.tolist()), source, kind))
    except InputError:
        return None
    return items[0] if len(items) == 1 and isinstance(items[0], Puzzle) else None
