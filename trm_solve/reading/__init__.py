"""Puzzle files, read by their content.

The bytes are a text in some container (`container.py`), the text holds puzzles of the kind that it fits best, and that
kind finds them: in tables (`table.py`), in JSON (`json_text.py`), in lines and drawings.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from trm_solve import examples
from trm_solve.errors import FileError, InputError
from trm_solve.kinds import get_kind, kinds
from trm_solve.kinds.base import Fit, Kind
from trm_solve.puzzle import Puzzle
from trm_solve.reading.ahead import ahead
from trm_solve.reading.arrays import is_data_set, read_data_set
from trm_solve.reading.container import limited, lines_of, open_file
from trm_solve.reading.table import is_header


def read_lines(lines: Iterable[str], source: str, kind: str | None = None) -> Iterator[Puzzle | InputError]:
    """Puzzles of a text, lazily and in order; one that cannot be read comes as the error that names its place.

    `kind` overrides recognition by content. Raises `FileError` where nothing in the text looks like a puzzle.
    """
    head, lines = ahead(lines)
    if not head:
        raise FileError(f"{source}: empty, no puzzle in it")
    reader = get_kind(kind) if kind is not None else _choose(head, source)
    nothing = True
    try:
        for item in reader.parse(lines, source):
            nothing = False
            yield item
    except FileError:
        raise
    except InputError as error:  # it ends the file
        raise FileError(error.message, error.hint) from None
    if nothing:
        raise FileError(f"{source}: no puzzle in it", "" if kind is None else f"nothing in it is a {kind} puzzle")


def _choose(head: list[str], source: str) -> Kind:
    """The kind that fits best; of equals the first. Raises `FileError` that says what the file looks like."""
    best: tuple[Fit, Kind | None] = (Fit(0.0), None)
    looks: list[Fit] = []
    for kind in kinds().values():
        fit = kind.fit(head)
        if fit.score > best[0].score:
            best = fit, kind
        if fit.looks:
            looks.append(fit)
        if fit.score >= 1:
            break
    if best[1] is not None:
        return best[1]
    if looks:
        raise FileError(f"{source}: {looks[0].looks}", looks[0].hint)
    if is_header(head, kinds()):
        raise FileError(f"{source}: no puzzle in it", "it holds the names of columns and nothing else")
    raise FileError(f"{source}: not a puzzle file of a known kind", f"--kind {'|'.join(kinds())} says what it is")


def read_text(text: str, source: str, kind: str | None = None) -> Iterator[Puzzle | InputError]:
    """As `read_lines`, of a text in one piece."""
    return read_lines(limited(io.StringIO(text, newline=None), source), source, kind)


def read_stream(stream: TextIO, source: str, kind: str | None = None) -> Iterator[Puzzle | InputError]:
    """As `read_file`, of a stream, whatever encoding the locale says. Raises `FileError` for what is no text."""
    if (content := getattr(stream, "buffer", None)) is not None:
        return read_lines(lines_of(cast(BinaryIO, content), source), source, kind)
    return read_lines(limited(stream, source), source, kind)


def by_name(name: str) -> Iterator[Puzzle | InputError] | None:
    """The puzzles that a kind has under a name; None where it is none, or a file of this name is there."""
    if ":" not in name or "\n" in name or os.path.exists(name):  # noqa: PTH110 (Path raises for a long text)
        return None
    found = (kind.named(name) for kind in kinds().values())
    return next((items for items in found if items is not None), None)


def read_file(path: Path, kind: str | None = None) -> Iterator[Puzzle | InputError]:
    """Puzzles of a file, of a name or of a data set's folder, lazily; see `read_lines`. Raises `FileError`."""
    if (items := by_name(str(path))) is not None:
        yield from items
        return
    if is_data_set(path):
        yield from read_data_set(path, kind)
        return
    try:
        file = open_file(path)
    except FileError as error:
        raise FileError(error.message, error.hint or examples.meant(path)) from None
    with file:
        yield from read_lines(lines_of(file, str(path)), str(path), kind)
