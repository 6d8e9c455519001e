"""Fit a model to one unknown task: new rows and all weights, from its demonstration pairs alone.

A checkpoint answers for the tasks whose identifiers it was trained on and for no others: fitting new rows alone gives
about nothing, the weights have to move too. *Leave-one-out* fits without one demonstration pair and then asks for it:
how many come out right says whether the task was understood, before fits to all pairs answer the question. They
start from fresh weights with a symbol axis; where the base has one too, the first of them starts from the base. A fit
whose examples have come out right makes room for one more, and their votes are counted together. The time of a task
holds all of this.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from trm_solve import schedule
from trm_solve.config import AdaptOptions, SolveOptions, TrainOptions
from trm_solve.errors import ModelError
from trm_solve.fuse import fuse, unfuse, unfused
from trm_solve.interrupt import Interrupt
from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Tasks
from trm_solve.model import TRM
from trm_solve.puzzle import Grid, Puzzle, View, key_of
from trm_solve.solver import default_slots
from trm_solve.tasks.agreement import EVERY, Agreement
from trm_solve.tasks.guesses import Guesses, Vote
from trm_solve.tasks.identifiers import BLANK
from trm_solve.tasks.progress import Progress
from trm_solve.tasks.voting import voters
from trm_solve.team import Team
from trm_solve.trace import Candidate, Solution
from trm_solve.training.data import Dataset, Mixture, of_examples
from trm_solve.training.learner import Learner
from trm_solve.training.presets import recipe
from trm_solve.training.setup import compiles, name_rows, new_config, relate
from trm_solve.training.ties import Ties

FOLDS = 3  # pairs that are left out in turn, at most
FOLD_MINUTES = 1.0  # that leaving one out should have, but for the first
FOLD_VOTES = 24  # copies that are asked for the pair that was left out
FOLD_GUESSES = 8  # copies that a fold asks for the questions themselves
LEAVE_ONE_OUT = 0.5  # part of the time
FOLD_FIT = 0.85  # part of that which is for fits; the rest is for votes
FIT_VOTES = 24  # copies that a fit to all pairs asks, but for the last vote
AGREED = 0.75  # of the copies of each of two fits have one answer: a third is not worth its time
VOTE = 0.05, 0.25  # part of the time that is kept for the vote, at least and at most
VOTE_SLACK = 1.5  # times what it should take by a few copies: other programs may be busy then
TIED = 0.4  # part of a fit for which symbols are held alike, and longer where this is enough to learn the examples
WINDOW = 10  # updates between looks at the accuracy
LEARNED = 0.99  # part of the examples from which on all are taken to come out right
SAME = 0.8  # of what the last fit took must be left for one more
LOOKS = (0.25, 0.5, 0.75)  # parts of a fit to all pairs after which the question is asked, for a second guess
WATCHED, SHARE = 2.0, 0.05  # seconds between such looks where somebody watches, or so much of a fit if that is longer


class Fit(NamedTuple):
    """A model fitted to pairs."""

    model: TRM
    updates: int
    seconds: float
    learned: bool  # the examples all came out right


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


def agree(one: Vote | None, other: Vote | None) -> bool:
    """Whether most copies of both fits have the same answer to a question."""
    if not (one and other and one.candidates and other.candidates):
        return False
    first, second = one.candidates[0], other.candidates[0]
    sure = first.votes >= AGREED * one.attempts and second.votes >= AGREED * other.attempts
    return sure and key_of(first.answer) == key_of(second.answer)


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
        options = options.of(base.config)
        self.task, self.pairs, self.options, self.notice, self.watched = task, pairs, options, notice, watched
        self.vote, self.seed = dataclasses.replace(vote, compile="off"), vote.seed
        self.interrupt = interrupt or Interrupt(ctrl_c_only=True)
        self.guesses = Guesses()
        random = np.random.RandomState(self.seed)
        self.kind, self.tasks = base.config.kind, tasks_of(base)
        how = recipe(self.tasks.fresh_preset, options.recipe) if options.fit == "scratch" else None
        symbols, canvas = (how.symbol_axis, how.canvas) if how else (bool(base.config.symbols), base.config.canvas)
        # with a symbol axis, compiling takes longer than all updates that it could hasten
        auto = "off" if options.compile == "auto" and symbols else options.compile
        self.compiled = compiles(auto, options.minutes, base.device)
        drawn = self.tasks.draw_copies(pairs, options.copies, random, exchange=not symbols)
        self.copies: list[View | None] = [None, *drawn]
        self.questions = tuple(questions)
        cropped = self.tasks.cells(pairs, questions) if canvas == "crop" else None
        self.cells = None if cropped is None else cropped.astype(np.int64)
        self.fresh_too = options.fit == "all" and symbols  # fresh weights beside the base's
        names = [BLANK, *(self.tasks.identifier(task, each) for each in self.copies)]
        if how:
            base = self.fresh(how, self.mixture(pairs).data).to(base.device).cast(base.forward_dtype)
        self.base = _with_rows(base, names)

    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def run(self) -> Adapted:
        seconds = 60 * self.options.minutes
        least, most = (part * seconds for part in VOTE)
        votes = 1 + self.fresh_too  # of the last fit, and then of the best one
        seconds -= min(max(VOTE_SLACK * votes * self.vote_seconds(), least), most)
        folds = self.options.folds
        if folds is None:  # a fit that has no time to understand tells nothing
            folds = min(max(int(self.options.minutes * LEAVE_ONE_OUT / FOLD_MINUTES), 1), FOLDS)
        folds = min(folds, len(self.pairs)) if len(self.pairs) > 1 else 0
        left_out: list[Fit] = []
        right = done = 0
        for fold in range(folds):
            share = seconds * LEAVE_ONE_OUT / folds
            until = share * (fold + FOLD_FIT)
            if self.interrupt.raised or self.elapsed() >= until:  # the votes before it took its time
                continue
            kept = [pair for number, pair in enumerate(self.pairs) if number != fold]
            fit = self.fit(kept, until, fold + 1, folds)
            left_out.append(fit)
            # a vote may take the next fold's time, but none of the last fit's
            end = min(until + share, seconds * LEAVE_ONE_OUT)
            ranked = self.ask(fit.model, self.puzzle(*self.pairs[fold]), FOLD_VOTES, end)
            done += ranked is not None
            if ranked:
                right += key_of(ranked[0].answer) == key_of(self.pairs[fold][1])
            for question in self.questions:
                if ranked := self.ask(fit.model, self.puzzle(question), FOLD_GUESSES, share * (fold + 1)):
                    self.guesses.folds.setdefault(key_of(question), []).append(ranked)
        best = self.fit_all(seconds, folds) if not self.interrupt.raised or not left_out else left_out[0]
        if self.interrupt.raised and not best.learned:
            best = max([*left_out, best], key=lambda fit: fit.updates)
        return Adapted(best.model, self.task, (right, done), self.elapsed(), best.updates, self.guesses)

    def fit_all(self, seconds: float, folds: int) -> Fit:
        """The best of the fits to all pairs that there is time for; the others have voted."""
        two = self.fresh_too
        half = (self.elapsed() + seconds) / 2
        fits = [self.fit(self.pairs, half if two else seconds, 0, folds, due=two)]
        votes: list[list[Vote | None]] = []
        while (two and len(fits) == 1 and not self.interrupt.raised) or self.another(fits[-1], seconds):
            votes = votes or [self.vote_of(fits[0].model)]
            fits.append(self.fit(self.pairs, seconds, 0, folds, number=len(fits)))
            votes.append(self.vote_of(fits[-1].model))
            sure = bool(self.questions) and all(map(agree, *votes[-2:]))
            if sure and fits[-2].learned and fits[-1].learned:
                break
        best = next((number for number, fit in enumerate(fits) if fit.learned), 0)  # it will vote once more, to be seen
        for number, of_fit in enumerate(votes):
            for question, vote in zip(self.questions, of_fit, strict=True):
                if vote is not None and number != best:
                    self.guesses.votes.setdefault(key_of(question), []).append(vote)
        return fits[best]

    def another(self, last: Fit, seconds: float) -> bool:
        """Whether one more fit like the last is worth its time, and there is time for it."""
        if self.interrupt.raised or self.options.thrifty or not last.learned:
            return False
        return self.elapsed() + SAME * last.seconds <= seconds

    def vote_of(self, model: TRM) -> list[Vote | None]:
        """What a fitted model answers to each question, in half of the time that is left at most; None: no time."""
        copies, end = min(FIT_VOTES, len(self.copies)), (self.elapsed() + 60 * self.options.minutes) / 2
        asked = (self.ask(model, self.puzzle(question), copies, end) for question in self.questions)
        return [None if ranked is None else Vote(ranked, copies) for ranked in asked]

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

    def fit(
        self,
        pairs: Sequence[tuple[Grid, Grid]],
        until: float,
        fold: int,
        folds: int,
        *,
        number: int = 0,
        due: bool = False,
    ) -> Fit:
        """A model fitted to these pairs until so many seconds have passed, or until it has learned them for another.

        Each `number` has other draws, and beside a base with a symbol axis every other one starts from fresh weights;
        `due`: another fit follows in any case.
        """
        options, base = self.options, self.base
        if options.fit == "none":
            return Fit(base, 0, 0.0, False)
        fresh = options.fit == "scratch" or (self.fresh_too and number % 2 == 1)
        learner = self.learner(pairs, fresh, self.seed + number)
        model, ties = learner.model, learner.ties
        agreement = None
        if model.config.symbols and len(self.copies) > 1 and options.fit != "rows":  # it moves weights
            grids = [question for question, _ in pairs]
            agreement = Agreement(grids, self.questions, self.copies, self.cells, self.seed + number)
        began = time.monotonic()
        horizon = until - (began - self.started)  # what it took to get ready is spent
        curve: list[float] = []
        asked = [self.puzzle(question) for question in self.questions]
        if fold:
            asked = [dataclasses.replace(self.puzzle(*self.pairs[fold - 1]), examples=tuple(pairs))]
        looks = list(LOOKS) if not fold else []
        shown = asked[0] if asked else None
        stand = Progress(self.task, fold, folds, 0.0, 0.0, None, puzzle=shown, fresh=fresh, number=number)
        learned = False
        spent = looked = took = 0.0  # seconds of the fit, those at which it was asked last, those of an update
        while spent + took < horizon and not self.interrupt.raised:
            learner.train_step(spent / horizon)
            if agreement and curve and curve[-1] >= LEARNED and learner.step % EVERY == 0:
                agreement.teach(learner, spent / horizon)
            before, spent = spent, time.monotonic() - began
            took = min(spent - before, took or spent)
            if learner.step % WINDOW == 0:
                sums = learner.take_window()
                curve += [sums["exact_accuracy"] / sums["count"]] if sums["count"] else []
                if not learned and curve and curve[-1] >= LEARNED:
                    learned = True
                    if options.thrifty or (not fold and (due or spent * (2 + 2 * SAME) < horizon)):
                        horizon = min(horizon, 2 * spent)  # there is something else to do
            if ties and spent > TIED * horizon and not learned:
                ties.part()
            look = bool(looks) and spent > looks[0] * horizon
            if look or (self.watched and spent - looked > max(WATCHED, SHARE * horizon)):
                looks = [part for part in looks if spent <= part * horizon]
                stand = dataclasses.replace(stand, guess=self.look(model, asked, until, keep=look))
                looked = spent
            now, exact = began - self.started + spent, curve[-1] if curve else None
            stand = dataclasses.replace(stand, seconds=now, exact=exact, curve=tuple(curve))
            self.notice(dataclasses.replace(stand, left=60 * options.minutes - now))
        unfuse(model)  # a vote is too little work to compile for
        learner.ema.apply()
        model.eval().requires_grad_(False).cast(base.forward_dtype)
        return Fit(model, learner.step, time.monotonic() - began, learned)

    def learner(self, pairs: Sequence[tuple[Grid, Grid]], fresh: bool, seed: int) -> Learner:
        """What trains a model on these pairs, fresh or a copy of the base."""
        options, base = self.options, self.base
        torch.manual_seed(seed)
        of_base = self.tasks.symbols_preset if base.config.symbols else self.tasks.preset
        preset = self.tasks.fresh_preset if fresh else of_base
        how = recipe(preset, {**options.recipe, "seed": seed, "canvas": base.config.canvas})
        mixture = self.mixture(pairs)
        model = self.fresh(how, mixture.data).to(base.device) if fresh else copy.deepcopy(base)
        model.cast(torch.float32).forward_dtype = base.forward_dtype
        model.identifiers = base.identifiers
        model.train().requires_grad_(options.fit != "rows")
        learner = Learner(model, [mixture], how, Team.alone(base.device))
        if how.share_rows:
            learner.ties = Ties(model.config.symbols_count, self.tasks.tied(pairs), base.device)
            learner.ties.hold(model.puzzle_emb.weights)
        if self.compiled:
            fuse(model, "on", 0)
        return learner

    def fresh(self, how: TrainOptions, data: Dataset) -> TRM:
        """A model of fresh weights in a recipe's network, with a row for each copy."""
        model = TRM(dataclasses.replace(new_config(how, data), num_puzzle_identifiers=1 + len(self.copies)))
        relate(model)
        return model

    def mixture(self, pairs: Sequence[tuple[Grid, Grid]]) -> Mixture:
        """The pairs, seen through the copies, on the canvas that the task needs."""
        data = of_examples(self.kind, self.tasks.examples(pairs, self.copies), cells=self.cells)
        return Mixture(data, np.arange(1, len(pairs) + 1) / len(pairs))

    def puzzle(self, question: Grid, answer: Grid | None = None) -> Puzzle:
        """A question of the task, on its canvas."""
        examples = tuple(self.pairs)
        return Puzzle(self.kind, question, answer, task=self.task, examples=examples, questions=self.questions)

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
