"""The Python side of the command line: the same names, the same checks, no word printed unless it is asked for.

Nothing here imports torch before options and puzzles have been looked at.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypedDict, TypeVar, Unpack

from trm_solve import forms, show
from trm_solve.config import AdaptOptions, Compile, Effort, Halt, SolveOptions, check_device, check_dtype
from trm_solve.errors import InputError, or_raise, shown
from trm_solve.forms import Form
from trm_solve.inputs import choose_model, must_be_for
from trm_solve.puzzle import Puzzle
from trm_solve.solve_inputs import counted, counter, judging, of_kind
from trm_solve.trace import Solution, Step

if TYPE_CHECKING:
    from trm_solve.model import TRM
    from trm_solve.schedule import Event

Function = TypeVar("Function", bound=Callable[..., object])


class Reasoning(TypedDict, total=False):
    """The fields of `SolveOptions`, as keywords."""

    max_steps: int
    halt: Halt
    slots: int
    seed: int
    effort: Effort
    attempts: int
    compile: Compile


def spelled(function: Function, **defaults: object) -> Function:
    """Help and completion name each field of `SolveOptions`, with its default, where the code says `**reasoning`.

    `defaults` are those that differ here.
    """
    given = inspect.signature(function)
    own = [each for each in given.parameters.values() if each.kind is not each.VAR_KEYWORD]
    fields = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults.get(each.name, each.default),
            annotation=each.type,
        )
        for each in dataclasses.fields(SolveOptions)
    ]
    function.__signature__ = given.replace(parameters=[*own, *fields])  # type: ignore[attr-defined]
    return function


def load(model: str | os.PathLike[str], *, device: str = "auto", dtype: str = "auto") -> TRM:
    """A model ready for inference: a packaged name, a checkpoint folder, or `ORG/REPO[@REVISION][:FILE]` of the hub.

    `device` is auto, cpu, cuda[:n] or mps; `dtype` is auto (bf16 where the hardware has it), float32 or bfloat16.
    Raises `ModelError` for a model that is missing or damaged, `InputError` for a device that is not there.

    >>> trm_solve.load("sudoku").config.kind
    'sudoku'
    """
    check_device(device)
    check_dtype(dtype)
    from trm_solve import pretrained

    return pretrained.ready(os.fspath(model), device=device, dtype=dtype)


def read(puzzles: Form, kind: str | None = None) -> list[Puzzle]:
    """All puzzles of a file, a folder, a text that is itself a puzzle, an array or a list: whatever `solve_many` takes.

    A string with a line break, or that is no existing file, is taken for the puzzle itself; `example:NAME` is a file
    that ships. `kind` says what they are where the content does not tell. Raises `InputError` at the first that cannot
    be read.

    >>> [puzzle.kind for puzzle in trm_solve.read("example:maze/small")]
    ['maze']
    """
    return list(or_raise(forms.many(puzzles, kind)))


@spelled
def solve(
    puzzle: Form,
    model: str | os.PathLike[str] | TRM | None = None,
    options: SolveOptions | None = None,
    *,
    kind: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    adaptation: AdaptOptions | None = AdaptOptions(),  # noqa: B008 (frozen)
    **reasoning: Unpack[Reasoning],
) -> Solution:
    """Solve one puzzle; the solution carries its trace.

    The puzzle is a text or the name of a file that holds just one, a 9 x 9 array or list (0: blank), a maze as lines or
    as an array, an ARC task as a dict with one test input, or a `Puzzle`. `model` is a name as `load` takes it, or what
    `load` gave, which stays on its device; by default it is the packaged one of the puzzle's kind. Each field of
    `SolveOptions` is a keyword too and then comes before `options`. `adaptation` is for a task that the model does not
    know; None: that is a `ModelError`.

    Raises `InputError` for a puzzle or an option that cannot be used, `ModelError` for a model.

    >>> trm_solve.solve("example:sudoku/hard", effort="fast", seed=1).verdict
    'solved'
    """
    choices = _choices(options, reasoning, device, dtype)
    one = forms.one(puzzle, kind)
    events = _events(iter([one]), one, model, choices, device, dtype, adaptation, watch=True)
    return next(event for event in events if isinstance(event, Solution))


@spelled
def steps(
    puzzle: Form,
    model: str | os.PathLike[str] | TRM | None = None,
    options: SolveOptions | None = None,
    *,
    kind: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    adaptation: AdaptOptions | None = AdaptOptions(),  # noqa: B008 (frozen)
    **reasoning: Unpack[Reasoning],
) -> Iterator[Step]:
    """The refinement of one puzzle, step by step, as it happens. Takes and raises what `solve` does.

    Where rules look at the answer after every round of a step, as with Sudoku, those of the first step come too.

    >>> first, *_, last = trm_solve.steps("example:sudoku/hard")
    >>> first.solved, last.solved
    (False, True)
    """
    choices = _choices(options, reasoning, device, dtype)
    one = forms.one(puzzle, kind)
    events = _events(iter([one]), one, model, choices, device, dtype, adaptation, watch=True)
    return (event for event in events if isinstance(event, Step))


@spelled
def solve_many(
    puzzles: Form,
    model: str | os.PathLike[str] | TRM | None = None,
    options: SolveOptions | None = None,
    *,
    kind: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    adaptation: AdaptOptions | None = AdaptOptions(),  # noqa: B008 (frozen)
    **reasoning: Unpack[Reasoning],
) -> Iterator[Solution]:
    """Solve puzzles of one kind in batches; solutions come in input order, as soon as they are known, without traces.

    The puzzles are a file, a folder, an array (N, 9, 9), or any iterable of what `solve` takes, such as a column of a
    table. The questions of an ARC task must follow each other. Options are those of `solve`; they are checked at once,
    the puzzles one after another: raises `InputError` in the place of the first that cannot be read.

    >>> [each.verdict for each in trm_solve.solve_many(["example:sudoku/easy", "example:sudoku/easy"])]
    ['solved', 'solved']
    """
    choices = _choices(options, reasoning, device, dtype)
    return _solutions(forms.many(puzzles, kind), model, choices, device, dtype, adaptation)


def _solutions(
    items: Iterator[Puzzle | InputError],
    model: str | os.PathLike[str] | TRM | None,
    choices: SolveOptions,
    device: str,
    dtype: str,
    adaptation: AdaptOptions | None,
) -> Iterator[Solution]:
    for first in or_raise(items):
        rest = itertools.chain([first], items)
        for event in or_raise(_events(rest, first, model, choices, device, dtype, adaptation)):
            if isinstance(event, Solution):
                yield event


def frame(things: Iterable[Solution | Step]) -> list[dict[str, show.Scalar]]:
    """Solutions, or steps of a trace, as plain dicts of numbers and texts: `pandas.DataFrame` takes them as they are.

    Of a solution these are the fields of `solve --json` and the puzzle's rating; of a step the counts of cells that
    changed and that clash, the mean confidence (0 to 1), the halting probability.

    >>> rows = trm_solve.frame(trm_solve.solve("example:sudoku/hard").trace)
    >>> rows[0]["step"], rows[0]["round"], rows[0]["solved"]
    (1, 1, False)
    """
    return show.frame_of(things)


def _choices(options: SolveOptions | None, reasoning: Reasoning, device: str, dtype: str) -> SolveOptions:
    """What was asked for, looked at before anything is read. Raises `InputError`."""
    if options is not None and not isinstance(options, SolveOptions):
        raise InputError(f"options cannot be {shown(options)}", "SolveOptions(...), or keywords such as effort='max'")
    check_device(device)
    check_dtype(dtype)
    return SolveOptions.from_dict({**(options or SolveOptions()).to_dict(), **reasoning})


def _events(
    items: Iterator[Puzzle | InputError],
    first: Puzzle,
    model: str | os.PathLike[str] | TRM | None,
    choices: SolveOptions,
    device: str,
    dtype: str,
    adaptation: AdaptOptions | None,
    watch: bool = False,
) -> Iterator[Event]:
    ready = model_for(first, model, device, dtype)
    from trm_solve.tasks.answer import answer

    count = counter(first, exactly=False)
    events = answer(
        ready,
        of_kind(items, first.kind),
        choices,
        adaptation=adaptation,
        watch=watch,
        name=ready.name or "unnamed",
        unsolvable=judging(count, None) if watch else None,
    )
    return (counted(event, count, every=False) for event in events)


def model_for(first: Puzzle, model: str | os.PathLike[str] | TRM | None, device: str, dtype: str) -> TRM:
    """The model that a person named or gave, ready for puzzles such as the first. Raises `ModelError`, `InputError`."""
    whose = f"{first.source or 'this'} is a {first.kind} puzzle"
    if model is None or isinstance(model, str | os.PathLike):
        name = choose_model(None if model is None else os.fspath(model), first.kind, whose)
        ready = load(name, device=device, dtype=dtype)
    else:
        ready = _given(model, device, dtype)
    must_be_for(first.kind, ready.name or "unnamed", ready.config.kind, whose)
    return ready


def _given(model: TRM, device: str, dtype: str) -> TRM:
    """A model that was loaded before: it stays where and what it is. Raises `InputError` where it is no such thing."""
    from trm_solve.model import TRM

    if not isinstance(model, TRM):
        raise InputError(f"model cannot be {shown(model)}", "a name, a folder, or what load gave")
    said = {"device": (device, str(model.device)), "dtype": (dtype, str(model.forward_dtype).removeprefix("torch."))}
    for name, (wanted, there) in said.items():
        if wanted not in ("auto", there, there.partition(":")[0]):
            raise InputError(
                f"{name} {wanted}: the model is loaded already, with {there}", f"load(..., {name}=) says so"
            )
    return model
