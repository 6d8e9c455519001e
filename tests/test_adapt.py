"""Fitting a model to a task it does not know: what is fitted, with which pairs, in which time."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from unseen import FOREVER, QUICK, clock, narrow, puzzles, solutions, tiny

import trm_solve
from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import ModelError
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_lines
from trm_solve.tasks import adapt as adapting
from trm_solve.tasks import answer as answering
from trm_solve.tasks.adapt import adapt
from trm_solve.tasks.answer import answer
from trm_solve.tasks.progress import Progress

__all__ = ["clock", "narrow"]  # fixtures of all tests here


def test_the_base_is_left_as_it_was_and_the_fit_learns() -> None:
    base = tiny()
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    heard: list[Progress] = []
    first = puzzles()[0]
    how = AdaptOptions(minutes=0.08, copies=2, folds=2, recipe={"batch_size": 4})
    found = adapt(base, "new", first.examples, [first.question], how, notice=heard.append)
    assert all(torch.equal(tensor, before[name]) for name, tensor in base.state_dict().items())
    assert found.model.identifiers is not None
    assert found.model.identifiers.names[:2] == ["<blank>", "new"]
    assert found.model.config.num_puzzle_identifiers == len(found.model.identifiers.names) == 4
    assert found.leave_one_out[1] == 2
    assert found.updates > 0
    assert {stand.fold for stand in heard} <= {0, 1, 2}
    assert not torch.equal(found.model.lm_head.weight, before["lm_head.weight"])


@pytest.mark.parametrize("fit", ["rows", "scratch"])
def test_what_is_fitted(fit: str) -> None:
    base, first = tiny(), puzzles()[0]
    how = AdaptOptions(minutes=0.03, copies=1, folds=2, fit=fit, recipe={"batch_size": 2})  # type: ignore[arg-type]
    found = adapt(base, "new", first.examples, [first.question], how)
    same = torch.equal(found.model.lm_head.weight, base.lm_head.weight)
    assert same == (fit == "rows")
    assert not torch.equal(found.model.puzzle_emb.weights[1], base.puzzle_emb.weights.mean(0))


def test_a_task_is_fitted_and_asked_on_one_canvas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of its questions, or pairs that were left out, is asked."""
    sizes: set[int] = set()
    embed = TRM.embed

    def note(self: TRM, tokens: torch.Tensor, *rest: Any) -> torch.Tensor:
        sizes.add(tokens.shape[1])
        return embed(self, tokens, *rest)

    monkeypatch.setattr(TRM, "embed", note)
    pairs = [{"input": [[n] * n], "output": [[n] * n]} for n in (1, 8)]
    task = {"train": pairs, "test": [{"input": [[5]]}, {"input": [[5] * 15]}, {"input": [[5] * 3]}]}
    asked = [item for item in read_lines([json.dumps({"odd": task})], "odd.json") if isinstance(item, Puzzle)]
    how = dataclasses.replace(QUICK, minutes=0.03)
    assert len(solutions(answer(tiny(), asked, SolveOptions(attempts=2), adaptation=how, name="m"))) == 3
    assert sizes == {17 * 17}
    sizes.clear()
    trm_solve.solve(asked[0], tiny(), SolveOptions(attempts=2), adaptation=how)  # one of them alone
    assert sizes == {17 * 17}


def test_fitting_without_a_pair_never_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, set[bytes]]] = []
    mixture = adapting._Fitting.mixture

    def note(self: object, pairs: list[tuple[np.ndarray, np.ndarray]]) -> object:
        seen.append((len(pairs), {question.tobytes() for question, _ in pairs}))
        return mixture(self, pairs)  # type: ignore[arg-type]

    monkeypatch.setattr(adapting._Fitting, "mixture", note)
    first = puzzles()[0]
    adapt(tiny(), "new", first.examples, [first.question], QUICK)
    whole = {question.tobytes() for question, _ in first.examples}
    assert seen.pop(0)[0] == 2  # what gives the network of fresh weights its shape
    assert [count for count, _ in seen] == [1, 1, 2]
    assert seen[0][1] | seen[1][1] == whole
    assert not seen[0][1] & seen[1][1]


def test_one_pair_cannot_be_left_out() -> None:
    first = puzzles()[0]
    found = adapt(tiny(), "new", first.examples[:1], [first.question], QUICK)
    assert found.leave_one_out == (0, 0)
    assert found.understood == "not measured"


def interrupt_at(updates: int, heard: list[Progress]) -> Callable[[Progress], None]:
    def notice(stand: Progress) -> None:
        heard.append(stand)
        if len(heard) == updates:
            os.kill(os.getpid(), signal.SIGINT)

    return notice


def test_ctrl_c_ends_the_fit_with_what_there_is() -> None:
    first = puzzles()[0]
    how, notice = AdaptOptions(minutes=600, copies=1, folds=2, recipe={"batch_size": 2}), interrupt_at(3, [])
    found = adapt(tiny(), "new", first.examples, [first.question], how, notice=notice)
    assert found.leave_one_out == (0, 0)
    assert found.updates > 0  # the fit that was under way, although a pair was left out


def test_ctrl_c_in_the_last_fit_answers_with_the_longest_one() -> None:
    first = puzzles()[0]
    heard: list[Progress] = []

    def notice(stand: Progress) -> None:
        heard.append(stand)
        if [each.fold for each in heard].count(0) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    how = dataclasses.replace(QUICK, minutes=0.08)
    found = adapt(tiny(), "new", first.examples, [first.question], how, notice=notice)
    assert [stand.fold for stand in heard].count(0) == 1
    assert found.updates > 1
    assert found.leave_one_out[1] == 2


def test_ctrl_c_may_end_the_program_instead() -> None:
    first = puzzles()[0]
    how = dataclasses.replace(QUICK, on_interrupt="stop")
    with pytest.raises(KeyboardInterrupt):
        adapt(tiny(), "new", first.examples, [first.question], how, notice=interrupt_at(2, []))


@pytest.mark.parametrize("folds", [1, 2])
def test_votes_that_take_long_leave_the_last_fit_its_time(monkeypatch: pytest.MonkeyPatch, folds: int) -> None:
    ticks = itertools.count(step=5)  # a single look at the clock takes longer than leaving pairs out may
    monkeypatch.setattr(adapting, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    first = puzzles()[0]
    heard: list[Progress] = []
    how = dataclasses.replace(QUICK, minutes=1.5, folds=folds)
    found = adapt(tiny(), "new", first.examples, [first.question], how, notice=heard.append)
    assert found.leave_one_out[1] < folds
    assert found.updates > 0
    last = [stand.seconds for stand in heard if stand.fold == 0]
    assert last[0] <= 45 + 5 * 5  # half of the time, and the looks up to the first update


def test_no_time_is_kept_for_the_votes_of_copies_that_there_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    first, updates = puzzles()[0], []
    for attempts in (3, 1000):  # of the task and its two copies
        ticks = itertools.count()
        monkeypatch.setattr(adapting, "time", SimpleNamespace(monotonic=lambda ticks=ticks: next(ticks) / 100))
        how, vote = dataclasses.replace(QUICK, minutes=0.02, folds=0), SolveOptions(attempts=attempts, max_steps=4)
        updates.append(adapt(tiny(), "new", first.examples, [first.question], how, vote=vote).updates)
    assert updates[0] == updates[1] > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_table_in_its_file_is_not_read_into_memory(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny()
    base.puzzle_emb.map(base.puzzle_emb.weights.to(dtype))
    sizes: list[int] = []
    clone = torch.Tensor.clone

    def note(tensor: torch.Tensor, **how: object) -> torch.Tensor:
        sizes.append(tensor.shape[0] if tensor.ndim else 0)
        assert tensor.data_ptr() != base.puzzle_emb.weights.data_ptr()
        return clone(tensor, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.Tensor, "clone", note)
    first = puzzles()[0]
    found = adapt(base, "new", first.examples, [first.question], QUICK)
    assert sizes
    assert base.puzzle_emb.mapped
    assert not found.model.puzzle_emb.mapped
    assert found.model.puzzle_emb.weights.dtype == torch.float32
    assert found.model.puzzle_emb.weights.device == found.model.device


def test_a_model_without_rows_is_fitted_by_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "time", FOREVER)
    base = TRM(dataclasses.replace(tiny().config, puzzle_emb_ndim=0, puzzle_emb_len=0)).eval().requires_grad_(False)
    found = solutions(
        answer(base, puzzles("new"), SolveOptions(seed=2**32 - 1, max_steps=2), adaptation=QUICK, name="m")
    )
    assert [each.attempts for each in found] == [3, 3]
    assert found[0].facts["adapt_updates"] > 0
    with pytest.raises(ModelError, match="no rows to fit"):
        list(answer(base, puzzles("new"), SolveOptions(), adaptation=dataclasses.replace(QUICK, fit="rows")))


def test_processes_side_by_side_fit_tasks_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    first = puzzles()[0]
    assert adapt(tiny(), "new", first.examples, [first.question], QUICK).updates > 0
