"""Which files an argument stands for: a file, a folder, a pattern."""

from __future__ import annotations

import errno
import glob
from collections.abc import Iterable
from pathlib import Path

from trm_solve import examples
from trm_solve.errors import FileError, InputError, reason_of
from trm_solve.kinds import kinds
from trm_solve.reading.arrays import INPUTS, is_data_set

SUFFIXES = {  # what is read in a folder, beside what each kind says
    *(".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".txt", ".xml"),
    *(".csv.gz", ".tsv.gz", ".json.gz", ".jsonl.gz", ".txt.gz", ".npy"),
}


def find_files(paths: Iterable[str]) -> list[Path]:
    """Files, the puzzle files in folders, and what shell patterns match; sorted within each argument.

    A folder in the public builder's layout stands for itself. Raises `InputError` where an argument stands for nothing.
    """
    found: list[Path] = []
    for text in paths:
        path = examples.locate(text)
        try:
            path.stat()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # for which the questions below raise
                raise InputError(f"{text}: {reason_of(error)}") from None
        if path.is_dir():
            found += files_in(path)
        elif not path.exists() and (matches := sorted(map(Path, glob.glob(text, recursive=True)))):  # noqa: PTH207
            found += filter(_holds_puzzles, matches)
        elif path.exists() and not path.is_file():
            raise InputError(f"{text}: not a plain file", "eval reads what it measures more than once: save it first")
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def files_in(folder: Path) -> list[Path]:
    """The puzzle files in a folder, sorted. Raises `FileError` where there is none."""
    if is_data_set(folder):
        return [folder]
    suffixes = tuple(sorted(SUFFIXES.union(*(kind.suffixes for kind in kinds().values()))))
    files = sorted(folder.rglob("*"))
    sets = [path.parent for path in files if path.name == INPUTS]
    inside = [p for p in files if p in sets or (p.name.lower().endswith(suffixes) and _holds_puzzles(p))]
    inside = [path for path in inside if path in sets or path.parent not in sets]
    if sets:  # what a builder writes beside its arrays
        inside = [path for path in inside if path.name not in ("identifiers.json", "test_puzzles.json")]
    if not inside:
        raise FileError(f"{folder}: no puzzle files in this folder", f"looked for {', '.join(suffixes)}")
    return inside


def _holds_puzzles(path: Path) -> bool:
    """Not so a file that is read with another."""
    return path.is_file() and all(kind.belongs_to(path) is None for kind in kinds().values())
