"""Keys that are pressed while a view is on the terminal. Where there is no such terminal, there are no keys."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

NAMES = {b"\x1b[D": "left", b"\x1b[C": "right", b"\x1bOD": "left", b"\x1bOC": "right"}


class Keys:
    """Keys as they are pressed, not shown on the terminal. What the terminal was is restored, whatever happens."""

    def __init__(self, descriptor: int, leave: Callable[[], object] = lambda: None) -> None:
        """`leave` is called before the program is stopped by Ctrl-Z."""
        self._descriptor, self._leave = descriptor, leave
        self._kept: list[Any] | None = None
        self._pressed: list[str] = []
        self._open = True
        self._stopping: Any = None

    def start(self) -> None:
        """Take the terminal, if it is ours: a program in the background must not."""
        import termios
        import tty

        if os.tcgetpgrp(self._descriptor) != os.getpgrp():
            return
        self._kept = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor, termios.TCSADRAIN)
        atexit.register(self.stop)
        if threading.current_thread() is threading.main_thread():
            self._stopping = signal.signal(signal.SIGTSTP, self._suspend)

    def stop(self) -> None:
        """Give the terminal back as it was."""
        if self._kept is None:
            return
        import termios

        kept, self._kept = self._kept, None
        with contextlib.suppress(termios.error, OSError):  # the terminal may be gone
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, kept)
        atexit.unregister(self.stop)
        if self._stopping is not None:
            signal.signal(signal.SIGTSTP, self._stopping)
            self._stopping = None

    def _suspend(self, number: int, frame: Any) -> None:
        """Ctrl-Z: the shell finds its terminal as it was, and we take it again when we go on."""
        del frame
        self._leave()
        self.stop()
        os.kill(os.getpid(), number)
        self.start()

    @property
    def heard(self) -> bool:
        """Whether keys are listened for."""
        return self._kept is not None and self._open

    def read(self, seconds: float) -> str:
        """The next key: 'left', 'right', or its character; '' where none is pressed within so many seconds."""
        until = time.monotonic() + seconds
        while not self._pressed:
            left = max(0.0, until - time.monotonic())
            if not self.heard:
                time.sleep(left)
                return ""
            if not select.select([self._descriptor], [], [], left)[0]:
                return ""
            self._take()
        return self._pressed.pop(0)

    def _take(self) -> None:
        """What was typed, as keys; sequences that are none of ours are dropped."""
        try:
            typed = os.read(self._descriptor, 1024)
        except OSError:
            typed = b""
        self._open = bool(typed)
        while typed:
            size = 1
            if typed[:1] == b"\x1b" and typed[1:2] in (b"[", b"O"):
                size = next((n + 1 for n in range(2, len(typed)) if 0x40 <= typed[n] <= 0x7E), len(typed))
            key, typed = typed[:size], typed[size:]
            name = NAMES.get(key, key.decode("latin-1") if size == 1 else "")
            self._pressed += [name] if name else []


def open_keys(leave: Callable[[], object]) -> Keys | None:
    """Keys of the terminal on standard input; None where it is no terminal, or not ours."""
    try:
        import termios

        descriptor = sys.stdin.fileno()
        if not os.isatty(descriptor):
            return None
        keys = Keys(descriptor, leave)
        keys.start()
    except (ImportError, OSError, ValueError, AttributeError):  # no such thing here: a stand-in, another system
        return None
    except termios.error:
        return None
    return keys if keys.heard else None
