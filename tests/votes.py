"""Votes on ARC puzzles and what comes of them, made by hand."""

from __future__ import annotations

import numpy as np

from trm_solve import schedule
from trm_solve.kinds.arc.kind import Arc
from trm_solve.puzzle import Puzzle
from trm_solve.trace import Solution, Step, grid_of

Rows = list[list[int]]
A, B, C = [[1]], [[2, 3]], [[4], [5]]
EMPTY: Rows = []


def puzzle(label: Rows | None = A, task: str = "t", number: int = 0, file: str = "f.json") -> Puzzle:
    answer = None if label is None else grid_of(label)
    pairs = ((grid_of([[7]]), grid_of([[8]])),)
    return Puzzle("arc", grid_of([[7, number]]), answer, f"{file}:{task}[{number}]", task=task, examples=pairs)


def step(attempt: int, answer: Rows, q: float) -> Step:
    found = grid_of(answer)
    sure, none = np.ones(found.shape, np.float32), np.zeros(found.shape, np.bool_)
    return Step(0, attempt, 1, found, sure, none, none, 0, q, solved=False, halted=True)


def solution(asked: Puzzle, *votes: tuple[Rows, float]) -> Solution:
    case = schedule.Case(asked, 0, Arc(), attempts=len(votes), seconds=6.0)
    case.votes = [step(n, answer, q) for n, (answer, q) in enumerate(votes, 1)]
    case.conclude("scripted", 6.0)
    assert case.solution is not None
    return case.solution
