"""What a puzzle is, and all that a puzzle type must say. Standard library and numpy only.

A grid is a 2-D uint8 array of the kind's own *symbols* (Sudoku: 0 blank, 1-9; each kind documents its own). Tokens are
what the model reads and writes: a flat array over the model's canvas, in the public checkpoints' vocabulary.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError

Grid = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Puzzle:
    """One question, where it came from, and its label where the file had one."""

    kind: str
    question: Grid
    answer: Grid | None = None
    source: str = ""  # "file:line"
    rating: float | None = None
    offset: tuple[int, int] = (0, 0)  # row, column of the canvas where a question smaller than the canvas stands
    task: str = ""  # the task that the question belongs to, where several questions share one rule (ARC)
    examples: tuple[tuple[Grid, Grid], ...] = ()  # demonstration pairs of the task
    questions: tuple[Grid, ...] = ()  # all that are asked of the task, this one among them


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


class Kind(ABC):
    """A puzzle type. A new one is a subclass in its own file and a line in the registry (`puzzles/__init__.py`)."""

    name: str
    canvas: tuple[int, int]  # rows, columns of the grid that models of this kind read
    vocab_size: int
    has_rules: bool = True  # whether `check` can tell a right answer from a wrong one
    blank: int | None = None  # token of a cell to fill in; None: a question with a cell filled in is not a question

    @property
    def relations(self) -> Mapping[str, NDArray[np.bool_]]:
        """Named relations (canvas cells, canvas cells) in which two cells of the canvas can stand to each other."""
        return {}

    @abstractmethod
    def recognises(self, head: list[str]) -> bool:
        """Whether a file that begins with these lines holds puzzles of this kind."""

    @abstractmethod
    def parse(self, lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
        """Puzzles in file order, read lazily; one that cannot be read is yielded as the error that names its place."""

    @abstractmethod
    def format(self, grid: Grid) -> str:
        """The text form printed on stdout, without a final newline; `parse` reads it back."""

    @abstractmethod
    def encode(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        """The question as tokens (canvas cells,)."""

    @abstractmethod
    def encode_answer(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        """The label as tokens (canvas cells,), 0 where a cell is not to be learned. The puzzle must have an answer."""

    @abstractmethod
    def decode(self, puzzle: Puzzle, tokens: NDArray[np.uint8], confidence: NDArray[np.float32]) -> Reading:
        """Tokens and their probabilities, each (canvas cells,), read as an answer; givens are never changed."""

    @abstractmethod
    def check(self, puzzle: Puzzle, answer: Grid) -> Check:
        """The rules. Says nothing of the label."""

    @abstractmethod
    def symmetry(self, puzzle: Puzzle, rng: np.random.Generator) -> View:
        """A random transformation that fits this puzzle."""

    def screen(self, questions: NDArray[np.uint8], tokens: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of many outputs (B, canvas cells) may be answers to their questions (B, canvas cells), both in tokens.

        False only where `check` would reject what `decode` makes of the output; all at once, so that a batch's
        unfinished answers cost little.
        """
        return np.ones(len(tokens), np.bool_)

    def open_symbols(self, question: Grid) -> Mask | None:
        """Symbols (rows, columns, vocab_size) that each blank may still take without breaking a rule at once.

        No inference beyond the bare rules. All False where the rules clash already; None for kinds whose questions are
        not made by blanking out cells of an answer, so that a question with one more cell is not a question.
        """
        return None

    def crop(self, puzzle: Puzzle) -> NDArray[np.intp] | None:
        """Cells of the canvas that a model with a cropped canvas is given for this puzzle; None: all of them."""
        return None

    def defects(self, puzzle: Puzzle, answer: Grid, conflicts: Mask) -> int:
        """How far an answer is from being one, to find the best of several: cells in conflict and cells left blank."""
        return int(np.count_nonzero(conflicts)) + int(np.count_nonzero(answer == 0))

    def givens(self, puzzle: Puzzle) -> Mask:
        """Cells of the question that an answer must keep."""
        mask: Mask = puzzle.question != 0
        return mask

    def unsolvable(self, puzzle: Puzzle) -> str:
        """Why the puzzle has no answer, where that is cheap to see; otherwise an empty string."""
        return ""
