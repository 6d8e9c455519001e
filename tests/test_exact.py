"""The exact solver against a slow one that anybody believes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trm_solve.kinds.sudoku.exact import _solutions, count_solutions
from trm_solve.kinds.sudoku.rules import conflicts
from trm_solve.puzzle import Grid

RATED = Path(__file__).parent / "rated.csv"


def grid(text: str) -> Grid:
    return np.array([0 if c == "." else int(c) for c in text], np.uint8).reshape(9, 9)


def rated() -> list[dict[str, str]]:
    with RATED.open() as file:
        return list(csv.DictReader(file))


def one_solution(grid: Grid) -> Grid | None:
    """A solution (9, 9) of a puzzle, the only one if it has one; None if it has none."""
    live = next(_solutions(grid), 0)
    if not live:
        return None
    answer = np.zeros(81, np.uint8)
    while live:
        lowest = live & -live
        digit, cell = divmod(lowest.bit_length() - 1, 81)
        answer[cell] = digit + 1
        live ^= lowest
    return answer.reshape(9, 9)


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
    answer = one_solution(question)
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
    found = one_solution(question)
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
            assert one_solution(wrong) is None
            judged += not conflicts(wrong).any()
    assert judged > 5  # not only where clues clash at sight


def test_the_empty_grid_has_many() -> None:
    empty = np.zeros((9, 9), np.uint8)
    assert count_solutions(empty, limit=25) == 25
    answer = one_solution(empty)
    assert answer is not None
    assert answer.all()
    assert not conflicts(answer).any()
    assert not empty.any()


def test_clashing_clues_have_none() -> None:
    clash = np.zeros((9, 9), np.uint8)
    clash[0, 0] = clash[8, 0] = 5
    assert count_solutions(clash) == 0
    assert one_solution(clash) is None
