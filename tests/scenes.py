"""A scripted refinement of one real Sudoku, for tests of what a person sees."""

from __future__ import annotations

import numpy as np

from trm_solve.kinds import get_kind
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.trace import Solution, Step

QUESTION = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
ANSWER = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


def grid(text: str) -> Grid:
    return np.array([0 if c == "." else int(c) for c in text], np.uint8).reshape(9, 9)


def puzzle(source: str = "puzzles.txt:3") -> Puzzle:
    return Puzzle("sudoku", grid(QUESTION), source=source)


def attempt(steps: int, *, solved: bool, index: int = 0, number: int = 1, source: str = "puzzles.txt:3") -> list[Step]:
    """Steps of one attempt: every seventh cell in turn becomes right; without `solved` the last blank stays wrong."""
    asked, question, answer = puzzle(source), grid(QUESTION), grid(ANSWER)
    blanks = np.flatnonzero(question == 0)
    order = blanks[np.argsort(np.arange(len(blanks)) * 7 % len(blanks), kind="stable")]
    made, before = [], question
    for n in range(1, steps + 1):
        right = len(order) * n // steps - (not solved and n == steps)
        now = answer % 9 + 1
        now[question > 0] = question[question > 0]
        now.ravel()[order[:right]] = answer.ravel()[order[:right]]
        check = get_kind("sudoku").check(asked, now)
        sure = np.where(now == answer, np.float32(0.95), np.float32(0.5))
        chance = 0.97 ** (steps - n + 1) if solved else 0.02
        made.append(
            Step(index, number, n, now, sure, now != before, check.conflicts, n % 3, chance, check.solved, n == steps)
        )
        before = now
    return made


def solution(steps: list[Step], source: str = "puzzles.txt:3", seconds: float = 0.25) -> Solution:
    last = steps[-1]
    ok = last.solved
    return Solution(
        puzzle=puzzle(source),
        answer=last.answer if ok else None,
        verdict="solved" if ok else "unsolved",
        best_attempt=None if ok else last.answer,
        conflicts=None if ok else last.conflicts,
        steps=len(steps),
        attempts=len({step.attempt for step in steps}),
        halt_probability=last.halt_probability,
        overruled=last.overruled,
        seconds=seconds,
        model="sudoku",
        best_step=last,
    )
