"""The Hierarchical Reasoning Model (arXiv 2506.21734): gradient, targets, learning, and the command line.

Its inference is pinned with that of the TRMs in test_model.py.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from made import rows, write_csv
from numeric import apart, close
from safetensors.torch import load_file
from torch import Tensor

from trm_solve import checkpoint, pretrained
from trm_solve.config import ModelConfig, TrainOptions
from trm_solve.convert import convert
from trm_solve.errors import InputError
from trm_solve.model import TRM
from trm_solve.training.presets import recipe
from trm_solve.training.supervise import Batch, Carry, Supervision, advance, halts

GOLDEN = Path(__file__).parent / "golden" / "hrm"
PAPER = TrainOptions(loss="stablemax", halt_loss_weight=0.5)


def golden() -> tuple[TRM, Carry]:
    """The authors' model and three examples in the middle of their refinement."""
    model = convert(GOLDEN / "step_6", GOLDEN / "all_config.json").train().requires_grad_(True)
    arrays = load_file(GOLDEN / "inference.safetensors")
    batch = Batch(*(arrays[name].long() for name in ("inputs", "labels", "puzzle_identifiers")))
    carry = Carry.empty(model, batch).refill(model, batch)
    return model, dataclasses.replace(carry, y=arrays["step2.z_H"], z=arrays["step2.z_L"])


def updates(model: TRM, e: Tensor, y: Tensor, z: Tensor, cut: bool) -> tuple[Tensor, Tensor]:
    """One supervision step with every update in the graph, the states before the last two cut off it or not."""
    at = model.positions()
    T, n = model.config.H_cycles, model.config.L_cycles
    for k in range(T * n):
        last = k == T * n - 1
        if last and cut:
            y, z = y.detach(), z.detach()
        z = model.L_level(z, y + e, at[0])
        if last or k % n == n - 1:
            y = model.H_level(y, z, at[1])
    return y, z


def loss_by_hand(model: TRM, carry: Carry, given: Tensor, cut: bool = True) -> Tensor:
    """The loss of a supervision step as the paper writes it, summed over the batch."""
    e = model.embed(carry.tokens, given)
    y, z = updates(model, e, carry.y, carry.z, cut)
    logits = model.read_answer(y).double()
    s = torch.where(logits < 0, 1 / (1 - logits.clamp(max=0)), logits + 1)
    log_p = (s / s.sum(-1, keepdim=True)).log()
    known = carry.labels != -100
    picked = log_p.gather(-1, carry.labels.clamp(min=0)[..., None])[..., 0]
    tokens = -torch.where(known, picked, 0.0).sum(-1) / known.sum(-1)
    right = torch.where(known, logits.argmax(-1) == carry.labels, True).all(-1)
    q_halt, q_continue = model.read_halt(y)
    with torch.no_grad():
        ahead, _ = updates(model, e, y, z, cut)
        next_halt, next_continue = model.read_halt(ahead)
        best = torch.maximum(next_halt, next_continue)
        at_end = carry.steps + 1 == model.config.halt_max_steps
        target = torch.sigmoid(torch.where(at_end, next_halt, best))
    halting = F.binary_cross_entropy(q_halt.sigmoid(), right.float(), reduction="sum")
    going_on = F.binary_cross_entropy(q_continue.sigmoid(), target, reduction="sum")
    return tokens.sum() + 0.5 * (halting + going_on)


def gradients(model: TRM, given: Tensor, loss: Tensor) -> dict[str, Tensor]:
    named = dict(model.named_parameters())
    found = torch.autograd.grad(loss, [*named.values(), given])
    return dict(zip([*named, "rows"], found, strict=True))


@pytest.mark.numeric
@pytest.mark.parametrize("steps", [0, 5])
def test_loss_and_gradient_are_those_of_the_graph_written_out(steps: int) -> None:
    model, carry = golden()
    carry = dataclasses.replace(carry, steps=torch.full((3,), steps))  # 5: the last of 6
    found = model.puzzle_rows(carry.ids)
    assert found is not None
    given = found.clone().requires_grad_()
    ours, theirs = Supervision(model, PAPER)(carry, given).loss, loss_by_hand(model, carry, given)
    close(ours, theirs, atol=1e-4, rtol=1e-5)
    wanted = gradients(model, given, theirs)
    for name, gradient in gradients(model, given, ours).items():
        close(gradient, wanted[name], atol=1e-4, rtol=1e-4, what=name)
    whole = gradients(model, given, loss_by_hand(model, carry, given, cut=False))
    apart(whole["rows"], wanted["rows"], by=1e-3, what="the cut")


def test_the_last_step_has_a_target_of_its_own() -> None:
    model, carry = golden()
    with torch.no_grad():
        model.q_head.weight[1] = model.q_head.weight[0]
        model.q_head.bias.copy_(torch.tensor([-2.0, 2.0]))  # going on always looks better
        halt_losses = [
            Supervision(model, PAPER)(dataclasses.replace(carry, steps=torch.full((3,), steps)), None).halt_loss
            for steps in (0, 5)
        ]
    assert (halt_losses[0] - halt_losses[1]).abs().min() > 0.05


def test_an_hrm_halts_when_halting_looks_better_than_going_on() -> None:
    model, carry = golden()
    with torch.no_grad():
        outcome = Supervision(model, PAPER)(carry, None)
    said = outcome._replace(q_halt=torch.tensor([1.0, -2.0, -2.0]), q_continue=torch.tensor([2.0, -3.0, -1.0]))
    ends = halts(model.config, said, torch.ones(3), torch.zeros(3))
    assert ends.tolist() == [False, True, False]


def test_it_learns() -> None:
    torch.manual_seed(0)
    model = TRM(
        ModelConfig(
            kind="sudoku", model_type="hrm", grid=(2, 3), vocab_size=11, hidden_size=32, L_layers=1, H_layers=1,
            intermediate_size=32, mlp_t=True, token_intermediate_size=32, pos_encodings="none", H_cycles=2, L_cycles=2,
            halt_max_steps=4, no_ACT_continue=False,
        )
    )  # fmt: skip
    module = Supervision(model, TrainOptions(halt_loss_weight=0.1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses, carry, exact = [], None, 0.0
    for _ in range(250):  # by 100, two of twelve starts had not yet begun to fall
        tokens = torch.randint(1, 11, (32, 6))
        batch = Batch(tokens, tokens.flip(1), torch.zeros(32, dtype=torch.long))  # to be read backwards
        carry = (carry or Carry.empty(model, batch)).refill(model, batch)
        outcome = module(carry, None)
        optimizer.zero_grad()
        (outcome.loss / 32).backward()
        optimizer.step()
        losses.append(float(outcome.token_loss.mean()))
        exact = float(outcome.exact.float().mean())
        carry = advance(model.config, carry, outcome, torch.zeros(32, dtype=torch.long))
    assert losses[0] > 2
    assert losses[-1] < 0.2
    assert exact > 0.5


def test_the_configuration_keeps_the_two_families_apart() -> None:
    fields = convert(GOLDEN / "step_6", GOLDEN / "all_config.json").config.to_dict()
    assert (fields["model_type"], fields["H_layers"], fields["no_ACT_continue"]) == ("hrm", 2, False)
    for change in ({"model_type": "trm"}, {"H_layers": 0}, {"model_type": "gpt"}):
        with pytest.raises(InputError):
            ModelConfig.from_dict(fields | change)


def test_the_paper_s_preset() -> None:
    paper = recipe("paper-hrm-sudoku", {})
    assert (paper.H_layers, paper.L_layers, paper.H_cycles, paper.L_cycles) == (4, 4, 2, 2)
    assert (paper.puzzle_emb_len, paper.mlp_t, paper.no_ACT_continue) == (1, False, False)


def test_train_eval_and_solve_take_it(tmp_path: Path, trm: Callable[..., Any]) -> None:
    data, out = write_csv(tmp_path / "data.csv", rows(12)), tmp_path / "run"
    fields = ("hidden_size=16", "batch_size=4", "L_layers=1", "H_layers=1")
    settings = [part for field in fields for part in ("--set", field)]
    arguments = ["--preset", "cpu-small-hrm", "--max-steps", "3", *settings]
    done = trm("train", data, "--out", out, *arguments)
    assert done.code == 0, done.err
    assert checkpoint.read_config(out / "last").model_type == "hrm"
    found = trm("eval", data, "--model", out / "last", "--json", "--max-steps", "2")
    assert json.loads(found.out)["puzzles"] == 12
    assert trm("solve", data, "--model", out / "last", "--max-steps", "2").code == 4  # it ran, and solved nothing
    assert trm("train", data, "--init", out / "last", "--out", tmp_path / "more", "--max-steps", "1").code == 0
    assert pretrained.load(tmp_path / "more" / "last").config.H_layers == 1
