"""One optimiser step, and everything that has to be kept to take the next one.

All random draws are pure functions of (seed, step) for the whole global batch, so that losses are the same for any
number of processes, and the step number alone says where in the data a run stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from trm_solve.config import TrainOptions
from trm_solve.device import to_device, widest
from trm_solve.errors import InputError
from trm_solve.kinds import get_kind
from trm_solve.model import TRM
from trm_solve.team import Team
from trm_solve.training.data import Mixture, draw_minimum, to_tensors
from trm_solve.training.optim import EMA, lr_factor, make_optimizers, set_lr, sgd_shared_rows, sign_sgd_rows
from trm_solve.training.pins import draw_pins, pin
from trm_solve.training.supervise import METRICS, Batch, Carry, Outcome, Supervision, advance, metric_sums
from trm_solve.training.ties import Ties


class Learner:
    """A model in training. `step` counts optimiser steps; `window` sums metrics until somebody takes them."""

    def __init__(self, model: TRM, mixtures: Sequence[Mixture], recipe: TrainOptions, team: Team) -> None:
        """Each of several mixtures, of puzzles of one size, has slots of its own; a step is taken with those of one."""
        self.model, self.mixtures, self.recipe, self.team = model, mixtures, recipe, team
        self.slots = team.slots(recipe.batch_size)
        self.module: nn.Module = Supervision(model, recipe)
        parts = [mixture.data.cells for mixture in mixtures]
        self.cells = [None if cells is None else to_device(cells, team.device) for cells in parts]
        if team.size > 1:
            self.module = DistributedDataParallel(self.module, broadcast_buffers=False, gradient_as_bucket_view=True)
        self.optimizers = make_optimizers(model, recipe)
        self.ema = EMA(model, recipe.ema)
        self.step = 0
        self.tasks = tasks_of_rows(model, team.device) if recipe.share_rows else None
        self.ties: Ties | None = None  # of a single task's rows
        self.carries = [Carry.empty(model, self._batch(number)) for number in range(len(mixtures))]
        self.window = torch.zeros(len(METRICS), dtype=widest(team.device), device=team.device)

    @property
    def lr(self) -> float:
        return float(self.optimizers[0].param_groups[0]["lr"])

    def _turn(self) -> int:
        """The mixture whose turn it is at this step."""
        shares = np.cumsum([mixture.share for mixture in self.mixtures])
        drawn = np.random.default_rng([self.recipe.seed, self.step, 2]).random() * shares[-1]
        return int(np.searchsorted(shares, drawn, side="right").clip(max=len(shares) - 1))

    def _batch(self, number: int, progress: float = 0.0) -> Batch:
        """This process's part of the examples that a mixture offers at this step, at this fraction of the run."""
        recipe = self.recipe
        questions, answers, ids = self.mixtures[number].draw(recipe.seed, self.step, recipe.batch_size, progress)
        return Batch(*to_tensors(questions[self.slots], answers[self.slots], ids[self.slots], self.team.device))

    def _minimum(self) -> torch.Tensor:
        """The exploration's minimum of steps for each slot."""
        recipe, most = self.recipe, self.model.config.halt_max_steps
        drawn = draw_minimum(recipe.seed, self.step, recipe.batch_size, recipe.halt_exploration_prob, most)
        return to_device(drawn[self.slots], self.team.device)

    def _pin(self, carry: Carry, outcome: Outcome) -> Carry:
        blank = get_kind(self.model.config.kind).blank
        assert blank is not None  # `setup` has looked
        draws = draw_pins(self.recipe.seed, self.step, self.recipe.batch_size, carry.tokens.shape[1])[self.slots]
        return pin(self.model.config, self.recipe, carry, outcome, blank, to_device(draws, self.team.device))

    def train_step(self, progress: float, cycles: tuple[int, int] | None = None) -> Outcome:
        """One supervision step of every slot and one update, at this fraction of the run."""
        recipe, model = self.recipe, self.model
        turn = self._turn()
        carry = self.carries[turn].refill(model, self._batch(turn, progress))
        rows = model.puzzle_rows(carry.ids)
        rows = None if rows is None else rows.detach().clone().requires_grad_()
        outcome: Outcome = self.module(carry, rows, cycles, self.cells[turn])
        # data-parallel training averages the gradients of the processes: this makes it their sum / global batch
        factor = self._update(outcome.loss * (self.team.size / recipe.batch_size), progress)
        if rows is not None and rows.grad is not None:
            lr, table = recipe.row_lr * factor, model.puzzle_emb.weights
            ids, grads = self.team.gather(carry.ids), self.team.gather(rows.grad)
            if self.tasks is None:
                sign_sgd_rows(table, ids, grads, lr, recipe.row_weight_decay)
            else:
                grads = self.ties.back(grads) if self.ties else grads
                symbols = model.config.symbols_count
                sgd_shared_rows(table, ids, grads, lr, recipe.row_weight_decay, self.tasks, symbols)
                if self.ties:
                    self.ties.hold(table)
        after = advance(model.config, carry, outcome, self._minimum())
        self.window += metric_sums(after, outcome)
        self.carries[turn] = self._pin(after, outcome) if recipe.pin_prob else after
        self.step += 1
        return outcome

    def learn_beside(self, batch: Batch, weight: float, progress: float) -> None:
        """An update of the weights alone from other examples, by the loss of their first supervision step."""
        carry = Carry.empty(self.model, batch).refill(self.model, batch)
        outcome: Outcome = self.module(carry, self.model.puzzle_rows(carry.ids), None, self.cells[0])
        self._update(outcome.loss * (weight / len(batch.ids)), progress)

    def _update(self, loss: torch.Tensor, progress: float) -> float:
        """Move the weights by the gradient of a loss; by how much of their rates."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.recipe.clip_norm:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        factor = lr_factor(self.recipe, self.step, progress)
        set_lr(self.optimizers, factor)
        for optimizer in self.optimizers:
            optimizer.step()
        if self.recipe.ema:
            self.ema.update()
        return factor

    def take_window(self) -> dict[str, float]:
        """Sums over all processes since the last call."""
        sums = self.team.sum(self.window).tolist()
        self.window.zero_()
        return dict(zip(METRICS, sums, strict=True))

    def is_finite(self) -> bool:
        """Whether weights and metrics are still numbers."""
        tensors = [*self.model.parameters(), *self.ema.shadow, self.window]
        return all(bool(torch.isfinite(t).all()) for t in tensors)

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on, with any number of processes. Every process must call it."""
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "carries": [{name: self.team.gather(part) for name, part in vars(carry).items()} for carry in self.carries],
            "window": self.team.sum(self.window.clone()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises KeyError, ValueError or RuntimeError for a state of another model or recipe."""
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        if [len(carry["steps"]) for carry in state["carries"]] != [self.recipe.batch_size] * len(self.mixtures):
            raise ValueError("batches of another size")
        self.carries = [self._carry(carry) for carry in state["carries"]]
        if self.team.leads:
            self.window.copy_(state["window"])

    def _carry(self, state: dict[str, torch.Tensor]) -> Carry:
        """This process's part of a saved carry. Products are made in the dtype of y and z, which may be another now."""
        parts = {name: part[self.slots].to(self.team.device) for name, part in state.items()}
        return Carry(**parts | {name: parts[name].to(self.model.forward_dtype) for name in ("y", "z")})


def tasks_of_rows(model: TRM, device: torch.device) -> torch.Tensor:
    """The number of the task that each row of the puzzle embedding is a copy of. Raises `InputError`."""
    tasks = get_kind(model.config.kind).tasks
    if tasks is None or not model.config.symbols or model.identifiers is None:
        raise InputError("field 'share_rows' is for models of tasks with a symbol axis")
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(tasks.task_of(name), len(numbers)) for name in model.identifiers.names]
    return torch.tensor(found, device=device)
