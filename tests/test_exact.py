"""The exact solver against a slow one that anybody believes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trm_solve.generate.exact import count_solutions, solve_exact
from trm_solve.puzzles.base import Grid
from trm_solve.puzzles.sudoku import conflicts

RATED = Path(__file__).parent / "rated.csv"


def grid(text: str) -> Grid:
    return np.array([0 if c == "." else int(c) for c in text], np.uint8).reshape(9, 9)


def rated() -> list[dict[str, str]]:
    with RATED.open() as file:
        return list(csv.DictReader(file))


def brute_force(cells: Grid) -> Iterator[Grid]:
    """All solutions, by trying every digit in the cell where the fewest fit."""
    best: tuple[int, int, set[int]] | None = None
    for row, column in np.argwhere(cells == 0).tolist():
        top, left = row // 3 * 3, column // 3 * 3
        seen = {*cells[row], *cells[:, column], *cells[top : top + 3, left : left + 3].ravel()}
        fits = set(range(1, 10)) - {int(digit) for digit in seen}
        if best is None or len(fits) < len(best[2]):
            best = (row, column, fits)
    if best is None:
        yield cells.copy()
        return
    for digit in best[2]:
        cells[best[0], best[1]] = digit
        yield from brute_force(cells)
    cells[best[0], best[1]] = 0


@pytest.mark.parametrize("row", rated(), ids=lambda row: row["rating"])
def test_puzzles_with_one_solution(row: dict[str, str]) -> None:
    question = grid(row["question"])
    assert count_solutions(question) == 1
    answer = solve_exact(question)
    assert answer is not None
    assert np.array_equal(answer, grid(row["answer"]))


@pytest.mark.parametrize(("puzzle", "clue"), [(0, 1), (1, 4), (2, 0), (3, 5)])
def test_counts_agree_with_brute_force(puzzle: int, clue: int) -> None:
    question = grid(rated()[puzzle]["question"])
    question.ravel()[np.flatnonzero(question)[clue]] = 0
    solutions = list(brute_force(question.copy()))
    assert len(solutions) > 2
    assert count_solutions(question) == 2
    assert count_solutions(question, limit=len(solutions) + 1) == len(solutions)
    found = solve_exact(question)
    assert any(np.array_equal(found, solution) for solution in solutions)


def test_one_wrong_clue_leaves_no_solution() -> None:
    row = rated()[0]
    question, answer = grid(row["question"]), grid(row["answer"])
    judged = 0
    for cell in np.flatnonzero(question == 0)[::6]:
        for digit in set(range(1, 10)) - {int(answer.flat[cell])}:
            wrong = question.copy()
            wrong.flat[cell] = digit
            assert count_solutions(wrong) == 0
            assert solve_exact(wrong) is None
            judged += not conflicts(wrong).any()
    assert judged > 5  # not only where clues clash at sight


def test_the_empty_grid_has_many() -> None:
    empty = np.zeros((9, 9), np.uint8)
    assert count_solutions(empty, limit=25) == 25
    answer = solve_exact(empty)
    assert answer is not None
    assert answer.all()
    assert not conflicts(answer).any()
    assert not empty.any()


def test_clashing_clues_have_none() -> None:
    clash = np.zeros((9, 9), np.uint8)
    clash[0, 0] = clash[8, 0] = 5
    assert count_solutions(clash) == 0
    assert solve_exact(clash) is None
