"""`solve` from inputs to output: read, choose a model, answer, hand every event to the sink.

Puzzles and the model's name are looked at before torch is imported, so that a mistake is told at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import InputError
from trm_solve.inputs import choose_model, must_be_for, read_inputs
from trm_solve.kinds import get_kind
from trm_solve.output import MANY, OutputOptions, open_output
from trm_solve.puzzle import Puzzle
from trm_solve.talk import say
from trm_solve.tasks.view import AdaptView
from trm_solve.trace import Solution, Step

if TYPE_CHECKING:
    from trm_solve.schedule import Event

CONTRADICTION = "its clues contradict each other"


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
    check_unique: bool = False  # count solutions exactly; the count judges the puzzle and never supplies an answer
    verbose: bool = False  # say which model, device and dtype


def solve_inputs(request: SolveRequest) -> int:
    """Solve what the inputs hold and show it; returns the exit code."""
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
        return _only_errors(head, request.look.with_puzzles("", 0, many))
    whose = f"{first.source} is a {first.kind} puzzle"
    name = choose_model(request.model, first.kind, whose)
    look = request.look.with_puzzles(name, request.options.max_steps, many)
    with open_output(look) as output:
        counts = _Counts(first, output.warn) if request.check_unique else None
        unsolvable = counts.judge if counts is not None else None if many else _hopeless

        from trm_solve.api import load
        from trm_solve.tasks.answer import answer

        ready = load(name, device=request.device, dtype=request.dtype)
        must_be_for(first.kind, name, ready.config.kind, whose)
        if request.verbose:
            dtype = str(ready.forward_dtype).removeprefix("torch.")
            say(f"model {name}, device {ready.device}, dtype {dtype}, effort {request.options.effort}")
        events = answer(
            ready,
            _told(_of_kind(itertools.chain(head, items), first.kind), output.warn),
            request.options,
            adaptation=request.adaptation,
            watch=output.live or look.trace is not None or look.save is not None,
            name=name,
            keep=request.keep,
            go_on=True,
            begin=output.begin,
            view=AdaptView(quiet=look.quiet),
            unsolvable=unsolvable,
        )
        done = 0
        for event in map(_counted if counts is None else counts.told, events):
            if isinstance(event, Step):
                output.step(event)
                continue
            if isinstance(event, Solution):
                output.solution(done, event)
            else:
                output.bad(done, event)
            done += 1
    return int(output.exit_code)


class _Counts:
    """`--check-unique`: exact counts, none, one or several. Of several a person is warned, and any of them counts.

    Raises `InputError` for kinds whose solutions are not counted.
    """

    def __init__(self, first: Puzzle, warn: Callable[[str], None]) -> None:
        self._kind, self._warn = get_kind(first.kind), warn
        self._found: dict[int, int] = {}  # of puzzles on their way, by id
        if self._kind.count_solutions(first, 1) is None:
            raise InputError(f"--check-unique: the solutions of a {self._kind.name} puzzle cannot be counted")

    def judge(self, puzzle: Puzzle) -> str:
        """Why a puzzle has no answer."""
        count = self._found[id(puzzle)] = self._kind.count_solutions(puzzle, 2) or 0
        if count > 1:
            self._warn(f"{puzzle.source}: more than one solution, any of them counts")
        return "" if count else "no solution"

    def told(self, event: Event) -> Event:
        """A solution with the count of its puzzle."""
        if not isinstance(event, Solution):
            return event
        count = self._found.pop(id(event.puzzle))
        facts = {"solutions": "several" if count > 1 else count, "unique": count == 1}
        return replace(event, facts={**event.facts, **facts})


def _hopeless(puzzle: Puzzle) -> str:
    """Why a puzzle has no answer, where its kind can tell."""
    kind = get_kind(puzzle.kind)
    return kind.unsolvable(puzzle) or (CONTRADICTION if kind.solutions(puzzle) == 0 else "")


def _counted(event: Event) -> Event:
    """A puzzle that was not solved, with how many solutions it has. The count judges it and supplies no answer."""
    if not isinstance(event, Solution) or event.verdict not in ("unsolved", "unsolvable"):
        return event
    count = get_kind(event.puzzle.kind).solutions(event.puzzle)
    if count is None:
        return event
    facts = {**event.facts, "solutions": count}
    if count == 0:
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


def _of_kind(items: Iterable[Puzzle | InputError], kind: str) -> Iterator[Puzzle | InputError]:
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
