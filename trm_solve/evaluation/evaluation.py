"""How good a model is on puzzles with known answers, beside what the rules alone say of its answers.

Puzzles stream from the files through the scheduler into a `Tally`; none is kept.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import ExitCode, InputError
from trm_solve.evaluation.inputs import place
from trm_solve.evaluation.tally import Outcome, Tally
from trm_solve.evaluation.tasks import pass_at
from trm_solve.kinds import get_kind
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.tasks.answer import answer
from trm_solve.tasks.budget import Budget, NotReached, in_turn
from trm_solve.tasks.guesses import first_two
from trm_solve.tasks.identifiers import task_key
from trm_solve.trace import SCHEMA, Solution, Step


def outcome_of(index: int, solution: Solution, offsets: int = 0) -> Outcome:
    """A solution held against its label; where there is no answer to stand by, the best attempt is measured.

    Without a label there is nothing to hold it against: `exact` is None.
    """
    puzzle, label = solution.puzzle, solution.puzzle.answer
    given = solution.answer if solution.answer is not None else solution.best_attempt
    same = given is not None and label is not None and given.shape == label.shape
    cells = float(np.mean(given == label)) if same else 0.0
    kind = get_kind(puzzle.kind)
    return Outcome(
        index=index,
        source=puzzle.source,
        rating=puzzle.rating,
        verdict=solution.verdict,
        exact=None if label is None else same and cells == 1.0,
        valid=solution.verdict == "solved" if kind.has_rules else None,
        verdicts={name: fact for name, fact in solution.facts.items() if isinstance(fact, bool)},
        placement=(*puzzle.question.shape, *puzzle.offset) if offsets else (),
        cells=cells,
        steps=solution.steps,
        attempts=solution.attempts,
        halt_probability=solution.halt_probability,
        task=puzzle.task,
        rank=solution.place,
        votes=solution.candidates[0].votes if solution.candidates else 0,
        confidence=solution.facts.get("confidence"),
        seconds=solution.seconds + solution.facts.get("adapt_seconds", 0.0),
        answers=first_two(solution),
    )


@dataclass
class Evaluation:
    """The sums of an evaluation and what it cost. Two add up to the evaluation of both, by processes side by side."""

    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    errors: int = 0  # items that could not be read, had no answer or are of a task that the model does not know
    exit_code: ExitCode = ExitCode.OK  # the highest that any of them calls for
    failures: list[int] = field(default_factory=list)  # places of the puzzles whose answer is not right
    not_reached: int = 0  # puzzles for which there was no time left

    def add(self, news: Outcome | InputError) -> None:
        if isinstance(news, InputError):
            self.errors += 1
            self.exit_code = max(self.exit_code, news.exit_code)
            return
        self.tally.add(news)
        if news.exact is not None and not news.right:
            self.failures.append(news.index)

    def __iadd__(self, other: Evaluation) -> Evaluation:
        self.tally += other.tally
        self.seconds = max(self.seconds, other.seconds)
        self.errors += other.errors
        self.exit_code = max(self.exit_code, other.exit_code)
        self.failures = sorted(self.failures + other.failures)
        self.not_reached += other.not_reached
        return self

    def to_dict(self, options: SolveOptions, **where: Any) -> dict[str, Any]:
        """The object of `eval --json`; `where` holds kind, model, device and dtype."""
        figures = self.tally.figures()
        answered = figures["puzzles"] + figures["unlabelled"]
        return {
            "schema": SCHEMA,
            **figures,
            **(pass_at(self.tally.by_task) if self.tally.by_task else {}),
            "unreadable": self.errors,
            "not_reached": self.not_reached,
            "seconds": round(self.seconds, 3),
            "puzzles_per_second": answered / self.seconds if self.seconds else None,
            "halt": options.halt,
            "max_steps": options.max_steps,
            "effort": options.effort,
            "seed": options.seed,
            **where,
        }


Notice = Callable[[int, "Outcome | InputError", Evaluation], None]
"""Hears of each item: its place, what came of it, and the sums so far."""


def evaluate(
    model: TRM,
    items: Iterable[Puzzle | InputError],
    options: SolveOptions,
    *,
    name: str = "",
    so_far: Evaluation | None = None,
    done: Container[int] = (),
    share: tuple[int, int] = (0, 1),
    offsets: int = 0,
    notice: Notice | None = None,
    adaptation: AdaptOptions | None = None,
    budget: Budget | None = None,
) -> Evaluation:
    """Run the model on the puzzles; `notice` hears of every item, in input order.

    Tasks that the model does not know are fitted within `adaptation`. Where a `budget` bounds the time of all, known
    tasks come first and small ones before large ones; what it leaves no time for is counted and is no news.

    `share` (rank, size) takes every size-th item only, or every size-th task with all its test inputs; `done` holds
    the places that `so_far` has counted already. With `offsets`, the items are those that `place` makes of the puzzles.
    """
    items = place(items, offsets, options.seed) if offsets else items
    found = so_far or Evaluation()
    rank, size = share
    places: deque[int] = deque()  # of the items on their way; a solution does not depend on its place

    def mine() -> Iterator[Puzzle | InputError]:
        number, before = -1, None
        bounded = budget is not None and budget.minutes is not None
        for index, item in in_turn(items, model.identifiers) if bounded else enumerate(items):
            task = task_key(item)
            number += task is None or task != before
            before = task
            if number % size == rank and index not in done:
                places.append(index)
                yield item

    start = time.perf_counter() - found.seconds
    for event in answer(model, mine(), options, adaptation=adaptation, name=name, go_on=True, budget=budget):
        assert not isinstance(event, Step)
        index = places.popleft()
        if isinstance(event, NotReached):
            found.not_reached += 1
            continue
        news = event if isinstance(event, InputError) else outcome_of(index, event, offsets)
        found.add(news)
        found.seconds = time.perf_counter() - start
        if notice is not None:
            notice(index, news, found)
    return found
