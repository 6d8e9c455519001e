"""Answers as plain text on stdout or in a file, and the talk about them on stderr."""

from __future__ import annotations

from typing import IO

from rich.text import Text

from trm_solve.errors import FileError, InputError, TrmError
from trm_solve.files import AtomicFile, write
from trm_solve.kinds import get_kind
from trm_solve.output.sink import OutputOptions, Record, finish
from trm_solve.render import Scene, Space, board, verdict
from trm_solve.talk import say
from trm_solve.terminal import PlainConsole
from trm_solve.trace import Solution


class Plain:
    """One answer a line, empty where there is none; answers of many lines have a blank line between them."""

    def __init__(self, stream: IO[str] | AtomicFile) -> None:
        self._stream = stream
        self._between: str | None = None

    def step(self, scene: Scene) -> None:
        pass

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

    def step(self, scene: Scene) -> None:
        pass

    def record(self, record: Record) -> None:
        if isinstance(record.outcome, InputError):
            say_error(record.outcome)
        elif record.outcome.verdict == "predicted" and not self._options.quiet:
            say(f"note: {record.outcome.puzzle.source}: {verdict(record.outcome)}")
        elif record.outcome.answer is None and not self._options.quiet:
            solution = record.outcome
            say(f"warning: {solution.puzzle.source}: {verdict(solution)}")
            if solution.best_attempt is not None and not self._options.many:
                scene = Scene(solution.puzzle, record.steps or solution.trace, solution)
                console = PlainConsole(stderr=True)
                space = Space(console.width, 100, console.tells_by_color)
                lines = board(solution.puzzle, scene.shown, space).lines
                console.print(Text("\n").join(lines), no_wrap=True, crop=False)

    def close(self, completed: bool) -> None:
        pass


def say_error(error: TrmError) -> None:
    """One line that says what is wrong and at most one that says what helps."""
    say(f"error: {error.message}")
    if error.hint:
        say(f"hint: {error.hint}")
