"""Nothing waits in the dark: what long work says of itself from the beginning."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import terminals
from test_train import Heard, options, tiny
from votes import A, B, puzzle, solution

from trm_solve.evaluation import report
from trm_solve.evaluation.evaluation import Evaluation, outcome_of
from trm_solve.training import trainer
from trm_solve.training.view import View


class Listener(terminals.Emulated):
    """A stderr that waits for words."""

    def __init__(self, words: str, *, terminal: bool) -> None:
        super().__init__(80, 24)
        self.words, self.terminal, self.heard, self.text = words, terminal, threading.Event(), ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.text += text
        if self.words in self.text:
            self.heard.set()
        return len(text)


@pytest.mark.parametrize("terminal", [True, False])
def test_eval_says_where_it_stands_while_no_puzzle_ends(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "PATIENCE", 0.0)
    monkeypatch.setattr(report, "TICK", 0.001)
    monkeypatch.setattr(report, "EVERY", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    stderr = Listener("0 %: no puzzle" if not terminal else "no puzzle has ended yet", terminal=terminal)
    monkeypatch.setattr(sys, "stderr", stderr)
    with report.Meter([Path(os.devnull)], Evaluation()):
        assert stderr.heard.wait(60), stderr.text
    assert terminal == ("\x1b" in stderr.text)


def test_a_piped_eval_speaks_at_least_every_ten_seconds() -> None:
    assert report.EVERY + report.TICK < 10


def test_the_time_left_is_said_once_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answers, the easy ones, say nothing of the rest; a quarter of all does."""
    monkeypatch.setattr("trm_solve.evaluation.report.time.monotonic", lambda: 5.0)

    def states(items: int, answers: int) -> list[str]:
        found = Evaluation()
        meter, told = report.Meter([], found, items=items), []
        for n in range(answers):
            news = outcome_of(n, solution(puzzle((A, B, None)[n % 3], number=n), (A, 0.5)))
            found.add(news)
            found.seconds = n + 1.0
            meter.notice(news)
            done, state = meter.state()
            told.append(f"{100 * done:.3g} %: {state}")
        return told

    assert states(4, 3) == [
        "25 %: 1 of 1 right, 1 puzzles/s, about 3 s left",
        "50 %: 1 of 2 right, 1 puzzles/s, about 2 s left",
        "75 %: 1 of 2 right, 1 puzzles/s, about 1 s left",
    ]
    many = states(1000, 20)
    assert not any("left" in each for each in many[:19])
    assert many[19] == "2 %: 7 of 14 right, 1 puzzles/s, about 16 minutes left"


def test_training_shows_its_first_step_before_any_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, clock = Heard(), [0.0]
    monkeypatch.setattr("trm_solve.training.view.time.monotonic", lambda: clock[0])
    for step in range(1, 9):  # of 11 seconds each
        clock[0] += 11
        heard.step(step, 4 / 11, step / 10)
    assert heard.said == [f"step {n}  0.364 samples/s" for n in (1, 4, 7)]


def test_a_validation_has_a_bar_of_its_own(tmp_path: Path) -> None:
    file = terminals.Emulated(120, 24, film=True)

    class Seen(View):
        def validating(self, done: int, puzzles: int) -> None:
            super().validating(done, puzzles)
            assert self._bar is not None
            self._bar.refresh()

        def step(self, *args: Any) -> None:
            super().step(*args)
            assert self._bar is not None
            self._bar.refresh()

    view = Seen(terminals.console(file, 120, 24))
    fields = {"log_every": 2, "hold_out": 0.25, "valid_steps": 3}
    trainer.train(options(tmp_path, **fields), tiny(max_steps=4), view=view)
    shots = ["\n".join(shot) for shot in file.shots]
    assert any("step 1  " in shot and "loss" not in shot for shot in shots)
    assert any("step 3  loss" in shot for shot in shots)  # between two lines of metrics
    for words in ("validating: 0 of 10 puzzles", "validating: 4 of 10 puzzles", "validating: 8 of 10 puzzles"):
        assert any("step 3  loss" in shot and words in shot for shot in shots)
    assert "validating" not in file.screen.text
    assert file.screen.cursor_shown


def test_a_long_validation_is_told_of_on_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, clock = Heard(), [100.0]
    monkeypatch.setattr("trm_solve.training.view.time.monotonic", lambda: clock[0])
    for done in range(0, 101, 10):
        heard.validating(done, 100)
        clock[0] += 11
    assert heard.said == [f"validating: {n} of 100 puzzles" for n in (10, 40, 70)]
