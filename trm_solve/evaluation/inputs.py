"""What is measured: files, the puzzles with answers in them, and those that a model failed at."""

from __future__ import annotations

import csv
import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from trm_solve.errors import InputError
from trm_solve.files import AtomicFile
from trm_solve.kinds import get_kind
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.reading.files import find_files
from trm_solve.talk import harmless

UNLABELLED = "eval needs answers, such as a CSV of question,answer; solve checks answers by the rules alone"
UNUSABLE = "such rows are not measured; solve answers them all the same"
UNLABELLED_TASK = "the solutions file belongs beside the challenges; --submission FILE answers without it"


def read_labelled(
    files: Iterable[Path], kind: str | None = None, *, unlabelled: bool = False
) -> Iterator[Puzzle | InputError]:
    """Puzzles with answers, lazily and in order; what cannot be read or measured comes as the error that says so.

    With `unlabelled`, those without an answer come too.
    """
    for file in files:
        labelled, faults = False, list[str]()
        try:
            for item in read_file(file, kind):
                if isinstance(item, InputError) or item.answer is not None or unlabelled:
                    labelled = labelled or isinstance(item, Puzzle)
                    yield item
                elif item.label_fault:
                    faults.append(item.label_fault)
                else:
                    hint = UNLABELLED_TASK if item.task else UNLABELLED
                    yield InputError(f"{item.source}: no answer to measure against", hint)
                    if not labelled and not faults:
                        break  # a file without answers is one error, not one a line
        except InputError as error:
            yield error
        if faults:
            more = f"; {len(faults) - 1:,} more answers of this file cannot be used" if len(faults) > 1 else ""
            yield InputError(f"{faults[0]}{more}", UNUSABLE)


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
    table = csv.writer(file, lineterminator="\n")
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
    file.commit()
