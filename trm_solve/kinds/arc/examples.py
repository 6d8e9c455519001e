"""ARC challenges files -> training examples, seen through a random copy of their task and moved about the canvas.

Tasks and their copies are drawn in the public order (`dataset.py`), so that identifiers are those of the public
builder for the same files, number of copies and seed. No test input of a public evaluation task is ever learned from,
in whatever file and under whatever name it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.kinds.arc.copies import Copy, split_identifier
from trm_solve.kinds.arc.dataset import Entry, draw_entries
from trm_solve.kinds.arc.known import held_out
from trm_solve.kinds.arc.text import open_tasks
from trm_solve.kinds.arc.tokens import COLOR, SIDE, needed_side, place
from trm_solve.kinds.base import Examples
from trm_solve.puzzle import Grid, Tokens
from trm_solve.tasks.identifiers import BLANK

STILL = 0.3  # part of the examples that stay at (0, 0), where test inputs stand: one of a task's three or four
SEED = 42  # of the public data sets


@dataclass(frozen=True, eq=False)
class Views:
    """The ways in which rows of a data set can be seen."""

    pairs: Sequence[tuple[Grid, Grid]]  # of every row
    copies: Sequence[Copy | None]  # of every identifier
    count: NDArray[np.int64]  # (N,) copies of the row's task; their identifiers follow the row's own

    def take(self, rows: NDArray[np.intp]) -> Views:
        return Views([self.pairs[row] for row in rows], self.copies, self.count[rows])

    def join(self, others: Sequence[Views]) -> Views:
        parts = (self, *others)
        pairs = [pair for part in parts for pair in part.pairs]
        return Views(pairs, self.copies, np.concatenate([part.count for part in parts]))

    def draw(
        self, rng: np.random.Generator, rows: NDArray[np.intp], ids: NDArray[np.int64], side: int
    ) -> tuple[Tokens, Tokens, NDArray[np.int64]]:
        """Questions and labels (B, side * side) of these rows, each seen through a random copy, and the copies' ids."""
        chosen = ids[rows] + (rng.random(len(rows)) * self.count[rows]).astype(np.int64)
        moves = rng.random((len(rows), 3))
        tokens = np.zeros((2, len(rows), side, side), np.uint8)
        for at, (row, number) in enumerate(zip(rows, chosen, strict=True)):
            copy = self.copies[number]
            pair = self.pairs[row] if copy is None else [copy.apply(grid) for grid in self.pairs[row]]
            room = side - np.max([grid.shape for grid in pair], axis=0)
            still = moves[at, 2] < STILL
            top, left = (0, 0) if still else (int(m * (r + 1)) for m, r in zip(moves[at, :2], room, strict=True))
            for part, grid in zip(tokens, pair, strict=True):
                part[at] = place(grid, (top, left))[:side, :side]
        return tokens[0].reshape(len(rows), -1), tokens[1].reshape(len(rows), -1), chosen


def read_files(
    paths: Sequence[Path], copies: int, largest: int, report: Callable[[str], None], *, exchange: bool = True
) -> tuple[list[Examples], list[str]]:
    """Examples of each file and the identifiers of all; tasks with a grid of more than `largest` a side are left out.

    Raises `InputError`.
    """
    subsets = [[task for task in tasks if _side(task.train + task.test) <= largest] for tasks in open_tasks(paths)]
    entries = list(draw_entries(subsets, copies, np.random.RandomState(SEED), exchange=exchange))
    views = [None, *(copy for entry in entries for copy in entry.copies)]
    names = [BLANK, *(name for entry in entries for name in entry.names)]
    if twice := [name for name, count in Counter(entry.task.name for entry in entries).items() if count > 1]:
        raise InputError(f"{len(twice)} tasks, such as {twice[0]}, stand in two of the files", "leave one of them out")
    found, first = [], 1
    for number, path in enumerate(paths):
        mine, starts = [], []
        for entry in entries:
            if entry.subset == number:
                mine.append(entry)
                starts.append(first)
                first += len(entry.copies)
        found.append(_examples(path, mine, starts, views, report))
    if not any(len(each.ids) for each in found):
        hint = "tasks need demonstration pairs; see --set max_side"
        raise InputError(f"{', '.join(map(str, paths))}: nothing to learn from", hint)
    return found, names


def _side(pairs: Iterable[tuple[Grid, Grid | None]]) -> int:
    return max(int(length) for pair in pairs for grid in pair if grid is not None for length in grid.shape)


def _examples(
    path: Path,
    entries: Sequence[Entry],
    starts: Sequence[int],
    views: Sequence[Copy | None],
    report: Callable[[str], None],
) -> Examples:
    pairs: list[tuple[Grid, Grid]] = []
    ids, count, weights, sides, kept_back = [], [], [], [], 0
    for entry, start in zip(entries, starts, strict=True):
        usable = [(question, answer) for question, answer in entry.examples(test=True) if answer is not None]
        mine = [pair for pair in usable if not held_out(pair[0])]
        kept_back += len(usable) - len(mine)
        pairs += mine
        ids += [start] * len(mine)
        count += [len(entry.copies)] * len(mine)
        weights += [1 / max(len(mine), 1)] * len(mine)
        asked = [question for question, _ in entry.task.test]
        side = needed_side(entry.task.train, asked)
        sides += [max(side, needed_side([pair], [])) for pair in mine]
    if kept_back:
        report(f"{path}: {kept_back} pairs are test pairs of public evaluation tasks and are not learned from")
    if not pairs:
        report(f"{path}: nothing to learn from")
    questions, answers = (
        np.array([place(pair[part]).ravel() for pair in pairs], np.uint8).reshape(-1, SIDE * SIDE) for part in (0, 1)
    )
    seen = Views(pairs, views, np.array(count, np.int64))
    return Examples(questions, answers, np.array(ids, np.int64), np.array(weights), np.array(sides, np.int64), seen)


def side_of(pair: tuple[Grid, Grid], examples: Sequence[tuple[Grid, Grid]], asked: Sequence[Grid]) -> int:
    """The side of the cropped canvas for a pair of a task: that on which the task is asked, see `needed_side`.

    It is larger where an answer is larger than could be foreseen.
    """
    return max(needed_side(examples, asked), needed_side([pair], []))


def held_out_rows(questions: Tokens, ids: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows (N,) of encoded examples (N, 900) ask, in whatever copy, a test input of a public evaluation task.

    The first copy of a task is looked at: the others have its examples in its order. Raises ValueError for a name that
    is no identifier.
    """
    found = np.zeros(len(ids), np.bool_)
    starts = np.flatnonzero(np.diff(ids, prepend=-1))
    of_task: dict[str, list[bool]] = {}
    for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
        task, copy = split_identifier(names[ids[start]])
        if len(of_task.get(task, ())) != end - start:
            of_task[task] = [held_out(copy.inverse((0, 0)).apply(_grid(row))) for row in questions[start:end]]
        found[start:end] = of_task[task]
    return found


def _grid(tokens: Tokens) -> Grid:
    """The grid on a canvas (900,), wherever it stands."""
    canvas = tokens.reshape(SIDE, SIDE)
    rows, columns = (np.flatnonzero((canvas >= COLOR).any(axis)) for axis in (1, 0))
    return canvas[rows][:, columns] - np.uint8(COLOR)


def examples_of(pairs: Sequence[tuple[Grid, Grid]], copies: Sequence[Copy | None]) -> Examples:
    """The pairs of one task, whose first identifier is 1, seen through these copies, the task as it is among them."""
    count, side = len(pairs), needed_side(pairs, [])
    questions, answers = (np.stack([place(pair[part]).ravel() for pair in pairs]) for part in (0, 1))
    views = Views(pairs, [None, *copies], np.full(count, len(copies), np.int64))
    return Examples(questions, answers, np.ones(count, np.int64), np.ones(count), np.full(count, side), views)
