"""The scheduler: input order, back-pressure, a bounded window, errors in their place."""
# ruff: noqa: ARG001, ARG005 - a script takes the question and the step, though most need only one

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scripted import ANSWER, QUESTION, Scripted, grid, says, sudoku

from trm_solve import schedule, solver
from trm_solve.config import SolveOptions
from trm_solve.errors import InputError
from trm_solve.kinds.sudoku.kind import Sudoku
from trm_solve.puzzle import Puzzle
from trm_solve.solver import Attempt
from trm_solve.trace import Solution, Step

BLANK = says("0" * 81)
SLOW = "." + QUESTION[1:]  # a question that the scripts below know by its blank corner


def script(question: np.ndarray, step: int) -> tuple[np.ndarray, float]:
    """Solves at once, but the slow question only at step 9."""
    return (says(ANSWER) if question[0] or step == 9 else BLANK), -1.0


def test_solutions_come_in_input_order_and_errors_keep_their_place() -> None:
    bad = InputError("x:3: unreadable")
    items: list[Puzzle | InputError] = [sudoku(SLOW, source="x:1"), sudoku(source="x:2"), bad, sudoku(source="x:4")]
    for slots in (1, 2, 8):
        found = list(schedule.solve_all(Scripted(script), items, SolveOptions(effort="fast", slots=slots)))
        assert found[2] is bad
        assert [e.puzzle.source for e in found if isinstance(e, Solution)] == ["x:1", "x:2", "x:4"]
        assert all(e.verdict == "solved" for e in found if isinstance(e, Solution))


def test_nothing_in_nothing_out() -> None:
    assert list(schedule.solve_all(Scripted(script), [], SolveOptions(effort="fast"))) == []
    bad = InputError("x:1: unreadable")
    assert list(schedule.solve_all(Scripted(script), [bad, bad], SolveOptions(effort="fast"))) == [bad, bad]


def test_one_hard_puzzle_does_not_keep_the_slots_from_the_others() -> None:
    model = Scripted(script)
    items = [sudoku(SLOW, source="x:1"), *(sudoku(source=f"x:{i}") for i in range(2, 10))]
    list(schedule.solve_all(model, items, SolveOptions(effort="fast", slots=2)))
    assert len(model.seen) == 9  # eight easy ones in the second slot while the first works
    assert [len(batch) for batch in model.seen] == [2] * 8 + [1]


def test_steps_are_what_all_rounds_of_all_attempts_come_to() -> None:
    def waves(puzzle: Puzzle, index: int) -> Iterator[Sequence[Attempt]]:
        yield [Attempt(puzzle, index, max_rounds=3)]
        yield [Attempt(puzzle, index, max_rounds=9), Attempt(puzzle, index, max_rounds=2)]

    model = Scripted(lambda question, round: (BLANK, -1.0))
    model.config = replace(model.config, H_cycles=4)
    [found] = schedule.solve_all(model, [sudoku()], SolveOptions(), strategy=waves)
    assert isinstance(found, Solution)
    assert (found.steps, found.attempts) == (4, 3)  # 14 rounds


def test_seconds_are_of_work_not_of_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of a batch is shared by what is in it; what waits for a slot, or to go out in order, spends none."""

    class Slow(Scripted):
        seconds = 0.0

        def step(self, *inputs: Any) -> Any:
            self.seconds += 1.0
            return super().step(*inputs)

    model = Slow(script)
    monkeypatch.setattr(solver.time, "perf_counter", lambda: model.seconds)
    items = [sudoku(SLOW), *(sudoku() for _ in range(8))]
    for watch in (False, True):
        found = schedule.solve_all(model, items, SolveOptions(effort="fast", slots=2), watch=watch)
        assert [each.seconds for each in found if isinstance(each, Solution)] == [8 * 0.5 + 1.0, *[0.5] * 8]


def test_reading_stops_where_the_window_ends() -> None:
    """Behind a puzzle that never ends only so many are read; what is read does not grow with the file."""
    read = 0

    def million() -> Iterator[Puzzle]:
        nonlocal read
        for i in range(1_000_000):
            read += 1
            yield sudoku(SLOW if i == 0 else QUESTION, source=f"x:{i + 1}")

    slow = SolveOptions(effort="fast", slots=2, max_steps=400)
    never = Scripted(lambda question, step: (says(ANSWER) if question[0] else BLANK, -1.0))
    first = next(iter(schedule.solve_all(never, million(), slow)))
    assert isinstance(first, Solution)
    assert first.verdict == "unsolved"
    assert read == 2 * schedule.WINDOW

    read = 0
    events = schedule.solve_all(
        Scripted(lambda question, step: (says(ANSWER), -1.0)), million(), SolveOptions(effort="fast", slots=2)
    )
    for _ in range(300):
        next(events)
    assert read <= 300 + 2 * schedule.WINDOW


def test_a_million_unreadable_lines_pass_through_the_window() -> None:
    read = 0

    def items() -> Iterator[InputError]:
        nonlocal read
        for _ in range(1_000_000):
            read += 1
            yield InputError("bad")

    events = schedule.solve_all(Scripted(script), items(), SolveOptions(effort="fast", slots=2))
    for _ in range(10):
        next(events)
    assert read <= 10 + 2 * schedule.WINDOW


def test_what_the_kind_sees_to_be_unsolvable_is_not_run(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(Sudoku, "unsolvable", lambda self, puzzle: "" if puzzle.question[0, 0] else "no way")
    model = Scripted(script)
    first, second = schedule.solve_all(model, [sudoku(SLOW), sudoku()], SolveOptions(effort="fast"))
    assert isinstance(first, Solution)
    assert (first.verdict, first.answer, first.reason, first.steps) == ("unsolvable", None, "no way", 0)
    assert isinstance(second, Solution)
    assert second.verdict == "solved"
    assert all(len(batch) == 1 for batch in model.seen)


def test_watched_steps_come_as_they_happen_and_make_the_trace() -> None:
    events = list(
        schedule.solve_all(Scripted(script), [sudoku(SLOW), sudoku()], SolveOptions(effort="fast", slots=2), watch=True)
    )
    steps = [(e.puzzle, e.step) for e in events if isinstance(e, Step)]
    assert steps == [(0, 1), (1, 1), *((0, n) for n in range(2, 10))]
    solutions = [e for e in events if isinstance(e, Solution)]
    assert [len(s.trace) for s in solutions] == [9, 1]


def test_an_unsolved_puzzle_keeps_its_best_attempt() -> None:
    """Of several attempts, the end of the one with the fewest defects."""
    nearly = grid(ANSWER)
    nearly[8, 7] = 0

    def strategy(puzzle: Puzzle, index: int) -> Iterator[Sequence[Attempt]]:
        pinned = puzzle.question.copy()
        pinned[0, 2] = 4
        yield [Attempt(puzzle, index), Attempt(puzzle, index, question=pinned), Attempt(puzzle, index)]

    def nearer(question: np.ndarray, step: int) -> tuple[np.ndarray, float]:
        return (says(nearly) if question[2] == 4 else BLANK), 0.0

    options = SolveOptions(effort="fast", max_steps=2)
    [found] = schedule.solve_all(Scripted(nearer), [sudoku(QUESTION[:79] + "..")], options, strategy=strategy)
    assert isinstance(found, Solution)
    assert found.best_attempt is not None
    assert found.best_attempt[8].tolist() == [3, 4, 5, 2, 8, 6, 1, 0, 9]
    assert (found.answer, found.attempts, found.steps, found.reason) == (
        None,
        3,
        6,
        "not solved in 6 steps of 3 attempts",
    )
