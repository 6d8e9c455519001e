"""Fitting networks with a state for each colour to a task: which ones, their copies, colours that are alike."""

from __future__ import annotations

import dataclasses
import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from unseen import FRESH, QUICK, clock, colourful, narrow, puzzles, solutions, tiny

from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.fuse import fused
from trm_solve.kinds.arc.kind import Arc
from trm_solve.model import TRM
from trm_solve.puzzle import key_of
from trm_solve.tasks import adapt as adapting
from trm_solve.tasks.adapt import adapt
from trm_solve.tasks.answer import answer
from trm_solve.tasks.progress import Progress
from trm_solve.trace import Candidate
from trm_solve.training import setup
from trm_solve.training.losses import IGNORE
from trm_solve.training.supervise import Batch

__all__ = ["clock", "narrow"]  # fixtures of all tests here

A, B = [[1, 1]], [[2]]  # two answers


@pytest.mark.parametrize(
    ("minutes", "compile", "colours", "fit"),
    [(2.9, False, 0, "all"), (3.0, True, 0, "all"), (3.0, False, 0, "auto"), (3.0, False, 1, "auto")],
)
def test_a_fit_is_compiled_where_that_pays_and_the_vote_is_not(
    minutes: float, compile: bool, colours: bool, fit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[torch.nn.Module] = []

    def compiled(self: torch.nn.Module, **_: object) -> None:
        calls.append(self)
        self._compiled_call_impl = self._call_impl

    monkeypatch.setattr(torch.nn.Module, "compile", compiled)
    monkeypatch.setattr(torch, "compile", lambda function: function)
    monkeypatch.setattr(setup.shutil, "which", lambda name: name)
    ticks = itertools.count()
    monkeypatch.setattr(adapting, "time", SimpleNamespace(monotonic=lambda: next(ticks) * 10.0))
    base = colourful() if colours else tiny()
    first = puzzles()[0]
    how = dataclasses.replace(QUICK, minutes=minutes, fit=fit)
    found = adapt(base, "new", first.examples, [first.question], how)
    assert bool(calls) is compile
    assert all(network is not base.L_level for network in calls)
    assert not fused(found.model)


@pytest.mark.parametrize(
    ("base", "fit", "width"),
    [(colourful, "all", 40), (colourful, "scratch", 240), (colourful, "auto", 40), (tiny, "auto", 240)],
)
def test_a_model_with_a_state_for_each_colour_is_fitted_with_copies_that_keep_colours(
    base: Any, fit: Any, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From fresh weights, whatever network the model has, or from its own."""
    monkeypatch.setitem(Arc.presets, "adapt-fresh", FRESH)  # type: ignore[arg-type]
    base = base()
    how = AdaptOptions(minutes=0.04, folds=0, fit=fit, recipe={"batch_size": 2})
    first, second = puzzles()
    found = adapt(base, "new", first.examples, [first.question, second.question], how)
    assert found.updates > 0
    names = found.model.identifiers.names
    assert all(name == "new" or name.endswith("|||0123456789") for name in names[1:])
    assert 1 < len(names) - 1 <= 8
    assert found.model.puzzle_emb.weights.shape == (len(names), width)
    assert found.model.puzzle_emb.weights.any()
    all_of_kind = torch.from_numpy(np.stack(list(Arc().relations.values())))
    assert torch.equal(found.model.relations, base.relations if width == 40 else all_of_kind)
    given = solutions(answer(base, [first, second], SolveOptions(), adaptation=how, name="m"))
    assert all(each.facts["adapt_updates"] > 0 for each in given)


@pytest.mark.parametrize("learned", [0, 1])
def test_beside_a_base_with_a_symbol_axis_fresh_weights_are_fitted_and_the_better_ones_vote_last(
    learned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks: list[int] = []  # the width of each that was fitted

    class Learner(adapting.Learner):
        def __init__(self, model: TRM, *rest: Any) -> None:
            networks.append(model.config.hidden_size)
            super().__init__(model, *rest)

        def take_window(self) -> dict[str, float]:
            return {"exact_accuracy": 10.0 if len(networks) > 1 - learned else 0.0, "count": 10.0}

    monkeypatch.setattr(adapting, "Learner", Learner)
    monkeypatch.setattr(adapting, "WINDOW", 1)
    monkeypatch.setattr(adapting, "SAME", 1000.0)  # no third one
    first, stands = puzzles()[0], list[Progress]()
    how = AdaptOptions(minutes=0.15, folds=0, recipe={"batch_size": 2, "halt_max_steps": 1})
    vote = SolveOptions(max_steps=1)
    found = adapt(colourful(), "new", first.examples, [first.question], how, vote=vote, notice=stands.append)
    assert networks == [40, 20]
    assert found.model.config.hidden_size == networks[1 - learned]
    assert bool(found.model.config.links) is not bool(learned)
    assert [vote.attempts for votes in found.guesses.votes.values() for vote in votes] == [8]
    parts = [stand.part for stand in stands]
    assert list(dict.fromkeys(parts)) == ["all pairs", "all pairs, fit 2, fresh weights"]


@pytest.mark.parametrize(
    ("base", "fit", "exact", "taught"),
    [
        (colourful, "all", 1.0, {40, 20}),  # from fresh weights too
        (colourful, "all", 0.9, set()),
        (colourful, "rows", 1.0, set()),
        (tiny, "all", 1.0, set()),
    ],
)
def test_copies_learn_what_they_agree_on_once_the_examples_come_out_right(
    base: Any, fit: Any, exact: float, taught: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[int, int]] = []
    teach = adapting.Agreement.teach

    def recorded(agreement: Any, learner: Any, progress: float) -> None:
        steps.append((learner.model.config.hidden_size, learner.step))
        teach(agreement, learner, progress)

    monkeypatch.setattr(adapting.Agreement, "teach", recorded)

    def right(learner: Any) -> dict[str, float]:
        return {"exact_accuracy": exact if learner.step >= 3 else 0.0, "count": 1.0}

    monkeypatch.setattr(adapting.Learner, "take_window", right)
    monkeypatch.setattr(adapting, "WINDOW", 1)
    first = puzzles()[0]
    how = AdaptOptions(minutes=0.2, folds=0, fit=fit, recipe={"batch_size": 2, "halt_max_steps": 1})
    adapt(base(), "new", first.examples, [first.question], how)
    assert all(step > 3 and step % 2 == 0 for _, step in steps)
    assert {width for width, _ in steps} == taught


def test_what_copies_agree_on_moves_the_weights_and_no_row() -> None:
    base, first = colourful(), puzzles()[0]
    fitting = adapting._Fitting(
        base, "new", first.examples, [], AdaptOptions(folds=0), SolveOptions(), lambda _: None, False, None
    )
    learner = fitting.learner(first.examples, False, 0)
    tokens = torch.from_numpy(Arc().encode(first)).long()[fitting.cells].expand(3, -1)
    batch = Batch(tokens, tokens.masked_fill(tokens == 0, IGNORE), torch.tensor([1, 2, 3]))
    rows = learner.model.puzzle_emb.weights.clone()

    def loss() -> float:
        with torch.no_grad():
            logits = learner.model(tokens, batch.ids, steps=1, cells=learner.cells[0]).logits
        return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten()))

    before, learner.step = loss(), 100  # the rate has risen
    for _ in range(30):
        learner.learn_beside(batch, 0.5, 0.5)
    assert loss() < 0.9 * before
    assert torch.equal(learner.model.puzzle_emb.weights, rows)
    assert learner.step == 100
    assert learner.ema.updates == 30


@pytest.mark.parametrize(
    ("second", "fits"),
    [
        ([(A, 8)], 2),
        ([(A, 6), (B, 2)], 2),
        ([(A, 5), (B, 3)], 3),
        ([(B, 8)], 3),
        ([], 3),
        (None, 3),
    ],
)
def test_two_fits_that_agree_on_an_answer_are_enough(
    second: list[Any] | None, fits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ranked(votes: list[Any] | None) -> list[Candidate] | None:
        return None if votes is None else [Candidate(np.array(grid, np.uint8), count, 0.9) for grid, count in votes]

    answers = iter([ranked([(A, 8)]), ranked(second), ranked([(A, 8)])])
    monkeypatch.setattr(adapting._Fitting, "ask", lambda *_, **__: next(answers))
    monkeypatch.setattr(adapting._Fitting, "vote_seconds", lambda _: 0.0)
    monkeypatch.setattr(adapting.Learner, "take_window", lambda _: {"exact_accuracy": 1.0, "count": 1.0})
    monkeypatch.setattr(adapting, "LOOKS", ())
    monkeypatch.setattr(adapting, "WINDOW", 1)
    made: list[int] = []
    fit = adapting._Fitting.fit

    def fitted(fitting: Any, *arguments: Any, **rest: Any) -> Any:
        made.append(len(made))
        if len(made) == 3:
            fitting.interrupt.raised = True  # three show it
        return fit(fitting, *arguments, **rest)

    monkeypatch.setattr(adapting._Fitting, "fit", fitted)
    first = puzzles()[0]
    how = AdaptOptions(minutes=0.2, folds=0, recipe={"batch_size": 2, "halt_max_steps": 1})
    found = adapt(colourful(), "new", first.examples, [first.question], how)
    assert len(made) == fits
    votes = found.guesses.votes.get(key_of(first.question), [])
    assert len(votes) == fits - 1 - (second is None)


@pytest.mark.parametrize(
    ("pairs", "alike", "unseen", "like"),
    [
        ([[[0, 5, 1]], [[0, 5, 2]]], (1, 2), (3, 4, 6, 7, 8, 9), (1, 2)),
        ([[[0, 5, 1]], [[0, 1, 5]]], (), (2, 3, 4, 6, 7, 8, 9), (1, 5)),  # each has a part of its own in every pair
        ([[[0, 3]], [[3, 3]]], (), (1, 2, 4, 5, 6, 7, 8, 9), (3,)),  # nobody is like the background
        ([[[0, 0]], [[0, 0]]], (), tuple(range(1, 10)), (0,)),
        ([[[1, 2, 3, 4, 5]], [[6, 7, 8, 9, 0]]], tuple(range(1, 10)), (), tuple(range(1, 10))),
    ],
)
def test_colours_that_only_some_pairs_show_and_new_ones_are_taken_to_be_alike(
    pairs: list[Any], alike: tuple[int, ...], unseen: tuple[int, ...], like: tuple[int, ...]
) -> None:
    grids = [np.array(each, np.uint8) for each in pairs]
    assert Arc.tasks.tied([(grid, grid[:, ::-1]) for grid in grids]) == (alike, unseen, like)


@pytest.mark.parametrize("learned", [True, False])
def test_alike_colours_part_where_the_examples_are_not_learned_without(
    learned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, first = colourful(), puzzles()[0]
    monkeypatch.setattr(adapting, "LEARNED", 0.0 if learned else 1.1)
    monkeypatch.setattr(adapting, "WINDOW", 5)
    how = AdaptOptions(minutes=0.1, folds=0, recipe={"batch_size": 2, "halt_max_steps": 1})
    found = adapt(base, "new", first.examples, [first.question], how)
    assert found.updates > 4
    rows = found.model.puzzle_emb.weights.view(-1, 10, 4)  # 1, 2 and 3 stand in one pair each
    assert torch.allclose(rows[:, 1], rows[:, 2]) is learned
    assert torch.allclose(rows[:, 9], rows[:, [1, 2, 3]].mean(1))  # a colour that only a question shows
    assert not torch.allclose(rows[1:, 9], rows[1:, 0])
