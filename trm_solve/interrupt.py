"""Ctrl-C, SIGTERM and SIGHUP: the program ends as it would after Ctrl-C, or finishes well first."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

SIGNALS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
HANG_UP = getattr(signal, "SIGHUP", None)


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP, which clean up as Ctrl-C does."""


class _Heard:
    """Which signal is to blame that the program ends."""

    number = signal.SIGINT


def exit_code() -> int:
    """128 and the number of the last signal that was heard, Ctrl-C if there was none."""
    return 128 + int(_Heard.number)


@contextlib.contextmanager
def termination() -> Iterator[None]:
    """SIGTERM and SIGHUP raise `Terminated` once; further ones, which a closing session sends, do not cut it short.

    A signal that whoever started us has had ignored (nohup) stays ignored.
    """
    _Heard.number = signal.SIGINT
    kept: dict[int, Any] = {}

    def end(number: int, frame: Any) -> None:
        del frame
        for each in kept:
            signal.signal(each, signal.SIG_IGN)
        _note(number)
        raise Terminated

    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if number != signal.SIGINT and signal.getsignal(number) == signal.SIG_DFL:
                kept[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _note(number: int) -> None:
    _Heard.number = signal.Signals(number)
    if number == HANG_UP:
        _leave_terminal()


def _leave_terminal() -> None:
    """What would be written to a terminal that is gone goes nowhere."""
    with contextlib.suppress(ImportError):
        import termios

        for number in (1, 2):
            try:
                termios.tcgetattr(number)
            except termios.error as error:
                if error.args[0] == errno.EIO:
                    with contextlib.suppress(OSError):
                        os.dup2(os.open(os.devnull, os.O_WRONLY), number)


class Interrupt:
    """Turns the first Ctrl-C, SIGTERM or SIGHUP into a flag that is looked at between steps.

    A second Ctrl-C or SIGTERM is not caught; a closing session sends SIGHUP more than once. With `ctrl_c_only`, the
    others end the program.
    """

    def __init__(self, *, ctrl_c_only: bool = False) -> None:
        self.raised = False
        self._signals = [signal.SIGINT] if ctrl_c_only else SIGNALS
        self._kept: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in self._signals:
                if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGINT:
                    self._kept[number] = signal.signal(number, self._catch)
        return self

    @property
    def listens(self) -> bool:
        """Whether it is this one that hears of the signals."""
        return bool(self._kept)

    def _catch(self, number: int, frame: Any) -> None:
        del frame
        self.raised = True
        _note(number)
        if number != HANG_UP:
            signal.signal(number, self._kept[number])

    def __exit__(self, *details: object) -> None:
        for number, handler in self._kept.items():
            signal.signal(number, handler)
