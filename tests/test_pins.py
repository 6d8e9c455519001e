"""Training with pins between the steps, and search that goes on from where a model stood."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made import ANSWER, QUESTION
from scripted import sudoku
from test_symbols import model
from test_train import run

from trm_solve import pretrained, search, solver
from trm_solve.config import Effort, ModelConfig, SolveOptions, TrainOptions
from trm_solve.errors import InputError
from trm_solve.training.losses import IGNORE
from trm_solve.training.pins import DRAWS, LOST_STEPS, draw_pins, pin
from trm_solve.training.supervise import Carry, Outcome, Supervision

BLANK = 1
LABELS = torch.tensor([[int(c) + 1 for c in ANSWER]])
TOKENS = torch.tensor([[BLANK if c == "." else int(c) + 1 for c in QUESTION]])
CONFIG = dataclasses.replace(model().config, judges_pins=True)


def carry(slots: int) -> Carry:
    y = torch.zeros(slots, 81, CONFIG.hidden_size)
    tokens, labels = TOKENS.repeat(slots, 1), LABELS.repeat(slots, 1)
    none = torch.zeros(slots, dtype=torch.long)
    return Carry(y, y.clone(), tokens, labels, none, none + 2, torch.zeros(slots, dtype=torch.bool))


def outcome(beliefs: torch.Tensor) -> Outcome:
    nothing = torch.zeros(len(beliefs))
    return Outcome(nothing.sum(), *[nothing] * 8, logits=beliefs.log())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), prob=st.sampled_from([0.0, 0.5, 1.0]), own=st.sampled_from([0.0, 0.5, 1.0]))
def test_a_pin_fills_one_blank_and_a_wrong_one_takes_the_answer_away(seed: int, prob: float, own: float) -> None:
    slots = 6
    before = carry(slots)
    before.halted[0] = True  # takes another puzzle next
    before.labels[1] = IGNORE  # lost already
    beliefs = torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(11), (slots, 81)).astype(np.float32))
    options = TrainOptions(pin_prob=prob, own_pin_prob=own)
    draws = torch.from_numpy(draw_pins(seed, 0, slots, 81))
    after = pin(CONFIG, options, before, outcome(beliefs), BLANK, draws)
    changed = after.tokens != before.tokens
    assert changed.sum(-1).tolist() == [int(i > 0 and draws[i, -DRAWS] < prob) for i in range(slots)]
    assert (before.tokens[changed] == BLANK).all()
    assert (after.tokens[changed] > BLANK).all()
    for i in range(2, slots):
        wrong = bool((after.tokens[i] != LABELS[0])[changed[i]].any())
        assert (after.labels[i] == IGNORE).all() == wrong
        assert after.steps[i] == (max(2, CONFIG.halt_max_steps - LOST_STEPS) if wrong else 2)
        assert not (wrong and own == 0)
    assert after.steps[:2].tolist() == [2, 2]


def test_what_the_model_holds_likely_is_what_it_pins() -> None:
    beliefs = torch.zeros(1, 81, 11)
    beliefs[..., 2] = 1.0  # settled: nothing to pin
    open_cell = int((TOKENS[0] == BLANK).nonzero()[3])
    beliefs[0, open_cell] = torch.tensor([0, 0, 0, 0, 0.75, 0.25, 0, 0, 0, 0, 0.0])
    found = []
    for seed in range(200):
        draws = torch.from_numpy(draw_pins(seed, 0, 1, 81))
        options = TrainOptions(pin_prob=1.0, own_pin_prob=1.0)
        after = pin(CONFIG, options, carry(1), outcome(beliefs), BLANK, draws)
        assert ((after.tokens != TOKENS)[0].nonzero() == open_cell).all()
        found.append(int(after.tokens[0, open_cell]))
    assert set(found) == {4, 5}
    assert 0.65 < found.count(4) / len(found) < 0.85


def test_a_question_without_an_answer_is_learned_by_the_judge_alone() -> None:
    made = model(judges_pins=True)
    state = carry(2)
    state.labels[1] = IGNORE
    weight = 0.25
    found = Supervision(made, TrainOptions(loss="softmax", pin_loss_weight=weight))(state, None)
    assert found.token_loss[1] == 0
    assert not found.exact[1]
    judged = torch.nn.functional.softplus(-found.q_continue[0]) + torch.nn.functional.softplus(found.q_continue[1])
    without = dataclasses.replace(made.config, judges_pins=False)
    made.config = without
    plain = Supervision(made, TrainOptions(loss="softmax"))(dataclasses.replace(state, labels=carry(2).labels), None)
    expected = plain.token_loss[0] + 0.05 * (found.halt_loss.sum()) + weight * judged
    torch.testing.assert_close(found.loss.detach(), expected.detach())


def test_a_model_that_was_trained_with_pins_judges_them(tmp_path: Path) -> None:
    for name, own in (("own", 0.5), ("given", 0.0)):
        run(tmp_path, name, max_steps=1, pin_prob=0.5, own_pin_prob=own)
        assert pretrained.load(str(tmp_path / name / "last")).config.judges_pins == (own > 0)
    run(tmp_path, "on", max_steps=1, init=str(tmp_path / "own" / "last"))
    assert pretrained.load(str(tmp_path / "on" / "last")).config.judges_pins


def test_mazes_have_nothing_to_pin_and_a_judge_needs_its_head(tmp_path: Path) -> None:
    mazes = str(Path(__file__).parent.parent / "examples" / "maze" / "twelve.csv")
    with pytest.raises(InputError, match="field 'pin_prob': maze has no blanks to fill in"):
        run(tmp_path, data=(mazes,), pin_prob=0.5)
    with pytest.raises(InputError, match="'judges_pins' needs 'no_ACT_continue'"):
        ModelConfig.from_dict(CONFIG.to_dict() | {"no_ACT_continue": False})


def test_to_go_on_is_to_think_longer() -> None:
    """Two steps and two more from where they ended are four steps."""
    made = model(judges_pins=True).requires_grad_(False)
    options = SolveOptions(halt="rules", compile="off")

    def last(attempt: solver.Attempt) -> np.ndarray:
        return list(solver.refine(made, [attempt], options))[-1].confidence

    puzzle = sudoku(QUESTION)
    half = solver.Attempt(puzzle, 0, max_steps=2, wants_beliefs=True)
    last(half)
    assert half.state is not None
    assert half.hope is not None
    assert 0 < half.hope < 1
    on = last(solver.Attempt(puzzle, 0, max_steps=2, state=half.state))
    np.testing.assert_array_equal(on, last(solver.Attempt(puzzle, 0, max_steps=4)))


def test_the_judge_decides_where_search_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    puzzle = sudoku(QUESTION)
    waves = search.strategy_for(SolveOptions(effort="normal"), judged=True)(puzzle, 0)
    [first] = next(waves)
    beliefs = np.full((9, 9, 11), 0.1, np.float32)
    first.beliefs, first.hope = beliefs, 0.9
    first.state = (torch.zeros(81, 4), torch.zeros(81, 4))
    wave = next(waves)
    assert all(attempt.state is first.state and attempt.max_rounds == search.ON_ROUNDS for attempt in wave)
    for number, attempt in enumerate(wave):
        attempt.beliefs, attempt.hope = beliefs, 0.9 if number == 1 else 0.001
        attempt.state = (torch.full((81, 4), float(number)),) * 2
    on = next(waves)
    below = [attempt.pins[:1] == wave[1].pins for attempt in on]
    assert below[0]
    assert below == sorted(below, reverse=True)
    monkeypatch.setattr(search, "STATES", 1)
    for attempt in on:
        attempt.beliefs, attempt.hope, attempt.state = beliefs, 0.5, first.state
    afresh = next(waves)
    assert sum(attempt.state is not None for attempt in afresh) == 1
    assert all(attempt.symmetry for attempt in afresh if attempt.state is None)


def test_a_search_that_is_misled_begins_anew_with_other_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PATIENCE", 4)

    def beginnings(hope: float | None, seed: int) -> list[tuple[int, int]]:
        """Where in the puzzle the pins of the attempts after the first began, and that pins add up."""
        options = SolveOptions(effort="normal", seed=seed)
        waves = search.strategy_for(options, judged=hope is not None)(sudoku("." * 81, None), 0)
        began, random, tried = list[tuple[int, int]](), np.random.default_rng(1), 0
        while len(began) < 40:
            for attempt in next(waves):
                held = random.dirichlet(np.full(9, 0.2), (9, 9)).astype(np.float32)
                attempt.beliefs = np.pad(held, ((0, 0), (0, 0), (2, 0)))
                attempt.hope, attempt.state = hope, (torch.zeros(81, 4),) * 2
                began += [(pin.row, pin.column) for pin in attempt.pins[:1]]
                if attempt.pins:
                    assert attempt.facts["pins"] - attempt.facts["undone"] == len(attempt.pins)
                    assert attempt.facts["pins"] >= tried
                    tried = attempt.facts["pins"]
        return began

    cells = beginnings(0.5, seed=1)
    assert len(set(cells[:4])) == len(set(cells[4:10])) == 1  # the second tree is half as large again
    assert len(set(cells)) > 1
    assert beginnings(0.5, seed=1) == cells != beginnings(0.5, seed=2)
    assert len(set(beginnings(None, seed=1))) == 1  # without a judge it goes on as it was


@pytest.mark.parametrize(
    ("judged", "effort", "first"), [(True, "normal", search.FIRST_ROUNDS), (True, "fast", None), (False, "max", None)]
)
def test_a_model_that_judges_pins_has_a_short_first_attempt(judged: bool, effort: Effort, first: int | None) -> None:
    [attempt] = next(search.strategy_for(SolveOptions(effort=effort), judged=judged)(sudoku(QUESTION), 0))
    assert attempt.max_rounds == first


@pytest.mark.parametrize(("asked", "hope", "most"), [(0, None, 16), (0, 0.5, 128), (7, 0.5, 7)])
def test_attempts_that_go_on_are_shorter_and_so_there_are_more(
    monkeypatch: pytest.MonkeyPatch, asked: int, hope: float | None, most: int
) -> None:
    monkeypatch.setitem(search.ATTEMPTS, "normal", 16)
    options = SolveOptions(effort="normal", attempts=asked)
    waves = search.strategy_for(options, judged=hope is not None)(sudoku("." * 81, None), 0)
    made = 0
    for wave in waves:
        for attempt in wave:
            attempt.beliefs, attempt.hope = np.full((9, 9, 11), 0.1, np.float32), hope
        made += len(wave)
    assert made == most
