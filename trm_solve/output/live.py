"""The live view on a terminal."""

from __future__ import annotations

import time
from dataclasses import replace

from rich.text import Text

from trm_solve import talk
from trm_solve.errors import InputError
from trm_solve.kinds import get_kind
from trm_solve.output.keys import Keys
from trm_solve.output.sink import OutputOptions, Record
from trm_solve.output.text import say_error
from trm_solve.puzzle import Puzzle
from trm_solve.render import Scene, Space, board, frame, summary
from trm_solve.render.film import votes
from trm_solve.terminal import Area, PlainConsole

PLAIN_HEIGHT = 60  # lines of a last frame without colour, which may scroll: a maze then has no half blocks to fit in
PASSING = 20  # paces that all attempts between the first and the last may take together
SHARE = 0.08  # of what is left of them, for the end of the next attempt: hundreds of them never take more
HINTS = ("space pause   ← → step   + - pace   e end   q quit", "space ← → + - e q")
LOWEST = 12  # lines of a window that has one to spare for these


class Live:
    """The current puzzle, redrawn in place. A finished one leaves its last frame, or one line where there are many."""

    INTERVAL = 1 / 30  # seconds between frames when nobody asked for a pace

    def __init__(self, console: PlainConsole, options: OutputOptions, keys: Keys | None = None) -> None:
        self._options, self._keys = options, keys
        self._pace = 0.0 if options.many else options.pace
        self._area = Area(console)
        self._console = console
        self._drawn = self._hold = 0.0  # when the frame on screen was drawn, and for how long it is to be seen
        self._passing = 0.0  # seconds that are left for attempts in passing
        self._scene: Scene | None = None  # the newest
        self._at: int | None = None  # after so many steps it is looked at; None: at the newest
        self._paused = self._hurried = False
        self._size = console.size
        self._verdicts: list[str] = []
        self._gap = False  # a frame was left behind: a blank line before the next
        talk.before.append(self.clear)

    def preview(self, puzzle: Puzzle) -> None:
        """The bare question while the model is loaded."""
        self._show(Scene(puzzle, (), None, self._options.max_steps, f"loading {self._options.model} ..."))

    def step(self, scene: Scene) -> None:
        if not scene.steps:
            self._passing, self._hurried = PASSING * self._pace, False
            self._at, self._scene, self._hold = None, None, 0.0
        self._wait()
        now = len(scene.steps) < 2 or self._paused or time.perf_counter() - self._drawn >= self.INTERVAL
        hold = self._held(scene)
        if now or hold:
            self._show(scene)
            self._hold = hold

    def _held(self, scene: Scene) -> float:
        """For how many seconds a frame is to be seen: an attempt after the first at its end only, and ever shorter."""
        shown = scene.shown
        if not self._pace or self._hurried or shown is None:
            return 0.0
        if scene.steps[-1].attempt == 1:
            return self._pace
        if not shown.halted or not get_kind(scene.puzzle.kind).has_rules:  # votes run beside each other
            return 0.0
        held = min(self._pace, SHARE * self._passing)
        self._passing -= held
        return held

    def _wait(self) -> None:
        """Until the frame on screen has been seen for as long as it is to be; keys are obeyed meanwhile."""
        while True:
            left = self._drawn + self._hold - time.perf_counter()
            if self._keys is None:
                time.sleep(max(0.0, left))
                return
            key = self._keys.read(0.1 if self._paused else min(max(0.0, left), 0.1))
            if self._console.size != self._size and self._scene is not None:
                self._again()
            if key and self._obey(key):
                return
            if not key and not self._paused and left <= 0:
                return

    def _obey(self, key: str) -> bool:
        """Do what a key says; whether the next step is wanted."""
        steps = 0 if self._scene is None else len(self._scene.steps)
        at = steps if self._at is None else self._at
        if key == "q":
            raise KeyboardInterrupt
        if key in ("+", "="):
            self._pace /= 1.5
            self._hold /= 1.5
        elif key == "-":
            self._pace *= 1.5
        elif key == "e":
            self._paused, self._hurried, self._at, self._hold = False, True, None, 0.0
            return True
        elif key == " ":
            self._paused, self._at = not self._paused, None
        elif key == "left":
            self._paused, self._at = True, max(at - 1, 0)
        elif key == "right":
            self._paused = True
            if at >= steps:
                self._at = None
                return True
            self._at = None if at + 1 >= steps else at + 1
        else:
            return False
        self._again()
        return False

    def _again(self) -> None:
        """Draw what is looked at once more."""
        since = self._drawn
        if self._scene is not None:
            self._show(self._scene)
        self._drawn = since

    def _show(self, scene: Scene) -> None:
        self._scene = scene
        if self._at is not None:
            scene = replace(scene, steps=scene.steps[: self._at], solution=None)
        elif _vote(scene):
            scene = replace(scene, tally=votes(scene, len(scene.steps)))
        self._draw(scene, self._console.height - 1)

    def _draw(self, scene: Scene, height: int, *, last: bool = False) -> None:
        if self._gap:
            self._console.line()
            self._gap = False
        hint = Text()
        if self._keys is not None and not last and height >= LOWEST:
            said = next((each for each in HINTS if len(each) + 8 <= self._console.width), HINTS[-1])
            hint = Text(f"\n{'paused  ' * self._paused}{said}", "dim")
            height -= 1
        picture = frame(scene, Space(self._console.width, height, self._console.tells_by_color))
        self._area.draw(Text.assemble(picture, hint, no_wrap=True, overflow="crop"))
        self._size, self._drawn = self._console.size, time.perf_counter()

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
        steps = record.steps or solution.trace
        scene = Scene(solution.puzzle, steps, solution, self._options.max_steps, solution.model)
        self._wait()  # the last step is to be seen before the verdict takes its place
        shown = scene.shown
        if shown is not None and shown.attempt > 1 and self._pace and get_kind(solution.puzzle.kind).has_rules:
            self._slowly(scene, shown.attempt)
        if self._paused:
            self._show(scene)
            while self._paused:
                self._wait()
        self._scene, self._hold = None, 0.0
        height = self._console.height - 1
        space = Space(self._console.width, height, self._console.tells_by_color)
        drawing = board(solution.puzzle, scene.shown, space, solution)
        scrolls = not space.color or len(drawing.lines) > height  # rather than lose the answer
        self._draw(scene, max(height, PLAIN_HEIGHT) if scrolls else height, last=True)
        self._area.keep()
        self._gap = True

    def _slowly(self, scene: Scene, attempt: int) -> None:
        """The attempt that counts once more, step by step: it may have flashed by."""
        for n, step in enumerate(scene.steps, 1):
            if step.attempt == attempt and not self._hurried:
                self._show(replace(scene, steps=scene.steps[:n], solution=None, follow=attempt))
                self._hold = self._pace
                self._wait()

    def close(self, completed: bool) -> None:
        talk.before.remove(self.clear)
        if self._keys is not None:
            self._keys.stop()
        self._area.keep()
        if len(self._verdicts) > 1:
            counts = {name: self._verdicts.count(name) for name in dict.fromkeys(self._verdicts)}
            tally = ", ".join(f"{number} {name}" for name, number in counts.items())
            self._console.print("\n" * self._gap + f"{len(self._verdicts)} puzzles: {tally}")
        if self._options.many and self._options.output is None:
            self._console.print("answers: -o FILE, or a pipe", style="dim")


def _vote(scene: Scene) -> bool:
    """Whether a vote goes on and an attempt has cast its own: its candidates are shown as they come."""
    if scene.solution is not None or get_kind(scene.puzzle.kind).has_rules:
        return False
    return any(step.halted for step in scene.steps) and scene.steps[-1].attempt > 1
