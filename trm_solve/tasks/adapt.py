"""Fit a model to one unknown task: new rows and all weights, from its demonstration pairs alone.

A checkpoint answers for the tasks whose identifiers it was trained on and for no others: fitting new rows alone gives
about nothing, the weights have to move too. Every fit starts from the base model. *Leave-one-out* fits without one
demonstration pair and then asks for it: how many come out right says whether the task was understood, before the last
fit, to all pairs, answers the question. The time of a task holds all of this and the vote of the copies at its end.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from trm_solve import schedule
from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import ModelError
from trm_solve.fuse import fuse, unfuse, unfused
from trm_solve.interrupt import Interrupt
from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Tasks
from trm_solve.model import TRM
from trm_solve.puzzle import Grid, Puzzle, View
from trm_solve.solver import default_slots
from trm_solve.tasks.guesses import Guesses, key_of
from trm_solve.tasks.identifiers import BLANK
from trm_solve.tasks.progress import Progress
from trm_solve.tasks.voting import voters
from trm_solve.team import Team
from trm_solve.trace import Candidate, Solution
from trm_solve.training.data import Mixture, of_examples
from trm_solve.training.learner import Learner
from trm_solve.training.presets import recipe
from trm_solve.training.setup import compiles, name_rows
from trm_solve.training.ties import Ties

FOLDS = 3  # pairs that are left out in turn, at most
FOLD_MINUTES = 1.0  # that leaving one out should have, but for the first
FOLD_VOTES = 24  # copies that are asked for the pair that was left out
FOLD_GUESSES = 8  # copies that a fold asks for the questions themselves
LEAVE_ONE_OUT = 0.5  # part of the time
FOLD_FIT = 0.85  # part of that which is for fits; the rest is for votes
VOTE = 0.05, 0.25  # part of the time that is kept for the vote, at least and at most
VOTE_SLACK = 1.5  # times what it should take by a few copies: other programs may be busy then
TIED = 0.4  # part of a fit for which symbols are held alike, and longer where this is enough to learn the examples
WINDOW = 10  # updates between looks at the accuracy
LEARNED = 0.99  # part of the examples from which on all are taken to come out right
LOOKS = (0.25, 0.5, 0.75)  # parts of the last fit after which the question is asked, for a second guess
EVERY, SHARE = 2.0, 0.05  # seconds between such looks where somebody watches, or so much of a fit if that is longer


@dataclass(frozen=True, eq=False)
class Adapted:
    """A model that knows one more task, and nothing else."""

    model: TRM
    task: str
    leave_one_out: tuple[int, int]  # pairs that came out right, of so many left out; (0, 0): there was no time or pair
    seconds: float
    updates: int  # of the fit that gave the model
    guesses: Guesses = field(default_factory=Guesses)  # at the questions
    fits: tuple[Progress, ...] = ()  # some moments of it

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
    vote: SolveOptions = SolveOptions(),  # noqa: B008 (frozen)
    notice: Callable[[Progress], None] = lambda _: None,
    watched: bool = False,
    interrupt: Interrupt | None = None,
) -> Adapted:
    """Fit to the demonstration pairs of a task, in time for the `vote` on its `questions` that is to follow.

    The questions are asked now and then, for a second guess; if it is `watched`, what is left out too. Ctrl-C ends it
    with what there is, or with `KeyboardInterrupt` where `options.on_interrupt` is `stop`; an `interrupt` given is one
    that somebody else listens for. Raises `ModelError` where there is nothing to fit.
    """
    fitting = _Fitting(base, task, pairs, questions, options, vote, notice, watched, interrupt)
    if interrupt is not None or options.on_interrupt == "stop":
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
        vote: SolveOptions,
        notice: Callable[[Progress], None],
        watched: bool,
        interrupt: Interrupt | None,
    ) -> None:
        self.started = time.monotonic()
        if options.fit == "rows" and not base.config.puzzle_emb_ndim:
            raise ModelError("a model without a puzzle embedding has no rows to fit")
        self.task, self.pairs, self.options, self.notice, self.watched = task, pairs, options, notice, watched
        self.vote, self.seed = dataclasses.replace(vote, compile="off"), vote.seed
        self.interrupt = interrupt or Interrupt(ctrl_c_only=True)
        self.guesses = Guesses()
        # with a symbol axis, compiling takes longer than all updates that it could hasten
        auto = "off" if options.compile == "auto" and base.config.symbols else options.compile
        self.compiled = compiles(auto, options.minutes, base.device)
        random = np.random.RandomState(self.seed)
        self.tasks = tasks_of(base)
        drawn = self.tasks.draw_copies(pairs, options.copies, random, exchange=not base.config.symbols)
        self.copies: list[View | None] = [None, *drawn]
        self.questions = tuple(questions)
        cropped = self.tasks.cells(pairs, questions) if base.config.canvas == "crop" else None
        self.cells = None if cropped is None else cropped.astype(np.int64)
        self.base = _with_rows(base, [BLANK, *(self.tasks.identifier(task, each) for each in self.copies)])

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def run(self) -> Adapted:
        seconds = 60 * self.options.minutes
        least, most = (part * seconds for part in VOTE)
        seconds -= min(max(VOTE_SLACK * self.vote_seconds(), least), most)
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
            end = min(until + share, seconds * LEAVE_ONE_OUT)
            ranked = self.ask(fits[-1][0], self.puzzle(*self.pairs[fold]), FOLD_VOTES, end)
            done += ranked is not None
            if ranked:
                right += key_of(ranked[0].answer) == key_of(self.pairs[fold][1])
            for question in self.questions:
                if ranked := self.ask(fits[-1][0], self.puzzle(question), FOLD_GUESSES, share * (fold + 1)):
                    self.guesses.folds.setdefault(key_of(question), []).append(ranked)
        if not self.interrupt.raised or not fits:
            fits.append(self.fit(self.pairs, seconds, 0, folds))
        best = max(fits, key=lambda fit: fit[1]) if self.interrupt.raised else fits[-1]
        return Adapted(best[0], self.task, (right, done), self.elapsed(), best[1], self.guesses)

    def vote_seconds(self) -> float:
        """How long the vote on all questions will take, by a few copies that take one step, after one to warm up."""
        if not self.questions:
            return 0.0
        puzzle = self.puzzle(self.questions[0])
        few = min(len(self.copies), default_slots(self.base))
        for _ in range(2):
            began = self.elapsed()
            self.ask(self.base, puzzle, few, math.inf, max_steps=1)
        asked = min(self.vote.attempts or len(self.copies), len(self.copies))
        return (self.elapsed() - began) / few * asked * self.vote.max_steps * len(self.questions)

    def fit(self, pairs: Sequence[tuple[Grid, Grid]], until: float, fold: int, folds: int) -> tuple[TRM, int]:
        """A model fitted to these pairs until so many seconds have passed, and the number of updates."""
        options, base = self.options, self.base
        if options.fit == "none":
            return base, 0
        torch.manual_seed(self.seed)
        model = copy.deepcopy(base)
        if options.fit == "scratch":
            model = TRM(base.config).to(base.device)
            if base.config.relations:
                model.relations.copy_(base.relations)
        model.cast(torch.float32).forward_dtype = base.forward_dtype
        model.identifiers = base.identifiers
        model.train().requires_grad_(options.fit != "rows")
        preset = self.tasks.symbols_preset if base.config.symbols else self.tasks.preset
        how = recipe(preset, {**options.recipe, "seed": self.seed, "canvas": base.config.canvas})
        learner = Learner(model, [self.mixture(pairs)], how, Team.alone(base.device))
        ties = None
        if how.share_rows:
            ties = learner.ties = Ties(base.config.symbols_count, self.tasks.tied(pairs), base.device)
            ties.hold(model.puzzle_emb.weights)
        if self.compiled:
            fuse(model, "on", 0)
        began = time.monotonic()
        horizon = until - (began - self.started)  # what it took to get ready is spent
        curve: list[float] = []
        asked = [self.puzzle(question) for question in self.questions]
        if fold:
            asked = [dataclasses.replace(self.puzzle(*self.pairs[fold - 1]), examples=tuple(pairs))]
        looks = list(LOOKS) if not fold else []
        stand = Progress(self.task, fold, folds, 0.0, 0.0, None, puzzle=asked[0] if asked else None)
        spent = looked = took = 0.0  # seconds of the fit, those at which it was asked last, those of an update
        while spent + took < horizon and not self.interrupt.raised:
            learner.train_step(spent / horizon)
            before, spent = spent, time.monotonic() - began
            took = min(spent - before, took or spent)
            if learner.step % WINDOW == 0:
                sums = learner.take_window()
                curve += [sums["exact_accuracy"] / sums["count"]] if sums["count"] else []
                if options.thrifty and curve and curve[-1] >= LEARNED:
                    horizon = min(horizon, 2 * spent)
            if ties and spent > TIED * horizon and max(curve, default=0.0) < LEARNED:
                ties.part()
            due = bool(looks) and spent > looks[0] * horizon
            if due or (self.watched and spent - looked > max(EVERY, SHARE * horizon)):
                looks = [part for part in looks if spent <= part * horizon]
                stand = dataclasses.replace(stand, guess=self.look(model, asked, until, keep=due))
                looked = spent
            now, exact = began - self.started + spent, curve[-1] if curve else None
            stand = dataclasses.replace(stand, seconds=now, exact=exact, curve=tuple(curve))
            self.notice(dataclasses.replace(stand, left=60 * options.minutes - now))
        unfuse(model)  # a vote is too little work to compile for
        learner.ema.apply()
        return model.eval().requires_grad_(False).cast(base.forward_dtype), learner.step

    def mixture(self, pairs: Sequence[tuple[Grid, Grid]]) -> Mixture:
        """The pairs, seen through the copies, on the canvas that the task needs."""
        data = of_examples(self.base.config.kind, self.tasks.examples(pairs, self.copies), cells=self.cells)
        return Mixture(data, np.arange(1, len(pairs) + 1) / len(pairs))

    def puzzle(self, question: Grid, answer: Grid | None = None) -> Puzzle:
        """A question of the task, on its canvas."""
        kind, examples = self.base.config.kind, tuple(self.pairs)
        return Puzzle(kind, question, answer, task=self.task, examples=examples, questions=self.questions)

    def look(self, model: TRM, asked: Sequence[Puzzle], until: float, *, keep: bool) -> Grid | None:
        """The present answer of a model in training to the first of these; with `keep`, all are guesses."""
        first: Grid | None = None
        with unfused(model):
            for number, puzzle in enumerate(asked):
                ranked = self.ask(model, puzzle, 1, until)
                if ranked and keep:
                    self.guesses.fits.setdefault(key_of(puzzle.question), []).append(ranked[0].answer)
                if ranked and number == 0:
                    first = ranked[0].answer
        return first

    def ask(self, model: TRM, puzzle: Puzzle, copies: int, until: float, max_steps: int = 0) -> list[Candidate] | None:
        """What a vote of so many copies says, best first, nothing where no answer is one; None: no time to hold it."""
        options = dataclasses.replace(
            self.vote, attempts=min(copies, len(self.copies)), max_steps=max_steps or self.vote.max_steps
        )
        strategy = voters(model, self.task, options)
        for event in schedule.solve_all(model, [puzzle], options, strategy=strategy, watch=until < math.inf):
            if isinstance(event, Solution):
                return list(event.candidates)
            if self.interrupt.raised or self.elapsed() > until:
                break
        return None
