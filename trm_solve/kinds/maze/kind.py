"""Mazes: symbols and tokens.

Symbols are the public checkpoints' tokens: 0 PAD, 1 wall '#', 2 free ' ', 3 start 'S', 4 goal 'G', 5 path 'o'. A maze
of any size up to the canvas stands somewhere on it (`Puzzle.offset`) with walls all around.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.kinds.base import Fit, Kind, Space
from trm_solve.kinds.dihedral import DIHEDRAL, turn
from trm_solve.kinds.maze import text
from trm_solve.kinds.maze.paths import FREE, PATH, WALL, are_shortest, flaws, missing, shortest_path
from trm_solve.kinds.maze.text import CANVAS
from trm_solve.kinds.recipes import CANVAS_2D, EPOCHS, PAPER
from trm_solve.puzzle import Check, Grid, Mask, Puzzle, Reading, Symmetry, Tokens
from trm_solve.trace import Step

if TYPE_CHECKING:
    from rich.text import Text


class Maze(Kind):
    """Find a shortest path from S to G."""

    name = "maze"
    canvas = CANVAS
    vocab_size = 6
    plural = "mazes"
    demo = "hard"
    suffixes = (".maze",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper-maze": {**PAPER, "max_steps": EPOCHS, "augment": False},
        "cpu-maze": {**CANVAS_2D, "batch_size": 64},
    }

    def recognises(self, head: list[str]) -> bool:
        return text.fit(head).score > 0

    def fit(self, head: list[str]) -> Fit:
        return text.fit(head)

    def parse(self, lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
        return text.parse(lines, source)

    def format(self, grid: Grid) -> str:
        return text.written(grid)

    def encode(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        return self._place(puzzle, puzzle.question, WALL)

    def encode_answer(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        assert puzzle.answer is not None
        return self._place(puzzle, puzzle.answer, 0)

    def from_tokens(self, question: Tokens, answer: Tokens | None, source: str) -> Puzzle | InputError | None:
        return text.of_tokens(question, answer, source)

    def _place(self, puzzle: Puzzle, grid: Grid, around: int) -> NDArray[np.uint8]:
        tokens = np.full(self.canvas, around, np.uint8)
        tokens[self._window(puzzle)] = grid
        return tokens.ravel()

    def _window(self, puzzle: Puzzle) -> tuple[slice, slice]:
        """Where the maze stands on the canvas: at its offset, or as near to it as there is room."""
        spans = zip(puzzle.offset, puzzle.question.shape, self.canvas, strict=True)
        rows, columns = (slice(at := min(wish, room - size), at + size) for wish, size, room in spans)
        return rows, columns

    def crop(self, puzzle: Puzzle) -> NDArray[np.intp] | None:
        if puzzle.question.shape == self.canvas:
            return None
        return np.arange(self.canvas[0] * self.canvas[1]).reshape(self.canvas)[self._window(puzzle)].ravel()

    def decode(self, puzzle: Puzzle, tokens: NDArray[np.uint8], confidence: NDArray[np.float32]) -> Reading:
        question, window = puzzle.question, self._window(puzzle)
        said, sure = tokens.reshape(self.canvas)[window], confidence.reshape(self.canvas)[window]
        given = self.givens(puzzle)
        answer = np.where(given | (said == PATH), np.where(given, question, PATH), FREE).astype(np.uint8)
        odd = ~given & (said != answer)  # the model says wall, S or G of a free cell, which is shown as free
        sure = np.where(given, np.float32(1), np.where(odd, 1 - sure, sure))
        return Reading(answer, sure, int(np.count_nonzero(given & (said != question))))

    def check(self, puzzle: Puzzle, answer: Grid) -> Check:
        """Solved by a shortest path. `facts` tell apart: `valid` (a path from S to G), `shortest`, and `canonical`.

        A walk that touches itself is not valid: marks alone do not tell how it runs there, and it can be cut short.
        """
        question = puzzle.question
        marked = (question == FREE) & (answer == PATH)
        conflicts = (answer != question) & ~marked
        conflicts |= flaws(question, marked)
        path = shortest_path(question)
        valid = path is not None and not conflicts.any()
        shortest = valid and path is not None and int(np.count_nonzero(marked)) == len(path) - 2
        canonical = shortest and path is not None and bool(marked.ravel()[path[1:-1]].all())
        return Check(shortest, valid, conflicts, {"valid": valid, "shortest": shortest, "canonical": canonical})

    def defects(self, puzzle: Puzzle, answer: Grid, conflicts: Mask) -> int:
        """Cells that break the path, cells that it lacks, or the moves that a path has too many; 0: solved."""
        path, marked = shortest_path(puzzle.question), answer == PATH
        if path is None or conflicts.any():
            return 1 + int(np.count_nonzero(conflicts)) + max(missing(puzzle.question, marked), 0)
        return int(np.count_nonzero(marked)) - (len(path) - 2)

    def symmetry(self, puzzle: Puzzle, rng: np.random.Generator) -> Symmetry:
        return self.dihedral(puzzle.question.shape, int(rng.integers(1, 8)))

    def dihedral(self, shape: tuple[int, ...], which: int) -> Symmetry:
        """One of the eight turns and reflections (0: identity) of a grid of this shape.

        A shortest path stays one, the canonical one does not stay canonical.
        """
        cells = turn(np.arange(math.prod(shape)).reshape(shape), which)
        return Symmetry(cells.ravel(), np.arange(self.vocab_size, dtype=np.uint8), cells.shape, DIHEDRAL[which])

    def givens(self, puzzle: Puzzle) -> Mask:
        mask: Mask = puzzle.question != FREE
        return mask

    def unsolvable(self, puzzle: Puzzle) -> str:
        return "" if shortest_path(puzzle.question) is not None else "no path from S to G"

    def draw(self, puzzle: Puzzle, step: Step | None, space: Space) -> tuple[list[Text], Text] | None:
        from trm_solve.kinds.maze import drawing

        return drawing.board(puzzle, step, space)

    def used(self, questions: Tokens, answers: Tokens) -> Mask:
        """Around a maze its question is walls as far as the canvas reaches; its label ends with it."""
        mask: Mask = answers != 0
        return mask

    def learnable(self, puzzles: Sequence[Puzzle]) -> Sequence[bool]:
        shapes: dict[tuple[int, ...], list[int]] = {}
        for place, puzzle in enumerate(puzzles):
            shapes.setdefault(puzzle.question.shape, []).append(place)
        found = [False] * len(puzzles)
        for shape, places in shapes.items():
            answers = [answer for place in places if (answer := puzzles[place].answer) is not None]
            sound = are_shortest(np.concatenate(answers).reshape(-1, *shape))  # `parse` gives walks only
            for place, fine in zip(places, sound, strict=True):
                found[place] = fine
        return found

    def augment(self, random: np.random.Generator, questions: Tokens, answers: Tokens) -> tuple[Tokens, Tokens]:
        from trm_solve.kinds.maze import augment

        return augment.augment(random, questions, answers)


KIND = Maze
