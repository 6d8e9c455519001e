"""Answers as plain text on stdout or in a file, and the talk about them on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from trm_solve.errors import FileError, InputError, TrmError
from trm_solve.files import AtomicFile, write
from trm_solve.kinds import get_kind
from trm_solve.output.sink import OutputOptions, Record, finish
from trm_solve.talk import say
from trm_solve.trace import Solution, Step


class Plain:
    """One answer a line, empty where there is none; answers of many lines have a blank line between them."""

    def __init__(self, stream: IO[str] | AtomicFile) -> None:
        self._stream = stream
        self._between: str | None = None

    def record(self, record: Record) -> None:
        if isinstance(record.outcome, FileError):  # no puzzle's line
            return
        text, separator = "", self._between or ""
        if isinstance(record.outcome, Solution):
            puzzle, answer = record.outcome.puzzle, record.outcome.answer
            kind = get_kind(puzzle.kind)
            text = "" if answer is None else kind.format(answer)
            separator = "\n" if "\n" in kind.format(puzzle.question) else ""
        write(self._stream, ("" if self._between is None else separator) + text + "\n")
        self._between = separator

    def close(self, completed: bool) -> None:
        finish(self._stream, completed)


class Talk:
    """stderr for everything but the live view: what could not be read, what was not solved and how near it came.

    Where no rules can judge an answer, how sure it is.
    """

    def __init__(self, options: OutputOptions) -> None:
        self._options = options

    def record(self, record: Record) -> None:
        if isinstance(record.outcome, InputError):
            say_error(record.outcome)
        elif not self._options.quiet and (record.outcome.answer is None or record.outcome.verdict == "predicted"):
            from trm_solve.render.frame import verdict  # what draws is for those who look

            solution = record.outcome
            says = "note" if solution.verdict == "predicted" else "warning"
            say(f"{says}: {solution.puzzle.source}: {verdict(solution)}")
            if solution.answer is None and solution.best_attempt is not None and not self._options.many:
                print_attempt(solution, record.steps)

    def close(self, completed: bool) -> None:
        pass


def print_attempt(solution: Solution, steps: Sequence[Step]) -> None:
    """The best attempt at what was not solved, on stderr."""
    from rich.text import Text

    from trm_solve.render import Scene, Space, board
    from trm_solve.terminal import PlainConsole

    scene = Scene(solution.puzzle, steps or solution.trace, solution)
    console = PlainConsole(stderr=True)
    space = Space(console.width, 100, console.tells_by_color)
    lines = board(solution.puzzle, scene.shown, space).lines
    console.print(Text("\n").join(lines), no_wrap=True, crop=False)


def say_error(error: TrmError) -> None:
    """One line that says what is wrong and at most one that says what helps."""
    say(f"error: {error.message}")
    if error.hint:
        say(f"hint: {error.hint}")
