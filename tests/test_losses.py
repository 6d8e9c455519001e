"""Losses, against their definitions written out."""

from __future__ import annotations

import math

import pytest
import torch
from numeric import close

from trm_solve.training.losses import IGNORE, halt_losses, log_stablemax, token_losses


def s(a: float) -> float:
    return a + 1 if a >= 0 else 1 / (1 - a)


@pytest.mark.numeric
def test_stablemax_is_its_definition() -> None:
    logits = [-1e4, -3.0, -0.1, 0.0, 0.2, 7.0, 1e4]
    total = sum(map(s, logits))
    expected = torch.tensor([math.log(s(a) / total) for a in logits], dtype=torch.float64)
    close(log_stablemax(torch.tensor(logits, dtype=torch.float64)), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.numeric
@pytest.mark.parametrize("loss", ["stablemax", "softmax"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_token_loss_is_the_mean_over_labelled_cells(loss: str, smoothing: float) -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 4)
    labels = torch.tensor([[1, IGNORE, 3], [0, 2, 1]])
    log_p = log_stablemax(logits.double()) if loss == "stablemax" else torch.log_softmax(logits.double(), -1)
    expected = []
    for sequence, wanted in zip(log_p.tolist(), labels.tolist(), strict=True):
        cells = [
            -(1 - smoothing) * row[label] - smoothing * sum(row) / 4
            for row, label in zip(sequence, wanted, strict=True)
            if label != IGNORE
        ]
        expected.append(sum(cells) / len(cells))
    found = token_losses(logits, labels, loss=loss, smoothing=smoothing)
    close(found.double(), torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=1e-6)


def test_a_sequence_without_labels_costs_nothing_and_has_no_gradient() -> None:
    logits = torch.randn(1, 3, 4, requires_grad=True)
    loss = token_losses(logits, torch.full((1, 3), IGNORE))
    loss.sum().backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_stablemax_has_a_finite_gradient_at_extreme_logits() -> None:
    logits = torch.tensor([[[1e30, -1e30, 0.0]]], requires_grad=True)
    token_losses(logits, torch.tensor([[1]])).sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@pytest.mark.numeric
def test_halt_loss() -> None:
    q = torch.tensor([2.0, -5.0])
    p = torch.sigmoid(q)
    found = halt_losses(q, torch.tensor([True, False]))
    close(found, torch.stack([-p[0].log(), -(1 - p[1]).log()]), rtol=1e-5, atol=1e-6)
