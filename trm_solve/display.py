"""`show`: puzzles and tasks as they stand in their files, with the answers where these are known. No torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from rich.text import Text

from trm_solve.errors import ExitCode, InputError
from trm_solve.inputs import read_inputs
from trm_solve.kinds import get_kind
from trm_solve.kinds.base import Space
from trm_solve.output import say_error
from trm_solve.puzzle import Puzzle
from trm_solve.render import board
from trm_solve.render.scene import beside
from trm_solve.talk import printable
from trm_solve.tasks.identifiers import task_key
from trm_solve.terminal import PlainConsole
from trm_solve.trace import still

HEIGHT = 1000  # lines of a picture, which may scroll
GAP = 4  # columns between a question and its answer


def show(inputs: list[str], kind: str | None) -> int:
    """Draw what the inputs hold, on stdout; returns the exit code."""
    console = PlainConsole()
    space = Space(console.width, HEIGHT, console.tells_by_color)
    code, between = ExitCode.OK, False
    for task, group in itertools.groupby(read_inputs(inputs, kind), key=task_key):
        puzzles = list[Puzzle]()
        for item in group:
            if isinstance(item, InputError):
                say_error(item)
                code = max(code, item.exit_code)
            elif task is None:
                _print(console, _puzzle(item, space), between)
                between = True
            else:
                puzzles.append(item)
        if puzzles:
            _print(console, _task(puzzles, space), between)
            between = True
    return int(code)


def _print(console: PlainConsole, lines: Iterator[Text], between: bool) -> None:
    if between:
        console.line()
    for line in lines:
        line.rstrip()
        console.print(line, no_wrap=True, crop=False, overflow="ignore")


def _task(puzzles: Sequence[Puzzle], space: Space) -> Iterator[Text]:
    drawn = get_kind(puzzles[0].kind).draw_task(puzzles, space)
    if drawn is None:
        for puzzle in puzzles:
            yield from _puzzle(puzzle, space)
        return
    yield Text(printable(puzzles[0].source.rpartition("[")[0] or puzzles[0].source), "bold")
    yield from drawn[0]


def _puzzle(puzzle: Puzzle, space: Space) -> Iterator[Text]:
    """The question, and beside it or below it the answer."""
    rating = "" if puzzle.rating is None else f"  rating {puzzle.rating:g}"
    yield Text.assemble((printable(puzzle.source), "bold"), rating)
    question = board(puzzle, None, space)
    if puzzle.answer is None:
        yield from question.lines
        return
    answer = board(puzzle, still(puzzle.answer, solved=True), space)
    if question.width + GAP + answer.width <= space.width:
        yield from beside(question.lines, answer.lines, question.width + GAP)
    else:
        yield from (*question.lines, Text(), *answer.lines)
