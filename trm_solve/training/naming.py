"""Sources of training data as a person names them. No torch: one that is not there is told at once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from trm_solve import examples
from trm_solve.errors import InputError

HUB = "hf://datasets/"


def must_exist(sources: Iterable[str]) -> None:
    """Raises `InputError` for the first of the sources (without share) that is not there."""
    for path in sources:
        if path.startswith(HUB) or (examples.is_example(path) and examples.locate(path)):
            continue
        if not Path(path).exists():
            hint = examples.meant(path) or f"data sets on the hub are {HUB}ORG/NAME"
            raise InputError(f"{path}: no such file or folder", hint)


def located(source: str) -> str:
    """A source, or the file that an `example:NAME` stands for."""
    return str(examples.locate(source)) if examples.is_example(source) else source


def split_share(source: str) -> tuple[str, float | None]:
    """`PATH@SHARE` taken apart; an `@` in a path that exists or without a number behind it is part of the path."""
    path, at, text = source.rpartition("@")
    if not at or Path(source).exists():
        return source, None
    try:
        share = float(text)
    except ValueError:
        return source, None
    if not 0 < share <= 1:
        raise InputError(f"{path}: share {text} of the draws must lie between 0 and 1", f"write {path}@0.1 for a tenth")
    return path, share
