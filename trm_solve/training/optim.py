"""Optimisers, learning-rate schedules, and the exponential moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from trm_solve.config import TrainOptions
from trm_solve.layers import Linear
from trm_solve.model import TRM

SHARED_RATE = 2.0  # times the rate of rows, for what the copies of a task share


class AdamATan2(torch.optim.Optimizer):
    """Adam without epsilon: p -= lr * (weight_decay * p + 4/pi * atan2(m_hat, sqrt(v_hat))) (arXiv 2407.05872)."""

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        if closure is not None:
            raise ValueError("AdamATan2 takes no closure")
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            for p in params:
                if not self.state[p]:
                    self.state[p] = {"step": 0, "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
            grads = [p.grad for p in params]
            m, v = ([self.state[p][name] for p in params] for name in ("exp_avg", "exp_avg_sq"))
            torch._foreach_lerp_(m, grads, 1 - beta1)
            torch._foreach_mul_(v, beta2)
            torch._foreach_addcmul_(v, grads, grads, 1 - beta2)
            torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
            for p, m_p, v_p in zip(params, m, v, strict=True):
                self.state[p]["step"] += 1
                t = self.state[p]["step"]
                m_hat, v_hat = m_p / (1 - beta1**t), v_p / (1 - beta2**t)
                p.add_(torch.atan2(m_hat, v_hat.sqrt_()), alpha=-group["lr"] * 4 / math.pi)


def make_optimizers(model: TRM, options: TrainOptions) -> list[torch.optim.Optimizer]:
    """One optimiser over all parameters, or Muon on the matrices of the network and AdamW on the rest."""
    everything = list(model.parameters())
    lr, decay, betas = options.lr, options.weight_decay, options.betas
    if options.optimizer == "adam-atan2":
        return [AdamATan2(everything, lr, betas, decay)]
    if options.optimizer == "adamw":
        return [torch.optim.AdamW(everything, lr, betas, weight_decay=decay, foreach=True)]
    linears = [part for network in model.networks for part in network.modules() if isinstance(part, Linear)]
    matrices = [linear.weight for linear in linears]
    ours = {id(p) for p in matrices}
    rest = [p for p in everything if id(p) not in ours]
    adam_lr = lr if options.adam_lr is None else options.adam_lr
    adam_decay = decay if options.adam_weight_decay is None else options.adam_weight_decay
    return [
        torch.optim.Muon(matrices, lr=lr, weight_decay=decay, adjust_lr_fn=options.muon_adjust),
        torch.optim.AdamW(rest, adam_lr, betas, weight_decay=adam_decay, foreach=True),
    ]


def sum_by(ids: Tensor, grads: Tensor) -> tuple[Tensor, Tensor]:
    """The different ones of `ids` (B,), in order, and the sum of the gradients (B, width) of each."""
    found, place = torch.unique(ids, return_inverse=True)
    total = torch.zeros(len(found), grads.shape[1], dtype=grads.dtype, device=grads.device)
    return found, total.index_add_(0, place, grads)


@torch.no_grad()
def sign_sgd_rows(table: Tensor, ids: Tensor, grads: Tensor, lr: float, weight_decay: float) -> None:
    """Sign-SGD with decoupled decay on the rows `ids` (B,) of a table, in place; no other row is touched.

    Gradients (B, width) of the same row are summed before the sign is taken.
    """
    rows, total = sum_by(ids, grads)
    table[rows] = table[rows] * (1 - lr * weight_decay) - lr * total.sign()


@torch.no_grad()
def sgd_shared_rows(
    table: Tensor, ids: Tensor, grads: Tensor, lr: float, weight_decay: float, tasks: Tensor, symbols: int
) -> None:
    """As `sign_sgd_rows` for a symbol axis, where all copies of a task say the same of each symbol, in place.

    A row (width,) is one vector for each symbol. `tasks` (rows of the table,) numbers the task of each row. The rows of
    a task differ by what each says to all symbols alike. What they share moves by the signed square root of its
    gradient: the sign alone would take symbols that a task does not show as far as those that it does.
    """
    found, total = sum_by(tasks[ids], grads)
    shared = total.sign() * (total.abs() / total.abs().amax(1, keepdim=True).clamp(min=1e-30)).sqrt()
    of_rows = torch.searchsorted(found, tasks).clamp(max=len(found) - 1)
    here = (found[of_rows] == tasks).nonzero()[:, 0]
    table[here] = table[here] * (1 - lr * weight_decay) - SHARED_RATE * lr * shared[of_rows[here]]
    to_all = grads.view(len(grads), symbols, -1).sum(1).repeat(1, symbols)
    sign_sgd_rows(table, ids, to_all, lr, 0.0)


def lr_factor(options: TrainOptions, step: int, progress: float) -> float:
    """What the learning rates are multiplied by at optimiser step `step` (from 0) and this fraction of the run."""
    warm = min(1.0, (step + 1) / options.warmup_steps) if options.warmup_steps else 1.0
    left = 1 - min(max(progress, 0.0), 1.0)
    match options.schedule:
        case "constant":
            shape = 1.0
        case "linear":
            shape = left
        case "cosine":
            shape = 0.5 * (1 + math.cos(math.pi * (1 - left)))
        case "wsd":
            shape = min(1.0, left / options.decay_fraction) if options.decay_fraction else 1.0
    return warm * (options.lr_min_ratio + (1 - options.lr_min_ratio) * shape)


def set_lr(optimizers: Iterable[torch.optim.Optimizer], factor: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("base_lr", group["lr"]) * factor


class EMA:
    """Moving average of a model's parameters, kept in fp32 (a bf16 shadow freezes); buffers are outside it."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.parameters = list[Tensor](model.parameters())
        self.shadow = [p.detach().float().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Called after each optimiser step; the decay grows as (1 + t) / (10 + t) until it reaches its own."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        torch._foreach_lerp_(self.shadow, [p.detach().float() for p in self.parameters], 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model carries the averaged weights inside this block, exactly its own again after it."""
        if self.decay == 0:
            yield
            return
        kept = [p.detach().clone() for p in self.parameters]
        self._copy(self.shadow)
        try:
            yield
        finally:
            self._copy(kept)

    def apply(self) -> None:
        """The model carries the averaged weights from now on."""
        if self.decay and self.updates:
            self._copy(self.shadow)

    @torch.no_grad()
    def _copy(self, values: list[Tensor]) -> None:
        torch._foreach_copy_(self.parameters, values)

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates, "shadow": self.shadow}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.updates = state["updates"]
        torch._foreach_copy_(self.shadow, state["shadow"])
