"""Keys while a view is on the terminal: what they do, and that the terminal is left as it was."""

from __future__ import annotations

import os
import pty
import re
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import scenes
import terminals
from terminals import read, spawn

from trm_solve import trace
from trm_solve.output import OutputOptions, Record
from trm_solve.output.keys import Keys, open_keys
from trm_solve.output.live import Live
from trm_solve.render import Scene

LEFT, RIGHT = b"\x1b[D", b"\x1bOC"
STEPS = scenes.attempt(4, solved=True)


class Stage:
    """A view on an emulated screen with a keyboard."""

    def __init__(self, width: int = 80, height: int = 24, pace: float = 0.01) -> None:
        self.keyboard, self.theirs = pty.openpty()
        self.keys = Keys(self.theirs)
        self.keys.start()
        self.file = terminals.Emulated(width, height, film=True)
        options = OutputOptions(model="sudoku", max_steps=16, pace=pace)
        self.view = Live(terminals.console(self.file, width, height), options, self.keys)  # type: ignore[arg-type]
        self.view.step(Scene(scenes.puzzle(), (), None, 16))

    def press(self, *keys: bytes) -> None:
        os.write(self.keyboard, b"".join(keys))

    def step(self, n: int) -> None:
        self.view.step(Scene(scenes.puzzle(), STEPS[:n], None, 16))

    def finish(self) -> None:
        self.view.record(Record(0, scenes.solution(STEPS), tuple(STEPS)))
        self.view.close(completed=True)

    def numbers(self) -> list[str]:
        """The steps on the board, picture by picture; 0: the question; '*' where it says that it is paused."""
        found = []
        for shot in self.file.shots:
            text = "\n".join(shot)
            if "│" in text:
                at = re.search(r"step +(\d+) of 16", text)
                found.append(("0" if at is None else at[1]) + "*" * ("paused" in text))
        return [each for n, each in enumerate(found) if n == 0 or each != found[n - 1]]


@pytest.fixture(autouse=True)
def _foreground(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminals of these tests are no session's own."""
    monkeypatch.setattr("trm_solve.output.keys.os.tcgetpgrp", lambda _: os.getpgrp())


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.keys.stop()
    os.close(made.keyboard)
    os.close(made.theirs)
    from trm_solve import talk

    talk.before.clear()


def test_space_pauses_and_the_arrows_go_back_and_on(stage: Stage) -> None:
    stage.step(1)
    stage.step(2)
    stage.press(b" ", LEFT, LEFT, LEFT, RIGHT, RIGHT, b" ")
    stage.step(3)
    stage.step(4)
    stage.finish()
    assert stage.numbers() == ["0", "1", "2", "2*", "1*", "0*", "1*", "2*", "2", "3", "4"]
    assert "solved in 4 steps" in stage.file.screen.text
    assert "pause" not in stage.file.screen.text  # the keys are told while they do something


def test_right_takes_one_step_at_a_time_and_e_goes_to_the_end(stage: Stage) -> None:
    stage.step(1)
    stage.press(b" ", RIGHT, RIGHT, b"e")
    stage.step(2)
    stage.step(3)
    stage.step(4)
    stage.finish()
    assert stage.numbers()[:5] == ["0", "1", "1*", "2*", "3*"]
    assert stage.numbers()[-1] == "4"


def test_one_may_stay_at_the_verdict(stage: Stage) -> None:
    for n in range(1, 5):
        stage.step(n)
    stage.press(b" ", RIGHT, LEFT, RIGHT, b" ")
    stage.finish()
    paused = ["\n".join(shot) for shot in stage.file.shots if "paused" in "\n".join(shot)]
    assert any("solved in" in text for text in paused)
    assert "3*" in stage.numbers()


@pytest.mark.parametrize(("key", "pace"), [(b"+", 0.01 / 1.5), (b"-", 0.015), (b"x\x1b[5~?", 0.01)])
def test_plus_and_minus_change_the_pace(stage: Stage, key: bytes, pace: float) -> None:
    stage.press(key)
    stage.step(1)
    assert stage.view._pace == pytest.approx(pace)


def test_q_ends_it_as_ctrl_c_does_and_the_terminal_is_as_it_was(stage: Stage) -> None:
    assert not termios.tcgetattr(stage.theirs)[3] & termios.ECHO
    stage.step(1)
    stage.press(b"q")
    with pytest.raises(KeyboardInterrupt):
        stage.step(2)
    stage.view.close(completed=False)
    assert termios.tcgetattr(stage.theirs)[3] & termios.ECHO
    assert termios.tcgetattr(stage.theirs)[3] & termios.ICANON
    assert stage.file.screen.cursor_shown


@pytest.mark.parametrize("size", terminals.SIZES)
def test_frames_with_keys_fit_every_window(size: tuple[int, int]) -> None:
    stage = Stage(*size)
    for n in range(1, 5):
        stage.step(n)
    stage.press(b" ", LEFT, b" ")
    stage.finish()
    assert stage.file.screen.wrapped == 0
    assert len(stage.file.screen.rows) <= size[1]  # nothing has scrolled
    hint = [line for shot in stage.file.shots for line in shot if "space" in line]
    assert bool(hint) == (size[1] >= 20)
    digits = "".join(re.sub(r"\D", "", line[:25]) for line in stage.file.screen.rows[:13])
    assert digits[:81] == scenes.ANSWER or size[1] < 13


def test_a_closed_keyboard_is_no_busy_waiting(stage: Stage) -> None:
    os.close(stage.keyboard)
    assert stage.keys.read(0.01) == ""
    assert not stage.keys.heard
    stage.keyboard = os.open(os.devnull, os.O_RDONLY)


def test_there_are_no_keys_without_a_terminal_or_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_keys(lambda: None) is None  # the standard input of tests
    ours, theirs = pty.openpty()
    monkeypatch.setattr("sys.stdin", os.fdopen(theirs))
    monkeypatch.setattr("trm_solve.output.keys.os.tcgetpgrp", lambda _: os.getpgrp() + 1)
    before: list[Any] = termios.tcgetattr(ours)
    assert open_keys(lambda: None) is None
    assert termios.tcgetattr(ours) == before
    os.close(ours)
    sys.stdin.close()


def test_a_replay_on_a_real_terminal(tmp_path: Path) -> None:
    """Typed keys are not echoed into the picture, `q` exits with 130, and the terminal is restored."""
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(trace.dump(scenes.puzzle(), STEPS, "sudoku")) + "\n")
    script = f"import sys; sys.argv = ['trm-solve', 'replay', {str(path)!r}, '--pace', '60']\n"
    process, ours = spawn(script + "from trm_solve.cli import main; main()", 80, 24)
    try:
        before = termios.tcgetattr(ours)
        first = read(ours, until="q quit")
        os.write(ours, b"vwv q")
        rest = read(ours)
        assert process.wait(60) == 130
        after = termios.tcgetattr(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert "vw" not in first + rest
    assert after[3] == before[3]
    screen = terminals.Screen(80, 24)
    screen.feed(first + rest)
    assert screen.cursor_shown
