"""A data set to train on or to validate with, as arrays of tokens, and draws from it.

A run draws from mixtures of data sets (`mixing.py`) that were read from files, folders or the hub (`sources.py`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trm_solve.config import Canvas
from trm_solve.device import to_device
from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Examples, Views
from trm_solve.puzzle import Tokens
from trm_solve.training.losses import IGNORE
from trm_solve.training.reveal import reveal

NO_RATING = np.nan
SIZES = 5  # sides of cropped canvases that differ by less run as the largest of them: few shapes to compile
ROWS = ("questions", "answers", "ids", "ratings", "weights")  # fields of a data set that have a line a row


@dataclass(frozen=True, eq=False)
class Dataset:
    """Questions and labels (N, L) as tokens, label 0 where there is nothing to learn; one weight a row."""

    kind: str
    questions: Tokens
    answers: Tokens
    ids: NDArray[np.int64]  # (N,) puzzle identifiers
    ratings: NDArray[np.float64]  # (N,) NaN where there is none
    weights: NDArray[np.float64]  # (N,) how often a row is drawn, relative to others
    names: Sequence[str] = ("",)  # of the identifiers, which are rows of the puzzle embedding
    cells: NDArray[np.int64] | None = None  # (L,) canvas cells of a cropped canvas, None: all of them
    views: Views | None = None  # of tasks: the copies through which rows are seen
    sides: NDArray[np.int64] | None = None  # (N,) of the cropped canvas that a row is for; None: as its grids need

    def __len__(self) -> int:
        return len(self.questions)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Dataset:
        arrays = {name: getattr(self, name)[rows] for name in ROWS}
        views = self.views.take(np.arange(len(self))[rows]) if self.views is not None else None
        sides = self.sides[rows] if self.sides is not None else None
        return dataclasses.replace(self, **arrays, views=views, sides=sides)


@dataclass(frozen=True, eq=False)
class Mixture:
    """Datasets of one kind in one array, and the probability with which each row is drawn."""

    data: Dataset
    cumulative: NDArray[np.float64] = field(repr=False)
    augment: bool = True
    share: float = 1.0  # of the batches, where a run has several mixtures
    reveal: tuple[int, int] = (0, 0)  # how many blanks of a hard puzzle are filled in from its answer

    def draw(self, seed: int, step: int, slots: int, progress: float = 0.0) -> tuple[Tokens, Tokens, NDArray[np.int64]]:
        """The examples (slots, L) offered at an optimiser step, and their ids: a pure function of the arguments.

        `progress` is the part of the run that is over.
        """
        rng = np.random.default_rng([seed, step, 0])
        rows = np.searchsorted(self.cumulative, rng.random(slots), side="right").clip(max=len(self.data) - 1)
        if self.augment and self.data.views is not None:
            return self.data.views.draw(rng, rows, self.data.ids, math.isqrt(self.data.questions.shape[1]))
        questions, answers = self.data.questions[rows], self.data.answers[rows]
        kind = get_kind(self.data.kind)
        if self.augment:
            questions, answers = kind.augment(rng, questions, answers)
        blank = kind.blank
        if self.reveal[1] and blank is not None:
            low, high = (bound * (1 - progress) for bound in self.reveal)
            rng = np.random.default_rng([seed, step, 3])
            questions = reveal(rng, questions, answers, self.data.ratings[rows], blank, low, high)
        return questions, answers, self.data.ids[rows]


def draw_minimum(seed: int, step: int, slots: int, probability: float, max_steps: int) -> NDArray[np.int64]:
    """Exploration: each slot's minimum of steps before it may halt (0: none), a pure function of seed and step."""
    rng = np.random.default_rng([seed, step, 1])
    explores = rng.random(slots) < probability
    return np.where(explores, rng.integers(2, max(max_steps, 2) + 1, slots), 0)


def to_tensors(
    questions: Tokens, answers: Tokens, ids: NDArray[np.int64], device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens and labels (B, L), `IGNORE` where there is nothing to learn, and ids (B,), all int64."""
    tokens, labels = (to_device(array, device).long() for array in (questions, answers))
    return tokens, labels.masked_fill(labels == 0, IGNORE), to_device(ids, device)


def plain(
    kind: str,
    questions: Tokens,
    answers: Tokens,
    ratings: NDArray[np.float64] | None = None,
    names: Sequence[str] = ("",),
    ids: NDArray[np.int64] | None = None,
) -> Dataset:
    """A data set of rows that all count the same."""
    count = len(questions)
    ids = np.zeros(count, np.int64) if ids is None else ids
    ratings = np.full(count, NO_RATING) if ratings is None else ratings
    return Dataset(kind, questions, answers, ids, ratings, np.ones(count), names)


def of_examples(
    kind: str, found: Examples, names: Sequence[str] = ("",), cells: NDArray[np.int64] | None = None
) -> Dataset:
    """A data set of examples of tasks, on the whole canvas or on these cells of it."""
    questions, answers = found.questions, found.answers
    if cells is not None:
        questions, answers = questions[:, cells], answers[:, cells]
    data = plain(kind, questions, answers, names=names, ids=found.ids)
    sides = found.sides if cells is None else None
    return dataclasses.replace(data, weights=found.weights, views=found.views, sides=sides, cells=cells)


def by_size(data: Dataset, canvas: Canvas) -> list[NDArray[np.intp]]:
    """Rows of each size of canvas, so that a small puzzle does not pay for a large one."""
    if canvas != "crop":
        return [np.arange(len(data))]
    sizes = data.sides if data.sides is not None else -(-_sides(data) // SIZES)  # of the former there are few already
    return [np.flatnonzero(sizes == size) for size in np.unique(sizes)]


def _sides(data: Dataset) -> NDArray[np.int64]:
    """The side (N,) of the square from the canvas's first cell that each row needs."""
    if data.sides is not None:
        return data.sides
    kind = get_kind(data.kind)
    rows, columns = kind.canvas
    grids = kind.used(data.questions, data.answers).reshape(-1, rows, columns)
    down, across = grids.any(2) * np.arange(1, rows + 1), grids.any(1) * np.arange(1, columns + 1)
    sides: NDArray[np.int64] = np.maximum(down.max(1), across.max(1)).astype(np.int64)
    return sides


def crop(data: Dataset) -> Dataset:
    """The data on the least square of the canvas, from its first cell, that holds them."""
    columns = get_kind(data.kind).canvas[1]
    side = int(_sides(data).max())
    cells = (np.arange(side)[:, None] * columns + np.arange(side)).ravel()
    return dataclasses.replace(data, questions=data.questions[:, cells], answers=data.answers[:, cells], cells=cells)
