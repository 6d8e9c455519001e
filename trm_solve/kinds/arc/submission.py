"""Answers to ARC tasks in the official form: two attempts at every test input of every task."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trm_solve.errors import InputError
from trm_solve.kinds.arc.tokens import COLORS, SIDE

Rows = list[list[int]]  # a grid
Entry = dict[str, Rows]  # the attempts at one test input

NOTHING: Rows = [[0]]  # stands where there is no answer at all
ATTEMPTS = ("attempt_1", "attempt_2")


def entry(answers: Sequence[Rows]) -> Entry:
    """The attempts at a test input from its answers, best first: a single one is repeated."""
    two = list(answers[:2]) or [NOTHING]
    return dict(zip(ATTEMPTS, (two[0], two[-1]), strict=True))


def _of_array(value: Any, path: str, most: int | None = None) -> Iterator[str]:
    """What keeps a value from being an array of at least one item, and of so many at most."""
    if type(value) is not list:
        yield f"{path}: not an array"
    if not value:
        yield f"{path}: empty"
    if most is not None and len(value) > most:
        yield f"{path}: {len(value)} items, not 1 to {most}"


def _of_grid(grid: Any, path: str) -> Iterator[str]:
    yield from _of_array(grid, path, SIDE)
    for n, row in enumerate(grid):
        yield from _of_array(row, f"{path}[{n}]", SIDE)
        for at, colour in enumerate(row):
            if type(colour) is not int:  # True is none
                yield f"{path}[{n}][{at}]: not an integer"
            if not 0 <= colour < COLORS:
                yield f"{path}[{n}][{at}]: {colour}, not 0 to {COLORS - 1}"
    if len({len(row) for row in grid}) > 1:
        yield f"{path}: rows of different lengths"


def _of_whole(content: Any, inputs: Mapping[str, int]) -> Iterator[str]:
    """`PATH: reason` of each fault of a submission; only the first is to be looked at, which may have led to others."""
    if type(content) is not dict:
        yield "the whole: not an object"
    for name, answers in content.items():
        yield from _of_array(answers, name)
        for n, attempts in enumerate(answers):
            if type(attempts) is not dict:
                yield f"{name}[{n}]: not an object"
            yield from (f"{name}[{n}]: no {which}" for which in ATTEMPTS if which not in attempts)
            for which, grid in attempts.items():
                if which not in ATTEMPTS:
                    yield f"{name}[{n}].{which}: does not belong there"
                yield from _of_grid(grid, f"{name}[{n}].{which}")
    for name in sorted(content.keys() ^ inputs.keys()):
        yield f"{name}: " + ("no such task" if name in content else "missing")
    for name, answers in content.items():
        if len(answers) != inputs[name]:
            yield f"{name}: attempts at {len(answers)} test inputs, the task has {inputs[name]}"


def validate(content: Any, inputs: Mapping[str, int]) -> None:
    """Whether this is a submission for the tasks named in `inputs`, each with its number of test inputs.

    Raises `InputError` with the path of the first fault: of form, a ragged grid, a task or a test input too many or
    too few.
    """
    if found := next(_of_whole(content, inputs), ""):
        raise InputError(f"submission: {found}")


def to_text(content: Mapping[str, list[Entry]], inputs: Mapping[str, int]) -> str:
    """The file of a submission. Raises `InputError` where it is not one for these tasks, see `validate`."""
    validate(content, inputs)
    return json.dumps(content) + "\n"
