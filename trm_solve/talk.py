"""Words for a person on stderr: one line each, no character of which a terminal would obey. Standard library only."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

from trm_solve.errors import InputError

BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # turn lines around


def printable(text: object) -> str:
    """A text as it may be shown, on one line: what a terminal would obey, or cannot show, is escaped as in Python."""
    text = str(text)
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    if unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") and char not in BIDI:
        return char
    if "\udc80" <= char <= "\udcff":  # a byte of a file's name that is no UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()


FORMULAS = tuple("=+-@\t\r'")  # how a cell begins that a spreadsheet would compute, and how one that we mended


def harmless(text: str) -> str:
    """A name as a cell of a table: an apostrophe keeps a spreadsheet from computing it."""
    return f"'{text}" if text.startswith(FORMULAS) else text


before: list[Callable[[], None]] = []  # called before a line is said: a live view makes room for it


def say(text: str) -> None:
    """A line on stderr. Where nobody can hear it, that is no failure."""
    for make_room in before:
        make_room()
    with contextlib.suppress(OSError, ValueError):
        print(printable(text), file=sys.stderr, flush=True)


class Unheard:
    """A stream of talk: what cannot be written to it is lost, and the work goes on."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Closed(io.RawIOBase):
    """Standard input that whoever started us has closed."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        raise InputError("<stdin>: closed, there is nothing to read")


def mend_streams() -> None:
    """Give each of stdin, stdout and stderr that is closed a stand-in: its number would go to the next file opened.

    Reading and writing then fail as they would have, but for stderr, whose words are lost.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="surrogateescape")  # a file's name that is no UTF-8 goes to a pipe as it is
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        wrong = os.O_WRONLY if mode == "r" or number == 2 else os.O_RDONLY
        try:
            os.fstat(number)
        except OSError:
            stand_in = os.open(os.devnull, wrong)
            if stand_in != number:
                os.dup2(stand_in, number)
                os.close(stand_in)
        else:
            number = os.open(os.devnull, wrong)
        closed: Any = io.TextIOWrapper(io.BufferedReader(_Closed()))
        setattr(sys, name, closed if mode == "r" else os.fdopen(number, mode, closefd=False))
