"""A model whose answers are written by the test: what the solver and the search do with them is what is tested."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trm_solve.config import ModelConfig
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle

Script = Callable[[NDArray[np.int64], int], tuple[NDArray[np.float32], float]]
"""(question (81,) of digits, step from 1) -> logits (81, 10) over blank and digits, logit of halting."""

QUESTION = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
ANSWER = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


class Scripted(TRM):
    """Reads Sudoku. Its state is the question and the number of steps; `seen` are the questions of each step."""

    def __init__(self, script: Script) -> None:
        super().__init__(
            ModelConfig(
                kind="sudoku", grid=(9, 9), vocab_size=11, hidden_size=4, num_heads=1, intermediate_size=4,
                mlp_t=False, pos_encodings="none", H_cycles=1, L_cycles=1,
            )
        )  # fmt: skip
        self.script = script
        self.seen: list[list[str]] = []

    def embed(self, tokens: Tensor, rows: Tensor | None = None, cells: Tensor | None = None) -> Tensor:
        return tokens.float()[..., None]

    def initial_state(self, e: Tensor) -> tuple[Tensor, Tensor]:
        return torch.zeros(*e.shape[:2], 2), torch.zeros(*e.shape[:2], 2)

    def step(self, e, y, z, cos_sin, cycles=None):  # type: ignore[no-untyped-def]
        self.seen.append(["".join(str(int(t) - 1) for t in row[:, 0]) for row in e])
        return torch.cat((e, y[..., 1:] + 1), dim=-1), z

    def _play(self, y: Tensor) -> list[tuple[NDArray[np.float32], float]]:
        return [self.script(row[:, 0].long().numpy() - 1, int(row[0, 1])) for row in y]

    def read_answer(self, y: Tensor) -> Tensor:
        logits = torch.full((len(y), 81, 11), -1e9)
        for i, (said, _) in enumerate(self._play(y)):
            logits[i, :, 1:] = torch.from_numpy(said)
        return logits

    def read_halt(self, y: Tensor) -> tuple[Tensor, Tensor]:
        q = torch.tensor([q for _, q in self._play(y)])
        return q, -q


def grid(text: str) -> NDArray[np.uint8]:
    return np.array([int(c) if c.isdigit() else 0 for c in text], np.uint8).reshape(9, 9)


def sudoku(question: str = QUESTION, answer: str | None = ANSWER, source: str = "test:1") -> Puzzle:
    return Puzzle("sudoku", grid(question), None if answer is None else grid(answer), source)


def says(answer: str | NDArray[np.uint8], sure: float = 8.0) -> NDArray[np.float32]:
    """Logits of one answer."""
    flat = (grid(answer) if isinstance(answer, str) else answer).ravel()
    logits = np.zeros((81, 10), np.float32)
    logits[np.arange(81), flat] = sure
    return logits


def swapped(a: int, b: int, text: str) -> str:
    """The same grid with two digits exchanged: another puzzle, or another answer."""
    return text.translate(str.maketrans(f"{a}{b}", f"{b}{a}"))
