"""Many puzzles at once: `search` says which attempts a puzzle gets, `solver` runs attempts, and this joins the two.

Under `solve`, `eval` and search alike: puzzles in, steps and solutions out, in input order.

A *strategy* (see `search.py`) says which attempts a puzzle gets; the scheduler keeps the slots of `refine` full from
any puzzle's next attempt and holds finished puzzles back until all before them are out. The window of unfinished
puzzles is bounded, so that memory does not grow with the length of the file.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trm_solve.config import SolveOptions
from trm_solve.errors import InputError
from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Kind
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.search import Strategy, strategy_for
from trm_solve.solver import Attempt, default_slots, refine
from trm_solve.trace import Solution, Step, Verdict, rank

WINDOW = 32  # unfinished puzzles per slot
Event = Step | Solution | InputError


@dataclass(eq=False)
class Case:
    """A puzzle on its way: what is being tried and what came of it."""

    puzzle: Puzzle
    index: int
    kind: Kind
    T: int = 1  # rounds of a supervision step
    waves: Iterator[Sequence[Attempt]] = field(default_factory=lambda: iter(()))
    waiting: deque[Attempt] = field(default_factory=deque)  # of this wave, not yet in a slot
    running: dict[int, Attempt] = field(default_factory=dict)  # of this wave, by number
    facts: dict[int, Any] = field(default_factory=dict)  # of this wave's attempts, by number
    attempts: int = 0  # of all waves so far
    before: int = 0  # rounds of the waves before this one
    spent: dict[int, int] = field(default_factory=dict)  # rounds of this wave's attempts that have halted
    winner: Step | None = None  # the solved step of the attempt with the lowest number
    best: Step | None = None  # of the steps that halted: the one with the fewest defects
    defects: int = 0  # of the best
    votes: list[Step] = field(default_factory=list)  # where no rules can judge: all steps that halted
    trace: list[Step] = field(default_factory=list)
    seconds: float = 0.0  # that its attempts took, of all waves
    solution: Solution | None = None
    error: InputError | None = None

    def next_wave(self) -> bool:
        """Ask the strategy for more; whether there is any."""
        wave = next(self.waves, ())
        if not wave:
            return False
        self.before += sum(self.spent.values())
        self.spent, self.facts = {}, {}
        for attempt in wave:
            self.attempts += 1
            attempt.number = self.attempts
            self.facts[attempt.number] = attempt.facts
        self.waiting.extend(wave)
        return True

    def draw(self) -> Attempt:
        """Move the next attempt of the wave to its slot."""
        attempt = self.waiting.popleft()
        self.running[attempt.number] = attempt
        return attempt

    def take(self, step: Step, watch: bool) -> bool:
        """Account for a step of a running attempt; whether the case is decided or at its end."""
        if watch:
            self.trace.append(step)
        if not step.halted:
            return False
        self.seconds += self.running.pop(step.attempt).seconds
        self.spent[step.attempt] = self._rounds(step)
        if self.kind.has_rules:
            self._weigh(step)
        else:
            self.votes.append(step)
        return not self.running and not self.waiting and (self.winner is not None or not self.next_wave())

    def _weigh(self, step: Step) -> None:
        """Keep the step if it is the best so far. A solved one ends the attempts that come after it in its wave.

        Those before it go on: which one wins must not depend on how many slots there are.
        """
        if step.solved and (self.winner is None or step.attempt < self.winner.attempt):
            self.winner = step
            self.waiting = deque(each for each in self.waiting if each.number < step.attempt)
            self._end([number for number in self.running if number > step.attempt])
        defects = self.kind.defects(self.puzzle, step.answer, step.conflicts)
        order = (defects, step.attempt)
        if self.best is None or order < (self.defects, self.best.attempt):
            self.best, self.defects = step, defects

    def cut(self) -> bool:
        """End a vote with the votes that were cast; whether there is one, else the first to come is waited for."""
        if self.kind.has_rules:
            return False
        if not self.votes:
            while len(self.waiting) > (not self.running):
                self.waiting.pop()
            return False
        self.waiting.clear()
        self._end(list(self.running))
        self.attempts = len(self.votes)
        return True

    def _end(self, numbers: list[int]) -> None:
        """Give up attempts that run."""
        for number in numbers:
            attempt = self.running.pop(number)
            attempt.cancelled = True
            self.seconds += attempt.seconds

    def _rounds(self, step: Step) -> int:
        """Rounds of an attempt up to this step."""
        return (step.step - 1) * self.T + (step.round or self.T)

    def steps(self) -> int:
        """Supervision steps that were begun, those of short attempts put together.

        Attempts that a winner cut off count as if they had run beside it, round for round.
        """
        rounds = self.before + sum(self.spent.values())
        if self.winner is not None:
            kept = (n for number, n in self.spent.items() if number < self.winner.attempt)
            beside = sum(number >= self.winner.attempt for number in self.facts)
            rounds = self.before + sum(kept) + beside * self._rounds(self.winner)
        return -(-rounds // self.T)

    def conclude(self, model: str, reason: str = "") -> None:
        """Write the solution."""
        ranked = rank(self.votes)
        best = self.winner or self.best or (ranked[0][1] if ranked else self.votes[0] if self.votes else None)
        verdict: Verdict = "unsolvable"
        if best is not None:
            verdict = "solved" if self.winner else "predicted" if ranked else "unsolved"
        stands = best is not None and verdict != "unsolved"
        facts: dict[str, Any] = {}
        if best is not None:
            facts |= self.kind.check(self.puzzle, best.answer).facts
        if self.winner is not None:
            facts |= {"found_attempt": self.winner.attempt, "found_step": self.winner.step}
            facts |= {"found_round": self.winner.round} if self.winner.round else {}
            facts |= self.facts[self.winner.attempt]
        elif tried := self._pins():
            facts |= {"pins": tried, "undone": tried}
        if ranked:
            facts |= ranked[0][0].facts(len(self.votes))
        self.solution = Solution(
            puzzle=self.puzzle,
            answer=best.answer if best is not None and stands else None,
            verdict=verdict,
            best_attempt=None if best is None or stands else best.answer,
            conflicts=None if best is None or stands else best.conflicts,
            steps=self.steps(),
            attempts=self.attempts,
            halt_probability=best.halt_probability if best else 0.0,
            overruled=best.overruled if best else 0,
            seconds=self.seconds,
            model=model,
            reason=reason or ("" if stands else self._failure()),
            facts=facts,
            candidates=tuple(candidate for candidate, _ in ranked),
            trace=tuple(self.trace),
            best_step=best,
        )

    def _failure(self) -> str:
        steps = self.steps()
        text = f"not solved in {steps} step{'s' if steps != 1 else ''}"
        if self.attempts > 1:
            text += f" of {self.attempts} attempts"
        tried = self._pins()
        return text + (f", {tried} pins tried and undone" if tried else "")

    def _pins(self) -> int:
        """Pins that were tried so far."""
        return max((facts.get("pins", 0) for facts in self.facts.values()), default=0)


@dataclass(eq=False)
class _Line:
    """Cases in input order until they are out, and the source of attempts that they make together."""

    kind: Kind
    items: Iterator[tuple[int, Puzzle | InputError]]  # with their places in input order
    strategy: Strategy
    unsolvable: Callable[[Puzzle], str]
    window: int
    name: str  # of the model
    T: int  # rounds of its steps
    more: bool = True  # the items have not ended
    cases: deque[Case] = field(default_factory=deque)
    open: dict[int, Case] = field(default_factory=dict)
    ready: list[int] = field(default_factory=list)  # heap of cases with attempts waiting; decided ones go when met

    def admit(self) -> bool:
        """Take the next item into the line, if there is one and room for it."""
        if len(self.cases) >= self.window:
            return False
        item = next(self.items, None)
        if item is None:
            self.more = False
            return False
        index, puzzle = item
        if isinstance(puzzle, InputError):
            nothing = Puzzle(self.kind.name, np.zeros((0, 0), np.uint8))
            self.cases.append(Case(nothing, index, self.kind, error=puzzle))
            return True
        case = Case(puzzle, index, self.kind, self.T)
        self.cases.append(case)
        if puzzle.kind == self.kind.name and (reason := self.unsolvable(puzzle)):
            case.conclude(self.name, reason)
            return True
        case.waves = iter(self.strategy(puzzle, index))
        if case.next_wave():
            self.open[index] = case
            heapq.heappush(self.ready, index)
        return True

    def source(self) -> Iterator[Attempt | None]:
        """Attempts for `refine`, the oldest puzzles' first."""
        while True:
            while self.ready and not (self.ready[0] in self.open and self.open[self.ready[0]].waiting):
                heapq.heappop(self.ready)
            if self.ready:
                yield self.open[self.ready[0]].draw()
            elif not self.admit():
                yield None

    def take(self, step: Step, watch: bool) -> bool:
        """Account for a step; whether anybody still wants it."""
        case = self.open.get(step.puzzle)
        if case is None or step.attempt not in case.running:
            return False  # a sibling solved the puzzle in this very step
        if case.take(step, watch):
            case.conclude(self.name)
            del self.open[case.index]
        elif step.halted and case.waiting:
            heapq.heappush(self.ready, case.index)
        return True

    def cut(self) -> None:
        """Time is up: conclude every vote that is open, with one vote at least."""
        for case in [case for case in self.open.values() if case.cut()]:
            case.conclude(self.name)
            del self.open[case.index]

    def finished(self) -> Iterator[Solution | InputError]:
        """What can go out now, in input order."""
        while self.cases and (done := self.cases[0].solution or self.cases[0].error):
            self.cases.popleft()
            yield done


def solve_all(
    model: TRM,
    items: Iterable[Puzzle | InputError],
    options: SolveOptions,
    *,
    strategy: Strategy | None = None,
    watch: bool = False,
    name: str = "",
    unsolvable: Callable[[Puzzle], str] | None = None,
    first: int = 0,
    enough: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Solve puzzles; yields a `Solution` or the `InputError` of each item, in input order.

    With `watch`, the steps come too, as they happen, and every solution carries its trace. `strategy` defaults to that
    of `options.effort`; `name` is the model's. `unsolvable` says why a puzzle is not worth an attempt, in place of the
    kind's own look at it. `first` is the place of the first item in input order. Once `enough` says so, votes end with
    those that were cast, of every puzzle one at least.
    """
    window = WINDOW * (options.slots or default_slots(model))
    kind = get_kind(model.config.kind)
    chosen = strategy or strategy_for(options, judged=model.config.judges_pins)
    line = _Line(
        kind, enumerate(items, first), chosen, unsolvable or kind.unsolvable, window, name, model.config.rounds
    )
    while line.more or line.cases:
        for step in refine(model, line.source(), options, watch):
            if line.take(step, watch) and watch:
                yield step
            if enough():
                line.cut()
            yield from line.finished()
        yield from line.finished()
