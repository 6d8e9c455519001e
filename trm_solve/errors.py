"""What can go wrong, in words meant for a person.

Every foreseen failure is a `TrmError`: one line that says what is wrong, at most one hint, and the exit code that
the command line ends with. Whatever else is raised is a bug and exits 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import TypeVar

Item = TypeVar("Item")
SHOWN = 60  # characters of a value in a message
OPTION = re.compile(
    r"(?<![\w'\"/-])--(?:set )?([a-z][a-z_-]*[a-z])(?![\w'\"/])"
)  # not where somebody's words are quoted


class ExitCode(IntEnum):
    """Exit codes of the command line; a batch ends with the highest one it met."""

    OK = 0  # every answer verified (or predicted, where no rules can judge)
    UNEXPECTED = 1
    USAGE = 2  # bad usage or unreadable input
    MODEL = 3  # model not available
    UNSOLVED = 4  # it ran, but some answer breaks the rules or was not found
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class TrmError(Exception):
    """A foreseen failure: `message` (one line, no full stop), `hint` (may be empty).

    Both name options as they are typed, `--max-steps`. Where Python shows the error, they are keywords: `max_steps`.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """As Python shows it; the command line gives the hint a line of its own."""
        return _as_keywords(f"{self.message} ({self.hint})" if self.hint else self.message)


class ReaderGone(SystemExit):
    """Whoever read our output has enough: the program ends quietly, with the code that it has come to."""


class InputError(TrmError):
    """A file, an option or data that cannot be used. Messages about files start with `file:line:` where known."""


class FileError(InputError):
    """A file of which nothing, or nothing more, can be read. It stands for no puzzle, so no line of output is its."""


class ModelError(TrmError):
    """A model that is missing, damaged or made for something else."""

    exit_code = ExitCode.MODEL


def or_raise(items: Iterable[Item | InputError]) -> Iterator[Item]:
    """The items, of which one that cannot be read comes as an error in its place. Raises the first such."""
    for item in items:
        if isinstance(item, InputError):
            raise item
        yield item


def _as_keywords(text: str) -> str:
    """`--max-steps` becomes `max_steps`, `--set lr=1` becomes `lr=1`; a line for a shell stays as it is."""
    text, command, line = text.partition("trm-solve ")
    return OPTION.sub(lambda found: found[1].replace("-", "_"), text) + command + line


def shown(value: object) -> str:
    """A value in a message, however long it is."""
    text = " ".join(repr(value).split("\n"))  # of an array
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def first_line(error: Exception) -> str:
    """What an exception of somebody else's code says, on one line."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def reason_of(error: OSError) -> str:
    """What the system says was wrong, to stand behind the name of a file."""
    return (error.strerror or str(error)).lower()
