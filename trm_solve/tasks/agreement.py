"""Answers on which the copies of a task agree, as further examples for all of them.

A rule looks the same from every side; what has only remembered the examples does not. So the model that is being fitted
is asked, in each copy, for a grid whose answer nobody knows: a question, or a grid of the examples with some cells
changed. Cells in which most copies say the same are learned by all of them, the others are left open. (Agreement of
views as the label of what has none is that of FixMatch, arXiv 2001.07685, and of co-training.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from trm_solve.device import to_device
from trm_solve.kinds import get_kind
from trm_solve.model import TRM
from trm_solve.puzzle import Grid, Puzzle, Tokens, View
from trm_solve.solver import spread
from trm_solve.training.data import to_tensors
from trm_solve.training.learner import Learner
from trm_solve.training.supervise import Batch

EVERY = 2  # updates from examples that come out right for one from what the copies agree on
WEIGHT = 0.5  # of its loss
MOST = 0.6  # of the copies say the same: more than so many are needed
STEPS = 2  # supervision steps of an answer
QUESTION = 1 / 3  # how often it is a question as it is
CHANGED = 0.02, 0.12  # part of the cells that take a symbol of the grid, at least and at most


class Agreement:
    """The grids of a task and the copies that are to agree on them."""

    def __init__(
        self,
        grids: Sequence[Grid],
        questions: Sequence[Grid],
        copies: Sequence[View | None],
        cells: NDArray[np.int64] | None,
        seed: int,
    ) -> None:
        """`grids`, those of the examples, may be changed; a copy's number, from 1, is its row of the embedding."""
        self.grids, self.questions, self.copies = (*grids, *questions), questions, copies
        self.cells, self.random = cells, np.random.default_rng(seed)

    def draw(self) -> Grid:
        """A question, or any grid with some cells changed."""
        if self.questions and self.random.random() < QUESTION:
            return self.questions[int(self.random.integers(len(self.questions)))]
        grid = self.grids[int(self.random.integers(len(self.grids)))]
        hit = self.random.random(grid.shape) < self.random.uniform(*CHANGED)
        return np.where(hit, self.random.choice(np.unique(grid), grid.shape), grid)

    def teach(self, learner: Learner, progress: float) -> None:
        """One update of a model in training from a grid, where its copies agree on anything."""
        batch = self.batch(learner.model, self.draw())
        if batch is not None:
            learner.learn_beside(batch, WEIGHT, progress)

    def batch(self, model: TRM, grid: Grid) -> Batch | None:
        """The grid in each copy, labelled where most copies agree; None where they do not even on the answer's size."""
        kind = model.config.kind
        tokens, ids = self._tokens(kind, grid), np.arange(1, len(self.copies) + 1)
        cells = None if self.cells is None else to_device(self.cells, model.device)
        with torch.no_grad():
            seen, rows = to_device(tokens, model.device).long(), to_device(ids, model.device)
            said = model(seen, rows, steps=STEPS, cells=cells).logits.argmax(-1)
        agreed = agree_on(self._grids(kind, grid, said.cpu().numpy()), MOST * len(self.copies))
        if agreed is None:
            return None
        answer, open_cells = agreed
        # a mask is told from a grid of its shape that has none, in whatever tokens the kind has
        left = self._tokens(kind, open_cells.astype(np.uint8)) != self._tokens(kind, np.zeros_like(answer))
        return Batch(*to_tensors(tokens, np.where(left, 0, self._tokens(kind, answer)), ids, model.device))

    def _tokens(self, kind: str, grid: Grid) -> Tokens:
        """A grid as each copy shows it: (copies, L)."""
        seen = [grid if copy is None else copy.move(grid) for copy in self.copies]
        tokens = np.stack([get_kind(kind).encode(Puzzle(kind, each)) for each in seen])
        return tokens if self.cells is None else tokens[:, self.cells]

    def _grids(self, kind: str, grid: Grid, tokens: NDArray[np.int64]) -> list[Grid]:
        """Answers (copies, L) of tokens, turned back; none of those that are empty."""
        of, puzzle, said = get_kind(kind), Puzzle(kind, grid), tokens.astype(np.uint8)
        full = said if self.cells is None else [spread(of, self.cells, each) for each in said]
        found = [of.decode(puzzle, each, np.ones(len(each), np.float32)).answer for each in full]
        return [
            each if copy is None else copy.inverse(each.shape).move(each)
            for each, copy in zip(found, self.copies, strict=True)
            if each.size
        ]


def agree_on(answers: Sequence[Grid], most: float) -> tuple[Grid, NDArray[np.bool_]] | None:
    """The answer that over `most` of these have in each cell, and the cells in which no symbol has so many.

    None where no size has so many.
    """
    if not answers:
        return None
    (shape, count), *_ = Counter(each.shape for each in answers).most_common(1)
    if count <= most:
        return None
    alike = np.stack([each for each in answers if each.shape == shape])
    counts = (alike[None] == np.arange(alike.max() + 1)[:, None, None, None]).sum(1)
    return counts.argmax(0).astype(np.uint8), counts.max(0) <= most
