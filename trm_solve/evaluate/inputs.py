"""What is measured: files, the puzzles with answers in them, and those that a model failed at."""

from __future__ import annotations

import csv
import dataclasses
import errno
import glob
import io
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from trm_solve import examples
from trm_solve.errors import InputError, reason_of
from trm_solve.files import AtomicFile
from trm_solve.kinds import get_kind, kinds
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.talk import harmless

SUFFIXES = {".csv", ".json", ".txt"}  # what is read in a folder, beside what each kind says
UNLABELLED = "eval needs answers, such as a CSV of question,answer; solve checks answers by the rules alone"
UNLABELLED_TASK = "the solutions file belongs beside the challenges; --submission FILE answers without it"


def find_files(paths: Iterable[str]) -> list[Path]:
    """Files, the puzzle files in folders, and what shell patterns match; sorted within each argument.

    Raises `InputError` where an argument stands for nothing.
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
            suffixes = SUFFIXES.union(*(kind.suffixes for kind in kinds().values()))
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in suffixes and _holds_puzzles(p))
            if not inside:
                raise InputError(f"{text}: no puzzle files in this folder", f"looked for {', '.join(sorted(suffixes))}")
            found += inside
        elif not path.exists() and (matches := sorted(map(Path, glob.glob(text, recursive=True)))):  # noqa: PTH207
            found += filter(_holds_puzzles, matches)
        elif path.exists() and not path.is_file():
            raise InputError(f"{text}: not a plain file", "eval reads what it measures more than once: save it first")
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _holds_puzzles(path: Path) -> bool:
    """Not so a file that is read with another."""
    return path.is_file() and all(kind.belongs_to(path) is None for kind in kinds().values())


def read_labelled(
    files: Iterable[Path], kind: str | None = None, *, unlabelled: bool = False
) -> Iterator[Puzzle | InputError]:
    """Puzzles with answers, lazily and in order; what cannot be read or measured comes as the error that says so.

    With `unlabelled`, those without an answer come too.
    """
    for file in files:
        labelled = False
        try:
            for item in read_file(file, kind):
                if isinstance(item, Puzzle) and item.answer is None and not unlabelled:
                    hint = UNLABELLED_TASK if item.task else UNLABELLED
                    yield InputError(f"{item.source}: no answer to measure against", hint)
                    if not labelled:
                        break  # a file without answers is one error, not one a line
                else:
                    labelled = labelled or isinstance(item, Puzzle)
                    yield item
        except InputError as error:
            yield error


def open_puzzles(
    paths: Iterable[str], kind: str | None = None, *, unlabelled: bool = False
) -> tuple[list[Path], str, Iterator[Puzzle | InputError]]:
    """The files, the kind of the first puzzle in them, and all that is in them.

    Raises `InputError`, the first of the reasons, where there is no puzzle at all.
    """
    files = find_files(paths)
    items = read_labelled(files, kind, unlabelled=unlabelled)
    head: list[Puzzle | InputError] = []
    for item in items:
        head.append(item)
        if isinstance(item, Puzzle):
            return files, item.kind, itertools.chain(head, items)
    raise head[0] if head and isinstance(head[0], InputError) else InputError("no puzzles to evaluate")


def place(items: Iterable[Puzzle | InputError], count: int, seed: int) -> Iterator[Puzzle | InputError]:
    """Every puzzle at `count` random places of its canvas (at all of them, if there are no more), one after another.

    Puzzles of one size share their places, so that places can be compared. Raises `InputError` at a puzzle that has
    one place only.
    """
    for item in items:
        if isinstance(item, InputError):
            yield item
            continue
        size, canvas = item.question.shape, get_kind(item.kind).canvas
        room = (canvas[0] - size[0] + 1, canvas[1] - size[1] + 1)
        if (places := room[0] * room[1]) == 1:
            what = f"a {item.kind} puzzle of {size[0]} x {size[1]} cells fills its canvas"
            raise InputError(f"{item.source}: {what}", "--offsets is for mazes smaller than 30 x 30")
        drawn = np.random.default_rng([seed, *size]).choice(places, min(count, places), replace=False)
        for at in np.sort(drawn).tolist():
            yield dataclasses.replace(item, offset=divmod(at, room[1]))


def write_failures(file: AtomicFile, items: Iterable[Puzzle | InputError], failures: Iterable[int]) -> None:
    """Keep the puzzles at these places, sorted, as a file that `eval`, `solve` and `train` read; each of them once."""
    wanted = iter(failures)
    table = csv.writer(text := io.StringIO(newline=""), lineterminator="\n")
    table.writerow(["source", "question", "answer", "rating", "columns"])
    place, kept = next(wanted, None), None
    for index, item in enumerate(items):
        if index != place or not isinstance(item, Puzzle) or item.answer is None:
            continue
        place = next(wanted, None)
        if item.question is not kept:  # else the puzzle of the row before, at another offset
            kept = item.question
            kind, rating = get_kind(item.kind), "" if item.rating is None else f"{item.rating:g}"
            grids = [kind.format(grid).replace("\n", "") for grid in (item.question, item.answer)]
            table.writerow([harmless(item.source), *grids, rating, item.question.shape[1]])
            file.write(text.getvalue())
            text.seek(0)
            text.truncate()
    file.write(text.getvalue())
    file.commit()
