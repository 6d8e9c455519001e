"""Draws and tells puzzles, steps, solutions and results for Python; see `shown.py`. Never torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.text import Text

from trm_solve.errors import InputError
from trm_solve.files import write_atomically
from trm_solve.kinds import get_kind
from trm_solve.output.json_lines import fields_of
from trm_solve.puzzle import Puzzle
from trm_solve.render import Scene, Space, board, frame, pictures, verdict
from trm_solve.render.film import LAST_MS, Film, film
from trm_solve.shown import Json, Shown
from trm_solve.talk import printable
from trm_solve.trace import Solution, Step

if TYPE_CHECKING:
    from rich.console import RenderableType

Scalar = str | int | float | bool | None
PAPER = Space(width=100, height=100, color=False)


class Drawn:
    """The one `Views`."""

    def plain(self, thing: Shown) -> str:
        if (scene := _scene(thing)) is None:
            return repr(thing)
        lines = [line.plain.rstrip() for line in board(scene.puzzle, scene.shown, PAPER, scene.solution).lines]
        if scene.solution is not None:
            lines += ["", printable(verdict(scene.solution))]
        return "\n".join(lines)

    def rich(self, thing: Shown, width: int, height: int, color: bool) -> RenderableType:
        scene = _scene(thing)
        return Text(repr(thing)) if scene is None else frame(scene, Space(width, height, color))

    def svg(self, thing: Shown) -> str | None:
        moments = _moments(thing)
        return pictures.svg(moments) if moments else None

    def save(self, thing: Shown, path: str) -> None:
        file = Path(path)
        pictures.require(file)
        moments = _moments(thing)
        if not moments:
            raise InputError("nothing to draw", "a step of a trace that was read anew does not know its puzzle")
        write_atomically(file, pictures.encode(moments, file))

    def text(self, thing: Shown) -> str:
        if isinstance(thing, Solution):
            return "" if thing.answer is None else get_kind(thing.puzzle.kind).format(thing.answer)
        assert isinstance(thing, Puzzle)
        return get_kind(thing.kind).format(thing.question)

    def to_dict(self, thing: Shown) -> dict[str, Json]:
        assert isinstance(thing, Solution)
        return cast(dict[str, Json], fields_of(thing))


def frame_of(things: Iterable[Solution | Step]) -> list[dict[str, Scalar]]:
    """A row of a table for each: see `api.frame`."""
    return [_row_of_step(each) if isinstance(each, Step) else _row(each) for each in things]


def _row(solution: Solution) -> dict[str, Scalar]:
    """The fields of `to_dict`; what is no scalar, such as a grid of a task, as text."""
    fields = {"rating": solution.puzzle.rating, **fields_of(solution)}
    return {name: value if isinstance(value, Scalar) else json.dumps(value) for name, value in fields.items()}


def _row_of_step(step: Step) -> dict[str, Scalar]:
    return {
        "puzzle": step.puzzle,
        "attempt": step.attempt,
        "step": step.step,
        "round": step.round,
        "changed": int(step.changed.sum()),
        "conflicts": int(step.conflicts.sum()),
        "overruled": step.overruled,
        "confidence": float(step.confidence.mean()) if step.confidence.size else None,
        "halt_probability": step.halt_probability,
        "solved": step.solved,
        "halted": step.halted,
    }


def _scene(thing: Shown) -> Scene | None:
    """The moment that is drawn; None for what has no board."""
    if isinstance(thing, Puzzle):
        return Scene(thing)
    if isinstance(thing, Step):
        return None if thing.of is None else Scene(thing.of, (thing,))
    if isinstance(thing, Solution):
        return Scene(thing.puzzle, thing.trace, thing, None, thing.model)
    return None


def _moments(thing: Shown) -> Film:
    """What a picture of it shows one after the other; nothing for what has no board."""
    if isinstance(thing, Solution):
        return film(thing)
    scene = _scene(thing)
    return [] if scene is None else [(scene, LAST_MS)]


Shown.views = Drawn()
