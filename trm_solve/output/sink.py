"""What a person asked to see, and what a sink is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from trm_solve.errors import InputError
from trm_solve.files import AtomicFile
from trm_solve.trace import Solution, Step

MANY = 3  # puzzles from which on each gets a line and not a board


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """What a person asked to see."""

    model: str = ""
    max_steps: int | None = None  # of one attempt; None where unknown
    json: bool = False  # JSON lines in place of answers
    quiet: bool = False  # answers and errors only
    many: bool = False  # one line a puzzle in the live view, not a board each; no best attempts on stderr
    pace: float = 0.0  # least seconds a step of the first attempt stays on show (replay: of all); a few puzzles only
    timed: bool = True  # False: nothing is computed meanwhile, the time of day says nothing
    output: Path | None = None  # answers go here, not to stdout
    trace: Path | None = None
    save: Path | None = None  # .svg, .html, .png, .gif


@dataclass(frozen=True, eq=False)
class Record:
    """What came of one line of input: its puzzle, steps and solution, or the error for which there is no puzzle."""

    index: int
    outcome: Solution | InputError
    steps: tuple[Step, ...] = ()


class Sink(Protocol):
    """A consumer of records in input order."""

    def record(self, record: Record) -> None: ...

    def close(self, completed: bool) -> None:
        """No more will come. `completed` is False after an error or an interrupt: then no file may be left behind."""


def finish(stream: IO[str] | AtomicFile, completed: bool) -> None:
    if isinstance(stream, AtomicFile):
        stream.commit() if completed else stream.discard()
