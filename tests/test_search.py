"""The search on scripted models: what escalates, what is pinned and undone, and that nothing unverified gets out."""
# ruff: noqa: ARG001, ARG005 - a script takes the question and the step, though most need only one

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import ANSWER, QUESTION, Scripted, grid, says, sudoku, swapped

from trm_solve import schedule, search
from trm_solve.config import SolveOptions
from trm_solve.errors import InputError
from trm_solve.kinds.sudoku.kind import Sudoku
from trm_solve.puzzle import Puzzle, Symmetry
from trm_solve.solver import Attempt
from trm_solve.trace import Solution


def solve(model: Scripted, puzzles: Sequence[Puzzle], **options: Any) -> list[Solution]:
    found = list(schedule.solve_all(model, puzzles, SolveOptions.from_dict({"max_steps": 2, **options})))
    assert all(isinstance(each, Solution) for each in found)
    return found  # type: ignore[return-value]


def identity() -> Symmetry:
    return Symmetry(np.arange(81), np.arange(10, dtype=np.uint8), (9, 9), "as it is")


@pytest.fixture
def unturned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts that know one puzzle only are shown it as it is."""
    monkeypatch.setattr(Sudoku, "symmetry", lambda self, puzzle, rng: identity())


def obeys_the_rules(question: np.ndarray, answer: np.ndarray) -> bool:
    """Written apart from the code under test."""
    units = [answer[r, :] for r in range(9)] + [answer[:, c] for c in range(9)]
    units += [answer[r : r + 3, c : c + 3].ravel() for r in (0, 3, 6) for c in (0, 3, 6)]
    kept = all(answer[r, c] == question[r, c] for r in range(9) for c in range(9) if question[r, c])
    return kept and all(sorted(unit.tolist()) == list(range(1, 10)) for unit in units)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    near=st.integers(0, 81),
    blanks=st.integers(0, 81),
    halt=st.sampled_from(["rules", "q", "never"]),
    effort=st.sampled_from(["fast", "normal", "max"]),
)
def test_nothing_that_the_rules_reject_leaves_as_solved(
    seed: int, near: int, blanks: int, halt: str, effort: str
) -> None:
    """Whatever the logits: pure noise, or the answer of this or another puzzle with some cells spoiled."""
    rng = np.random.default_rng(seed)
    question = grid(ANSWER)
    question.ravel()[rng.permutation(81)[:blanks]] = 0

    def script(seen: np.ndarray, step: int) -> tuple[np.ndarray, float]:
        logits = rng.normal(scale=3, size=(81, 10)).astype(np.float32)
        told = rng.permutation(81)[:near]
        logits[told, grid(ANSWER if rng.random() < 0.5 else swapped(1, 2, ANSWER)).ravel()[told]] += 9
        return logits, float(rng.normal())

    puzzle = Puzzle("sudoku", question, None, "x:1")
    [found] = solve(Scripted(script), [puzzle], halt=halt, effort=effort, attempts=12)
    if found.verdict == "solved":
        assert found.answer is not None
        assert obeys_the_rules(question, found.answer)
    else:
        assert found.verdict == "unsolved"
        assert found.answer is None


def test_normal_effort_spends_one_attempt_where_that_does() -> None:
    model = Scripted(lambda question, step: (says(ANSWER), 1.0))
    [found] = solve(model, [sudoku()], effort="normal")
    assert (found.attempts, found.steps, found.facts["found_by"]) == (1, 1, "single pass")


def test_a_slip_is_repaired_by_a_symmetric_copy_and_the_result_says_so() -> None:
    def script(question: np.ndarray, step: int) -> tuple[np.ndarray, float]:
        if (question == grid(QUESTION).ravel()).all():
            return says("0" * 81), -1.0
        return says(answer_to(question)), 1.0

    [found] = solve(Scripted(script), [sudoku()], effort="fast", attempts=8)
    assert found.verdict == "solved"
    assert found.facts["found_by"] == "symmetry"
    assert found.facts["found_attempt"] == 2
    assert found.facts["symmetry"] == "digits and cells permuted"


def answer_to(question: np.ndarray) -> np.ndarray:
    """The answer of whatever symmetric copy this is, by the symmetry that was drawn for it."""
    for number in range(1, 200):
        attempt = search._copy(sudoku(), 0, Sudoku(), 0, number)
        assert attempt.symmetry is not None
        if (attempt.symmetry.apply(grid(QUESTION)).ravel() == question).all():
            return attempt.symmetry.apply(grid(ANSWER))
    raise AssertionError("not a copy")


def needs_pins(right: int) -> Any:
    """A model that is torn between two values everywhere and answers once so many blanks are filled in rightly."""
    base = grid(QUESTION).ravel()
    truth, other = grid(ANSWER).ravel(), grid(swapped(1, 2, swapped(3, 4, ANSWER))).ravel()

    def script(question: np.ndarray, step: int) -> tuple[np.ndarray, float]:
        pins = (base == 0) & (question > 0)
        if pins.sum() >= right and (question[pins] == truth[pins]).all():
            return says(ANSWER), 1.0
        return (says(truth.reshape(9, 9), 2.0) + says(other.reshape(9, 9), 2.1)).astype(np.float32), -1.0

    return script


def test_missing_skill_is_made_up_for_by_pins_and_wrong_pins_are_undone(unturned: None) -> None:
    model = Scripted(needs_pins(3))
    [found] = solve(model, [sudoku()], effort="max")
    assert found.verdict == "solved"
    assert found.answer is not None
    assert (found.answer == grid(ANSWER)).all()
    assert found.facts["found_by"] == "pins"
    assert found.facts["pins"] - found.facts["undone"] == 3
    assert found.facts["undone"] > 0


def test_pins_are_what_the_model_holds_possible_and_never_what_clashes(unturned: None) -> None:
    model = Scripted(needs_pins(99))
    [found] = solve(model, [sudoku()], effort="max", attempts=60)
    assert found.verdict == "unsolved"
    assert found.attempts == 60
    assert f"{found.facts['pins']} pins tried and undone" in found.reason
    assert found.facts["undone"] == found.facts["pins"] > 0
    kind, base = Sudoku(), grid(QUESTION)
    for questions in model.seen:
        for text in questions:
            question = grid(text)
            if (question[base > 0] == base[base > 0]).all() and (question != base).any():
                assert not kind.check(Puzzle("sudoku", base), question).conflicts.any()


def test_the_likeliest_pins_come_first() -> None:
    base, held = grid(QUESTION), np.zeros((9, 9, 11), np.float32)
    np.put_along_axis(held, grid(ANSWER)[..., None], 1, -1)  # all other cells are settled
    held[0, 2] = 0
    held[0, 2, [1, 2, 4]] = 0.3, 0.08, 0.62  # narrowed down, not settled
    tree = search._Tree(Sudoku())
    tree.branch(Attempt(sudoku(), 0, question=base, beliefs=held), 0.0)
    nodes = tree.likeliest(9)
    assert [node.question[0, 2] for node in nodes] == [4, 2]  # 1 leaves a unit without a place for some digit
    assert [round(float(np.exp(-node.cost / search.TRUST)), 2) for node in nodes] == [0.62, 0.08]
    assert tree.tried == 3


@pytest.mark.parametrize("effort", ["normal", "max"])
def test_a_result_depends_neither_on_slots_nor_on_neighbours(effort: str) -> None:
    bound = {"effort": effort, "attempts": 40, "max_steps": 1}
    script = needs_pins(2)

    def told(found: Solution) -> Any:
        return (found.verdict, found.steps, found.attempts, dict(found.facts), found.halt_probability)

    alone = told(solve(Scripted(script), [sudoku()], slots=1, **bound)[0])
    others = [sudoku(swapped(5, 6, QUESTION)), sudoku(), sudoku(swapped(1, 9, QUESTION))]
    for slots in (2, 5, 64):
        found = solve(Scripted(script), others, slots=slots, **bound)
        assert told(found[1]) == alone


def test_the_seed_decides_the_copies() -> None:
    def views(seed: int) -> list[list[str]]:
        model = Scripted(lambda question, step: (says("0" * 81), -1.0))
        solve(model, [sudoku()], effort="fast", attempts=4, seed=seed, max_steps=1)
        return model.seen

    assert views(1) == views(1) != views(2)


def test_the_first_verified_answer_stops_its_siblings() -> None:
    """The second of a wave solves at its first step; the first goes on, those after it stop."""
    question = grid(QUESTION)
    pinned = question.copy()
    pinned[0, 2] = 4

    def strategy(puzzle: Puzzle, index: int) -> Iterator[Sequence[Attempt]]:
        yield [Attempt(puzzle, index, question=pinned if i == 1 else None, facts={"which": i}) for i in range(4)]
        raise AssertionError("no second wave is asked for")

    def script(seen: np.ndarray, step: int) -> tuple[np.ndarray, float]:
        return (says(ANSWER) if seen[2] == 4 else says("0" * 81)), -1.0

    for slots in (1, 2, 4):
        model = Scripted(script)
        options = SolveOptions(max_steps=3, slots=slots)
        [found] = schedule.solve_all(model, [sudoku()], options, strategy=strategy)
        assert isinstance(found, Solution)
        assert found.facts["which"] == 1
        assert (found.facts["found_attempt"], found.facts["found_step"]) == (2, 1)
        assert found.attempts == 4
        assert found.steps == 3 + 1 + 1 + 1  # the last two as if they had run beside the winner
        assert sum(map(len, model.seen)) <= 3 + 1 + 1 + 1


def test_attempts_bound_the_search() -> None:
    for attempts in (1, 3, 9):
        model = Scripted(lambda question, step: (says("0" * 81), -1.0))
        [found] = solve(model, [sudoku()], effort="max", attempts=attempts)
        assert found.attempts == attempts


def test_kinds_without_rules_vote(unturned: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sudoku, "has_rules", False)
    monkeypatch.setattr(Sudoku, "open_symbols", lambda self, question: None)
    answers = iter([ANSWER, swapped(1, 2, ANSWER), swapped(1, 2, ANSWER), ANSWER, swapped(1, 2, ANSWER)])
    model = Scripted(lambda question, step: (says("0" * 81), 0.0))
    model._play = lambda y: [(says(next(answers)), 0.5) for _ in y]  # type: ignore[method-assign]
    model.read_halt = lambda y: (y[:, 0, 0] * 0, y[:, 0, 0] * 0)  # type: ignore[method-assign]
    [found] = solve(model, [sudoku("." * 81)], attempts=5, max_steps=1, slots=1)
    assert found.verdict == "predicted"
    assert found.answer is not None
    assert (found.answer == grid(swapped(1, 2, ANSWER))).all()


def test_clashing_and_filled_questions_open_no_symbols() -> None:
    kind = Sudoku()
    clash = grid("55" + "." * 79)
    assert kind.open_symbols(clash) is not None
    assert not kind.open_symbols(clash).any()  # type: ignore[union-attr]
    dead = grid("12345678." + "." * 8 + "9" + "." * 63)  # r1c9 has no digit left
    assert not kind.open_symbols(dead).any()  # type: ignore[union-attr]
    opened = kind.open_symbols(grid(QUESTION))
    assert opened is not None
    free = grid(QUESTION) == 0
    assert opened[free, grid(ANSWER)[free]].all()
    assert not opened[~free].any()


def test_a_negative_number_of_attempts_is_refused() -> None:
    with pytest.raises(InputError, match="a number of attempts cannot be -1"):
        SolveOptions(attempts=-1)
