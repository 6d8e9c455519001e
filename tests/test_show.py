"""`show`, what the file's own answer says of the model's, and the view of an adaptation."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import terminals
from conftest import Outcome as Told
from votes import A, B, puzzle, solution

from trm_solve import display
from trm_solve.kinds.base import Space
from trm_solve.output import fields_of
from trm_solve.puzzle import Puzzle
from trm_solve.render import adapting, board, pictures, verdict
from trm_solve.render.film import film
from trm_solve.render.page import page
from trm_solve.tasks import view
from trm_solve.tasks.guesses import with_second
from trm_solve.tasks.progress import BAR, Progress
from trm_solve.terminal import PlainConsole
from trm_solve.trace import grid_of

Trm = Callable[..., Told]
TASK = {
    "train": [{"input": [[1, 2, 3]], "output": [[3, 2, 1]]}, {"input": [[4, 5, 6]], "output": [[6, 5, 4]]}],
    "test": [{"input": [[7, 8, 9]], "output": [[9, 8, 7]]}, {"input": [[7, 0, 9]]}],
}


def plain(drawn: object) -> str:
    return "\n".join(line.plain.rstrip() for line in drawn)  # type: ignore[attr-defined]


# ---- show


def test_a_task_is_drawn_whole(trm: Trm, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(TASK))
    told = trm("show", tmp_path / "mine.json")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[0] == f"{tmp_path}/mine.json:mine"
    for digits in ("1 2 3", "3 2 1", "6 5 4", "7 8 9", "9 8 7", "7 0 9"):
        assert f"│{digits} │" in told.out
    assert told.out.count("test 1") == told.out.count("test 2") == 1
    assert told.out.count(" > ") == 3  # the second test has no answer
    assert max(map(len, told.out.splitlines()[1:])) <= 80  # the first is the name of a folder of any length


def test_large_tasks_take_a_column_a_cell(trm: Trm, tmp_path: Path) -> None:
    row = [1] * 30
    big = {"train": [{"input": [row], "output": [row]}], "test": [{"input": [row], "output": [row]}]}
    (tmp_path / "big.json").write_text(json.dumps(big))
    lines = trm("show", tmp_path / "big.json").out.splitlines()
    assert max(map(len, lines[1:])) == 67
    assert any("1" * 30 in line for line in lines)


def test_puzzles_are_drawn_with_their_answers(trm: Trm, tmp_path: Path) -> None:
    told = trm("show", "example:sudoku/easy")
    assert told.code == 0
    assert told.out.splitlines()[0].startswith("example:sudoku/easy:1")
    assert len(told.out.splitlines()) == 14
    question = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
    answer = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
    (tmp_path / "two.csv").write_text(f"question,answer\n{question},{answer}\n{question},\nrubbish,\n")
    told = trm("show", tmp_path / "two.csv")
    assert told.code == 2
    assert "error:" in told.err
    first, second = told.out.split("\n\n")
    assert first.splitlines()[1].count("╭") == 2
    assert second.splitlines()[1].count("╭") == 1
    assert trm("show", tmp_path / "none.csv").code == 2


def test_a_terminal_without_unicode_gets_signs_and_no_half_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = [1] * 30
    big = {"train": [{"input": [row, [2] * 30], "output": [row]}], "test": [{"input": [row]}]}
    (tmp_path / "big.json").write_text(json.dumps(big))
    file = terminals.Emulated(80, 24, "ascii")
    monkeypatch.setattr(display, "PlainConsole", lambda: terminals.console(file, 80, 24))
    assert display.show([str(tmp_path / "big.json")], None) == 0
    file.flush()
    assert "1" * 30 in file.getvalue()
    assert "2" * 30 in file.getvalue()


# ---- what the file's own answer says


def test_an_answer_that_the_file_knows_is_said_to_be_correct_or_not() -> None:
    votes = [(A, 0.5), (A, 0.5), (B, 0.5)]
    told = {
        name: solution(dataclasses.replace(puzzle(), answer=None if label is None else grid_of(label)), *votes)
        for name, label in (("right", A), ("second", B), ("wrong", [[9]]), ("unknown", None))
    }
    fields = {name: fields_of(each) for name, each in told.items()}
    assert {name: (each["correct"], each["place"]) for name, each in fields.items()} == {
        "right": (True, 1), "second": (False, 2), "wrong": (False, None), "unknown": (None, None),
    }  # fmt: skip
    ends = {name: verdict(each).partition("(67 %)")[2] for name, each in told.items()}
    assert ends == {
        "right": "; correct",
        "second": "; wrong, the second attempt is correct",
        "wrong": "; wrong",
        "unknown": "",
    }


def test_where_rules_judge_another_answer_may_be_correct_too() -> None:
    from scripted import ANSWER, grid, sudoku

    asked = sudoku()
    made = dataclasses.replace(solution(puzzle(), (A, 0.5)), puzzle=asked, candidates=())
    for answer, found, correct in (
        (grid(ANSWER), "solved", True),
        (grid(ANSWER)[::-1], "solved", True),
        (None, "unsolved", False),
    ):
        each = dataclasses.replace(made, answer=answer, verdict=found)  # type: ignore[arg-type]
        assert (each.correct, fields_of(each)["correct"]) == (correct, correct)


def drawn(label: list[list[int]], *votes: list[list[int]], color: bool = False, height: int = 24) -> str:
    asked = dataclasses.replace(puzzle(), answer=grid_of(label))
    found = solution(asked, *((rows, 0.5) for rows in votes))
    return plain(board(asked, found.best_step, Space(80, height, color), found).lines)


def test_a_wrong_answer_stands_beside_the_right_one_with_its_wrong_cells_marked() -> None:
    picture = drawn([[1, 2], [3, 4]], [[1, 2], [3, 5]])
    assert "right answer" in picture
    assert "3 5!" in picture
    assert "1 2 " in picture
    assert picture.count("!") == 1
    assert drawn([[1, 2], [0, 4]], [[1, 2], [0, 5]], color=True).count("!") == 1
    assert "0!" in drawn([[1]], [[0]], color=True)  # a black cell that is wrong is marked too
    assert "right answer" not in drawn([[1, 2]], [[1, 2]])
    assert "!" not in drawn([[1, 2]], [[1, 2, 3]])  # of another shape: beside it, and no cell to compare


def test_a_second_guess_says_where_it_was_found() -> None:
    asked = puzzle(None)
    found = with_second(solution(asked, (A, 0.5), (A, 0.5)))
    assert len(found.candidates) == 1
    second = dataclasses.replace(found.candidates[0], answer=grid_of(B), votes=0, found_in="fold")
    found = dataclasses.replace(found, candidates=(*found.candidates, second))
    picture = plain(board(asked, found.best_step, Space(80, 24, False), found).lines)
    assert "attempt 1: 2 of 2 votes" in picture
    assert "attempt 2: fold" in picture
    assert [each.get("found_in") for each in fields_of(found)["candidates"]] == [None, "fold"]


# ---- the view of an adaptation


def stand(task: str = "mirror", **fields: object) -> Progress:
    asked = Puzzle("arc", grid_of([[7, 8, 9]]), examples=((grid_of([[1, 2, 3]]), grid_of([[3, 2, 1]])),), task=task)
    made = Progress(task, 1, 3, 30.0, 90.0, 0.45, (0.0, 0.2, 0.45), asked, grid_of([[9, 8, 0]]))
    return dataclasses.replace(made, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("width", "height"), [(80, 23), (40, 12), (20, 5)])
def test_an_adaptation_shows_what_it_learns_from_and_what_it_answers_now(width: int, height: int) -> None:
    lines = adapting.picture(stand("a-name-" * 20), Space(width, height, False)).plain.split("\n")
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "1:30 left" in text
    if width == 80:
        assert "│1 2 3 │" in text or "│123│" in text
        assert "9 8 0" in text
        assert "examples right  ▁▂▄ 45 %" in text


def test_a_film_begins_with_the_adaptation() -> None:
    asked = puzzle(None)
    found = dataclasses.replace(solution(asked, (A, 0.5), (A, 0.5)), fits=(stand(), stand(fold=0)))
    found = dataclasses.replace(found, trace=(found.best_step,))
    moments = film(found)
    assert [scene.fit for scene, _ in moments[:3]] == [*found.fits, None]
    drawn = ["".join(cell.char for cell in page(scene).values()) for scene, _ in moments[:3]]
    assert ["examplesright" in text for text in drawn] == [True, True, False]
    assert "allpairs" in drawn[1]
    text = pictures.svg(film(found))
    assert text.count("<svg") == 1
    last = dataclasses.replace(found, fits=())
    assert page(film(last)[-1][0]) == page(moments[-1][0])


def test_a_curve_keeps_to_its_width() -> None:
    assert "".join(adapting.curve([0.0, 0.5, 1.0], 40)) == "▁▅█"
    long = adapting.curve(list(np.linspace(0, 1, 1000)), 40)
    assert (len(long), long[0], long[-1]) == (40, "▁", "█")
    assert len(adapting.curve([0.5] * 5, 0)) == 1


@pytest.mark.parametrize("width", [80, 50])
def test_no_name_pushes_the_bar_out(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    shown = view.AdaptView()
    shown._console = PlainConsole(file=screen, width=width, force_terminal=True, color_system=None)
    monkeypatch.setattr(view, "redraws", lambda _: True)
    shown.notice(stand("a-name-" * 20))
    assert shown._bar is not None
    with shown._console.capture() as kept:
        shown._console.print(shown._bar.get_renderable())
    lines = [
        line for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", kept.get()).replace("\r", "").split("\n") if line.strip()
    ]
    assert lines
    for line in lines:
        assert not line[:BAR].strip("━╸╺ ")
        assert line[BAR:].lstrip().startswith("adapting to a-name")
        assert line.rstrip().endswith("…")
        assert len(line.rstrip()) <= width
    shown.clear()


def test_only_a_terminal_with_a_live_view_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not view.AdaptView(live=True).watched
    screen = PlainConsole(file=io.StringIO(), width=80, height=24, force_terminal=True)
    monkeypatch.setattr(view, "live_console", lambda: screen)
    assert not view.AdaptView(live=True, quiet=True).watched
    shown = view.AdaptView(live=True)
    assert shown.watched
    monkeypatch.setattr(view, "FRAME", -1.0)
    shown.notice(stand())
    assert "examples right" in screen.file.getvalue()  # type: ignore[attr-defined]
    shown.clear()
