"""Deep supervision: slots that carry y and z from one supervision step to the next, and the loss of one step.

Shapes: B slots of this process, P prefix positions, L cells, d hidden width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from trm_solve.config import ModelConfig, TrainOptions
from trm_solve.device import widest
from trm_solve.model import TRM
from trm_solve.training.losses import IGNORE, halt_losses, token_losses


class Batch(NamedTuple):
    """One new example for every slot, used by the slots that are free."""

    tokens: Tensor  # (B, L) int64
    labels: Tensor  # (B, L) int64, IGNORE where there is nothing to learn
    ids: Tensor  # (B,) int64, puzzle identifiers


@dataclass
class Carry:
    """What every slot takes into its next supervision step."""

    y: Tensor  # (B, P + L, d), detached, as is z
    z: Tensor
    tokens: Tensor
    labels: Tensor
    ids: Tensor
    steps: Tensor  # (B,) int64, supervision steps the slot has run
    halted: Tensor  # (B,) bool: the slot takes a new example next

    @classmethod
    def empty(cls, model: TRM, batch: Batch) -> Carry:
        """Slots that are all free."""
        config, slots, device = model.config, len(batch.tokens), model.device
        shape = (slots, config.prefix_len + batch.tokens.shape[1], config.hidden_size)
        y, z = (torch.zeros(shape, dtype=model.forward_dtype, device=device) for _ in range(2))
        steps = torch.zeros(slots, dtype=torch.int64, device=device)
        return cls(y, z, *batch, steps, torch.ones(slots, dtype=torch.bool, device=device))

    def refill(self, model: TRM, batch: Batch) -> Carry:
        """Free slots take the batch's example at their place and start afresh; the others discard it."""
        free = self.halted
        y, z = model.initial_state(self.y)
        return Carry(
            torch.where(free[:, None, None], y, self.y),
            torch.where(free[:, None, None], z, self.z),
            torch.where(free[:, None], batch.tokens, self.tokens),
            torch.where(free[:, None], batch.labels, self.labels),
            torch.where(free, batch.ids, self.ids),
            torch.where(free, 0, self.steps),
            free,
        )


class Outcome(NamedTuple):
    """What one supervision step says of each slot. Only `loss` has a gradient."""

    loss: Tensor  # (), summed over the slots
    y: Tensor  # (B, P + L, d)
    z: Tensor
    token_loss: Tensor  # (B,), as are the rest
    halt_loss: Tensor
    q_halt: Tensor
    q_continue: Tensor
    accuracy: Tensor  # share of the labelled cells that are right
    exact: Tensor  # bool: all of them are
    logits: Tensor  # (B, L, vocab) of the answer


class Supervision(nn.Module):
    """One supervision step and its losses as one module, so that data-parallel training sees one forward pass."""

    def __init__(self, model: TRM, options: TrainOptions) -> None:
        super().__init__()
        self.model = model
        self.options = options

    def forward(
        self,
        carry: Carry,
        rows: Tensor | None,
        cycles: tuple[int, int] | None = None,
        cells: Tensor | None = None,
    ) -> Outcome:
        """`carry` is refilled already; `rows` (B, puzzle_emb_ndim) are the slots' puzzle rows, a leaf of the graph.

        `cells` (L,) are the canvas cells of a cropped canvas, the same for all slots.
        """
        model, options, labels = self.model, self.options, carry.labels
        e = model.embed(carry.tokens, rows, cells)
        positions = model.link(model.positions(cells), carry.tokens, cells)
        labelled = labels != IGNORE
        count = labelled.sum(-1)
        hopeful = (count > 0) | (not model.config.judges_pins)  # False: a wrong pin took the answer away
        told, halted, judged = list[Tensor](), list[Tensor](), list[Tensor]()  # losses of each round that has one
        for y, z in model.rounds(e, carry.y, carry.z, positions, cycles, options.loss_rounds):  # noqa: B007
            logits = model.read_answer(y)
            q_halt, q_continue = model.read_halt(y)
            with torch.no_grad():
                right = (logits.argmax(-1) == labels) & labelled
                exact = (right.sum(-1) == count) & hopeful
            told.append(token_losses(logits, labels, loss=options.loss, smoothing=options.label_smoothing))
            halted.append(halt_losses(q_halt, exact))
            if model.config.judges_pins:
                judged.append(halt_losses(q_continue, hopeful))
        token_loss, halt_loss = torch.stack(told).mean(0), torch.stack(halted).mean(0)
        if not model.config.no_ACT_continue:
            with torch.no_grad():  # what the next step would say of the value of going on (HRM, arXiv 2506.21734)
                ahead, _ = model.step(e, y, z, positions, cycles)
                next_halt, next_continue = model.read_halt(ahead)
                last = carry.steps + 1 >= model.config.halt_max_steps
                value = torch.where(last, next_halt, torch.maximum(next_halt, next_continue)).sigmoid()
            halt_loss = halt_loss + halt_losses(q_continue, value)
        loss = token_loss.sum() + options.halt_loss_weight * halt_loss.sum()
        if judged:
            loss = loss + options.pin_loss_weight * torch.stack(judged).mean(0).sum()
        accuracy = right.sum(-1) / count.clamp(min=1)
        y, z, token_loss, halt_loss = y.detach(), z.detach(), token_loss.detach(), halt_loss.detach()
        q_halt, q_continue = q_halt.detach(), q_continue.detach()
        return Outcome(loss, y, z, token_loss, halt_loss, q_halt, q_continue, accuracy, exact, logits.detach())


def halts(config: ModelConfig, outcome: Outcome, steps: Tensor, minimum: Tensor) -> Tensor:
    """Which slots (B,) end here: sure, and past the minimum that exploration drew for them, or at the last step."""
    wants = outcome.q_halt > (0 if config.no_ACT_continue else outcome.q_continue)
    return (wants | (steps >= config.halt_max_steps)) & (steps >= minimum)


def advance(config: ModelConfig, carry: Carry, outcome: Outcome, minimum: Tensor) -> Carry:
    """The carry after a step; `minimum` (B,) is the exploration's minimum of steps, 0 where it drew none."""
    steps = carry.steps + 1
    halted = halts(config, outcome, steps, minimum)
    return Carry(outcome.y, outcome.z, carry.tokens, carry.labels, carry.ids, steps, halted)


METRICS = ("count", "accuracy", "exact_accuracy", "q_halt_accuracy", "steps", "lm_loss", "q_halt_loss", "loss", "slots")


def metric_sums(carry: Carry, outcome: Outcome) -> Tensor:
    """Sums (len(METRICS),) in fp64: five over the slots that halted in this step and have labels, then over all."""
    done = carry.halted & (carry.labels != IGNORE).any(-1)
    sure = (outcome.q_halt >= 0) == outcome.exact
    of_done = [torch.ones_like(outcome.accuracy), outcome.accuracy, outcome.exact, sure, carry.steps]
    wide = widest(done.device)
    sums = [torch.where(done, value.to(wide), 0.0).sum() for value in of_done]
    sums += [outcome.token_loss.to(wide).sum(), outcome.halt_loss.to(wide).sum(), outcome.loss.detach().to(wide)]
    return torch.stack([*sums, torch.full_like(sums[0], len(carry.steps))])
