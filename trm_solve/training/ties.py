"""Symbols that the pairs of a task give no reason to tell apart: what its rows say of each is held together.

A row of a model with a symbol axis has a vector for every symbol, so that it can learn the pairs by heart, symbol by
symbol, and then has nothing to say of a symbol that only the question shows: this one has learned that it is never the
answer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trm_solve.kinds.base import Tied


class Ties:
    """Of S symbols, those of `alike` have one vector, and those of `unseen` always have the mean of those of `like`.

    Each vector is a mean of free ones, `mean` @ free, so that the gradient of the free ones is its transpose's.
    """

    def __init__(self, symbols: int, tied: Tied, device: torch.device) -> None:
        self.free = torch.eye(symbols, device=device)
        self.mean = self.free.clone()  # (S, S)
        self.alike = list(tied.alike)
        if together := [*tied.alike, *tied.unseen]:
            self.mean[together] = self.free[list(tied.like)].mean(0)

    def part(self) -> None:
        """Let those that are alike go ways of their own; the unseen ones stay with their mean."""
        self.mean[self.alike] = self.free[self.alike]

    def back(self, grads: Tensor) -> Tensor:
        """Gradients (B, S w) of rows as those of what is free in them."""
        return torch.einsum("st,bsw->btw", self.mean, grads.view(len(grads), len(self.mean), -1)).flatten(1)

    @torch.no_grad()
    def hold(self, table: Tensor) -> None:
        """Put rows (rows, S w) together again, in place."""
        table.copy_(torch.einsum("st,btw->bsw", self.mean, table.view(len(table), len(self.mean), -1)).flatten(1))
