"""Many attempts at one puzzle, the rules as judge: what to try after a single pass that cannot be verified.

It says what is tried; `solver` runs it, and `schedule` keeps the slots full from many puzzles.

The first attempt is plain. Where it fails, *pins* carry on: a cell that the model has narrowed down but cannot settle
is filled in with a value that the model holds possible, and the question with its pins is a new attempt. The path that
the model holds likeliest is followed first; to leave it for another is to undo its pins. A model that was trained with
pins goes on from where it stood without them, and says how likely all of them are right; where it is wrong early it is
long misled, so after some attempts all pins are undone and other cells come first. Any other model begins each attempt
anew, seen through a random symmetry, and the path is as likely as its pins were. The rules say only which pins clash at
once and which answers stand; what is pinned, and in what order, is the model's. Kinds whose questions cannot be pinned
get symmetric copies; where no rules can judge, the copies vote.

Attempts come in waves of a fixed size, and every random draw is a function of (seed, question, attempt), so that a
puzzle's result depends neither on its neighbours nor on the number of slots.
"""

from __future__ import annotations

import heapq
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from trm_solve.config import SolveOptions
from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Kind
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.solver import Attempt, State
from trm_solve.trace import Pin

ATTEMPTS = {"fast": 1, "normal": 128, "max": 4096}  # at most
JUDGED = 8  # times as many where the model judges pins: an attempt goes on by a few rounds then
COPIES = {"fast": 1, "normal": 16, "max": 64}  # at most, where there are no pins: symmetric copies are all there is
WAVE = 4  # copies of one puzzle that run together
PIN_WAVE = 2  # attempts with pins that do: what comes of one decides what is tried next
PIN_STEPS = 4  # supervision steps of an attempt with pins: measured to solve more for the same work than 6 or 8
FIRST_ROUNDS = 24  # of the first attempt of a model that judges pins: by more it grows sure of what is wrong
PIN_ROUNDS = 16  # of one of its attempts with pins
ON_ROUNDS = 4  # of one that goes on from where the model stood
PATIENCE = 40  # attempts before it undoes all pins and begins with another cell; then
GROWTH = 1.5  # times as many, so that a puzzle that needs many pins gets there
BLUR = 0.5  # bits by which the choice of cells differs then, at most
STATES = 64  # open questions with pins whose y and z are kept (some 300 KB each); the others begin anew
BITS = 1.0  # entropy of the cell to branch on: narrowed down to about two values, not settled
UNLIKELY = 1e-4  # no open value is ever held less likely than this: the model may be wrong
TRUST = 0.5  # power of a value's probability before its pin was tried: models are surer than they are right
PIN_COST = 0.3  # added for each pin: a model's judgement of many pins is too kind
NOISE = 0.3  # standard deviation of the noise on z where there are no symmetries left to try

Strategy = Callable[[Puzzle, int], Iterator[Sequence[Attempt]]]
"""(puzzle, its place in input order) -> waves of attempts. The next is asked for when all of a wave has failed."""


def single_pass(puzzle: Puzzle, index: int) -> Iterator[Sequence[Attempt]]:
    """One plain attempt."""
    yield [Attempt(puzzle, index, facts={"found_by": "single pass"})]


def strategy_for(options: SolveOptions, *, judged: bool = False) -> Strategy:
    """The strategy of an effort, bounded by `options.attempts` where that is not 0; `judged`: the model judges pins."""
    if options.attempts == 1 or (options.effort == "fast" and not options.attempts):
        return single_pass
    return partial(_escalate, options=options, judged=judged)


def _escalate(puzzle: Puzzle, index: int, options: SolveOptions, judged: bool) -> Iterator[Sequence[Attempt]]:
    kind = get_kind(puzzle.kind)
    pins = options.effort != "fast" and kind.open_symbols(puzzle.question) is not None
    most = options.attempts or (ATTEMPTS if pins else COPIES)[options.effort]
    first = Attempt(puzzle, index, wants_beliefs=pins, facts={"found_by": "single pass"})
    if pins and judged:
        first.max_rounds = FIRST_ROUNDS
    yield [first]
    if not pins:
        for at in range(1, most, WAVE):
            yield [_copy(puzzle, index, kind, options.seed, n) for n in range(at, min(at + WAVE, most))]
    elif first.beliefs is not None:
        if judged and not options.attempts:
            most *= JUDGED  # each has a few rounds
        yield from _pin(puzzle, index, kind, first, range(1, most), options, judged)


def _draw(puzzle: Puzzle, seed: int, number: int) -> np.random.Generator:
    """The random draws of an attempt: by what the puzzle is, not by where it stands."""
    return np.random.default_rng([seed, zlib.crc32(puzzle.question.tobytes()), number])


def _copy(puzzle: Puzzle, index: int, kind: Kind, seed: int, number: int) -> Attempt:
    """A symmetric copy; where the draw leaves the question as it is, noise on the latent makes the difference."""
    random = _draw(puzzle, seed, number)
    symmetry = kind.symmetry(puzzle, random)
    view = symmetry.apply(puzzle.question)
    same = view.shape == puzzle.question.shape and bool((view == puzzle.question).all())
    noise = NOISE if same else 0.0
    facts = {"found_by": "noise" if same else "symmetry", "symmetry": symmetry.name}
    noise_seed = int(random.integers(2**31))
    return Attempt(puzzle, index, symmetry=symmetry, noise=noise, noise_seed=noise_seed, facts=facts)


@dataclass(order=True)
class _Node:
    """A question with pins, not yet tried."""

    cost: float  # -log of the probability that the model gives to all of its pins together, tempered
    order: int
    question: Grid = field(compare=False)
    pins: tuple[Pin, ...] = field(compare=False, default=())
    state: State | None = field(compare=False, default=None)  # where the model stood before the last of them


@dataclass
class _Tree:
    """Open nodes, likeliest first; to go on anywhere but below the last one is to undo its pins."""

    kind: Kind
    open: list[_Node] = field(default_factory=list)
    made: int = 0  # nodes that were ever open
    tried: int = 0  # pins: values put into a cell and tried by an attempt, or refuted by the rules at once
    random: np.random.Generator | None = None  # blurs the choice of cells

    def branch(self, attempt: Attempt, cost: float) -> None:
        """Open a node for every value of the cell that the model has narrowed down but not settled."""
        question = attempt.puzzle.question if attempt.question is None else attempt.question
        allowed, beliefs = self.kind.open_symbols(question), attempt.beliefs
        if allowed is None or not allowed.any() or beliefs is None:
            return
        held = np.where(allowed, np.maximum(beliefs, UNLIKELY), 0.0)
        held /= np.maximum(held.sum(-1, keepdims=True), UNLIKELY)
        entropy = -(held * np.log2(np.maximum(held, 1e-12))).sum(-1)
        choice = np.where(allowed.any(-1), np.abs(entropy - BITS), np.inf)
        if self.random is not None:
            choice = choice + BLUR * self.random.random(choice.shape)
        row, column = np.unravel_index(int(np.argmin(choice)), choice.shape)
        for symbol in np.argsort(-held[row, column], kind="stable"):
            probability = float(held[row, column, symbol])
            if probability <= 0:
                break
            pinned = question.copy()
            pinned[row, column] = symbol
            further = self.kind.open_symbols(pinned)
            if further is None or (not further.any() and not pinned.all()):
                self.tried += 1
            else:
                self.made += 1
                pin = Pin(int(row), int(column), int(symbol), probability)
                total = cost - TRUST * math.log(probability)
                node = _Node(total, self.made, pinned, (*attempt.pins, pin), attempt.state)
                heapq.heappush(self.open, node)

    def forget(self) -> None:
        """Drop the states of all but the likeliest nodes."""
        for node in heapq.nlargest(len(self.open) - STATES, self.open):
            node.state = None

    def likeliest(self, most: int) -> list[_Node]:
        """Take the likeliest open nodes."""
        nodes = [heapq.heappop(self.open) for _ in range(min(most, len(self.open)))]
        self.tried += len(nodes)
        return nodes


def _pin(
    puzzle: Puzzle, index: int, kind: Kind, first: Attempt, numbers: range, options: SolveOptions, judged: bool
) -> Iterator[Sequence[Attempt]]:
    """Best-first search over pins. Every node is tried once, then branched further."""
    tree, patience, until = _Tree(kind), float(PATIENCE), float(PATIENCE)
    tree.branch(first, 0.0)
    while tree.open and numbers:
        if judged and numbers[0] > until:
            patience *= GROWTH
            until += patience
            tree = _Tree(kind, tried=tree.tried, random=_draw(puzzle, options.seed, numbers[0]))
            tree.branch(first, 0.0)
        nodes = tree.likeliest(min(PIN_WAVE, len(numbers)))
        wave = []
        for node, number in zip(nodes, numbers, strict=False):
            facts = {"found_by": "pins", "pins": tree.tried, "undone": tree.tried - len(node.pins)}
            attempt = Attempt(puzzle, index, question=node.question, pins=node.pins, wants_beliefs=True, facts=facts)
            if node.state is None:
                attempt.symmetry = kind.symmetry(puzzle, _draw(puzzle, options.seed, number))
                attempt.facts = {**facts, "symmetry": attempt.symmetry.name}
            attempt.state = node.state
            if judged:
                attempt.max_rounds = ON_ROUNDS if node.state else PIN_ROUNDS
            else:
                attempt.max_steps = min(options.max_steps, PIN_STEPS)
            wave.append(attempt)
        yield wave
        numbers = numbers[len(wave) :]
        for node, attempt in zip(nodes, wave, strict=True):
            cost = node.cost
            if attempt.hope is not None:
                cost = PIN_COST * len(attempt.pins) - math.log(max(attempt.hope, UNLIKELY))
            tree.branch(attempt, cost)
        tree.forget()
