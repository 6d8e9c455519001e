"""Puzzles as rows of CSV, in columns that a header names."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence

from trm_solve.errors import InputError
from trm_solve.puzzle import Puzzle


def fields_of(line: str) -> list[str]:
    """Fields of a line; none where it is no CSV."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def read_rows(
    number: int,
    first: str,
    rest: Iterator[tuple[int, str]],
    source: str,
    columns: Sequence[Collection[str]],
    usual: Sequence[int | None],
    puzzle: Callable[[str, str, list[str]], Puzzle],
) -> Iterator[Puzzle | InputError]:
    """The puzzles of a table that begins with line `number`; a row at fault comes as the error that names its place.

    `columns` are the names that each column may have; the first is needed in a header, and without a header the columns
    stand at the `usual` places. `puzzle` makes one of a line, its place and what it has in these columns.
    """
    header = [field.strip().lower() for field in fields_of(first)]
    places = [next((i for i, name in enumerate(header) if name in names), None) for names in columns]
    if places[0] is None:
        places = list(usual)
        rest = itertools.chain([(number, first)], rest)
    for at, line in rest:
        if not line.strip():
            continue
        fields = fields_of(line)
        try:
            found = [fields[i] if i is not None and i < len(fields) else "" for i in places]
            yield puzzle(line, f"{source}:{at}", found)
        except InputError as error:
            yield error


def rating_of(text: str, where: str) -> float | None:
    """A row's rating, if it has one. Raises `InputError`."""
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise InputError(f"{where}: rating {text!r} is not a number") from None
