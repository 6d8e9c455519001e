"""Names and messages of others are shown, and never obeyed."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import scenes
from conftest import Outcome
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from trm_solve.errors import InputError
from trm_solve.evaluation.folder import Row
from trm_solve.evaluation.html import page
from trm_solve.evaluation.tally import Outcome as Measured
from trm_solve.output import OutputOptions, open_output
from trm_solve.output.live import Live
from trm_solve.render import Scene, Space, frame, pictures, summary
from trm_solve.talk import Unheard, harmless, printable, say
from trm_solve.terminal import PlainConsole
from trm_solve.training.view import View

EVIL = "\x1b]0;owned\x07\x1b[31m[/b][red]:smile:\n\u202e\x9b\udcff\ud800\x00<&>]]>"
WORDS = st.text() | st.text(alphabet="\x1b\n\r\t\x07\x9b\u2028\u202e\udcff[]/:=ab")


def obeys(text: str) -> bool:
    """Whether a terminal would do anything but show it."""
    return any(not char.isprintable() for char in text.replace("\n", ""))


@given(WORDS)
def test_printable_text_is_on_one_line_and_says_what_it_was(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    shown.encode()
    assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(shown)
    assert printable(shown) == shown
    if text.isprintable():
        assert shown == text


def test_what_is_escaped() -> None:
    assert printable("a\tb\x1b[31m\udcff\ud800\u202e") == "a\\tb\\x1b[31m\\xff\\ud800\\u202e"
    assert printable("Zürich 数独 👩\u200d👧 a\u00a0b") == "Zürich 数独 👩\u200d👧 a\u00a0b"
    assert printable(Path("a b")) == "a b"


def test_talk_that_nobody_hears_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    say(EVIL)
    assert capsys.readouterr().err.count("\n") == 1
    full = Path("/dev/full").open("w")  # noqa: SIM115
    stream = Unheard(full)
    assert stream.write("hello") == 5
    stream.flush()
    with pytest.raises(OSError):
        full.close()
    stream.write("closed")
    stream.flush()


def printed(thing: Any, width: int = 100) -> str:
    console = PlainConsole(file=io.StringIO(), width=width, color_system=None)
    console.print(thing)
    found: str = console.file.getvalue()  # type: ignore[attr-defined]
    return found


def test_a_console_shows_what_it_is_given() -> None:
    table = Table("x", title=Text(EVIL))
    table.add_row(EVIL)
    for thing in (EVIL, Text(EVIL), table):
        text = printed(thing)
        assert not obeys(text), text
        assert "[/b][red]:smile:" in text


@dataclasses.dataclass(frozen=True)
class Named:
    puzzle: Any
    steps: Any
    solution: Any


@pytest.fixture
def named() -> Named:
    steps = scenes.attempt(3, solved=False)
    puzzle = dataclasses.replace(scenes.puzzle(EVIL), task=EVIL)
    made = dataclasses.replace(scenes.solution(steps), puzzle=puzzle, model=EVIL, reason=EVIL)
    return Named(puzzle, steps, made)


def test_pictures_of_any_names(named: Named, tmp_path: Path) -> None:
    scene = Scene(named.puzzle, named.steps, named.solution, 16, EVIL)
    for width in (100, 30):
        assert not obeys(frame(scene, Space(width, 30, True)).plain)
        assert not obeys(frame(dataclasses.replace(scene, steps=(), solution=None), Space(width, 30, True)).plain)
    assert not obeys(summary(named.solution, 200).plain)
    svg = bytes(pictures.encode([(scene, 100)], tmp_path / "x.svg"))
    ElementTree.fromstring(svg)
    html = bytes(pictures.encode([(scene, 100)], tmp_path / "x.html")).decode()
    assert not obeys(html)
    assert "<&>" not in html


def test_the_live_view_and_what_goes_to_stderr(named: Named, capsys: pytest.CaptureFixture[str]) -> None:
    console = PlainConsole(file=io.StringIO(), width=100, height=30, color_system=None, force_terminal=False)
    for many in (False, True):
        with open_output(OutputOptions(model=EVIL, many=many)) as output:
            output._sinks.append(Live(console, OutputOptions(model=EVIL, many=many)))
            output.begin(0, named.puzzle)
            output.solution(0, named.solution)
            output.bad(1, InputError(EVIL, EVIL))
    told = capsys.readouterr()
    assert not obeys(told.err)
    assert not obeys(console.file.getvalue())  # type: ignore[attr-defined]


def test_a_run_of_any_name() -> None:
    console = PlainConsole(file=io.StringIO(), width=200, color_system=None)
    line = {"step": 1, "valid": {EVIL: {"exact_accuracy": 0.5}}, "best": True}
    view = View(console)
    view.message(EVIL)
    view.validation(line)
    view.finish("interrupted", [line], Path(EVIL.replace("\0", "")), "a plot\nof lines")
    assert not obeys(console.file.getvalue())  # type: ignore[attr-defined]


@given(WORDS.filter(lambda text: "\0" not in text))
def test_rows_of_a_report_take_every_name_back(source: str) -> None:
    plain: dict[str, Any] = {"rating": None, "verdict": "solved", "exact": True, "valid": True, "cells": 1.0}
    plain |= {"steps": 1, "attempts": 1, "halt_probability": 0.5}
    row = Row(1, 0, Measured(index=0, source=source, task=source, **plain), 0.5)
    cells = list(map(str, row.cells()))
    assert Row.read(cells) == row
    assert not cells[2].startswith(tuple("=+-@"))
    assert harmless(source).endswith(source)


def test_the_page_of_a_report(trm: Callable[..., Outcome], tmp_path: Path) -> None:
    import json

    from made import rows, write_csv

    data = write_csv(tmp_path / "p.csv", rows(1))
    trm("eval", data, "--report", tmp_path / "r", "--max-steps", "1", "-q")
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    report["by_file"] = {EVIL: report["by_file"][data]}
    text = page({**report, "model": EVIL})
    assert not obeys(text)
    text.encode()
    assert "<&>" not in text
