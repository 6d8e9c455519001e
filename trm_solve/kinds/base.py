"""All that a kind of puzzle must say and may say. Standard library and numpy only.

A kind is a folder in here, or a package of somebody else's (entry point group `trm_solve.kinds`, docs/new-kind.md).
`Kind` holds what every kind must say, and then, with defaults, what it may say: how it is drawn, augmented and
generated, that its questions come in tasks (`Tasks`), that it has no rules and votes instead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.kinds.option import Generator, generator_beside
from trm_solve.puzzle import Check, Grid, Mask, Pair, Puzzle, Reading, Tokens, View
from trm_solve.trace import Solution, Step

if TYPE_CHECKING:
    from rich.text import Text

Report = Callable[[str], None]  # hears of what was refused or left out, a line each


@dataclass(frozen=True)
class Space:
    """Room for a picture, in character cells. Without colour, a board says everything by its characters."""

    width: int = 80
    height: int = 24
    color: bool = True
    alone: bool = False  # the answer by itself, small: one of several steps side by side


@dataclass(frozen=True)
class Fit:
    """How well a file fits a kind: 0 not at all, 1 for sure; and what it looks like where it cannot be read."""

    score: float
    looks: str = ""  # such as "a 16 x 16 Sudoku"
    hint: str = ""


class Kind(ABC):
    """A kind of puzzle. One instance serves a process; what it needs beyond numpy is imported where it is asked for."""

    # ---- what every kind must say

    name: str
    canvas: tuple[int, int]  # rows, columns of the grid that models of this kind read
    vocab_size: int

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

    # ---- what a kind may say: its nature

    plural: str = "puzzles"  # what many of them are called
    model: str = ""  # the packaged model for it; empty: of the kind's own name
    demo: str = ""  # of the examples in the folder of its name, the one that `trm-solve demo` shows
    has_rules: bool = True  # whether `check` can tell a right answer from a wrong one; else answers are voted on
    blank: int | None = None  # token of a cell to fill in; None: a question with a cell filled in is not a question
    symbols: tuple[int, int] | tuple[()] = ()  # first and last of the tokens that rules treat all alike, as digits are
    suffixes: Collection[str] = ()  # names of its own that its files end with, beside .csv, .json and .txt
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # training recipes of its own, by name
    tasks: Tasks | None = None  # how its questions come in tasks that a model may not know

    @property
    def relations(self) -> Mapping[str, NDArray[np.bool_]]:
        """Named relations (canvas cells, canvas cells) in which two cells of the canvas can stand to each other."""
        return {}

    # ---- reading

    def belongs_to(self, path: Path) -> Path | None:
        """The file with which this one is read, where it holds no puzzles of its own; None: it stands for itself."""
        return None

    def named(self, name: str) -> Iterator[Puzzle | InputError] | None:
        """The puzzles that go by a name and stand in no file of the user's; None where it is no name of this kind's."""
        return None

    def fit(self, head: list[str]) -> Fit:
        """How well a file that begins with these lines fits; the kind that it fits best reads it."""
        return Fit(1.0 if self.recognises(head) else 0.0)

    def from_tokens(self, question: Tokens, answer: Tokens | None, source: str) -> Puzzle | InputError | None:
        """The puzzle of tokens (canvas cells,) as data sets hold them; None: such data sets are not read as puzzles."""
        return None

    # ---- rules

    def screen(self, questions: NDArray[np.uint8], tokens: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of many outputs (B, canvas cells) may be answers to their questions (B, canvas cells), both in tokens.

        False only where `check` would reject what `decode` makes of the output; all at once, so that a batch's
        unfinished answers cost little.
        """
        return np.ones(len(tokens), np.bool_)

    @property
    def screens(self) -> bool:
        """Whether `screen` can say no: then answers are looked at after every round of a step."""
        return type(self).screen is not Kind.screen

    def open_symbols(self, question: Grid) -> Mask | None:
        """Symbols (rows, columns, vocab_size) that each blank may still take without breaking a rule at once.

        No inference beyond the bare rules. All False where the rules clash already; None for kinds whose questions are
        not made by blanking out cells of an answer, so that a question with one more cell is not a question.
        """
        return None

    def count_solutions(self, puzzle: Puzzle, limit: int) -> int | None:
        """How many solutions the puzzle has, exactly, counted up to `limit`; None for kinds that cannot be counted."""
        return None

    def solutions(self, puzzle: Puzzle) -> Literal[0, 1, "several"] | None:
        """Whether the puzzle has no solution, one or several, in bounded time; None where that is not known."""
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

    # ---- drawing

    def draw(self, puzzle: Puzzle, step: Step | None, space: Space) -> tuple[list[Text], Text] | None:
        """The board's lines at a step (None: the bare question), and a legend of its marks of at most 30 columns.

        None: as a plain grid, a symbol a cell.
        """
        return None

    def draw_vote(self, solution: Solution, space: Space) -> tuple[list[Text], Text] | None:
        """The board at the end, with the answers that were voted on; None: as `draw` shows the first of them."""
        return None

    def draw_task(self, puzzles: Sequence[Puzzle], space: Space) -> tuple[list[Text], Text] | None:
        """A task with all of its questions, and their answers where they are known; None: each question by itself."""
        return None

    # ---- training and generation

    def learnable(self, puzzles: Sequence[Puzzle]) -> Sequence[bool]:
        """Which of many puzzles with labels have one that `check` accepts; all of them where there are no rules."""
        return [
            not self.has_rules or self.check(each, each.answer).solved for each in puzzles if each.answer is not None
        ]

    def encode_all(self, puzzles: Sequence[Puzzle]) -> tuple[Tokens, Tokens]:
        """Questions and labels (N, canvas cells) of puzzles that have labels, as `encode` and `encode_answer` say."""
        return np.stack([*map(self.encode, puzzles)]), np.stack([*map(self.encode_answer, puzzles)])

    def used(self, questions: Tokens, answers: Tokens) -> Mask:
        """Which cells (N, canvas cells) of the canvas each puzzle takes up, for canvases that are cropped."""
        mask: Mask = (questions | answers) != 0
        return mask

    def augment(self, random: np.random.Generator, questions: Tokens, answers: Tokens) -> tuple[Tokens, Tokens]:
        """Questions and labels (B, cells) as others of the kind; every draw belongs to its row of the batch."""
        return questions, answers

    def generator(self) -> Generator | None:
        """How new puzzles are made; by default what the module `command` beside the kind's own says."""
        return generator_beside(type(self).__module__)


class Views(Protocol):
    """The ways in which rows of a data set can be seen in training."""

    def take(self, rows: NDArray[np.intp]) -> Self: ...

    def join(self, others: Sequence[Self]) -> Self:
        """The views of data sets that were read together, one after the other."""

    def draw(
        self, random: np.random.Generator, rows: NDArray[np.intp], ids: NDArray[np.int64], side: int
    ) -> tuple[Tokens, Tokens, NDArray[np.int64]]:
        """Questions and labels (B, side * side) of these rows, each seen through a random copy, and the copies' ids."""


@dataclass(frozen=True, eq=False)
class Examples:
    """What a source of tasks has to learn from, in rows."""

    questions: Tokens  # (N, canvas cells), the tasks as they are, at (0, 0)
    answers: Tokens
    ids: NDArray[np.int64]  # (N,) identifiers of the rows' tasks as they are
    weights: NDArray[np.float64]  # (N,) so that every task is drawn as often as any other
    sides: NDArray[np.int64]  # (N,) of the cropped canvas on which the row's task is asked
    views: Views


class Tied(NamedTuple):
    """Symbols, numbered as the symbol axis, that the pairs of a task give no reason to tell apart."""

    alike: tuple[int, ...] = ()  # shown by some pairs and not by others
    unseen: tuple[int, ...] = ()  # in no pair
    like: tuple[int, ...] = ()  # those that an unseen one is taken to be like


class Tasks(ABC):
    """Questions that come in tasks: each has a rule of its own, shown by demonstration pairs.

    A model has a row of its puzzle embedding for every task, and for every copy through which a task is seen. A task
    that it does not know is fitted first, from the demonstration pairs alone (`trm_solve/tasks/adapt.py`).
    """

    preset: str  # the recipe by which a model is fitted to an unknown task
    symbols_preset: str  # and that for a model with a symbol axis
    fresh_preset: str  # network and recipe of a fit from fresh weights

    # ---- copies and their names

    @abstractmethod
    def identifier(self, task: str, copy: View | None) -> str:
        """The name of a copy's row; None: of the task as it is."""

    @abstractmethod
    def split(self, identifier: str) -> tuple[str, View]:
        """An identifier taken apart. Raises ValueError."""

    @abstractmethod
    def task_of(self, identifier: str) -> str:
        """The task of an identifier that is well formed; fast, for tables of a million."""

    @abstractmethod
    def draw_copies(
        self, pairs: Sequence[Pair], count: int, random: np.random.RandomState, *, exchange: bool = True
    ) -> list[View]:
        """Up to `count` copies of a task that differ from it and from each other; a small task has fewer.

        `exchange`: symbols are exchanged too, for a model that does not treat them all alike by itself.

        Those that tell most beside the ones before them come first: a vote may have time for some of them only.
        """

    # ---- which task it is

    @abstractmethod
    def fingerprint(self, pairs: Iterable[Pair]) -> str:
        """A task's content, from its pairs in whatever order: its name where that of a file cannot be trusted."""

    @abstractmethod
    def recognise(self, name: str, pairs: Sequence[Pair], known: Collection[str]) -> str | None:
        """The name under which a checkpoint that knows the tasks `known` knows this one; None where it does not."""

    # ---- reading and learning

    @abstractmethod
    def holds(self, path: Path) -> bool:
        """Whether a file holds tasks to learn from."""

    @abstractmethod
    def open(self, path: Path) -> list[tuple[str, Sequence[Pair]]]:
        """Name and demonstration pairs of each task of a file. Raises `InputError`."""

    @abstractmethod
    def read_examples(
        self, paths: Sequence[Path], copies: int, largest: int, report: Report, *, exchange: bool = True
    ) -> tuple[list[Examples], list[str]]:
        """Examples of each file and the identifiers of all; tasks with a grid of over `largest` a side are left out.

        `exchange`: see `draw_copies`. Raises `InputError`.
        """

    @abstractmethod
    def examples(self, pairs: Sequence[Pair], copies: Sequence[View | None]) -> Examples:
        """The pairs of one task, its first identifier 1, seen through these copies."""

    @abstractmethod
    def cells(self, pairs: Sequence[Pair], questions: Sequence[Grid]) -> NDArray[np.intp] | None:
        """Cells of the canvas that a model with a cropped canvas is given for a task; None: all of them."""

    def tied(self, pairs: Sequence[Pair]) -> Tied:
        """What a model with a symbol axis does not tell apart, at first, when it is fitted to a task."""
        return Tied()

    @abstractmethod
    def side(self, pair: Pair, puzzle: Puzzle) -> int:
        """The side of the cropped canvas on which a model learns a pair of this puzzle's task."""

    def held_out(self, questions: Tokens, ids: NDArray[np.int64], names: Sequence[str]) -> Mask:
        """Which rows (N,) of encoded examples (N, canvas cells) are kept to measure on and never learned from.

        Raises ValueError for a name that is no identifier.
        """
        return np.zeros(len(questions), np.bool_)

    # ---- the public form

    def submission(self, answers: Mapping[str, Sequence[Sequence[str]]], inputs: Mapping[str, int]) -> str:
        """The file that is handed in: of each task, of each of its questions, the answers in text form, best first.

        `inputs` says how many questions each task has. Raises `InputError` where the kind has no such form.
        """
        raise InputError("there is no official form of answers for these tasks")

    def rebuild(self, folder: Path, copies: int, rows: int, seed: int) -> list[str]:
        """The identifiers of a public checkpoint with so many rows, drawn anew from the public files in a folder.

        Raises `InputError` or `ModelError`.
        """
        raise InputError("identifiers of these tasks cannot be drawn anew")
