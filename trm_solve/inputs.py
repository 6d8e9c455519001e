"""What a person names -> puzzles, and the model that is theirs. No torch: whatever is wrong here is said at once."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from trm_solve import examples
from trm_solve.errors import InputError, ModelError
from trm_solve.hub import names
from trm_solve.hub.folder import read_config
from trm_solve.kinds import get_kind
from trm_solve.puzzle import Puzzle
from trm_solve.reading import by_name, read_file, read_stream, read_text
from trm_solve.reading.files import files_in, find_files

FILE_NAME = re.compile(r"[/\\]|\.[A-Za-z]\w{0,5}$")  # a path or a suffix: a file was meant, even if it is not there


def read_items(puzzle: str | Path, kind: str | None = None, source: str = "<puzzle>") -> Iterator[Puzzle | InputError]:
    """Puzzles of a file, an `example:NAME` or a text that is itself a puzzle, lazily.

    A puzzle that cannot be read comes as the error that names its place. Raises `FileError` where nothing can be read.
    """
    if examples.is_example(puzzle):
        return read_text(examples.locate(puzzle).read_text(encoding="utf-8"), str(puzzle), kind)
    if isinstance(puzzle, Path) or by_name(puzzle) is not None:
        return read_file(Path(puzzle), kind)
    one_line = "\n" not in puzzle and len(puzzle) < 4096
    # Path.exists raises for a text that is longer than a name may be
    if one_line and (os.path.exists(puzzle) or FILE_NAME.search(puzzle)):  # noqa: PTH110
        return read_file(Path(puzzle), kind)
    return read_text(puzzle, source, kind)


def read_inputs(inputs: list[str], kind: str | None) -> Iterator[Puzzle | InputError]:
    """Puzzles of all inputs in order; a file that cannot be read at all is one error in its place."""
    for number, text in enumerate(inputs, 1):
        try:
            if text == "-":
                yield from read_stream(sys.stdin, "<stdin>", kind)
            else:
                yield from read_named(text, kind, f"<argument {number}>" if len(inputs) > 1 else "<argument>")
        except InputError as error:
            yield error


def read_named(text: str, kind: str | None, source: str) -> Iterator[Puzzle | InputError]:
    """As `read_items`, also of a folder or a pattern, of which a file that cannot be read is one error."""
    if (files := _files(text)) is None:
        yield from read_items(text, kind, source)
    for file in files or ():
        yield from _read_one(file, kind)


def _files(text: str) -> list[Path] | None:
    """The files of a folder or a pattern; None for everything else."""
    try:
        if text and Path(text).is_dir():  # an empty text would be this very folder
            return files_in(Path(text))
        pattern = any(mark in text for mark in "*?[") and "\n" not in text and FILE_NAME.search(text)
        if pattern and not Path(text).exists():
            return find_files([text])
    except (OSError, ValueError):  # no name of a file, but a puzzle
        return None
    return None


def _read_one(file: Path, kind: str | None) -> Iterator[Puzzle | InputError]:
    try:
        yield from read_file(file, kind)
    except InputError as error:
        yield error


def default_model(kind: str) -> str:
    """The packaged model of a puzzle kind. Raises `ModelError` where none is packaged."""
    name = get_kind(kind).model or kind
    if name not in names.packaged():
        raise ModelError(
            f"no model for {kind} puzzles is packaged",
            "--model takes a checkpoint folder, or a name that models list shows",
        )
    return name


def choose_model(name: str | None, kind: str, whose: str) -> str:
    """The model for puzzles of a kind: the one that was named, which must be for it, or the packaged one.

    `whose` says what the puzzles are, such as "these are ... puzzles". What has to be fetched first is not looked into.
    Raises `ModelError`.
    """
    name = name or default_model(kind)
    folder = names.find(name)
    if folder is not None:
        must_be_for(kind, name, read_config(folder).kind, whose)
    return name


def must_be_for(kind: str, name: str, made_for: str, whose: str) -> None:
    """Raises `ModelError` for a model of another kind."""
    if made_for != kind:
        hint = f"packaged: {', '.join(names.packaged())}"
        raise ModelError(f"model '{name}' is for {made_for}, {whose}", hint)
