"""The training step, against arrays that the authors' code produced (float32, d = 64)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from numeric import alike, close
from safetensors.torch import load_file
from torch import Tensor

from trm_solve.config import TrainOptions
from trm_solve.convert import convert
from trm_solve.model import TRM
from trm_solve.training.supervise import METRICS, Batch, Carry, Outcome, Supervision, advance, metric_sums

GOLDEN = Path(__file__).parent / "golden"
PAPER = TrainOptions(loss="stablemax", halt_loss_weight=0.5, halt_exploration_prob=0.0)
NEVER = torch.zeros(3, dtype=torch.int64)  # no exploration


def golden(name: str) -> tuple[TRM, Batch, dict[str, Tensor]]:
    folder = GOLDEN / name
    model = convert(folder / "step_6", folder / "all_config.json").train().requires_grad_(True)
    arrays = load_file(folder / "inference.safetensors")
    batch = Batch(*(arrays[name].long() for name in ("inputs", "labels", "puzzle_identifiers")))
    return model, batch, load_file(folder / "training.safetensors")


def supervised(model: TRM, carry: Carry, batch: Batch, cycles: tuple[int, int] | None = None) -> tuple[Outcome, Carry]:
    carry = carry.refill(model, batch)
    rows = model.puzzle_rows(carry.ids)
    outcome = Supervision(model, PAPER)(carry, rows, cycles)
    return outcome, advance(model.config, carry, outcome, NEVER)


@pytest.mark.numeric
@pytest.mark.parametrize("name", ["trm-attention", "trm-mlp", "trm-learned-positions"])
def test_two_steps_of_the_authors_training(name: str) -> None:
    """The second from the golden state after the first: rounding grows with every step (test_model.py)."""
    model, batch, wanted = golden(name)
    states = load_file(GOLDEN / name / "inference.safetensors")
    carry, module = Carry.empty(model, batch), Supervision(model, PAPER)
    for step in (1, 2):
        carry = carry.refill(model, batch)
        found = model.puzzle_rows(carry.ids)
        assert found is not None
        rows = found.clone().requires_grad_()
        outcome = module(carry, rows)
        model.zero_grad()
        (outcome.loss / 3).backward()
        carry = advance(model.config, carry, outcome, NEVER)
        carry.y, carry.z = states[f"step{step}.z_H"], states[f"step{step}.z_L"]
        sums = dict(zip(METRICS, metric_sums(carry, outcome), strict=True))
        ours = {f"metric.{name}": value.float()[None] for name, value in sums.items()}
        ours |= {f"grad.model.inner.{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
        ours |= {"loss": outcome.loss.detach()[None], "halted": carry.halted.int(), "steps": carry.steps.int()}
        assert rows.grad is not None
        ours["grad.puzzle_embedding_rows"] = rows.grad
        for key, value in wanted.items():
            if key.startswith(f"step{step}."):
                mine = ours[key.removeprefix(f"step{step}.")]
                close(mine.float(), value.float(), atol=1e-4, rtol=1e-5, what=key)


@pytest.mark.numeric
def test_only_the_last_round_has_a_gradient() -> None:
    model, batch, _ = golden("trm-attention")
    carry = Carry.empty(model, batch).refill(model, batch)
    with torch.no_grad():  # as the rounds without a gradient are: attention has another kernel there
        before = model.step(model.embed(batch.tokens), carry.y, carry.z, model.positions(), (1, 3))
    second = dataclasses.replace(carry, y=before[0], z=before[1])
    gradients = []
    for start, rounds in ((carry, 2), (second, 1)):
        model.zero_grad()
        Supervision(model, PAPER)(start, None, (rounds, 3)).loss.backward()
        gradients.append([p.grad.clone() for p in model.L_level.parameters() if p.grad is not None])
    for found, expected in zip(*gradients, strict=True):
        alike(found, expected, rtol=1e-5)


def test_a_free_slot_takes_the_new_example_and_a_running_one_discards_it() -> None:
    model, batch, _ = golden("trm-mlp")
    _, carry = supervised(model, Carry.empty(model, batch), batch)
    assert carry.halted.tolist() == [False, True, True]
    other = Batch(batch.tokens.roll(1, 0), batch.labels.roll(1, 0), batch.ids.roll(1, 0))
    filled = carry.refill(model, other)
    assert torch.equal(filled.tokens, torch.stack([batch.tokens[0], other.tokens[1], other.tokens[2]]))
    assert torch.equal(filled.ids, torch.stack([batch.ids[0], other.ids[1], other.ids[2]]))
    assert filled.steps.tolist() == [1, 0, 0]
    assert torch.equal(filled.y[0], carry.y[0])
    assert torch.equal(filled.z[1, 5], model.L_init)
    assert not filled.y.requires_grad


def test_exploration_keeps_a_sure_slot_running_but_not_past_the_last_step() -> None:
    model, batch, _ = golden("trm-attention")
    carry = Carry.empty(model, batch).refill(model, batch)
    with torch.no_grad():
        outcome = Supervision(model, PAPER)(carry, None)
    sure = outcome._replace(q_halt=torch.tensor([3.0, 3.0, -3.0]))
    assert advance(model.config, carry, sure, torch.tensor([0, 2, 0])).halted.tolist() == [True, False, False]
    late = dataclasses.replace(carry, steps=torch.full((3,), model.config.halt_max_steps - 1))
    last = advance(model.config, late, sure, torch.tensor([0, model.config.halt_max_steps, 0]))
    assert last.halted.tolist() == [True, True, True]


@pytest.mark.numeric
def test_q_continue_learns_the_value_of_the_next_step() -> None:
    model, batch, _ = golden("trm-attention")
    model.config = dataclasses.replace(model.config, no_ACT_continue=False)
    carry = Carry.empty(model, batch).refill(model, batch)
    outcome = Supervision(model, PAPER)(carry, None)
    with torch.no_grad():
        ahead, _ = model.step(model.embed(batch.tokens), outcome.y, outcome.z, model.positions())
        value = torch.maximum(*model.read_halt(ahead)).sigmoid()
        bce = torch.nn.functional.binary_cross_entropy_with_logits
        expected = bce(outcome.q_halt, outcome.exact.float(), reduction="none")
        expected += bce(outcome.q_continue, value, reduction="none")
    close(outcome.halt_loss, expected, atol=1e-5, rtol=1e-6)
    outcome.loss.backward()
    assert model.q_head.bias is not None
    assert model.q_head.bias.grad is not None
    assert model.q_head.bias.grad[1] != 0
