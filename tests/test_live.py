"""The live view in a pseudo-terminal, read through a terminal emulator."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import scenes
import terminals
from terminals import Screen, read, resize, spawn

from trm_solve.output import OutputOptions, Record
from trm_solve.output.live import Live
from trm_solve.render import Scene
from trm_solve.trace import Step

HERE = Path(__file__).parent
SIZES = [(80, 24), (60, 20), (40, 20), (120, 40), (200, 50)]
SCRIPT = """
import time, scenes
from trm_solve.errors import InputError
from trm_solve.output import OutputOptions, open_output
def show(output, index, steps, solved=True):
    made = scenes.attempt(steps, solved=solved, index=index, source=f"p.txt:{index + 1}")
    output.begin(index, made and scenes.puzzle(f"p.txt:{index + 1}"))
    for step in made:
        output.step(step)
    output.solution(index, scenes.solution(made, f"p.txt:{index + 1}"))
"""
ONE = "with open_output(OutputOptions(model='sudoku', max_steps=16, pace=0.01)) as output: show(output, 0, 16)"


def run(script: str, width: int, height: int, **environ: str) -> tuple[Screen, str]:
    return terminals.run(SCRIPT + script, width, height, **environ)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_last_frame_and_the_strip_stay(width: int, height: int) -> None:
    terminal, text = run(ONE, width, height)
    assert terminal.wrapped == 0
    assert terminal.cursor_shown
    assert len(terminal.rows) <= height  # redrawn in place: nothing has scrolled
    lines = terminal.rows
    board = [re.sub(r"\D", "", line[:25]) for line in lines[:13] if "│" in line]
    assert "".join(board) == scenes.ANSWER
    assert any("solved in 16 steps" in line for line in lines)
    strip = next(line for line in lines if line.startswith("step ") and "·" not in line)
    assert strip.split()[-1] == "16"
    assert strip.split()[1] == ("1" if width >= 60 else "7")
    assert lines[-1] == ""  # the prompt has a line of its own
    assert text.count("\x1b[?25l") >= 1


@pytest.mark.parametrize(("width", "height"), [(80, 13), (100, 10), (40, 10), (24, 8)])
def test_a_low_window_never_loses_the_answer(width: int, height: int) -> None:
    """A board of 9 lines where it fits; else the last frame scrolls."""
    terminal, _ = run(ONE, width, height)
    rows = [re.sub(r"\D", "", line[:25]) for line in terminal.rows]
    assert "".join(row for row in rows if len(row) >= 9 and row[:9] in scenes.ANSWER)[:81] == scenes.ANSWER
    assert "solved in" in terminal.text
    assert height < 10 or len(terminal.rows) <= height
    assert terminal.wrapped == 0


def test_every_step_is_seen_at_a_pace() -> None:
    _, text = run(ONE, 80, 24)
    seen = re.findall(r"(\d+) of 16", re.sub(r"\x1b\[[\d;]*m", "", text))
    assert list(dict.fromkeys(seen)) == [str(n) for n in range(1, 17)]


@pytest.mark.parametrize("number", [2, 5, 300])
@pytest.mark.parametrize("timed", [True, False])
def test_attempts_are_paced_to_a_total(timed: bool, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt and the one that counts step by step; all between them share a few seconds."""
    clock, shown = [0.0], list[tuple[int, int]]()
    monkeypatch.setattr("trm_solve.output.live.time.sleep", lambda seconds: clock.append(clock[-1] + seconds))
    monkeypatch.setattr("trm_solve.output.live.time.perf_counter", lambda: clock[-1])
    file = terminals.Emulated(80, 24)
    view = Live(terminals.console(file, 80, 24), OutputOptions(model="sudoku", max_steps=16, pace=0.15, timed=timed))
    monkeypatch.setattr(view._area, "draw", lambda text: shown.append((len(clock), text.plain.count("attempt"))))
    steps: list[Step] = []
    view.step(Scene(scenes.puzzle(), ()))
    for step in scenes.attempt(16, solved=False):
        steps.append(step)
        view.step(Scene(scenes.puzzle(), tuple(steps)))
    first = clock[-1]
    assert first == pytest.approx(15 * 0.15)  # the last of them is still on show
    four = scenes.attempt(4, solved=False)
    for n in range(2, number + 1):
        made = scenes.attempt(4, solved=True) if n == number else four
        for step in made:
            steps.append(replace(step, attempt=n))
            view.step(Scene(scenes.puzzle(), steps))
    between = clock[-1] - first
    assert between <= 0.15 + 3.0
    view.record(Record(0, scenes.solution(steps), tuple(steps)))
    view.close(completed=True)
    assert 4 * 0.15 <= clock[-1] - first - between <= 6 * 0.15
    assert clock[-1] < 7


def test_without_a_pace_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("trm_solve.output.live.time.sleep", slept.append)
    run(ONE.replace("pace=0.01", "pace=0"), 80, 24)
    assert sum(slept) == 0


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_each_of_a_few_puzzles_leaves_its_board(width: int, height: int) -> None:
    script = """
with open_output(OutputOptions(model='sudoku', max_steps=16, pace=0.001)) as output:
    show(output, 2, 16, solved=False)
    output.bad(1, InputError("p.txt:2: no puzzle", "none"))
    show(output, 0, 5)
"""
    terminal, _ = run(script, width, height)
    text = "\n".join(terminal.rows)
    assert terminal.wrapped == 0
    assert terminal.cursor_shown
    order = ["solved in 5 steps", "error: p.txt:2: no puzzle", "hint: none", "not solved in 16 steps, 4"]
    places = [text.index(words) for words in [*order, "3 puzzles: 1 solved, 1 unreadable, 1"]]
    assert places == sorted(places)
    assert text.count("╭───────┬") == 2  # nothing but the last frames is left


def test_a_warning_stands_above_the_board_it_is_about() -> None:
    script = """
with open_output(OutputOptions(model='sudoku', max_steps=16, pace=0.001)) as output:
    output.begin(0, scenes.puzzle("p.txt:1"))
    output.warn("p.txt:1: more than one solution")
    show(output, 0, 5)
"""
    terminal, _ = run(script, 80, 24)
    assert terminal.rows[0] == "warning: p.txt:1: more than one solution"
    assert terminal.rows[1].startswith("╭───────┬")
    assert "\n".join(terminal.rows).count("╭───────┬") == 1


def test_many_puzzles_leave_a_line_each() -> None:
    script = """
with open_output(OutputOptions(model='sudoku', max_steps=16, many=True)) as output:
    for index in range(40):
        show(output, index, 3, solved=index != 30)
"""
    terminal, _ = run(script, 60, 20)
    expected = [f"+ p.txt:{n}  solved in 3 steps  0.25 s" for n in range(1, 41)]
    expected[30] = "! p.txt:31  not solved in 3 steps, 4 cells clash  0.25 s"
    assert [line for line in terminal.rows if line] == [
        *expected,
        "40 puzzles: 39 solved, 1 unsolved",
        "answers: -o FILE, or a pipe",
    ]
    assert terminal.cursor_shown


def test_an_interrupt_restores_the_cursor_and_keeps_the_frame() -> None:
    script = """
try:
    with open_output(OutputOptions(model='sudoku', max_steps=16)) as output:
        output.begin(0, scenes.puzzle())
        output.step(scenes.attempt(4, solved=True)[0])
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("interrupted")
"""
    terminal, _ = run(script, 80, 24)
    assert terminal.cursor_shown
    assert terminal.rows[0].startswith("╭──")
    assert terminal.rows[-2:] == ["interrupted", ""]


def test_a_window_made_narrower_is_redrawn_to_fit() -> None:
    script = """
with open_output(OutputOptions(model='sudoku', max_steps=16)) as output:
    output.begin(0, scenes.puzzle())
    input()
    time.sleep(0.05)
    for step in scenes.attempt(4, solved=True):
        output.step(step)
    output.solution(0, scenes.solution(scenes.attempt(4, solved=True)))
"""
    process, ours = spawn(SCRIPT + script, 80, 24)
    try:
        first = read(ours, until="\x1b[?25l")
        resize(ours, 45, 20)
        os.write(ours, b"\n")
        rest = read(ours)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert "model" in first
    terminal = Screen(80, 24)
    terminal.feed(first)
    terminal.resize(20, 45)
    terminal.feed(rest)
    assert terminal.wrapped == 0
    assert "solved in 4 steps" in terminal.seen
    assert "\n".join(terminal.seen).count("╭───────┬") == 1  # one clean frame


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", text)


def colors(text: str) -> set[str]:
    return {part for codes in re.findall(r"\x1b\[([\d;]*)m", text) for part in codes.split(";") if len(part) > 1}


@pytest.mark.parametrize(
    ("environ", "check"),
    [
        ({"NO_COLOR": "1"}, lambda text: not colors(text) and "\x1b[1m" in text),
        ({"NO_COLOR": ""}, lambda text: "36" in colors(text)),
        ({"FORCE_COLOR": ""}, lambda text: "\x1b[?25l" in text),
        ({"TERM": "dumb"}, lambda text: text == f"{scenes.ANSWER}\r\n"),
        ({"encoding": "ascii"}, lambda text: text.isascii() and "+-------+" in text and "| 5" in plain(text)),
        ({"encoding": "cp1252"}, lambda text: "+-------+" in text and "·" in text and "?" not in plain(text)),
        ({"encoding": "cp437"}, lambda text: "┌" not in text and "─────" in text),
    ],
)
def test_the_environment_is_heeded(environ: dict[str, str], check: Callable[[str], bool]) -> None:
    _, text = run(ONE, 80, 24, **environ)
    assert check(text), text


@pytest.mark.parametrize(
    ("options", "expected"), [("quiet=True", scenes.ANSWER), ("json=True", '"answer": "' + scenes.ANSWER)]
)
def test_quiet_and_json_are_never_live(options: str, expected: str) -> None:
    _, text = run(f"with open_output(OutputOptions({options})) as output: show(output, 0, 3)", 80, 24)
    assert expected in text
    assert "\x1b" not in text
    assert text.count("\n") == 1


def test_with_an_output_file_the_terminal_is_free_for_the_view(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
options = OutputOptions(model='sudoku', json=True, output=Path({str(tmp_path / "a.jsonl")!r}))
with open_output(options) as output:
    show(output, 0, 3)
"""
    terminal, _ = run(script, 80, 24)
    assert terminal.rows[0].startswith("╭──")
    assert '"verdict": "solved"' in (tmp_path / "a.jsonl").read_text()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 20)])
def test_solve_itself_is_live_on_a_terminal(width: int, height: int) -> None:
    puzzle = HERE.parent / "examples/sudoku/easy.txt"
    script = f"import sys; sys.argv = ['trm-solve', 'solve', {str(puzzle)!r}, '--pace', '0.01']\n"
    terminal, text = run(script + "from trm_solve.cli import main; main()", width, height)
    assert terminal.cursor_shown
    assert not terminal.wrapped
    assert max(map(len, terminal.rows)) <= width
    assert "solved in" in text
    assert any(line.startswith("changed") for line in terminal.rows)
    assert "│ 5 8 9 │ 1 6 4 │ 2 7 3 │" in "\n".join(terminal.rows)


@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}])
def test_votes_on_a_large_arc_answer(environ: dict[str, str]) -> None:
    """The frames of answers of any shape stay in the window; the attempts and how sure they are remain."""
    script = """
from test_render_arc import grid, puzzle, solution, step
asked = puzzle(grid(30, 30), (30, 30))
with open_output(OutputOptions(model='arc', max_steps=16, pace=0.01)) as output:
    output.begin(0, asked)
    for n, shape in enumerate([(0, 0), (3, 30), (30, 3), (30, 30)], 1):
        for attempt in (1, 2, 3):
            output.step(step(grid(*shape, attempt), n, attempt, halted=n == 4))
    output.solution(0, solution(asked, {2: grid(30, 30, 1), 1: grid(30, 30, 2)}, 3))
"""
    terminal, text = run(script, 80, 24, **environ)
    assert terminal.wrapped == 0
    assert terminal.cursor_shown
    assert bool(environ) == (not colors(text))
    assert terminal.rows[0].startswith("┌ attempt 1: 2 of 3 votes ")
    assert "predicted, 2 of 3 votes agree (67 %)" in terminal.rows
    seen = re.findall(r"(\d+) of 16", re.sub(r"\x1b\[[\d;]*m", "", text))
    assert list(dict.fromkeys(seen)) == ["1", "2", "3", "4"]
    if not environ:
        assert len(terminal.rows) <= 24
