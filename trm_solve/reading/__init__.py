"""Puzzle files, read by their content: text -> the kind that recognises it -> puzzles."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from trm_solve import examples
from trm_solve.errors import InputError, reason_of
from trm_solve.kinds import get_kind, kinds
from trm_solve.puzzle import Puzzle

ENCODING = "utf-8-sig"  # with or without a byte order mark
HEAD = 40  # lines that are looked at to recognise a kind


def read_lines(lines: Iterable[str], source: str, kind: str | None = None) -> Iterator[Puzzle | InputError]:
    """Puzzles of a text, lazily and in order; one that cannot be read comes as the error that names its place.

    `kind` overrides recognition by content. Raises `InputError` where nothing in the text looks like a puzzle.
    """
    lines = iter(lines)
    head = list(itertools.islice(lines, HEAD))
    if not any(line.strip() for line in head) and (first := next((n for n in lines if n.strip()), None)) is None:
        raise InputError(f"{source}: empty, no puzzle in it")
    elif not any(line.strip() for line in head):
        head.append(first or "")
    if kind is not None:
        reader = get_kind(kind)
    else:
        found = next((each for each in kinds().values() if each.recognises(head)), None)
        if found is None:
            hint = f"--kind {'|'.join(kinds())} says what it is"
            raise InputError(f"{source}: not a puzzle file of a known kind", hint)
        reader = found
    yield from reader.parse(itertools.chain(head, lines), source)


def read_stream(stream: TextIO, source: str, kind: str | None = None) -> Iterator[Puzzle | InputError]:
    """As `read_lines`, of UTF-8 whatever the locale says. Raises `InputError` for what is no text."""
    if isinstance(stream, io.TextIOWrapper) and stream.encoding != ENCODING:
        stream.reconfigure(encoding=ENCODING, errors="strict")
    try:
        yield from read_lines(stream, source, kind)
    except UnicodeDecodeError:
        raise InputError(f"{source}: not a text file") from None


def read_file(path: Path, kind: str | None = None) -> Iterator[Puzzle | InputError]:
    """Puzzles of a file, lazily; see `read_lines`. Raises `InputError` where the file cannot be read as text."""
    try:
        with path.open(encoding=ENCODING) as file:
            yield from read_stream(file, str(path), kind)
    except OSError as error:
        raise InputError(f"{path}: {reason_of(error)}", examples.meant(path)) from None
