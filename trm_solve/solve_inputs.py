"""`solve` from inputs to output: read, choose a model, answer, hand every event to the sink.

Puzzles and the model's name are looked at before torch is imported, so that a mistake is told at once.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import InputError
from trm_solve.evaluation.tasks import Submission, survey
from trm_solve.inputs import choose_model, must_be_for, read_inputs
from trm_solve.interrupt import Interrupt, exit_code
from trm_solve.kinds import get_kind
from trm_solve.output import MANY, OutputOptions, open_output
from trm_solve.puzzle import Puzzle
from trm_solve.talk import say
from trm_solve.tasks.budget import Budget, count_unseen, estimate, in_turn
from trm_solve.tasks.view import AdaptView
from trm_solve.trace import Solution, Step

if TYPE_CHECKING:
    from trm_solve.schedule import Event

CONTRADICTION = "its clues contradict each other"
KEPT = 4096  # puzzles whose count is known until they are out
Solutions = Literal[0, 1, "several"] | None
Count = Callable[[Puzzle], Solutions]


@dataclass(frozen=True, kw_only=True)
class SolveRequest:
    """What a person asked to have solved."""

    inputs: list[str]
    options: SolveOptions
    look: OutputOptions
    model: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    kind: str | None = None
    adaptation: AdaptOptions | None = None  # to tasks that the model does not know
    keep: Path | None = None  # folder that the adapted model is kept in
    submission: Path | None = None  # of tasks
    total_minutes: float | None = None  # of tasks: for all together
    check_unique: bool = False  # count solutions exactly; the count judges the puzzle and never supplies an answer
    verbose: bool = False  # say which model, device and dtype

    @property
    def planned(self) -> bool:
        """Whether all is read before any of it is solved: for a submission, or to share out the time."""
        return self.submission is not None or self.total_minutes is not None


def solve_inputs(request: SolveRequest) -> int:
    """Solve what the inputs hold and show it; returns the exit code.

    The first Ctrl-C ends what has a submission or a bound of time with what there is, as time does.
    """
    with Interrupt() if request.planned else contextlib.nullcontext() as interrupt:
        code = _solve(request, Budget(request.total_minutes, interrupt))
        return exit_code() if interrupt is not None and interrupt.raised else code


def _solve(request: SolveRequest, budget: Budget) -> int:
    items = read_inputs(request.inputs, request.kind)
    head: list[Puzzle | InputError] = []  # enough to know the kind and whether there are many
    first: Puzzle | None = None
    for item in items:
        head.append(item)
        first = first or (item if isinstance(item, Puzzle) else None)
        if first is not None and len(head) >= MANY:
            break
    many = len(head) >= MANY
    if first is None:
        return _only_errors(head, replace(request.look, model="", max_steps=0, many=many))
    whose = f"{first.source} is a {first.kind} puzzle"
    name = choose_model(request.model, first.kind, whose)
    look = replace(request.look, model=name, max_steps=request.options.max_steps, many=many)
    items = itertools.chain(head, items)
    with contextlib.ExitStack() as until_done:
        submission: Submission | None = None
        if request.planned:
            if get_kind(first.kind).tasks is None:
                option = "--submission" if request.submission is not None else "--total-minutes"
                raise InputError(f"{option} is for ARC tasks, these are {first.kind} puzzles")
            items = iter(held := list(of_kind(items, first.kind)))
            if request.submission is not None:
                submission = until_done.enter_context(Submission(request.submission, first.kind, survey(held)))
        output = until_done.enter_context(open_output(look))
        count = counter(first, exactly=request.check_unique)
        unsolvable = judging(count, output.warn if request.check_unique else None)
        output.preview(first)

        from trm_solve import pretrained
        from trm_solve.tasks.answer import answer
        from trm_solve.tasks.guesses import first_two

        ready = pretrained.ready(name, device=request.device, dtype=request.dtype)
        must_be_for(first.kind, name, ready.config.kind, whose)
        if request.verbose:
            dtype = str(ready.forward_dtype).removeprefix("torch.")
            say(f"model {name}, device {ready.device}, dtype {dtype}, effort {request.options.effort}")
        items = _told(of_kind(items, first.kind), output.warn)
        places: Sequence[int] | None = None
        if request.planned:
            held = list(items)
            unseen, known = count_unseen(held, ready.identifiers)
            if unseen and request.adaptation is not None and not look.quiet:
                say(estimate(unseen, known, request.adaptation.minutes, request.total_minutes, 1))
            turn = in_turn(held, ready.identifiers) if request.total_minutes is not None else list(enumerate(held))
            places, items = [place for place, _ in turn], iter([item for _, item in turn])
        events = answer(
            ready,
            items,
            request.options,
            adaptation=request.adaptation,
            watch=output.live or look.trace is not None or look.save is not None,
            name=name,
            keep=request.keep,
            go_on=True,
            begin=output.begin,
            view=AdaptView(quiet=look.quiet, live=output.live, filmed=look.save is not None),
            unsolvable=None if many and not request.check_unique else unsolvable,
            budget=budget,
            places=places,
        )
        at: Iterator[int] = itertools.count() if places is None else iter(places)
        for event in (counted(event, count, every=request.check_unique) for event in events):
            if isinstance(event, Step):
                output.step(event)
                continue
            place = next(at)
            if isinstance(event, Solution):
                if submission is not None:
                    submission.answers[place] = first_two(event)
                output.solution(place, event)
            else:
                output.bad(place, event)
    return int(output.exit_code)


def counter(first: Puzzle, *, exactly: bool) -> Count:
    """How many solutions a puzzle has: exactly, or as far as bounded time tells. Each puzzle is counted once.

    Raises `InputError` where they are to be counted exactly and the kind of the first puzzle cannot.
    """
    kind = get_kind(first.kind)
    if exactly and kind.count_solutions(first, 1) is None:
        raise InputError(f"--check-unique: the solutions of a {kind.name} puzzle cannot be counted")

    @functools.lru_cache(KEPT)
    def count(puzzle: Puzzle) -> Solutions:
        if not exactly:
            return kind.solutions(puzzle)
        found = kind.count_solutions(puzzle, 2)
        return "several" if found == 2 else 1 if found else 0

    return count


def judging(count: Count, warn: Callable[[str], None] | None) -> Callable[[Puzzle], str]:
    """Why a puzzle has no answer; with `warn`, a person hears of one that has several. It is solved all the same."""

    def judge(puzzle: Puzzle) -> str:
        if reason := get_kind(puzzle.kind).unsolvable(puzzle):
            return reason
        found = count(puzzle)
        if found == "several" and warn is not None:
            warn(f"{puzzle.source}: more than one solution, any of them counts")
        return CONTRADICTION if found == 0 else ""

    return judge


def counted(event: Event, count: Count, *, every: bool) -> Event:
    """A puzzle with how many solutions it has: of those that were not solved where that is known, or of `every` one.

    The count judges a puzzle and supplies no answer.
    """
    if not isinstance(event, Solution) or not (every or event.verdict in ("unsolved", "unsolvable")):
        return event
    found = count(event.puzzle)
    if found is None:
        return event
    facts = {**event.facts, "solutions": found, **({"unique": found == 1} if every else {})}
    if found == 0:
        return replace(event, verdict="unsolvable", reason=event.reason or CONTRADICTION, facts=facts)
    return replace(event, facts=facts)


def _told(items: Iterable[Puzzle | InputError], warn: Callable[[str], None]) -> Iterator[Puzzle | InputError]:
    """The items; of how they were read a person hears, of an answer in a file that cannot be used once."""
    faults = 0
    for item in items:
        if isinstance(item, Puzzle) and item.note:
            warn(f"{item.source}: {item.note}")
        if isinstance(item, Puzzle) and item.label_fault:
            faults += 1
            if faults == 1:
                warn(f"{item.label_fault}; solve needs no answers, others are not told")
        yield item


def of_kind(items: Iterable[Puzzle | InputError], kind: str) -> Iterator[Puzzle | InputError]:
    """The items; a puzzle of another kind is an error."""
    for item in items:
        if isinstance(item, Puzzle) and item.kind != kind:
            yield InputError(f"{item.source}: a {item.kind} puzzle among {kind} puzzles", "solve them apart")
        else:
            yield item


def _only_errors(errors: list[Puzzle | InputError], look: OutputOptions) -> int:
    """Nothing to solve: no model is loaded."""
    with open_output(look) as output:
        for index, error in enumerate(errors):
            assert isinstance(error, InputError)
            output.bad(index, error)
    return int(output.exit_code)
