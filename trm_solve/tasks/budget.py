"""The time of a whole run of tasks: which comes first, how much each may take, what to expect. No torch."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Collection, Iterable, Sequence

from trm_solve.errors import ExitCode, InputError
from trm_solve.interrupt import Interrupt
from trm_solve.kinds import get_kind
from trm_solve.puzzle import Puzzle
from trm_solve.tasks.identifiers import Identifiers, recognise, task_key

Item = Puzzle | InputError


class NotReached(InputError):
    """A puzzle for which there was no time left."""

    exit_code = ExitCode.UNSOLVED


class Budget:
    """The time of a run, from now on, and the first Ctrl-C, which ends it early with what there is."""

    def __init__(self, minutes: float | None, interrupt: Interrupt | None = None) -> None:
        """None: no bound."""
        self.minutes, self.interrupt = minutes, interrupt or Interrupt()
        self._until = math.inf if minutes is None else time.monotonic() + 60 * minutes

    @property
    def left(self) -> float:
        """Seconds."""
        return self._until - time.monotonic()

    def over(self) -> bool:
        return self.interrupt.raised or self.left <= 0

    def share(self, waiting: Sequence[float]) -> float:
        """Seconds for the first of the tasks that wait, each of such a weight. Who ends early leaves more to others."""
        return max(self.left, 0.0) * waiting[0] / sum(waiting)


def weight(puzzle: Puzzle) -> float:
    """A task's weight: the side of its canvas. More cells take longer to learn, but fewer such tasks are learned."""
    kind = get_kind(puzzle.kind)
    cells = kind.tasks.cells(puzzle.examples, puzzle.questions or [puzzle.question]) if kind.tasks is not None else None
    return math.sqrt(math.prod(kind.canvas) if cells is None else len(cells))


def knows(identifiers: Identifiers | None, puzzle: Puzzle) -> bool:
    return identifiers is not None and recognise(puzzle, identifiers) is not None


def in_turn(items: Iterable[Item], identifiers: Identifiers | None) -> list[tuple[int, Item]]:
    """The items with their places, task by task: known ones as they come, then the others, the smallest first."""
    groups = [list(group) for _, group in itertools.groupby(enumerate(items), key=lambda pair: task_key(pair[1]))]

    def turn(group: list[tuple[int, Item]]) -> float:
        item = group[0][1]
        return 0.0 if isinstance(item, InputError) or knows(identifiers, item) else weight(item)

    return [pair for group in sorted(groups, key=turn) for pair in group]


def estimate(unseen: int, known: int, minutes: float, total: float | None, jobs: int) -> str:
    """What a run will take, in words, said before it begins. `minutes`: of one unseen task where there is no total."""
    rounds = -(-unseen // jobs)
    several = f"{unseen:,} unseen task{'s' if unseen != 1 else ''}"
    beside = f", {jobs} at a time" if jobs > 1 else ""
    first = f"; {known:,} known first" if known else ""
    if total is not None:
        return f"{several} in {in_words(total)}{beside}: about {in_words(total / rounds)} each{first}"
    return f"{several}, {in_words(minutes)} each{beside}: about {in_words(rounds * minutes)}{first}"


def in_words(minutes: float) -> str:
    """'40 s', '3 minutes', '10 h'."""
    if minutes < 1:
        return f"{60 * minutes:.0f} s"
    if minutes < 100:
        return f"{minutes:.2g} minute{'s' if minutes != 1 else ''}"
    return f"{minutes / 60:.3g} h"


def count_unseen(items: Iterable[Item], identifiers: Identifiers | None, done: Collection[int] = ()) -> tuple[int, int]:
    """Unseen and known tasks among the items, those at places that are done apart."""
    tasks = {key: item for place, item in enumerate(items) if place not in done and (key := task_key(item))}
    known = sum(isinstance(item, Puzzle) and knows(identifiers, item) for item in tasks.values())
    return len(tasks) - known, known
