"""Optimisers, schedules and the moving average."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from numeric import close
from torch import nn

from trm_solve.config import ModelConfig, TrainOptions
from trm_solve.kinds.base import Tied
from trm_solve.model import TRM
from trm_solve.training.optim import EMA, AdamATan2, lr_factor, make_optimizers, set_lr, sgd_shared_rows, sign_sgd_rows
from trm_solve.training.ties import Ties

TINY = ModelConfig(
    kind="sudoku",
    grid=(9, 9),
    vocab_size=11,
    hidden_size=8,
    intermediate_size=16,
    mlp_t=True,
    token_intermediate_size=16,
    pos_encodings="none",
    H_cycles=1,
    L_cycles=1,
    puzzle_emb_ndim=8,
    puzzle_emb_len=1,
)


@pytest.mark.numeric
def test_adam_atan2_is_its_formula() -> None:
    lr, decay, beta1, beta2 = 0.1, 0.5, 0.9, 0.95
    parameter = nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    optimizer = AdamATan2([parameter], lr, (beta1, beta2), decay)
    p, m, v = parameter.tolist(), [0.0] * 3, [0.0] * 3
    for t in (1, 2, 3):
        gradient = [0.3 * t, 0.0, -1e-9]
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        for i, g in enumerate(gradient):
            m[i] = beta1 * m[i] + (1 - beta1) * g
            v[i] = beta2 * v[i] + (1 - beta2) * g * g
            m_hat, v_hat = m[i] / (1 - beta1**t), v[i] / (1 - beta2**t)
            p[i] -= lr * (decay * p[i] + 4 / math.pi * math.atan2(m_hat, math.sqrt(v_hat)))
        close(parameter, torch.tensor(p), atol=1e-5, rtol=1e-5)


@pytest.mark.numeric
def test_sign_sgd_sums_the_gradients_of_a_row_and_touches_no_other() -> None:
    table = torch.full((4, 2), 2.0)
    ids = torch.tensor([2, 0, 2])
    grads = torch.tensor([[3.0, -1.0], [0.5, 0.0], [-1.0, -1.0]])
    sign_sgd_rows(table, ids, grads, lr=0.1, weight_decay=0.5)
    kept = 2.0 * (1 - 0.05)
    expected = [[kept - 0.1, kept], [2.0, 2.0], [kept - 0.1, kept + 0.1], [2.0, 2.0]]
    close(table, torch.tensor(expected), atol=1e-6)


@pytest.mark.numeric
def test_copies_of_a_task_share_what_their_rows_say_of_each_symbol() -> None:
    """Two symbols of width 2; rows 0 and 2 are copies of one task, 1 and 3 of another, of which nothing is seen."""
    table, tasks = torch.full((4, 4), 2.0), torch.tensor([7, 3, 7, 3])
    ids = torch.tensor([2, 0, 2])
    grads = torch.tensor([[3.0, -1.0, 0.0, 1.0], [0.5, 0.0, 0.0, 0.25], [0.5, 0.0, 1.0, 0.0]])
    sgd_shared_rows(table, ids, grads, lr=0.1, weight_decay=0.5, tasks=tasks, symbols=2)
    total, kept = torch.tensor([4.0, -1.0, 1.0, 1.25]), 2.0 * (1 - 0.05)
    shared = kept - 2 * 0.1 * total.sign() * (total.abs() / 4.0).sqrt()
    of_two = torch.tensor([-0.1, 0.0, -0.1, 0.0])  # the sign of (3 + 0 + 0.5 + 1, -1 + 1 + 0 + 0), for each symbol
    of_none = torch.tensor([-0.1, -0.1, -0.1, -0.1])  # and of (0.5 + 0, 0 + 0.25)
    close(
        table, torch.stack([shared + of_none, torch.full((4,), 2.0), shared + of_two, torch.full((4,), 2.0)]), atol=1e-6
    )


@pytest.mark.numeric
def test_a_task_whose_rows_have_no_gradient_only_decays() -> None:
    table = torch.full((2, 4), 2.0)
    sgd_shared_rows(table, torch.tensor([1]), torch.zeros(1, 4), 0.1, 0.5, torch.tensor([0, 1]), symbols=2)
    close(table, torch.tensor([[2.0] * 4, [1.9] * 4]), atol=1e-6)


def test_muon_takes_the_matrices_of_the_network_and_adamw_the_rest() -> None:
    model = TRM(TINY)
    options = TrainOptions(optimizer="muon", lr=0.02, adam_lr=1e-3, muon_adjust="original")
    muon, adam = make_optimizers(model, options)
    names = {id(p): name for name, p in model.named_parameters()}
    by_muon = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    by_adam = {names[id(p)] for group in adam.param_groups for p in group["params"]}
    assert by_muon == {name for name in names.values() if name.startswith("L_level.")}
    assert by_adam == {"embed_tokens.embedding_weight", "lm_head.weight", "q_head.weight", "q_head.bias"}
    assert (muon.param_groups[0]["lr"], adam.param_groups[0]["lr"]) == (0.02, 1e-3)
    assert muon.param_groups[0]["adjust_lr_fn"] == "original"


def test_the_schedule_scales_each_optimizer_s_own_rate() -> None:
    model = TRM(TINY)
    optimizers = make_optimizers(model, TrainOptions(optimizer="muon", lr=0.02, adam_lr=1e-3))
    for factor in (0.5, 0.25):
        set_lr(optimizers, factor)
        assert [o.param_groups[0]["lr"] for o in optimizers] == [0.02 * factor, 1e-3 * factor]


@pytest.mark.parametrize(
    ("schedule", "progress", "expected"),
    [
        ("constant", 1.0, 1.0),
        ("linear", 0.25, 0.1 + 0.9 * 0.75),
        ("cosine", 0.5, 0.55),
        ("cosine", 1.0, 0.1),
        ("wsd", 0.6, 1.0),
        ("wsd", 0.8, 0.55),
        ("wsd", 1.5, 0.1),
    ],
)
def test_learning_rate(schedule: str, progress: float, expected: float) -> None:
    options = TrainOptions.from_dict({"schedule": schedule, "lr_min_ratio": 0.1, "warmup_steps": 10})
    assert lr_factor(options, 100, progress) == pytest.approx(expected)
    assert lr_factor(options, 4, 0.0) == pytest.approx(0.5)  # the fifth of ten warm-up steps
    assert lr_factor(dataclasses.replace(options, warmup_steps=0), 0, 0.0) == pytest.approx(1.0)


@pytest.mark.numeric
def test_ema_keeps_an_fp32_shadow_that_moves_where_bf16_would_freeze() -> None:
    module = nn.Linear(1, 1, bias=False, dtype=torch.bfloat16)
    nn.init.constant_(module.weight, 1.0)
    ema = EMA(module, 0.999)
    ema.updates = 10**6  # past the warm-up
    nn.init.constant_(module.weight, 1.5)
    ema.update()
    assert ema.shadow[0].dtype == torch.float32
    close(ema.shadow[0], torch.tensor([[1.0005]]), atol=1e-6)
    with ema.applied():
        assert module.weight.item() == 1.0
    assert module.weight.item() == 1.5


@pytest.mark.numeric
def test_ema_warms_up() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 0.0)
    ema = EMA(module, 0.999)
    nn.init.constant_(module.weight, 1.0)
    ema.update()
    close(ema.shadow[0], torch.tensor([[0.9]]), atol=1e-6)  # decay (1 + 0) / (10 + 0)


@pytest.mark.parametrize(
    ("tied", "free", "together"),
    [
        (Tied(alike=(1, 2), unseen=(4,), like=(1, 2)), [(0, 0), (3, 3)], {1: (1, 2), 2: (1, 2), 4: (1, 2)}),
        (Tied(unseen=(0, 4), like=(2, 3)), [(1, 1), (2, 2), (3, 3)], {0: (2, 3), 4: (2, 3)}),
        (Tied(), [(each, each) for each in range(5)], {}),
    ],
)
def test_ties_hold_means_and_pass_their_gradients_back(
    tied: Tied, free: list[tuple[int, int]], together: dict[int, tuple[int, ...]]
) -> None:
    torch.manual_seed(0)
    table, ties = torch.randn(3, 5 * 2), Ties(5, tied, torch.device("cpu"))
    before = table.view(3, 5, 2).clone()
    ties.hold(table)
    after = table.view(3, 5, 2)
    for symbol, _ in free:
        assert torch.equal(after[:, symbol], before[:, symbol])
    for symbol, like in together.items():
        close(after[:, symbol], before[:, list(like)].mean(1), atol=1e-6)
    kept = table.clone()
    ties.hold(table)
    close(table, kept, atol=1e-6)  # what is together, is together
    source, wanted = before.flatten(1).requires_grad_(), torch.randn(3, 10)
    held = torch.einsum("st,btw->bsw", ties.mean, source.view(3, 5, 2)).flatten(1)
    (held * wanted).sum().backward()  # type: ignore[no-untyped-call]
    assert source.grad is not None
    close(ties.back(wanted), source.grad, atol=1e-6)


def test_what_was_alike_may_part_and_the_unseen_stays_with_its_mean() -> None:
    ties = Ties(4, Tied(alike=(1, 2), unseen=(3,), like=(1, 2)), torch.device("cpu"))
    ties.part()
    table = torch.tensor([[5.0, 1.0, 2.0, 9.0]])
    ties.hold(table)
    assert table.tolist() == [[5.0, 1.0, 2.0, 1.5]]
