"""Sudoku: symbols and tokens.

Symbols: 0 blank, 1-9. Tokens: 0 PAD, 1 blank, digit d -> d + 1 (the public checkpoints' vocabulary of 11).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.kinds.base import Fit, Kind, Space
from trm_solve.kinds.recipes import EPOCHS, PAPER
from trm_solve.kinds.sudoku import text
from trm_solve.kinds.sudoku.rules import AXES, PEERS, UNITS, conflicts
from trm_solve.puzzle import Check, Grid, Mask, Puzzle, Reading, Symmetry, Tokens
from trm_solve.trace import Step

if TYPE_CHECKING:
    from rich.text import Text

# What holds for one digit holds for all: each cell has a state for every digit, and the digits share the weights. An
# answer is asked for, with gradient, after each of four short rounds (benchmarks/README.md).
FIRST: Mapping[str, Any] = {
    "hidden_size": 432,
    "expansion": 3.0,
    "mlp_t": False,
    "pos_encodings": "relations",
    "symbol_axis": True,
    "puzzle_emb_len": 0,
    "H_cycles": 4,
    "L_cycles": 1,
    "loss_rounds": 4,
    "batch_size": 48,
    "lr": 0.01,
    "adam_lr": 2e-3,
    "warmup_steps": 30,
    "ema": 0.995,
    "decay_fraction": 0.3,
}
FEWEST_CLUES = 17  # with fewer, no Sudoku has just one solution (McGuire and others, 2014)


class Sudoku(Kind):
    """9 x 9 Sudoku."""

    name = "sudoku"
    canvas = (9, 9)
    vocab_size = 11
    blank = 1
    symbols = (2, 10)
    demo = "hard"
    suffixes = (".sdk", ".sdm", ".ss", ".opensudoku")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cpu-sudoku": FIRST,
        # On from such weights (`--init`): some pins between the steps, and a rate that falls from the start: what hard
        # puzzles need is learned while it falls.
        "cpu-sudoku-on": {
            **FIRST,
            "pin_prob": 0.04,
            "own_pin_prob": 0.5,
            "lr": 2e-3,
            "adam_lr": 7e-4,
            "warmup_steps": 20,
            "decay_fraction": 0.95,
        },
        "paper-sudoku-mlp": {**PAPER, "mlp_t": True, "pos_encodings": "none", "L_cycles": 6, "max_steps": EPOCHS},
        "paper-sudoku-att": {**PAPER, "L_cycles": 6, "max_steps": EPOCHS},
        # Two networks of 4 layers, 2 x 2 cycles, halting by q_continue too (arXiv 2506.21734; batch and rate of its
        # code).
        "paper-hrm-sudoku": {
            **PAPER,
            "H_layers": 4,
            "L_layers": 4,
            "H_cycles": 2,
            "L_cycles": 2,
            "puzzle_emb_len": 1,
            "no_ACT_continue": False,
            "lr": 7e-5,
            "row_lr": 7e-5,
            "ema": 0.0,
            "batch_size": 384,
            "max_steps": 20_000 * 1000 // 384,
        },
    }

    @property
    def relations(self) -> Mapping[str, NDArray[np.bool_]]:
        return {name: axis[:, None] == axis for name, axis in AXES.items()}

    def recognises(self, head: list[str]) -> bool:
        return text.fit(head).score > 0

    def fit(self, head: list[str]) -> Fit:
        return text.fit(head)

    def parse(self, lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
        return text.parse(lines, source)

    def format(self, grid: Grid) -> str:
        return "".join("." if digit == 0 else str(digit) for digit in grid.ravel())

    def encode(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        return puzzle.question.ravel() + np.uint8(1)

    def encode_answer(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        assert puzzle.answer is not None
        return puzzle.answer.ravel() + np.uint8(1)

    def decode(self, puzzle: Puzzle, tokens: NDArray[np.uint8], confidence: NDArray[np.float32]) -> Reading:
        question = puzzle.question.ravel()
        given = question > 0
        wanted = np.where(tokens > 1, tokens - 1, 0).astype(np.uint8)
        answer = np.where(given, question, wanted)
        sure = np.where(given, np.float32(1), confidence)
        overruled = int(np.count_nonzero(given & (wanted != question)))
        return Reading(answer.reshape(9, 9), sure.reshape(9, 9), overruled)

    def check(self, puzzle: Puzzle, answer: Grid) -> Check:
        bad = conflicts(answer)
        given = puzzle.question > 0
        bad |= given & (answer != puzzle.question)
        complete = bool(answer.all())
        bad |= answer > 9
        return Check(complete and not bad.any(), complete, bad)

    def screen(self, questions: NDArray[np.uint8], tokens: NDArray[np.uint8]) -> NDArray[np.bool_]:
        answers = np.where(questions > 1, questions, tokens)
        sorted_units = np.sort(answers[:, UNITS], axis=-1)  # (B, 27, 9)
        found: NDArray[np.bool_] = (sorted_units == np.arange(2, 11)).all((1, 2))
        return found

    def open_symbols(self, question: Grid) -> Mask | None:
        flat = question.ravel()
        filled = np.flatnonzero(flat)
        standing = np.zeros((81, 10), np.bool_)
        standing[filled, flat[filled]] = True
        allowed = ~(PEERS.astype(np.uint8) @ standing).astype(np.bool_)  # no peer has the digit
        allowed[:, 0] = False
        kept = bool(allowed[filled, flat[filled]].all())
        allowed[filled] &= standing[filled]
        found = np.zeros((9, 9, self.vocab_size), np.bool_)
        places = np.logical_or.reduce(allowed[UNITS], axis=1)  # (27, 10) digits that have a place in each unit
        if kept and allowed[:, 1:].any(1).all() and places[:, 1:].all():
            found[..., :10] = allowed.reshape(9, 9, 10)
            found[question > 0] = False
        return found

    def symmetry(self, puzzle: Puzzle, rng: np.random.Generator) -> Symmetry:
        axes = [np.concatenate([3 * band + rng.permutation(3) for band in rng.permutation(3)]) for _ in range(2)]
        cells = (axes[0][:, None] * 9 + axes[1]).astype(np.intp)
        if rng.random() < 0.5:
            cells = cells.T
        symbols = np.concatenate(([0], 1 + rng.permutation(9))).astype(np.uint8)
        return Symmetry(cells.ravel(), symbols, (9, 9), "digits and cells permuted")

    def count_solutions(self, puzzle: Puzzle, limit: int) -> int | None:
        from trm_solve.kinds.sudoku.exact import count_solutions

        return count_solutions(puzzle.question, limit)

    def solutions(self, puzzle: Puzzle) -> Literal[0, 1, "several"] | None:
        from trm_solve.kinds.sudoku.exact import count_within

        found, whole = count_within(puzzle.question, 2)
        if found > 1 or (found and np.count_nonzero(puzzle.question) < FEWEST_CLUES):
            return "several"
        return (1 if found else 0) if whole else None

    def from_tokens(self, question: Tokens, answer: Tokens | None, source: str) -> Puzzle | InputError | None:
        grids = [tokens.clip(1).reshape(9, 9) - np.uint8(1) for tokens in (question, answer) if tokens is not None]
        return Puzzle("sudoku", grids[0], grids[1] if len(grids) > 1 else None, source)

    def draw(self, puzzle: Puzzle, step: Step | None, space: Space) -> tuple[list[Text], Text] | None:
        from trm_solve.kinds.sudoku import drawing

        return drawing.board(puzzle, step, space)

    def learnable(self, puzzles: Sequence[Puzzle]) -> Sequence[bool]:
        return [True] * len(puzzles)  # `parse` gives no other labels

    def encode_all(self, puzzles: Sequence[Puzzle]) -> tuple[Tokens, Tokens]:
        answers = [puzzle.answer for puzzle in puzzles if puzzle.answer is not None]
        questions = np.concatenate([puzzle.question for puzzle in puzzles])
        one = np.uint8(1)
        return questions.reshape(-1, 81) + one, np.concatenate(answers).reshape(-1, 81) + one

    def augment(self, random: np.random.Generator, questions: Tokens, answers: Tokens) -> tuple[Tokens, Tokens]:
        from trm_solve.kinds.sudoku import augment

        return augment.augment(random, questions, answers)


KIND = Sudoku
