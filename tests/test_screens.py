"""What stands on a terminal of any size, for every kind and whatever happens, read through a terminal emulator."""

from __future__ import annotations

import itertools
import os
import pty
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import scenes
import terminals
import test_render_arc as arc
import test_render_maze as maze
from rich.style import Style
from terminals import SIZES
from test_show import stand

from trm_solve import talk
from trm_solve.kinds.arc.drawing import PALETTE
from trm_solve.kinds.maze.paths import FREE
from trm_solve.output import OutputOptions, Record
from trm_solve.output.keys import Keys
from trm_solve.output.live import Live
from trm_solve.puzzle import Puzzle
from trm_solve.render import Scene, verdict
from trm_solve.render.frame import MOST
from trm_solve.tasks import view as adapting
from trm_solve.trace import Pin, Solution, Step

KINDS = ("sudoku", "maze", "arc")
STORIES = ("solved", "escalated", "unsolved")
HINTED = 13  # lines of a window that has room for the keys
LEFT = b"\x1b[D"
all_kinds = pytest.mark.parametrize("kind", KINDS)
all_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))


@dataclass(frozen=True, eq=False)
class Case:
    """A puzzle, all steps of its attempts and what came of it."""

    puzzle: Puzzle
    steps: list[Step]
    solution: Solution


def case(kind: str, story: str) -> Case:
    if kind == "arc":  # no rules: an answer is predicted, by one vote or three, rightly or wrongly
        answer, other = arc.grid(3, 3, 7), arc.grid(3, 3, 8)
        asked = replace(arc.puzzle(arc.grid(4, 4)), answer=other if story == "unsolved" else answer)
        shapes = [arc.grid(0, 0), arc.grid(2, 3, 1), arc.grid(3, 3, 9), answer]
        steps = [arc.step(shape, n, halted=n == 4) for n, shape in enumerate(shapes, 1)]
        votes = {1: answer}
        if story == "escalated":
            steps += [arc.step(end, 1, n, halted=True) for n, end in ((2, other), (3, answer))]
            votes = {2: answer, 1: other}
        return Case(asked, steps, arc.solution(asked, votes, sum(votes), best_step=steps[3]))
    asked = scenes.puzzle() if kind == "sudoku" else maze.example("small")
    good = scenes.attempt(4, solved=True) if kind == "sudoku" else maze.attempt(asked, 4)
    bad = scenes.attempt(4, solved=False) if kind == "sudoku" else [*good[:2], replace(good[2], halted=True)]
    if story == "escalated":
        pin = Pin(0, 2, 4, 0.61)
        good = [*bad, *(replace(step, attempt=2, pins=(pin,) if kind == "sudoku" else ()) for step in good)]
    steps = bad if story == "unsolved" else good
    facts = {"pins": 1, "undone": 0} if steps[-1].pins else {}
    return Case(asked, steps, replace(scenes.solution(steps), puzzle=asked, model=kind, facts=facts))


class Show:
    """A view on an emulated screen with a keyboard."""

    def __init__(self, kind: str, size: tuple[int, int]) -> None:
        self.keyboard, self.theirs = pty.openpty()
        self.keys = Keys(self.theirs)
        self.keys.start()
        self.file = terminals.Emulated(*size, film=True)
        self.console = terminals.console(self.file, *size, COLORTERM="truecolor")
        options = OutputOptions(model=kind, max_steps=16, pace=1e-4)
        self.view = Live(self.console, options, self.keys)  # type: ignore[arg-type]

    @property
    def screen(self) -> terminals.Screen:
        return self.file.screen

    def step(self, of: Case, n: int) -> None:
        self.view.step(Scene(of.puzzle, of.steps[:n], None, 16, "m"))

    def play(self, of: Case, since: int = 0) -> None:
        for n in range(since, len(of.steps) + 1):
            self.step(of, n)
        self.view.record(Record(0, of.solution, tuple(of.steps)))
        self.view.close(completed=True)

    def resize(self, size: tuple[int, int]) -> None:
        self.console.size = size  # type: ignore[assignment]
        self.screen.resize(size[1], size[0])

    def end(self) -> None:
        self.keys.stop()
        os.close(self.keyboard)
        os.close(self.theirs)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, tuple[int, int]], Show]]:
    monkeypatch.setattr("trm_solve.output.keys.os.tcgetpgrp", lambda _: os.getpgrp())  # not a session's own terminal
    render = Style.render

    def afresh(self: Style, *args: Any, **options: Any) -> str:
        self._ansi = None
        return render(self, *args, **options)

    # a style keeps the codes of the first terminal it was written to, which may have had fewer colours in other tests
    monkeypatch.setattr(Style, "render", afresh)
    made: list[Show] = []

    def make(kind: str, size: tuple[int, int]) -> Show:
        made.append(Show(kind, size))
        return made[-1]

    yield make
    for each in made:
        each.end()
    talk.before.clear()


def pixels(screen: terminals.Screen) -> np.ndarray:
    """The colours of the upper and the lower half of every character cell, a row each."""
    found = np.full((2 * screen.lines, screen.columns), "default", np.object_)
    for y in range(screen.lines):
        for x in range(screen.columns):
            cell = screen.buffer[y][x]
            found[2 * y : 2 * y + 2, x] = {
                "█": (cell.fg, cell.fg), "▀": (cell.fg, cell.bg), "▄": (cell.bg, cell.fg)
            }.get(cell.data, (cell.bg if cell.bg != "default" or cell.data == " " else cell.fg,) * 2)  # fmt: skip
    return found


def holds(there: np.ndarray, colors: np.ndarray) -> bool:
    """Whether cells of these colours stand somewhere, each half a character high or two wide."""
    for expected in (colors, colors.repeat(2, 0).repeat(2, 1)):
        rows, columns = (a - b + 1 for a, b in zip(there.shape, expected.shape, strict=True))
        if rows > 0 and columns > 0:
            same = np.ones((rows, columns), np.bool_)
            for r, c in np.ndindex(*expected.shape):
                same &= there[r : r + rows, c : c + columns] == expected[r, c]
            if same.any():
                return True
    return False


def shows(screen: terminals.Screen, of: Case, step: Step) -> bool:
    """Whether the whole answer of a step is on the screen."""
    if of.puzzle.kind == "sudoku":
        rows = ["".join(re.findall(r"\d", line[:25])) for line in screen.display]
        return [row[:9] for row in rows if len(row) >= 9][:9] == ["".join(map(str, row)) for row in step.answer]
    if of.puzzle.kind == "arc":
        return holds(pixels(screen), np.array([hue[1:] for hue in PALETTE], np.object_)[step.answer])
    return holds(pixels(screen) != "default", (step.answer != FREE) | step.conflicts)


def says(lines: list[str], words: str) -> bool:
    """Whether words stand there, perhaps on several lines of one block."""
    blocks = (" ".join(" ".join(line[at : at + width] for line in lines).split()) for at in range(90)
              for width in (MOST, 1000))  # fmt: skip
    return any(words in block for block in blocks)


@all_sizes
@pytest.mark.parametrize("story", STORIES)
@all_kinds
def test_the_end(show: Callable[[str, tuple[int, int]], Show], kind: str, story: str, size: tuple[int, int]) -> None:
    """The answer is there, nothing is cut, nothing has scrolled, and the words agree."""
    of, on = case(kind, story), show(kind, size)
    on.play(of)
    screen, lines = on.screen, on.screen.rows
    assert screen.wrapped == 0
    assert screen.cursor_shown
    assert len(lines) <= size[1]
    assert lines[-1] == ""  # the prompt has a line of its own
    end = of.solution.best_step
    assert end is not None
    assert shows(screen, of, end), screen.text
    assert says(lines, verdict(of.solution)), screen.text
    attempts = {step.attempt for step in of.steps}
    if says(lines, "attempt "):
        assert len(attempts) == 1 or says(lines, f" of {len(attempts)} ")
    if end.pins and size[0] >= 80:
        assert says(lines, "pin r1c3 = 4 (61 %)")
    if size[0] >= 110 and end.step > 1:
        assert says(lines, f"step {end.step - 1}")
        assert shows_before(screen, of, of.steps[of.steps.index(end) - 1]), screen.text


def shows_before(screen: terminals.Screen, of: Case, step: Step) -> bool:
    """Whether a step before stands there as a small board."""
    if of.puzzle.kind == "sudoku":
        rows = ["".join(re.findall(r"\d", line[25:])) for line in screen.display]
        return all(any("".join(map(str, row)) in found for found in rows) for row in step.answer)
    if of.puzzle.kind == "arc":
        return says(screen.display, f"step {step.step} ") or says(screen.display, f"step {step.step}")
    return shows(screen, of, step)


@all_sizes
@all_kinds
def test_paused_and_stepped_back(
    show: Callable[[str, tuple[int, int]], Show], kind: str, size: tuple[int, int]
) -> None:
    """A step looked at again is the picture that it was, but for the line of keys."""
    of, on = case(kind, "solved"), show(kind, size)
    for n in range(4):
        on.step(of, n)
    seen = len(on.file.shots)
    os.write(on.keyboard, b" " + LEFT + b" ")
    on.play(of, 4)
    then = [shot for shot, _ in itertools.groupby(on.file.shots[:seen])]
    paused, back, *_ = [shot for shot, _ in itertools.groupby(on.file.shots[seen:])]
    assert says(paused, "step 3 of 16")
    assert says(back, "step 2 of 16")
    assert says(then[-2], "step 2 of 16")
    for shot, before in ((paused, then[-1]), (back, then[-2])):
        assert any("paused" in line for line in shot) == (size[1] >= HINTED)
        assert [line for line in shot if "space" not in line] == [line for line in before if "space" not in line]
    assert shows(on.screen, of, of.steps[-1])
    assert on.screen.wrapped == 0


@all_sizes
@all_kinds
def test_resized(show: Callable[[str, tuple[int, int]], Show], kind: str, size: tuple[int, int]) -> None:
    """One clean frame, the one of a window that always was that large."""
    of, resized, other = case(kind, "escalated"), show(kind, (100, 30)), show(kind, size)
    for n in range(3):
        resized.step(of, n)
    resized.resize(size)
    resized.play(of, 3)
    other.play(of)
    assert resized.screen.wrapped == 0
    frame = "\n".join(other.screen.seen)
    assert "\n".join(resized.screen.seen).endswith(frame), resized.screen.text
    if size[0] <= 100:  # what a terminal made of the old frame is gone; a wider one may keep it above
        assert resized.screen.seen == other.screen.seen


@all_sizes
@all_kinds
def test_quit(show: Callable[[str, tuple[int, int]], Show], kind: str, size: tuple[int, int]) -> None:
    """The last frame stays, whole, with the cursor below it."""
    of, on = case(kind, "solved"), show(kind, size)
    on.step(of, 1)
    on.step(of, 2)
    os.write(on.keyboard, b"q")
    with pytest.raises(KeyboardInterrupt):
        on.step(of, 3)
    on.view.close(completed=False)
    assert on.screen.cursor_shown
    assert on.screen.wrapped == 0
    assert len(on.screen.rows) <= size[1]
    assert says(on.screen.rows, "step 2 of 16")


@all_sizes
def test_adapting(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is learned from, the present answer where there is room, how it goes and how long it takes."""
    file = terminals.Emulated(*size)
    monkeypatch.setattr(adapting, "live_console", lambda: terminals.console(file, *size, COLORTERM="truecolor"))
    monkeypatch.setattr(adapting, "FRAME", -1.0)
    shown = adapting.AdaptView(live=True)
    shown.notice(stand("t"))
    shown.notice(stand("t"))
    screen = file.screen
    assert screen.wrapped == 0
    assert len(screen.rows) <= size[1]
    for words in ("1:30 left", "examples right ▁▂▄ 45 %", "adapting to t"):
        assert says(screen.rows, words)
    assert says(screen.rows, "9 8 ") or size[1] < 20
    shown.clear()
    assert screen.text.strip() == ""
    assert screen.cursor_shown
