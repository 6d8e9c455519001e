"""Ctrl-C as a wish to end well."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Interrupt:
    """Turns the first Ctrl-C (or SIGTERM) into a flag that is looked at between steps; the second one is not caught."""

    def __init__(self) -> None:
        self.raised = False
        self._kept: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._kept[number] = signal.signal(number, self._catch)
        return self

    def _catch(self, number: int, frame: Any) -> None:
        del frame
        self.raised = True
        signal.signal(number, self._kept[number])

    def __exit__(self, *details: object) -> None:
        for number, handler in self._kept.items():
            signal.signal(number, handler)
