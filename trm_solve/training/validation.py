"""Exact accuracy of a model on held-out puzzles while it is trained: the plain loop, over all processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trm_solve.device import to_device, widest
from trm_solve.model import TRM
from trm_solve.team import Team
from trm_solve.training.data import Dataset, to_tensors
from trm_solve.training.losses import IGNORE


@torch.no_grad()
def accuracy(
    model: TRM, sets: Sequence[Dataset], size: int, team: Team, notice: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Exact accuracy after each of `halt_max_steps` steps without halting, and the cells' after the last.

    The sets, of puzzles of one size each, count as one. `size` is the batch of each process. Every process must call
    it; all get the same answer. `notice` hears of each batch: how many puzzles all processes have done by then.
    """
    found = [_sums(model, data, size, team, notice) for data in sets]
    puzzles = sum(len(data) for data in sets)
    exact, cells = (torch.stack(sums).sum(0) for sums in zip(*found, strict=True))
    return {
        "exact_accuracy": float(exact[-1]) / puzzles,
        "cell_accuracy": float(cells[0] / cells[1]),
        "exact_by_step": [round(float(share) / puzzles, 5) for share in exact],
        "puzzles": puzzles,
    }


def _sums(model: TRM, data: Dataset, size: int, team: Team, notice: Callable[[int], None]) -> tuple[Tensor, Tensor]:
    """Over one set: puzzles right after each step, and (cells right after the last, cells)."""
    device = team.device
    cell_ids = None if data.cells is None else to_device(data.cells, device)
    positions = model.positions(cell_ids)
    exact = torch.zeros(model.config.halt_max_steps, dtype=widest(device), device=device)
    cells = torch.zeros(2, dtype=widest(device), device=device)
    mine = np.arange(team.rank, len(data), team.size)
    for start in range(0, len(mine), size):
        rows = mine[start : start + size]
        full = np.resize(rows, size)  # one batch shape, so that nothing is compiled anew
        tokens, labels, ids = to_tensors(data.questions[full], data.answers[full], data.ids[full], device)
        real = torch.arange(size, device=device) < len(rows)
        e = model.embed(tokens, model.puzzle_rows(ids), cell_ids)
        places = model.link(positions, tokens, cell_ids)
        y, z = (state.contiguous() for state in model.initial_state(e))
        labelled = labels != IGNORE
        for step in range(len(exact)):
            y, z = model.step(e, y, z, places)
            right = (model.read_answer(y).argmax(-1) == labels) & labelled
            exact[step] += ((right.sum(-1) == labelled.sum(-1)) & real).sum()
        cells += torch.stack([(right & real[:, None]).sum(), (labelled & real[:, None]).sum()])
        float(cells[1])  # a GPU has come this far too
        notice(min(len(rows) * team.size, len(data) - start * team.size))
    return team.sum(exact), team.sum(cells)
