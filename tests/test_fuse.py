"""When a network is compiled: by the amount of work, and never for a batch of one."""
# ruff: noqa: ARG005 - stand-ins take what they stand in for takes

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import pytest
import torch
from scripted import ANSWER, Scripted, says, sudoku
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from trm_solve import fuse, pretrained
from trm_solve.config import SolveOptions
from trm_solve.model import TRM
from trm_solve.solver import Attempt, refine


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Compilations that were asked for; none is done."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **how: calls.append(how))
    monkeypatch.setattr(fuse, "works", lambda device: True)
    return calls


MLP: dict[str, Any] = {"mlp_t": True, "num_heads": 1, "pos_encodings": "none", "token_intermediate_size": 96}
ATTENTION: dict[str, Any] = {"num_heads": 4, "pos_encodings": "rope"}
PLAIN: dict[str, Any] = {"symbols": (), "relations": (), "hidden_size": 64, "intermediate_size": 128}


@pytest.mark.parametrize("fields", [{}, PLAIN | MLP, PLAIN | ATTENTION], ids=["symbols", "mlp", "attention"])
def test_operations_are_those_that_the_step_does(fields: dict[str, Any]) -> None:
    config = dataclasses.replace(pretrained.load("sudoku").config, inference_cycles=3, **fields)
    model = TRM(config).requires_grad_(False)
    e = model.embed(torch.ones(1, 81, dtype=torch.long), model.puzzle_rows(torch.zeros(1, dtype=torch.long)))
    y, z = (state.clone() for state in model.initial_state(e))
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.step(e, y, z, model.positions(), (3, config.L_cycles))
    assert fuse.operations(model) == pytest.approx(counter.get_total_flops(), rel=0.05)


def test_work_decides(compiled: list[dict[str, Any]]) -> None:
    model = pretrained.load("sudoku")
    enough = fuse.WORTH["cpu"]
    assert not fuse.fuse(model, "auto", enough / 2)
    assert not fuse.fuse(model, "off", enough * 2)
    assert compiled == []
    assert fuse.fuse(model, "auto", enough * 2)
    assert fuse.fuse(model, "on", 0)
    assert compiled == [{"dynamic": True}] * 2


def test_a_missing_compiler_is_no_error(compiled: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuse, "works", lambda device: False)
    assert not fuse.fuse(pretrained.load("sudoku"), "auto", 1e30)
    assert compiled == []


def test_a_compiled_network_is_never_given_a_batch_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trm_solve.solver.fused", lambda model: True)
    model = Scripted(lambda question, step: (says(ANSWER if step == 2 else "0" * 81), 0.0))
    steps = list(refine(model, iter([Attempt(sudoku(), 0)]), SolveOptions(max_steps=3)))
    assert [len(batch) for batch in model.seen] == [2, 2]
    assert [step.solved for step in steps] == [False, True]


@pytest.mark.parametrize(
    ("wanted", "watch", "expected"),
    [("auto", False, 2), ("auto", True, None), ("off", False, None), ("on", False, 0), ("on", True, 0)],
)
def test_work_of_unknown_length_is_compiled_once_so_much_is_done(
    wanted: Literal["auto", "on", "off"], watch: bool, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step before which the network is compiled, of five of three puzzles each."""
    model = Scripted(lambda question, step: (says("0" * 81), 0.0))
    at: list[int] = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **how: at.append(len(model.seen)))
    monkeypatch.setattr(fuse, "works", lambda device: True)
    monkeypatch.setattr(fuse, "operations", lambda model, length: 10.0 * length)
    monkeypatch.setitem(fuse.WORTH, "cpu", 2 * 3 * 10 * 81)
    attempts = (Attempt(sudoku(), i) for i in range(3))
    list(refine(model, attempts, SolveOptions(max_steps=5, compile=wanted), watch=watch))
    assert at == ([] if expected is None else [expected])


def test_a_missing_compiler_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[torch.device] = []
    monkeypatch.setattr(fuse, "works", lambda device: bool(looks.append(device)))
    monkeypatch.setitem(fuse.WORTH, "cpu", 0.0)
    model = Scripted(lambda question, step: (says("0" * 81), 0.0))
    list(refine(model, iter([Attempt(sudoku(), 0)]), SolveOptions(max_steps=5), watch=False))
    assert len(looks) == 1
