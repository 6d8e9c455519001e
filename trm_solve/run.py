"""`solve` from inputs to output: read, choose a model, run, hand every event to the sink."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trm_solve.api import default_model, load, read_items
from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import InputError, ModelError
from trm_solve.hub.names import packaged
from trm_solve.output import MANY, Output, OutputOptions, open_output
from trm_solve.puzzles import read_stream
from trm_solve.puzzles.base import Puzzle
from trm_solve.schedule import run
from trm_solve.trace import Solution, Step


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a person asked to see."""

    output: Path | None = None
    json: bool = False
    trace: Path | None = None
    save: Path | None = None
    pace: float = 0.0
    quiet: bool = False
    verbose: bool = False
    check_unique: bool = False  # count solutions exactly; the count judges the puzzle and never supplies an answer


def read_inputs(inputs: list[str], kind: str | None) -> Iterator[Puzzle | InputError]:
    """Puzzles of all inputs in order; a file that cannot be read at all is one error in its place."""
    for number, text in enumerate(inputs, 1):
        try:
            if text == "-":
                yield from read_stream(sys.stdin, "<stdin>", kind)
            else:
                yield from read_items(text, kind, f"<argument {number}>" if len(inputs) > 1 else "<argument>")
        except InputError as error:
            yield error


def solve_inputs(
    inputs: list[str],
    options: SolveOptions,
    look: Look,
    *,
    model: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    kind: str | None = None,
    adaptation: AdaptOptions | None = None,
    keep: Path | None = None,
) -> int:
    """Solve what the inputs hold and show it; returns the exit code.

    `adaptation` is for ARC tasks that the model does not know, `keep` the folder that the adapted model is kept in.
    """
    items = read_inputs(inputs, kind)
    head: list[Puzzle | InputError] = []  # enough to know the kind and whether there are many
    first: Puzzle | None = None
    for item in items:
        head.append(item)
        first = first or (item if isinstance(item, Puzzle) else None)
        if first is not None and len(head) >= MANY:
            break
    if first is None:
        return _only_errors(head, look)
    name = model or default_model(first.kind)
    with _open(look, name, options.max_steps, len(head) >= MANY) as output:
        ready = load(name, device=device, dtype=dtype)
        if ready.config.kind != first.kind:
            hint = f"packaged: {', '.join(packaged())}"
            raise ModelError(
                f"model '{name}' is for {ready.config.kind}, {first.source} is a {first.kind} puzzle", hint
            )
        if look.verbose:
            dtype = str(ready.forward_dtype).removeprefix("torch.")
            print(f"model {name}, device {ready.device}, dtype {dtype}", file=sys.stderr)
        watch = output.live or look.trace is not None or look.save is not None
        unsolvable = _count_solutions(first.kind, output.warn) if look.check_unique else None
        alike = _of_kind(itertools.chain(head, items), first.kind)
        if first.kind == "arc":
            from trm_solve.arc.solve import run_tasks
            from trm_solve.arc.view import AdaptView

            events = run_tasks(
                ready,
                alike,
                options,
                adaptation=adaptation,
                watch=watch,
                name=name,
                keep=keep,
                go_on=True,
                begin=output.begin,
                view=AdaptView(quiet=look.quiet),
            )
        else:
            begun = _announce(alike, output)
            events = run(ready, begun, options, watch=watch, name=name, unsolvable=unsolvable)
        done = 0
        for event in events:
            if isinstance(event, Step):
                output.step(event)
                continue
            if isinstance(event, Solution):
                output.solution(done, event)
            else:
                output.bad(done, event)
            done += 1
    return int(output.exit_code)


def _count_solutions(kind: str, warn: Callable[[str], None]) -> Callable[[Puzzle], str]:
    """For `run`: why a puzzle has no answer; of one that has several a person is warned, and it is solved all the same.

    Raises `InputError` for kinds whose solutions are not counted.
    """
    if kind != "sudoku":
        raise InputError(f"--check-unique counts the solutions of Sudokus, not of a {kind}")
    from trm_solve.generate.exact import count_solutions

    def judge(puzzle: Puzzle) -> str:
        count = count_solutions(puzzle.question, limit=2)
        if count > 1:
            warn(f"{puzzle.source}: more than one solution, any of them counts")
        return "" if count else "no solution"

    return judge


def _open(look: Look, name: str, max_steps: int, many: bool) -> Output:
    return open_output(
        OutputOptions(
            model=name,
            max_steps=max_steps,
            json=look.json,
            quiet=look.quiet,
            many=many,
            pace=look.pace,
            output=look.output,
            trace=look.trace,
            save=look.save,
        )
    )


def _of_kind(items: Iterable[Puzzle | InputError], kind: str) -> Iterator[Puzzle | InputError]:
    """The items; a puzzle of another kind is an error."""
    for item in items:
        if isinstance(item, Puzzle) and item.kind != kind:
            yield InputError(f"{item.source}: a {item.kind} puzzle among {kind} puzzles", "solve them apart")
        else:
            yield item


def _announce(items: Iterable[Puzzle | InputError], output: Output) -> Iterator[Puzzle | InputError]:
    """The items, each told to the output as it is taken up."""
    for index, item in enumerate(items):
        if isinstance(item, Puzzle):
            output.begin(index, item)
        yield item


def _only_errors(errors: list[Puzzle | InputError], look: Look) -> int:
    """Nothing to solve: no model is loaded."""
    with _open(look, "", 0, len(errors) >= MANY) as output:
        for index, error in enumerate(errors):
            assert isinstance(error, InputError)
            output.bad(index, error)
    return int(output.exit_code)
