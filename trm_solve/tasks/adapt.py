"""Fit a model to one unknown task: new rows and all weights, from its demonstration pairs alone.

A checkpoint answers for the tasks whose identifiers it was trained on and for no others: fitting new rows alone gives
about nothing, the weights have to move too. Every fit starts from the base model. *Leave-one-out* fits without one
demonstration pair and then asks for it: how many come out right says whether the task was understood, before the last
fit, to all pairs, answers the question.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from trm_solve import schedule
from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import ModelError
from trm_solve.fuse import fuse, unfuse
from trm_solve.interrupt import Interrupt
from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Tasks
from trm_solve.model import TRM
from trm_solve.puzzle import Grid, Puzzle, View
from trm_solve.tasks.identifiers import BLANK
from trm_solve.tasks.progress import Progress
from trm_solve.tasks.voting import voters
from trm_solve.team import Team
from trm_solve.trace import Solution
from trm_solve.training.data import Mixture, of_examples
from trm_solve.training.learner import Learner
from trm_solve.training.presets import recipe
from trm_solve.training.setup import compiles, name_rows

FOLDS = 3  # pairs that are left out in turn, at most
FOLD_MINUTES = 1.0  # that leaving one out should have, but for the first
FOLD_VOTES = 24  # copies that are asked for the pair that was left out
LEAVE_ONE_OUT = 0.5  # part of the time
FOLD_FIT = 0.85  # part of that which is for fits; the rest is for votes
WINDOW = 10  # updates between looks at the accuracy


@dataclass(frozen=True, eq=False)
class Adapted:
    """A model that knows one more task, and nothing else."""

    model: TRM
    task: str
    leave_one_out: tuple[int, int]  # pairs that came out right, of so many left out; (0, 0): there was no time or pair
    seconds: float
    updates: int  # of the fit that gave the model

    @property
    def understood(self) -> str:
        right, folds = self.leave_one_out
        return f"{right} of {folds}" if folds else "not measured"


def adapt(
    base: TRM,
    task: str,
    pairs: Sequence[tuple[Grid, Grid]],
    questions: Sequence[Grid],
    options: AdaptOptions,
    *,
    seed: int = 0,
    notice: Callable[[Progress], None] = lambda _: None,
) -> Adapted:
    """Fit to the demonstration pairs of a task; `questions` only size the canvas.

    Ctrl-C ends it with what there is, or with `KeyboardInterrupt` where `options.on_interrupt` is `stop`. Raises
    `ModelError` where there is nothing to fit.
    """
    fitting = _Fitting(base, task, pairs, questions, options, seed, notice)
    if options.on_interrupt == "stop":
        return fitting.run()
    with fitting.interrupt:
        return fitting.run()


def tasks_of(model: TRM) -> Tasks:
    """What the model's kind says of its tasks. Raises `ModelError` where it has none."""
    tasks = get_kind(model.config.kind).tasks
    if tasks is None:
        raise ModelError(f"a model for {model.config.kind} has no tasks to be fitted to")
    return tasks


def _with_rows(base: TRM, names: Sequence[str]) -> TRM:
    """A copy of a model that has rows for these names and no others; its table, often of gigabytes, is not copied."""
    shared = [each for each in (base.identifiers, *base.buffers()) if each is not None]
    model = copy.deepcopy(base, {id(each): each for each in shared})
    name_rows(model, names)
    return model


class _Fitting:
    """One adaptation: what all of its fits share."""

    def __init__(
        self,
        base: TRM,
        task: str,
        pairs: Sequence[tuple[Grid, Grid]],
        questions: Sequence[Grid],
        options: AdaptOptions,
        seed: int,
        notice: Callable[[Progress], None],
    ) -> None:
        if options.fit == "rows" and not base.config.puzzle_emb_ndim:
            raise ModelError("a model without a puzzle embedding has no rows to fit")
        self.task, self.pairs, self.options, self.notice = task, pairs, options, notice
        self.seed = seed
        self.interrupt = Interrupt(ctrl_c_only=True)
        self.compiled = compiles(options.compile, options.minutes, base.device)
        random = np.random.RandomState(self.seed)
        self.tasks = tasks_of(base)
        self.copies: list[View | None] = [None, *self.tasks.draw_copies(pairs, options.copies, random)]
        self.questions = tuple(questions)
        cropped = self.tasks.cells(pairs, questions) if base.config.canvas == "crop" else None
        self.cells = None if cropped is None else cropped.astype(np.int64)
        self.base = _with_rows(base, [BLANK, *(self.tasks.identifier(task, each) for each in self.copies)])
        self.started = time.monotonic()

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def run(self) -> Adapted:
        seconds = 60 * self.options.minutes
        folds = self.options.folds
        if folds is None:  # a fit that has no time to understand tells nothing
            folds = min(max(int(self.options.minutes * LEAVE_ONE_OUT / FOLD_MINUTES), 1), FOLDS)
        folds = min(folds, len(self.pairs)) if len(self.pairs) > 1 else 0
        fits: list[tuple[TRM, int]] = []
        right = done = 0
        for fold in range(folds):
            share = seconds * LEAVE_ONE_OUT / folds
            until = share * (fold + FOLD_FIT)
            if self.interrupt.raised or self.elapsed() >= until:  # the votes before it took its time
                continue
            kept = [pair for number, pair in enumerate(self.pairs) if number != fold]
            fits.append(self.fit(kept, until, fold + 1, folds))
            # a vote may take the next fold's time, but none of the last fit's
            solved = self.solves(fits[-1][0], self.pairs[fold], min(until + share, seconds * LEAVE_ONE_OUT))
            done += solved is not None
            right += bool(solved)
        if not self.interrupt.raised or not fits:
            fits.append(self.fit(self.pairs, seconds, 0, folds))
        best = max(fits, key=lambda fit: fit[1]) if self.interrupt.raised else fits[-1]
        return Adapted(best[0], self.task, (right, done), self.elapsed(), best[1])

    def fit(self, pairs: Sequence[tuple[Grid, Grid]], until: float, fold: int, folds: int) -> tuple[TRM, int]:
        """A model fitted to these pairs until so many seconds have passed, and the number of updates."""
        options, base = self.options, self.base
        torch.manual_seed(self.seed)
        model = copy.deepcopy(base)
        if options.fit == "scratch":
            model = TRM(base.config).to(base.device)
            if base.config.relations:
                model.relations.copy_(base.relations)
        model.cast(torch.float32).forward_dtype = base.forward_dtype
        model.identifiers = base.identifiers
        model.train().requires_grad_(options.fit != "rows")
        horizon = until - self.elapsed()
        how = recipe(self.tasks.preset, {**options.recipe, "seed": self.seed, "canvas": base.config.canvas})
        learner = Learner(model, [self.mixture(pairs)], how, Team.alone(base.device))
        if self.compiled:
            fuse(model, "on", 0)
        began = time.monotonic()
        exact: float | None = None
        while (spent := time.monotonic() - began) < horizon and not self.interrupt.raised:
            learner.train_step(spent / horizon)
            if learner.step % WINDOW == 0:
                sums = learner.take_window()
                exact = sums["exact_accuracy"] / sums["count"] if sums["count"] else exact
            now = self.elapsed()
            self.notice(Progress(self.task, fold, folds, now, 60 * options.minutes - now, exact))
        unfuse(model)  # a vote is too little work to compile for
        learner.ema.apply()
        return model.eval().requires_grad_(False).cast(base.forward_dtype), learner.step

    def mixture(self, pairs: Sequence[tuple[Grid, Grid]]) -> Mixture:
        """The pairs, seen through the copies, on the canvas that the task needs."""
        data = of_examples(self.base.config.kind, self.tasks.examples(pairs, self.copies), cells=self.cells)
        return Mixture(data, np.arange(1, len(pairs) + 1) / len(pairs))

    def solves(self, model: TRM, pair: tuple[Grid, Grid], until: float) -> bool | None:
        """Whether the vote of copies gives the answer of a pair that was left out; None: no time to hold it."""
        puzzle = Puzzle(
            self.base.config.kind, *pair, task=self.task, examples=tuple(self.pairs), questions=self.questions
        )
        options = SolveOptions(attempts=min(FOLD_VOTES, len(self.copies)), seed=self.seed)
        for event in schedule.solve_all(
            model, [puzzle], options, strategy=voters(model, self.task, options), watch=True
        ):
            if isinstance(event, Solution):
                return event.answer is not None and _same(event.answer, pair[1])
            if self.interrupt.raised or self.elapsed() > until:
                break
        return None


def _same(one: Grid, other: Grid) -> bool:
    return one.shape == other.shape and bool((one == other).all())
