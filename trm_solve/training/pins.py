"""Pins between two supervision steps, so that a model learns to go on from them, and to say where they are wrong.

Search fills in a cell that the model has not settled and goes on from where the model stood. A model that was trained
on whole puzzles alone has never seen that, nor a question without an answer. (To train on the states of the search that
a model will be used in is an idea of lattice deduction, arXiv 2605.08605.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trm_solve.config import ModelConfig, TrainOptions
from trm_solve.training.losses import IGNORE
from trm_solve.training.supervise import Carry, Outcome

LOST_STEPS = 4  # that a puzzle stays, at most, once a wrong value was pinned
DRAWS = 3  # uniform numbers a slot, beside one a cell


def draw_pins(seed: int, step: int, slots: int, cells: int) -> NDArray[np.float32]:
    """Uniform numbers (slots, cells + DRAWS) for `pin`, a pure function of the arguments."""
    return np.random.default_rng([seed, step, 4]).random((slots, cells + DRAWS), np.float32)


def pin(config: ModelConfig, options: TrainOptions, carry: Carry, outcome: Outcome, blank: int, draws: Tensor) -> Carry:
    """The carry with one more blank filled in, in some of the puzzles that go on.

    The less settled a cell is, the likelier it is pinned. Its value comes from the answer, or is drawn from the model's
    beliefs as search would; where that is wrong the puzzle has no answer any more: its labels are dropped, and further
    pins are the model's own. `draws` (B, L + DRAWS): a weight for every cell, whether to pin, whose value, which value.
    """
    weights, (whether, whose, which) = draws[:, :-DRAWS], draws[:, -DRAWS:].T
    labelled = carry.labels != IGNORE
    lost = ~labelled.any(-1)
    beliefs = outcome.logits.float().softmax(-1)
    beliefs[..., [0, blank]] = 0
    entropy = -torch.special.xlogy(beliefs, beliefs).sum(-1)
    wanted = ~carry.halted & (whether < options.pin_prob)
    may = (carry.tokens == blank) & (labelled | lost[:, None]) & wanted[:, None]
    most, cell = torch.where(may, weights * entropy, 0.0).max(-1, keepdim=True)
    pinned = most > 0
    held = beliefs.gather(1, cell[..., None].expand(-1, -1, beliefs.shape[-1]))[:, 0].cumsum(-1)
    drawn = (held <= which[:, None] * held[:, -1:]).sum(-1, keepdim=True).clamp(max=held.shape[-1] - 1)
    label = carry.labels.gather(-1, cell)
    value = torch.where(lost[:, None] | (whose[:, None] < options.own_pin_prob), drawn, label)
    loses = (pinned & (value != label))[:, 0] & ~lost
    return replace(
        carry,
        tokens=carry.tokens.scatter(-1, cell, torch.where(pinned, value, carry.tokens.gather(-1, cell))),
        labels=carry.labels.masked_fill(loses[:, None], IGNORE),
        steps=torch.where(loses, carry.steps.clamp(min=config.halt_max_steps - LOST_STEPS), carry.steps),
    )
