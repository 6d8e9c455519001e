"""What a person sees of an adaptation.

On a terminal with a live view: the demonstrations, the pair that was left out with the model's present answer to it,
and how many of the examples come out right. On another terminal a bar with the time left, else a line now and then.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from trm_solve.kinds.base import Space
from trm_solve.talk import printable, say
from trm_solve.tasks.progress import BAR
from trm_solve.tasks.progress import Progress as Stand
from trm_solve.terminal import Area, PlainConsole, bar_and_words, live_console, redraws

if TYPE_CHECKING:
    from rich.progress import Progress

EVERY = 10.0  # seconds between plain lines
FRAME = 0.1  # seconds between pictures


class AdaptView:
    """Hears of an adaptation's progress. A context manager; with `live`, it draws where the live view does.

    `filmed`: what the model answers on its way is wanted for a picture file too.
    """

    def __init__(self, *, quiet: bool = False, live: bool = False, filmed: bool = False) -> None:
        self._console = PlainConsole(stderr=True)
        self._quiet = quiet
        self._last = time.monotonic()
        self._bar: Progress | None = None
        self._screen = live_console() if live and not quiet else None
        self._area = None if self._screen is None else Area(self._screen)
        self.watched = filmed or self._area is not None  # somebody sees more than how long it will take

    def __enter__(self) -> AdaptView:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def say(self, text: str) -> None:
        if not self._quiet:
            self.clear()
            say(text)

    def clear(self) -> None:
        """Take bar or picture away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._area is not None:
            self._area.clear()

    def notice(self, stand: Stand) -> None:
        if self._quiet:
            return
        since = time.monotonic() - self._last
        if self._screen is not None and self._area is not None:
            if since > FRAME:
                from trm_solve.render.adapting import picture

                console, self._last = self._screen, time.monotonic()
                self._area.draw(picture(stand, Space(console.width, console.height - 1, console.tells_by_color)))
            return
        right = f", {stand.share} of the examples right" if stand.share else ""
        text = f"adapting to {stand.task}: {stand.part}{right}, {stand.clock}"
        if not redraws(self._console):
            if since > EVERY:
                self._last = time.monotonic()
                say(text)
            return
        self._bar = self._bar or bar_and_words(self._console, printable(text), BAR)
        self._bar.update(self._bar.task_ids[0], completed=stand.done, description=printable(text))
