"""What a puzzle is, what a model's answer to it is, and the ways to look at one. Standard library and numpy only.

A grid is a 2-D uint8 array of the kind's own *symbols* (each kind documents its own). Tokens are what the model reads
and writes: a flat array over the model's canvas, in the public checkpoints' vocabulary.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from trm_solve.shown import Shown, told
from trm_solve.talk import printable

Grid = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Key = tuple[tuple[int, ...], bytes]  # of a grid: what two equal ones have in common
Tokens = NDArray[np.uint8]
Pair = tuple[Grid, Grid]  # of a task: a question and its answer
Scalar = TypeVar("Scalar", bound=np.generic)


def key_of(grid: Grid) -> Key:
    return grid.shape, grid.tobytes()


@dataclass(frozen=True, eq=False)
class Puzzle(Shown):
    """One question, where it came from, and its label where the file had one.

    Made by `read`. `question` and `answer` are 2-D uint8 arrays of the kind's symbols; Sudoku: 0 blank, 1 to 9; mazes:
    1 wall, 2 free, 3 start, 4 goal, 5 path; ARC: colours 0 to 9. `print`, rich and a notebook show the board.
    """

    kind: str
    question: Grid
    answer: Grid | None = None
    source: str = ""  # "file:line"
    rating: float | None = None
    offset: tuple[int, int] = (0, 0)  # row, column of the canvas where a question smaller than the canvas stands
    task: str = ""  # the task that the question belongs to, where several questions share one rule
    examples: tuple[tuple[Grid, Grid], ...] = ()  # demonstration pairs of the task
    questions: tuple[Grid, ...] = ()  # all that are asked of the task, this one among them
    note: str = ""  # what a person should know of how the question was read
    label_fault: str = ""  # "file:line: why", where the file has an answer that cannot be used

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.question.shape))
        label = "" if self.answer is None else ", with its answer"
        return f"Puzzle({self.kind}, {size}, {printable(self.source) or 'made here'}{label})"

    @property
    def text(self) -> str:
        """The question in the kind's text form, which `solve` reads."""
        return told().text(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a picture; the suffix says which: .svg, .html, .png or .gif. Raises `InputError`."""
        told().save(self, os.fspath(path))


@dataclass(frozen=True, eq=False)
class Reading:
    """A model's output as an answer to a puzzle. Givens are restored; `overruled` counts those it had changed."""

    answer: Grid
    confidence: NDArray[np.float32]  # probability of the shown symbol, in the answer's shape; 1 on givens
    overruled: int = 0


@dataclass(frozen=True, eq=False)
class Check:
    """What the rules say of an answer. `solved` is the one fact that lets it be printed as an answer."""

    solved: bool
    complete: bool  # nothing is left blank
    conflicts: Mask  # cells that break a rule, in the answer's shape
    facts: Mapping[str, bool] = field(default_factory=dict)  # further verdicts, such as a maze's `canonical`


@dataclass(frozen=True, eq=False)
class Symmetry:
    """A transformation that turns puzzles of a kind into puzzles of that kind, and answers into answers.

    `apply(grid).ravel()[i] == symbols[grid.ravel()[cells[i]]]`; the result has shape `shape`.
    """

    cells: NDArray[np.intp]
    symbols: Grid
    shape: tuple[int, int]
    name: str = ""

    def apply(self, grid: Grid) -> Grid:
        return self.symbols[grid.ravel()[self.cells]].reshape(self.shape)

    def move(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """Move values that stand in the cells (confidences, masks) as `apply` moves symbols."""
        return values.ravel()[self.cells].reshape(self.shape)

    def inverse(self, shape: tuple[int, int]) -> Symmetry:
        """The way back, to grids of this shape."""
        cells, symbols = np.argsort(self.cells), np.argsort(self.symbols).astype(np.uint8)
        return Symmetry(cells, symbols, shape, f"inverse of {self.name}")


class View(Protocol):
    """A way to show a model a puzzle that is not the puzzle itself, and to bring its answers back."""

    @property
    def name(self) -> str: ...

    def apply(self, grid: Grid) -> Grid: ...

    def move(self, values: NDArray[Scalar]) -> NDArray[Scalar]: ...

    def inverse(self, shape: tuple[int, int]) -> View: ...
