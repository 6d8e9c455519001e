"""`refine`: halting, slots, pins, symmetries, noise and beliefs; a batch of real weights against one at a time."""
# ruff: noqa: ARG001, ARG005 - a script takes the question and the step, though most need only one

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from made import rows
from numeric import close
from scripted import ANSWER, QUESTION, Scripted, grid, says, sudoku, swapped
from torch.utils._python_dispatch import TorchDispatchMode

from trm_solve import pretrained, solver
from trm_solve.config import SolveOptions
from trm_solve.errors import ModelError
from trm_solve.kinds.sudoku.kind import Sudoku
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_lines
from trm_solve.solver import Attempt, refine
from trm_solve.trace import Step

BLANK = says("0" * 81)


@pytest.fixture(scope="module")
def trained() -> TRM:
    model = pretrained.load("sudoku")
    model.config = replace(model.config, H_cycles=4)  # its own steps are long
    return model


def puzzles(count: int) -> list[Puzzle]:
    found = list(read_lines(["question,answer\n", *(row.split(",", 1)[1] for row in rows(count))], "x"))
    return [p for p in found if isinstance(p, Puzzle)]


def steps_of(model: TRM, attempts: list[Attempt], **options: object) -> dict[int, list[Step]]:
    found: dict[int, list[Step]] = {}
    for step in refine(model, iter(attempts), SolveOptions.from_dict(options)):
        found.setdefault(step.puzzle, []).append(step)
    return found


@pytest.mark.numeric
@pytest.mark.parametrize("halt", ["rules", "q", "never"])
def test_a_batch_gives_the_answers_of_one_at_a_time(trained: TRM, halt: str) -> None:
    attempts = puzzles(7)
    together = steps_of(trained, [Attempt(p, i) for i, p in enumerate(attempts)], halt=halt, slots=3, max_steps=4)
    for i, puzzle in enumerate(attempts):
        alone = steps_of(trained, [Attempt(puzzle, i)], halt=halt, slots=1, max_steps=4)[i]
        assert [s.answer.tolist() for s in together[i]] == [s.answer.tolist() for s in alone]
        close(together[i][-1].confidence, alone[-1].confidence, atol=1e-4)


def test_halting_by_rules_stops_at_the_verified_answer_and_frees_the_slot() -> None:
    model = Scripted(lambda question, step: (says(ANSWER) if step == 2 else BLANK, -5.0))
    found = steps_of(model, [Attempt(sudoku(), i) for i in range(3)], slots=1, max_steps=5)
    assert [len(steps) for steps in found.values()] == [2, 2, 2]
    assert all(steps[-1].solved and steps[-1].halted for steps in found.values())
    assert len(model.seen) == 6


def test_the_rules_look_at_the_answer_after_every_round_of_a_step() -> None:
    model = Scripted(lambda question, round: (says(ANSWER) if round == 6 else BLANK, -5.0))
    model.config = replace(model.config, H_cycles=4)
    (steps,) = steps_of(model, [Attempt(sudoku(), 0)], max_steps=5).values()
    told = [(step.label, step.solved, step.halted) for step in steps]
    assert told == [*((label, False, False) for label in ("1.1", "1.2", "1.3", "1")), ("2.2", True, True)]
    assert len(model.seen) == 6


def test_a_question_that_was_answered_in_the_middle_of_a_step_leaves_the_others_to_end_it() -> None:
    model = Scripted(lambda question, round: (says(ANSWER) if question[0] and round == 1 else BLANK, -5.0))
    model.config = replace(model.config, H_cycles=2)
    found = steps_of(model, [Attempt(sudoku(), 0), Attempt(sudoku("0" + QUESTION[1:]), 1)], max_steps=2)
    assert [(step.label, step.solved, step.halted) for step in found[0]] == [("1.1", True, True)]
    told = [(step.label, step.solved, step.halted) for step in found[1]]
    assert told == [("1.1", False, False), ("1", False, False), ("2", False, True)]
    assert [len(seen) for seen in model.seen] == [2, 1, 1, 1]


def test_an_attempt_of_few_rounds_ends_within_a_step_and_its_slot_is_free_at_once() -> None:
    model = Scripted(lambda question, round: (BLANK, -5.0))
    model.config = replace(model.config, H_cycles=4)
    attempts = [Attempt(sudoku(), 0, max_rounds=6), *(Attempt(sudoku(), n, max_rounds=1) for n in range(1, 6))]
    found = steps_of(model, attempts, slots=2)
    assert [[step.label for step in steps] for steps in found.values()] == [
        ["1.1", "1.2", "1.3", "1", "2.2"],
        *[["1.1"]] * 5,
    ]
    assert [len(seen) for seen in model.seen] == [2, 2, 2, 2, 2, 1]


def test_where_nobody_looks_between_rounds_an_attempt_of_few_ends_with_its_step() -> None:
    model = Scripted(lambda question, step: (BLANK, -5.0))
    model.config = replace(model.config, H_cycles=4)
    (steps,) = steps_of(model, [Attempt(sudoku(), 0, max_rounds=6)], halt="never").values()
    assert [(step.label, step.halted) for step in steps] == [("1", False), ("2", True)]


@pytest.mark.parametrize("halt", ["q", "never"])
def test_where_the_rules_end_nothing_a_step_is_taken_whole(halt: str) -> None:
    model = Scripted(lambda question, step: (says(ANSWER), -5.0))
    model.config = replace(model.config, H_cycles=4)
    (steps,) = steps_of(model, [Attempt(sudoku(), 0)], halt=halt, max_steps=3).values()
    assert [step.step for step in steps] == [1, 2, 3]
    assert len(model.seen) == 3


def test_halting_by_q_trusts_the_model_and_never_runs_all_steps() -> None:
    def script(question: np.ndarray, step: int) -> tuple[np.ndarray, float]:
        return (says(ANSWER) if step == 1 else BLANK), (1.0 if step == 3 else -1.0)

    for halt, steps in (("rules", 1), ("q", 3), ("never", 5)):
        found = steps_of(Scripted(script), [Attempt(sudoku(), 0)], halt=halt, max_steps=5)[0]
        assert len(found) == steps, halt
        assert found[-1].halted
        assert not any(step.halted for step in found[:-1])


def test_steps_that_nobody_looks_at_are_not_read() -> None:
    model = Scripted(lambda question, step: (says(ANSWER), -1.0))
    reads = []

    def read_answer(y: torch.Tensor) -> torch.Tensor:
        reads.append(len(y))
        return Scripted.read_answer(model, y)

    model.read_answer = read_answer  # type: ignore[method-assign]
    found = list(refine(model, iter([Attempt(sudoku(), 0)]), SolveOptions(halt="never", max_steps=6), watch=False))
    assert [step.step for step in found] == [6]
    assert reads == [1]


def test_the_source_is_drawn_from_only_when_a_slot_is_free() -> None:
    drawn = []

    def source() -> Iterator[Attempt]:
        for i in range(100):
            drawn.append(i)
            yield Attempt(sudoku(), i)

    model = Scripted(lambda question, step: (BLANK, -1.0))
    steps = refine(model, source(), SolveOptions(max_steps=3, slots=4))
    for _ in range(4 * 3):
        next(steps)
    assert len(drawn) == 4


def test_a_cancelled_attempt_gives_up_its_slot() -> None:
    attempts = [Attempt(sudoku(), i) for i in range(3)]
    model = Scripted(lambda question, step: (BLANK, -1.0))
    seen = []
    for step in refine(model, iter(attempts), SolveOptions(max_steps=3, slots=2)):
        seen.append((step.puzzle, step.step))
        if seen[-1] == (1, 1):
            attempts[1].cancelled = True
    assert seen == [(0, 1), (1, 1), (0, 2), (2, 1), (0, 3), (2, 2), (2, 3)]


def test_pins_are_part_of_the_question_and_kept_in_the_answer() -> None:
    pinned = grid(QUESTION)
    pinned[0, 2] = 4
    model = Scripted(lambda question, step: (BLANK, -1.0))
    step = steps_of(model, [Attempt(sudoku(), 0, question=pinned)], max_steps=1)[0][0]
    assert model.seen[0][0][2] == "4"
    assert step.answer[0, 2] == 4
    assert not step.solved


def test_the_model_sees_the_symmetry_and_the_person_does_not() -> None:
    symmetry = Sudoku().symmetry(sudoku(), np.random.default_rng(3))
    view = symmetry.apply(grid(ANSWER))
    model = Scripted(lambda question, step: (says(view), -1.0))
    step = steps_of(model, [Attempt(sudoku(), 0, symmetry=symmetry)], max_steps=1)[0][0]
    assert model.seen[0][0] == "".join(map(str, symmetry.apply(grid(QUESTION)).ravel()))
    assert step.solved
    assert (step.answer == grid(ANSWER)).all()


@pytest.mark.numeric
def test_beliefs_are_in_the_original_orientation() -> None:
    rng = np.random.default_rng(0)
    said = rng.normal(size=(81, 10)).astype(np.float32)
    symmetry = Sudoku().symmetry(sudoku(), rng)
    moved = np.zeros_like(said)
    for cell, origin in enumerate(symmetry.cells):
        moved[cell, symmetry.symbols] = said[origin]
    plain = Attempt(sudoku(), 0, wants_beliefs=True)
    turned = Attempt(sudoku(), 0, wants_beliefs=True, symmetry=symmetry)
    steps_of(Scripted(lambda question, step: (said, -1.0)), [plain], max_steps=1)
    steps_of(Scripted(lambda question, step: (moved, -1.0)), [turned], max_steps=1)
    free = grid(QUESTION) == 0
    expected = torch.from_numpy(said).softmax(-1).numpy().reshape(9, 9, 10)
    for attempt in (plain, turned):
        assert attempt.beliefs is not None
        close(attempt.beliefs[free][:, :10], expected[free], atol=1e-6)


def test_an_attempt_that_others_go_on_from_ends_once_its_answer_stands_still() -> None:
    wrong, other = swapped(1, 2, ANSWER), swapped(3, 4, ANSWER)
    said = [wrong, wrong, other, other, other, other, ANSWER]
    model = Scripted(lambda question, step: (says(said[min(step, len(said)) - 1]), -1.0))
    first, alone = Attempt(sudoku(), 0, wants_beliefs=True), Attempt(sudoku(), 0)
    steps = steps_of(model, [first], max_steps=16)[0]
    assert [step.halted for step in steps] == [False] * 4 + [True]  # the third `other` is the second without a change
    assert first.beliefs is not None
    steps = steps_of(model, [alone], max_steps=16)[0]  # nothing follows: it takes all the steps that it may
    assert len(steps) == 7
    assert steps[-1].solved


def test_noise_is_a_function_of_its_seed(trained: TRM) -> None:
    def last(**how: object) -> np.ndarray:
        return steps_of(trained, [Attempt(sudoku(), 0, **how)], max_steps=2, halt="never")[0][-1].confidence  # type: ignore[arg-type]

    assert (last(noise=0.3, noise_seed=1) == last(noise=0.3, noise_seed=1)).all()
    assert (last(noise=0.3, noise_seed=1) != last(noise=0.3, noise_seed=2)).any()
    assert (last(noise=0.3) != last()).any()


def test_a_puzzle_of_another_kind_is_refused() -> None:
    model = Scripted(lambda question, step: (BLANK, -1.0))
    maze = Puzzle("maze", np.zeros((3, 3), np.uint8), source="m.txt:1")
    with pytest.raises(ModelError, match=r"m\.txt:1: a maze puzzle, the model is for sudoku"):
        list(refine(model, iter([Attempt(maze, 0)]), SolveOptions()))


def test_a_screen_never_hides_an_answer_that_the_rules_accept() -> None:
    kind, rng = Sudoku(), np.random.default_rng(0)
    puzzle, truth = sudoku(), grid(ANSWER).ravel()
    outputs = np.stack([truth + 1] * 60).astype(np.uint8)
    for row in outputs[1:]:
        row[rng.integers(0, 81, rng.integers(1, 6))] = rng.integers(0, 11)
    sure = np.ones(81, np.float32)
    judged = [kind.check(puzzle, kind.decode(puzzle, row, sure).answer).solved for row in outputs]
    questions = np.stack([kind.encode(puzzle)] * 60)
    assert kind.screen(questions, outputs).tolist() == judged
    assert 1 < sum(judged) < 60  # a given that was changed is put right


@pytest.mark.numeric
def test_what_is_not_watched_ends_the_same(trained: TRM) -> None:
    attempts = [Attempt(p, i) for i, p in enumerate(puzzles(4))]
    options = SolveOptions(max_steps=4)
    watched = [s for s in refine(trained, iter(attempts), options) if s.halted]
    unwatched = list(refine(trained, iter(attempts), options, watch=False))
    assert [(s.puzzle, s.step, s.solved, s.answer.tolist()) for s in watched] == [
        (s.puzzle, s.step, s.solved, s.answer.tolist()) for s in unwatched
    ]


class NoWaiting(TorchDispatchMode):
    """A device on which whatever has to know a value, or how many there are, is refused: a GPU would be waited for."""

    WAIT = (
        *("item", "_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal"),
        *("_unique2", "repeat_interleave"),
    )

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        name = func.__name__.split(".")[0]
        masks = args[1] if name.startswith("index") and isinstance(args[1], list | tuple) else ()
        if name in self.WAIT or any(mask is not None and mask.dtype == torch.bool for mask in masks):
            raise AssertionError(f"{func} waits for the device")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("halt", "reads"), [("rules", 1), ("q", 2), ("never", 1)])
@pytest.mark.parametrize("watch", [True, False])
def test_a_step_without_noise_waits_for_the_device_only_to_read_its_answer(
    trained: TRM, monkeypatch: pytest.MonkeyPatch, halt: str, reads: int, watch: bool
) -> None:
    steps, reading, allowed = 0, 0, False
    advance, to_host = solver._advance, solver.to_host

    def counted(*arguments: object) -> object:
        nonlocal steps
        steps += 1
        return advance(*arguments)  # type: ignore[arg-type]

    def read(*tensors: torch.Tensor) -> object:
        nonlocal reading, allowed
        reading, allowed = reading + 1, True
        try:
            return to_host(*tensors)
        finally:
            allowed = False

    def only_in_to_host(name: str) -> Callable[..., object]:
        method = getattr(torch.Tensor, name)

        def fetch(self: torch.Tensor) -> object:
            assert allowed, f"{name} waits for the device"
            return method(self)

        return fetch

    monkeypatch.setattr(solver, "_advance", counted)
    monkeypatch.setattr(solver, "to_host", read)
    for name in ("cpu", "numpy", "tolist"):  # on a CPU they are nothing that could be dispatched
        monkeypatch.setattr(torch.Tensor, name, only_in_to_host(name))
    attempts = iter([Attempt(puzzle, i) for i, puzzle in enumerate(puzzles(5))])
    options = SolveOptions.from_dict({"halt": halt, "slots": 2, "max_steps": 3})
    with NoWaiting():
        assert {step.puzzle for step in refine(trained, attempts, options, watch)} == set(range(5))
    assert steps >= 3
    assert reading <= reads * steps
