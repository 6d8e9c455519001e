"""Latin squares of 4 x 4 letters as a puzzle kind: every row and every column holds A, B, C and D.

Symbols: 0 blank, 1-4 the letters. Tokens: 0 PAD, 1 blank, letter n -> n + 1. A file has a square a line, sixteen
letters and dots, with its answer behind a comma where it is known.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from trm_solve.errors import InputError
from trm_solve.kinds.base import Kind, Space
from trm_solve.kinds.option import Generator, Option
from trm_solve.puzzle import Check, Grid, Mask, Puzzle, Reading, Symmetry, Tokens
from trm_solve.trace import Step

LETTERS = ".ABCD"
SIZE = 4
ROW, COLUMN = np.divmod(np.arange(SIZE * SIZE), SIZE)
PEERS = ((ROW[:, None] == ROW) | (COLUMN[:, None] == COLUMN)) & ~np.eye(SIZE * SIZE, dtype=bool)
ROWS = list(itertools.permutations(range(1, SIZE + 1)))
SQUARES = np.array(
    [s for s in itertools.product(ROWS, repeat=SIZE) if all(len(set(c)) == SIZE for c in zip(*s, strict=True))]
)


class Latin(Kind):
    name = "latin"
    canvas = (SIZE, SIZE)
    vocab_size = SIZE + 2
    plural = "squares"
    blank = 1  # a square with one more letter is a square: search may pin letters, training may reveal them

    @property
    def relations(self) -> Mapping[str, NDArray[np.bool_]]:
        return {"row": ROW[:, None] == ROW, "column": COLUMN[:, None] == COLUMN}

    def recognises(self, head: list[str]) -> bool:
        lines = [line.split(",")[0].strip() for line in head if line.strip()]
        return bool(lines) and all(len(line) == SIZE * SIZE and set(line) <= set(LETTERS) for line in lines)

    def parse(self, lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
        for number, line in enumerate(lines, 1):
            where, grids = f"{source}:{number}", []
            for text in line.strip().split(",")[:2] if line.strip() else ():
                if len(text) != SIZE * SIZE or not set(text) <= set(LETTERS):
                    yield InputError(f"{where}: not {SIZE * SIZE} of {LETTERS}")
                    break
                grids.append(np.array([LETTERS.index(c) for c in text], np.uint8).reshape(SIZE, SIZE))
            else:
                if grids:
                    yield Puzzle(self.name, grids[0], grids[1] if len(grids) > 1 else None, where)

    def format(self, grid: Grid) -> str:
        return "".join(LETTERS[symbol] for symbol in grid.ravel())

    def encode(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        return puzzle.question.ravel() + np.uint8(1)

    def encode_answer(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        assert puzzle.answer is not None
        return puzzle.answer.ravel() + np.uint8(1)

    def decode(self, puzzle: Puzzle, tokens: NDArray[np.uint8], confidence: NDArray[np.float32]) -> Reading:
        question, said = puzzle.question, np.where(tokens > 1, tokens - 1, 0).astype(np.uint8).reshape(SIZE, SIZE)
        sure = np.where(question > 0, np.float32(1), confidence.reshape(SIZE, SIZE))
        overruled = int(((question > 0) & (said != question)).sum())
        return Reading(np.where(question > 0, question, said), sure, overruled)

    def check(self, puzzle: Puzzle, answer: Grid) -> Check:
        flat = answer.ravel()
        bad = ((flat[:, None] == flat) & PEERS & (flat > 0)).any(1).reshape(SIZE, SIZE)
        bad |= (puzzle.question > 0) & (answer != puzzle.question)
        return Check(bool(answer.all() and not bad.any()), bool(answer.all()), bad)

    def symmetry(self, puzzle: Puzzle, rng: np.random.Generator) -> Symmetry:
        cells = rng.permutation(SIZE)[:, None] * SIZE + rng.permutation(SIZE)
        letters = np.concatenate(([0], 1 + rng.permutation(SIZE))).astype(np.uint8)
        return Symmetry(cells.ravel(), letters, (SIZE, SIZE), "rows, columns and letters exchanged")

    def open_symbols(self, question: Grid) -> Mask | None:
        flat, found = question.ravel(), np.zeros((SIZE * SIZE, self.vocab_size), np.bool_)
        for cell in np.flatnonzero(flat == 0):
            found[cell, 1 : SIZE + 1] = ~np.isin(np.arange(1, SIZE + 1), flat[PEERS[cell]])
        if self.check(Puzzle(self.name, question), question).conflicts.any() or not found[flat == 0].any(1).all():
            found[:] = False
        return found.reshape(SIZE, SIZE, -1)

    def augment(self, random: np.random.Generator, questions: Tokens, answers: Tokens) -> tuple[Tokens, Tokens]:
        letters = np.tile(np.arange(self.vocab_size, dtype=np.uint8), (len(questions), 1))
        letters[:, 2:] = random.random((len(questions), SIZE)).argsort(1) + 2
        return np.take_along_axis(letters, questions, 1), np.take_along_axis(letters, answers, 1)

    def draw(self, puzzle: Puzzle, step: Step | None, space: Space) -> tuple[list[Text], Text] | None:
        grid, lines = puzzle.question if step is None else step.answer, []
        for row in range(SIZE):
            line = Text("| ")
            for column in range(SIZE):
                clash = step is not None and bool(step.conflicts[row, column])
                line.append(LETTERS[grid[row, column]], "bold" if puzzle.question[row, column] else "")
                line.append("!" if clash else " ")
            lines.append(line.append("|"))
        return lines, Text.assemble(("given", "bold"), "  clash!")

    def generator(self) -> Generator | None:
        options = (
            Option("count", int, "How many squares.", 10, flags=("--count", "-n"), least=1),
            Option("seed", int, "The same seed gives the same squares.", 0, least=0),
            Option("output", Path | None, "Write them here.", None, "FILE", flags=("--output", "-o")),
        )
        return Generator("Make Latin squares with one solution.", options, generate)


def generate(count: int, seed: int, output: Path | None) -> None:
    from trm_solve.generation.writing import write_rows

    random, kind = np.random.default_rng(seed), Latin()

    def rows(_: object) -> Iterator[str]:
        while True:
            answer = SQUARES[random.integers(len(SQUARES))].astype(np.uint8)
            question = answer.copy()
            for cell in random.permutation(SIZE * SIZE):
                fewer = question.copy()
                fewer.ravel()[cell] = 0
                if ((fewer == SQUARES) | (fewer == 0)).all((1, 2)).sum() == 1:
                    question = fewer
            yield f"{kind.format(question)},{kind.format(answer)}"

    write_rows("", rows, count, "squares", output, quiet=True)
