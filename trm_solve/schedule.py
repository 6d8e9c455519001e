"""One scheduler under `solve`, `eval` and search: puzzles in, steps and solutions out, in input order.

A *strategy* says which attempts a puzzle gets; the scheduler keeps the slots of `refine` full from any puzzle's next
attempt and holds finished puzzles back until all before them are out. The window of unfinished puzzles is bounded, so
that memory does not grow with the length of the file.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from trm_solve.config import SolveOptions
from trm_solve.errors import InputError
from trm_solve.model import TRM
from trm_solve.puzzles import get_kind
from trm_solve.puzzles.base import Kind, Puzzle
from trm_solve.solver import Attempt, default_slots, refine
from trm_solve.trace import Solution, Step, Verdict

WINDOW = 32  # unfinished puzzles per slot


@dataclass(eq=False)
class Case:
    """A puzzle on its way: what has been tried and what came of it."""

    puzzle: Puzzle
    index: int
    kind: Kind
    running: list[Attempt] = field(default_factory=list)
    attempts: int = 0
    steps: int = 0
    best: Step | None = None  # the solved step, or the one with the fewest defects
    defects: int = 0  # of the best step
    last: Step | None = None  # the latest step that halted
    trace: list[Step] = field(default_factory=list)
    strategy: Iterator[Attempt | None] | None = None  # None once it has ended
    drawn: Attempt | None = None  # taken from the strategy, not yet in a slot
    started: float = 0.0
    solution: Solution | None = None
    error: InputError | None = None

    def draw(self) -> Attempt | None:
        """The next attempt, or None where there is none to be had now; `strategy` turns None at its end."""
        attempt, self.drawn = self.drawn, None
        if attempt is None and self.strategy is not None:
            try:
                attempt = next(self.strategy)
            except StopIteration:
                self.strategy = None
        return attempt

    def ended(self) -> bool:
        """Whether no attempt is under way and none will come."""
        if not self.running and self.drawn is None:
            self.drawn = self.draw()
        return not self.running and self.drawn is None and self.strategy is None

    def take(self, step: Step, watch: bool) -> None:
        """Account for a step."""
        if watch:
            self.trace.append(step)
        defects = _defects(self.kind, self.puzzle, step)
        if self.best is None or defects <= self.defects:
            self.best, self.defects = step, defects
        if step.halted:
            self.last = step
            self.running = [each for each in self.running if each.number != step.attempt]
            self.steps += step.step

    def conclude(self, model: str, now: float, reason: str = "") -> None:
        """Write the solution from the best step."""
        for attempt in self.running:
            attempt.cancelled = True
        verdict: Verdict = "unsolvable"
        best = self.best
        if best is not None:
            verdict = "solved" if best.solved else "unsolved" if self.kind.has_rules else "predicted"
        stands = best is not None and verdict != "unsolved"
        self.solution = Solution(
            puzzle=self.puzzle,
            answer=best.answer if best is not None and stands else None,
            verdict=verdict,
            best_attempt=None if best is None or stands else best.answer,
            conflicts=None if best is None or stands else best.conflicts,
            steps=self.steps,
            attempts=self.attempts,
            halt_probability=best.halt_probability if best else 0.0,
            overruled=best.overruled if best else 0,
            seconds=now - self.started,
            model=model,
            reason=reason,
            facts=dict(self.kind.check(self.puzzle, best.answer).facts) if best else {},
            trace=tuple(self.trace),
        )


Strategy = Callable[[Case], Iterator[Attempt | None]]
"""Attempts at a case, drawn lazily; None where it waits for one that is running. `single_pass` is the plainest."""
Event = Step | Solution | InputError


def single_pass(case: Case) -> Iterator[Attempt | None]:
    """One plain attempt."""
    yield Attempt(case.puzzle, case.index)


def _defects(kind: Kind, puzzle: Puzzle, step: Step) -> int:
    """How far an answer is from being one; always 0 where no rules can tell."""
    if not kind.has_rules:
        return 0
    return 0 if step.solved else 1 + kind.defects(puzzle, step.answer, step.conflicts)


class _Line:
    """Cases in input order until they are out, and the source of attempts that they make together."""

    def __init__(self, kind: Kind, items: Iterable[Puzzle | InputError], strategy: Strategy, window: int, name: str):
        self.kind, self.strategy, self.window, self.name = kind, strategy, window, name
        self.items = enumerate(items)
        self.more = True  # the items have not ended
        self.cases: deque[Case] = deque()
        self.hungry: deque[Case] = deque()  # whose strategy has not ended
        self.open: dict[int, Case] = {}
        self.away = 0.0  # seconds that the consumer of the events took (a live view's pace); not the model's

    def now(self) -> float:
        return time.perf_counter() - self.away

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
        case = Case(puzzle, index, self.kind, started=self.now())
        self.cases.append(case)
        if puzzle.kind == self.kind.name and (reason := self.kind.unsolvable(puzzle)):
            case.conclude(self.name, self.now(), reason)
        else:
            case.strategy = self.strategy(case)
            self.hungry.append(case)
            self.open[index] = case
        return True

    def source(self) -> Iterator[Attempt | None]:
        """Attempts for `refine`, the oldest puzzles' first."""
        while True:
            attempt = None
            for case in list(self.hungry):
                attempt = case.draw()
                if case.strategy is None:
                    self.hungry.remove(case)
                if attempt is not None:
                    case.attempts += 1
                    attempt.number = case.attempts
                    case.running.append(attempt)
                    break
            if attempt is not None or not self.admit():
                yield attempt

    def take(self, step: Step, watch: bool) -> bool:
        """Account for a step; whether anybody still wants it."""
        case = self.open.get(step.puzzle)
        if case is None:
            return False  # a sibling solved the puzzle in this very step
        case.take(step, watch)
        if step.halted and (step.solved or case.ended()):
            case.conclude(self.name, self.now(), "" if step.solved else f"not solved in {case.steps} steps")
            del self.open[case.index]
            if case in self.hungry:
                self.hungry.remove(case)
        return True

    def finished(self) -> Iterator[Solution | InputError]:
        """What can go out now, in input order."""
        while self.cases and (done := self.cases[0].solution or self.cases[0].error):
            self.cases.popleft()
            yield done


def run(
    model: TRM,
    items: Iterable[Puzzle | InputError],
    options: SolveOptions,
    *,
    strategy: Strategy = single_pass,
    watch: bool = False,
    name: str = "",
) -> Iterator[Event]:
    """Solve puzzles; yields a `Solution` or the `InputError` of each item, in input order.

    With `watch`, the steps come too, as they happen, and every solution carries its trace. `name` is the model's.
    """
    window = WINDOW * (options.slots or default_slots(model))
    line = _Line(get_kind(model.config.kind), items, strategy, window, name)
    while line.more or line.cases:
        for step in refine(model, line.source(), options, watch):
            if line.take(step, watch) and watch:
                since = time.perf_counter()
                yield step
                line.away += time.perf_counter() - since
            yield from line.finished()
        yield from line.finished()
