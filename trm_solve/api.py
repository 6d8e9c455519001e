"""The Python side of the command line: the same shape, the same checks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from trm_solve import pretrained
from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.device import choose_device, choose_dtype
from trm_solve.errors import InputError, ModelError
from trm_solve.hub.names import packaged
from trm_solve.kinds import get_kind
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file, read_text
from trm_solve.schedule import Event
from trm_solve.tasks.answer import answer
from trm_solve.trace import Solution, Step

FILE_NAME = re.compile(r"[/\\]|\.[A-Za-z]\w{0,5}$")  # a path or a suffix: a file was meant, even if it is not there


def load(model: str | Path, *, device: str = "auto", dtype: str = "auto") -> TRM:
    """A model ready for inference: a packaged name, a checkpoint folder, or `ORG/REPO[@REVISION][:FILE]` of the hub.

    `device` is auto, cpu, cuda[:n] or mps; `dtype` is auto (bf16 where the hardware has it), float32 or bfloat16.
    Raises `ModelError` for a model that is missing or damaged, `InputError` for a device that is not there.
    """
    place = choose_device(device)
    return pretrained.load(model).to(place).cast(choose_dtype(dtype, place))


def read(puzzle: str | Path, kind: str | None = None) -> list[Puzzle]:
    """All puzzles of a file, or of a text that is itself a puzzle. Raises `InputError` at the first that is unreadable.

    A string with a line break, or that is no existing file, is taken for the puzzle itself.
    """
    puzzles = []
    for item in read_items(puzzle, kind):
        if isinstance(item, InputError):
            raise item
        puzzles.append(item)
    return puzzles


def read_items(puzzle: str | Path, kind: str | None = None, source: str = "<puzzle>") -> Iterator[Puzzle | InputError]:
    """As `read`, lazily; a puzzle that cannot be read comes as the error that names its place."""
    if isinstance(puzzle, Path):
        return read_file(puzzle, kind)
    one_line = "\n" not in puzzle and len(puzzle) < 4096
    # Path.exists raises for a text that is longer than a name may be
    if one_line and (os.path.exists(puzzle) or FILE_NAME.search(puzzle)):  # noqa: PTH110
        return read_file(Path(puzzle), kind)
    return read_text(puzzle, source, kind)


def solve(
    puzzle: str | Path | Puzzle,
    model: str | Path | TRM | None = None,
    options: SolveOptions | None = None,
    *,
    adaptation: AdaptOptions | None = AdaptOptions(),  # noqa: B008 (frozen)
) -> Solution:
    """Solve one puzzle (a `Puzzle`, a text or a file that holds just one); the solution carries its trace.

    `model` defaults to the packaged one of the puzzle's kind. `adaptation` is for a task that the model does not
    know; None: that is a `ModelError`. Raises `InputError` or `ModelError`.
    """
    one = _one(puzzle)
    events = _run(_ready(model, one.kind), [one], options, adaptation, watch=True)
    return next(event for event in events if isinstance(event, Solution))


def steps(
    puzzle: str | Path | Puzzle,
    model: str | Path | TRM | None = None,
    options: SolveOptions | None = None,
    *,
    adaptation: AdaptOptions | None = AdaptOptions(),  # noqa: B008 (frozen)
) -> Iterator[Step]:
    """The refinement of one puzzle, step by step, as it happens."""
    one = _one(puzzle)
    events = _run(_ready(model, one.kind), [one], options, adaptation, watch=True)
    return (event for event in events if isinstance(event, Step))


def solve_many(
    puzzles: Iterable[Puzzle],
    model: str | Path | TRM | None = None,
    options: SolveOptions | None = None,
    *,
    adaptation: AdaptOptions | None = AdaptOptions(),  # noqa: B008 (frozen)
) -> Iterator[Solution]:
    """Solve puzzles of one kind in batches; solutions come in input order, as soon as they are known.

    The questions of a task must follow each other.
    """
    waiting = iter(puzzles)
    first = next(waiting, None)
    if first is None:
        return
    chain = (each for part in ([first], waiting) for each in part)
    for event in _run(_ready(model, first.kind), chain, options, adaptation):
        if isinstance(event, Solution):
            yield event


def _run(
    model: TRM,
    puzzles: Iterable[Puzzle],
    options: SolveOptions | None,
    adaptation: AdaptOptions | None,
    watch: bool = False,
) -> Iterator[Event]:
    options = options or SolveOptions()
    return answer(model, puzzles, options, adaptation=adaptation, watch=watch)


def _one(puzzle: str | Path | Puzzle) -> Puzzle:
    if isinstance(puzzle, Puzzle):
        return puzzle
    puzzles = read(puzzle)
    if len(puzzles) != 1:
        raise InputError(f"{len(puzzles)} puzzles where one is expected", "solve_many takes several")
    return puzzles[0]


def default_model(kind: str) -> str:
    """The packaged model of a puzzle kind. Raises `ModelError` where none is packaged."""
    name = get_kind(kind).model or kind
    if name not in packaged():
        raise ModelError(
            f"no model for {kind} puzzles is packaged",
            "--model takes a checkpoint folder, or a name that models list shows",
        )
    return name


def _ready(model: str | Path | TRM | None, kind: str) -> TRM:
    return model if isinstance(model, TRM) else load(model or default_model(kind))
