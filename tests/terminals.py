"""Terminals for tests: an emulated screen (pyte), and pseudo-terminals of any size for scripts."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from pathlib import Path
from unittest import mock

import pyte
from rich.console import Console

HERE = Path(__file__).parent
SIZES = [(40, 10), (60, 20), (80, 24), (120, 40), (200, 50)]
KNOWN = re.compile(r"\x1b\[(?:[\d;]*[mAHJ]|2K|\?25[lh]|\?2026[lh])")  # all that a view may send


class Screen(pyte.HistoryScreen):
    """A screen, and everything that scrolled off it. An escape code that is not `KNOWN` is an error."""

    def __init__(self, width: int, height: int) -> None:
        self.wrapped = 0  # characters that did not fit into their line
        super().__init__(width, height, history=10_000)
        self.stream = pyte.Stream(self)

    def feed(self, text: str) -> None:
        assert "\x1b" not in KNOWN.sub("", text), KNOWN.sub("", text)
        self.stream.feed(text)

    def draw(self, data: str) -> None:
        for char in data:
            self.wrapped += self.cursor.x == self.columns
            super().draw(char)

    @property
    def cursor_shown(self) -> bool:
        return not self.cursor.hidden

    @property
    def seen(self) -> list[str]:
        """What stands on the screen, down to the cursor."""
        return [line.rstrip() for line in self.display[: self.cursor.y + 1]]

    @property
    def rows(self) -> list[str]:
        """The same, after what has scrolled off."""
        gone = ["".join(row[x].data for x in range(self.columns)).rstrip() for row in self.history.top]
        return gone + self.seen

    @property
    def text(self) -> str:
        return "\n".join(self.rows)


class Emulated(io.StringIO):
    """A file that is a terminal: what is written to it goes to a screen; a `film` keeps each screen as it was drawn."""

    def __init__(self, width: int, height: int, encoding: str = "utf-8", *, film: bool = False) -> None:
        super().__init__()
        self.film = film
        self.screen = Screen(width, height)
        self.shots: list[list[str]] = []
        self._encoding = encoding
        self._waiting = ""
        self.raw = ""  # all that was written

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        text.encode(self._encoding)  # what it cannot encode is an error
        self._waiting += text
        return len(text)

    def flush(self) -> None:
        if self._waiting:
            text, self._waiting = self._waiting.replace("\n", "\r\n"), ""
            self.raw += text
            self.screen.feed(text)
            if self.film:
                self.shots.append(self.screen.seen)

    def getvalue(self) -> str:
        return self.screen.text


def console(file: io.StringIO, width: int, height: int, **environ: str) -> Console:
    from trm_solve.terminal import PlainConsole

    environment = {"TERM": "xterm-256color", **environ}
    return PlainConsole(file=file, force_terminal=True, width=width, height=height, _environ=environment)


def spawn(script: str, width: int, height: int, **environ: str) -> tuple[subprocess.Popen[bytes], int]:
    """A script in a session of its own on a terminal of its own, as a shell would start it."""
    ours, theirs = pty.openpty()
    resize(theirs, width, height)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    }
    environment |= {"PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}", "TERM": "xterm-256color", "PYTHONUTF8": "1"}
    own = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"  # so that Ctrl-C and job control work
    process = subprocess.Popen(
        [sys.executable, "-c", own + script],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment | environ,
        start_new_session=True,
    )
    os.close(theirs)
    return process, ours


def resize(terminal: int, width: int, height: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


def read(ours: int, until: str = "") -> str:
    """What the terminal received, up to a text or to the end."""
    found = b""
    while not (until and until.encode() in found):
        assert select.select([ours], [], [], 60)[0], "the terminal fell silent"
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux: the other side is closed
            break
        if not chunk:
            break
        found += chunk
    return found.decode()


def run(script: str, width: int, height: int, *, encoding: str = "utf-8", **environ: str) -> tuple[Screen, str]:
    """A script in this process whose stdout and stderr are an emulated terminal: the screen, and all that it got."""
    file = Emulated(width, height, encoding)
    surroundings = {"COLUMNS": str(width), "LINES": str(height), "TERM": "xterm-256color"} | environ
    with (
        mock.patch.dict(os.environ, surroundings),
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
        contextlib.suppress(SystemExit),
    ):
        exec(script, {"__name__": "script"})
    file.flush()
    return file.screen, file.raw
