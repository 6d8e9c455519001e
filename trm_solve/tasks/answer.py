"""Puzzles of any kind through a model: the one way from items to events for `solve`, `eval` and Python.

Where questions come in tasks, known ones are answered by a vote of their copies, unknown ones after adaptation.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trm_solve import checkpoint, schedule
from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import InputError, ModelError, reason_of
from trm_solve.interrupt import Interrupt
from trm_solve.kinds import get_kind
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.schedule import Event
from trm_solve.tasks.budget import Budget, NotReached, knows, weight
from trm_solve.tasks.guesses import Guesses, with_second
from trm_solve.tasks.identifiers import Identifiers, recognise, task_key
from trm_solve.tasks.progress import Progress
from trm_solve.tasks.view import AdaptView
from trm_solve.tasks.voting import voters
from trm_solve.trace import Solution

if TYPE_CHECKING:
    from trm_solve.tasks.adapt import Adapted

MOMENTS = 40  # of an adaptation that are kept, for a film of it


def answer(
    model: TRM,
    items: Iterable[Puzzle | InputError],
    options: SolveOptions,
    *,
    adaptation: AdaptOptions | None = None,
    watch: bool = False,
    name: str = "",
    keep: Path | None = None,
    go_on: bool = False,
    begin: Callable[[int, Puzzle], None] = lambda *_: None,
    view: AdaptView | None = None,
    unsolvable: Callable[[Puzzle], str] | None = None,
    budget: Budget | None = None,
    places: Sequence[int] | None = None,
) -> Iterator[Event]:
    """As `schedule.solve_all`, for a kind with tasks too, whose questions must follow each other task by task.

    A task that the model does not know is fitted first, within `adaptation`; None: it raises `ModelError`, or with
    `go_on` its puzzles are errors among the others. `keep` is a folder for the adapted model; where there are several
    tasks, for a folder a task. `begin` hears of each puzzle as it is taken up, with its place. `budget` is the time of
    all tasks together: what it leaves no time for comes as `NotReached`. `places` are those of the items in input
    order, where they come in another.
    """
    if get_kind(model.config.kind).tasks is None:
        begun = _announced(items, begin)
        yield from schedule.solve_all(model, begun, options, watch=watch, name=name, unsolvable=unsolvable)
        return
    view = view or AdaptView(quiet=True)
    budget = budget or Budget(None)
    groups: Iterable[tuple[tuple[str, str] | None, list[Puzzle | InputError]]]
    groups = ((task, list(group)) for task, group in itertools.groupby(items, key=task_key))
    several, waiting = False, list[float]()
    if keep is not None or budget.minutes is not None:
        groups = list(groups)
        firsts = [group[0] for task, group in groups if task is not None]
        several = len(firsts) > 1
        if budget.minutes is not None:
            new = (each for each in firsts if isinstance(each, Puzzle) and not knows(model.identifiers, each))
            waiting = list(map(weight, new))
    at: Iterator[int] = itertools.count() if places is None else iter(places)
    for task, of_task in groups:
        where = list(itertools.islice(at, len(of_task)))
        if task is None:
            for error in of_task:
                assert isinstance(error, InputError)
                yield error
            continue
        puzzles = [item for item in of_task if isinstance(item, Puzzle)]
        if budget.over():
            why = "Ctrl-C came first" if budget.interrupt.raised else "the time was up"
            yield from (NotReached(f"{puzzle.source}: not reached, {why}") for puzzle in puzzles)
            continue
        began = time.monotonic()
        known = recognise(puzzles[0], model.identifiers) if model.identifiers is not None else None
        adapted: Adapted | None = None
        ready, votes, seconds = model, options, budget.left
        if known is None:
            if adaptation is None and go_on:
                yield from (_as_input(unknown(puzzle, name)) for puzzle in puzzles)
                continue
            if adaptation is None:
                raise unknown(puzzles[0], name)
            how = adaptation.of(model.config)
            if waiting:
                how = dataclasses.replace(how, minutes=max(budget.share(waiting), 1e-3) / 60, thrifty=len(waiting) > 1)
                waiting.pop(0)
            seconds = 60 * how.minutes
            folder = None if keep is None else _make_folder(keep, puzzles[0], several)
            fitting = "fitting fresh weights" if how.fit == "scratch" else "adapting"
            view.say(f"{puzzles[0].task}: unknown to {name}, {fitting} to its demonstration pairs")
            votes = dataclasses.replace(options, attempts=options.attempts or 1000)
            interrupt = budget.interrupt if budget.interrupt.listens else None
            adapted = fitted(model, puzzles, how, votes, view, interrupt)
            if folder is not None:
                checkpoint.save(adapted.model, folder)
            ready, known = adapted.model, adapted.task
        strategy = voters(ready, known, votes)
        for number, (place, puzzle) in enumerate(zip(where, puzzles, strict=True)):
            begin(place, puzzle)
            now = time.monotonic()
            until = now + (began + seconds - now) / (len(puzzles) - number)
            for event in schedule.solve_all(
                *(ready, [puzzle], votes),
                strategy=strategy,
                watch=True,
                name=name,
                first=place,
                enough=lambda until=until: time.monotonic() > until or budget.over(),  # type: ignore[misc]
            ):
                if isinstance(event, Solution):
                    yield _told(event, adapted, watch)
                elif watch:
                    yield event


def _announced(
    items: Iterable[Puzzle | InputError], begin: Callable[[int, Puzzle], None]
) -> Iterator[Puzzle | InputError]:
    """The items, each told as it is taken up."""
    for index, item in enumerate(items):
        if isinstance(item, Puzzle):
            begin(index, item)
        yield item


def fitted(
    model: TRM,
    puzzles: list[Puzzle],
    options: AdaptOptions,
    vote: SolveOptions,
    view: AdaptView,
    interrupt: Interrupt | None,
) -> Adapted:
    """The model fitted to the task, whose name in it is the task's fingerprint: a file may have any name."""
    from trm_solve.tasks.adapt import adapt, tasks_of  # the training code too

    task, pairs = puzzles[0].task, puzzles[0].examples
    questions = puzzles[0].questions or [puzzle.question for puzzle in puzzles]

    moments: dict[tuple[int, int], Progress] = {}  # the last of each stretch of a fit

    def notice(stand: Progress) -> None:
        stand = dataclasses.replace(stand, task=task)
        view.notice(stand)
        moments[stand.fold, int(stand.done * MOMENTS)] = stand

    try:
        name = tasks_of(model).fingerprint(pairs)
        made = adapt(
            *(model, name, pairs, questions, options),
            vote=vote,
            notice=notice,
            watched=view.watched,
            interrupt=interrupt,
        )
    finally:
        view.clear()
    made = dataclasses.replace(made, fits=tuple(moments.values()))
    made.model.note = f"Adapted to the task {task}; leave-one-out: {made.understood}."
    return made


def unknown(puzzle: Puzzle, name: str) -> ModelError:
    why = f"{puzzle.source}: '{name}' was not trained on task {puzzle.task}"
    return ModelError(why, "without --no-adapt it is fitted to the task's demonstration pairs first")


def _as_input(error: ModelError) -> InputError:
    """The error of one puzzle among others."""
    told = InputError(error.message, error.hint)
    told.exit_code = error.exit_code
    return told


def _make_folder(keep: Path, puzzle: Puzzle, several: bool) -> Path:
    """The folder for a task's model, made before there is any work to lose; `InputError` where that cannot be."""
    name = re.sub(r"[^\w.-]", "_", puzzle.task).lstrip(".") or "task"  # a task of a file may have any name
    folder = keep / name if several else keep
    if (folder / checkpoint.CONFIG).exists():
        names = Identifiers.beside(folder, puzzle.kind, checkpoint.read_config(folder).num_puzzle_identifiers)
        if names is None or names.tasks != {names.tasks_of.fingerprint(puzzle.examples)}:
            raise InputError(f"--keep {folder}: another model is there", "name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--keep {folder}: cannot be made: {reason_of(error)}") from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"--keep {folder}: cannot be written to")
    return folder


def _told(solution: Solution, adapted: Adapted | None, watch: bool) -> Solution:
    """The solution with its second guess, and how the model was adapted."""
    solution = with_second(solution, Guesses() if adapted is None else adapted.guesses)
    facts = dict(solution.facts)
    if adapted is not None:
        facts |= {"found_by": "adaptation", "leave_one_out": adapted.understood}
        facts |= {"adapt_seconds": round(adapted.seconds, 1), "adapt_updates": adapted.updates}
    fits = adapted.fits if adapted is not None and watch else ()
    return dataclasses.replace(solution, facts=facts, trace=solution.trace if watch else (), fits=fits)
