"""The live view on a terminal."""

from __future__ import annotations

import time

from rich.console import Console

from trm_solve.errors import InputError
from trm_solve.kinds import get_kind
from trm_solve.output.sink import OutputOptions, Record
from trm_solve.output.text import say_error
from trm_solve.render import Scene, Space, board, frame, summary
from trm_solve.terminal import Area

PLAIN_HEIGHT = 60  # lines of a last frame without colour, which may scroll: a maze then has no half blocks to fit in


class Live:
    """The current puzzle, redrawn in place. A finished one leaves its last frame, or one line where there are many."""

    INTERVAL = 1 / 30  # seconds between frames when nobody asked for a pace

    def __init__(self, console: Console, options: OutputOptions) -> None:
        self._options = options
        self._pace = 0.0 if options.many else options.pace
        self._area = Area(console)
        self._console = console
        self._drawn = 0.0
        self._verdicts: list[str] = []
        self._gap = False  # a frame was left behind: a blank line before the next

    def step(self, scene: Scene) -> None:
        later = bool(scene.steps) and scene.steps[-1].attempt > 1
        # a search of hundreds of attempts must not wait for its spectator; attempts that vote run beside each other
        hurried = later and (self._options.timed or not get_kind(scene.puzzle.kind).has_rules)
        if self._pace and not hurried:
            self._wait()
        elif time.perf_counter() - self._drawn < self.INTERVAL and scene.steps:
            return
        self._draw(scene, self._console.height - 1)

    def _wait(self) -> None:
        """Until the frame on screen has been seen for as long as was asked."""
        time.sleep(max(0.0, self._drawn + self._pace - time.perf_counter()))

    def _draw(self, scene: Scene, height: int) -> None:
        if self._gap:
            self._console.line()
            self._gap = False
        self._area.draw(frame(scene, Space(self._console.width, height, self._colored())))
        self._drawn = time.perf_counter()

    def _colored(self) -> bool:
        return self._console.color_system is not None and not self._console.no_color

    def clear(self) -> None:
        """Make room for a line of talk; the next step draws the puzzle again below."""
        self._area.clear()

    def record(self, record: Record) -> None:
        if isinstance(record.outcome, InputError):
            self._area.clear()
            self._verdicts.append("unreadable")
            say_error(record.outcome)
            return
        solution = record.outcome
        self._verdicts.append(solution.verdict)
        if self._options.many:
            self._area.clear()
            self._console.print(summary(solution, self._console.width))
            return
        scene = Scene(
            solution.puzzle, record.steps or solution.trace, solution, self._options.max_steps, solution.model
        )
        self._wait()  # the last step is to be seen before the verdict takes its place
        height = self._console.height - 1
        drawing = board(solution.puzzle, scene.shown, Space(self._console.width, height, self._colored()), solution)
        scrolls = not self._colored() or len(drawing.lines) > height  # rather than lose the answer
        self._draw(scene, max(height, PLAIN_HEIGHT) if scrolls else height)
        self._area.keep()
        self._gap = True

    def close(self, completed: bool) -> None:
        self._area.keep()
        if len(self._verdicts) > 1:
            counts = {name: self._verdicts.count(name) for name in dict.fromkeys(self._verdicts)}
            tally = ", ".join(f"{number} {name}" for name, number in counts.items())
            self._console.print("\n" * self._gap + f"{len(self._verdicts)} puzzles: {tally}")
        if self._options.many and self._options.output is None:
            self._console.print("answers: -o FILE, or a pipe", style="dim")
