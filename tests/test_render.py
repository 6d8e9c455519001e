"""The pictures, as text and as files."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import scenes
from PIL import Image, ImageChops
from rich.color import ColorSystem
from rich.console import Console
from rich.text import Text

from trm_solve.errors import InputError
from trm_solve.kinds import kinds
from trm_solve.kinds.sudoku.drawing import SHADES
from trm_solve.kinds.sudoku.kind import Sudoku
from trm_solve.puzzle import Puzzle
from trm_solve.render import Scene, Space, bitmap, board, frame, page, pictures, summary, verdict
from trm_solve.render.film import Film, film
from trm_solve.trace import Pin, Step


def scene(steps: int = 7, *, solved: bool = True, upto: int | None = None) -> Scene:
    made = scenes.attempt(steps, solved=solved)
    end = scenes.solution(made) if upto is None else None
    return Scene(scenes.puzzle(), made[:upto], end, 16, "sudoku", 0.1)


def lines(text: Text) -> list[str]:
    return text.plain.split("\n")


def styled(text: Text, at: int) -> str:
    """The styles of one character."""
    return " ".join(str(span.style) for span in text.spans if span.start <= at < span.end)


def ansi(text: Text, **environ: str) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={"TERM": "xterm-256color", **environ})
    with console.capture() as captured:
        console.print(text)
    return captured.get()


def test_question_shows_givens_bold_and_blanks_as_dots() -> None:
    drawing = board(scenes.puzzle(), None)
    assert [line.plain for line in drawing.lines][:3] == [
        "╭───────┬───────┬───────╮",
        "│ 5 3 · │ · 7 · │ · · · │",
        "│ 6 · · │ 1 9 5 │ · · · │",
    ]
    assert (drawing.width, len(drawing.lines)) == (25, 13)
    assert "bold" in styled(drawing.lines[1], 2)
    assert drawing.legend.cell_len <= 30


def test_marks_of_changed_unsure_and_clashing_cells() -> None:
    step = scenes.attempt(7, solved=True)[3]
    rows = [line for line in board(scenes.puzzle(), step).lines if line.plain[2].isdigit()]
    for r in range(9):
        for c in range(9):
            at = 2 + 2 * c + 2 * (c // 3)
            styles = styled(rows[r], at)
            given = scenes.puzzle().question[r, c] != 0
            assert rows[r].plain[at] == str(step.answer[r, c])
            assert rows[r].plain[at + 1] == ("!" if step.conflicts[r, c] else " ")
            assert ("bold" in styles) == given
            assert ("underline" in styles) == (step.changed[r, c] and not given)
            assert ("dim" in styles) == (step.confidence[r, c] < 0.9 and not given)
            assert ("red" in styles) == step.conflicts[r, c]


@pytest.mark.parametrize(("width", "height"), [(120, 40), (80, 23), (60, 19), (40, 20), (40, 8), (20, 4), (1, 1)])
@pytest.mark.parametrize("steps", [0, 1, 7, 16])
@pytest.mark.parametrize("solved", [True, False])
def test_frame_never_exceeds_its_window(width: int, height: int, steps: int, solved: bool) -> None:
    shown = Scene(scenes.puzzle()) if steps == 0 else scene(steps, solved=solved)
    made = lines(frame(shown, Space(width, height)))
    assert len(made) <= height
    assert max(map(len, made)) <= width


@pytest.mark.parametrize(("width", "height"), [(80, 23), (60, 19)])
def test_all_sixteen_steps_and_the_facts_fit(width: int, height: int) -> None:
    made = lines(frame(scene(16, solved=False), Space(width, height)))
    assert made[0].endswith("puzzles.txt:3")
    assert made[2].endswith("step       16 of 16")
    assert [line.split()[0] for line in made[-4:]] == ["step", "changed", "clash", "halt"]
    assert made[-4].split()[1:] == [str(n) for n in range(1, 17)]
    assert made[-1].split() == ["halt", "%", *["2"] * 16]
    text = " ".join(line[25:].strip() for line in made)
    for fact in (
        "halting",
        "▁▁ 2 %",
        "changed",
        "conflicts  4 cells",
        "overruled",
        "time       0.25 s",
        "model      sudoku",
    ):
        assert fact in text
    assert "not solved in 16 steps, 4 cells clash" in text


def test_a_narrow_window_has_no_panel_and_the_newest_steps() -> None:
    running = lines(frame(scene(16, upto=16), Space(40, 19)))
    assert running[13] == "step 16 of 16 · halt 97 % · 0 clash"
    assert running[15].split() == ["step", *[str(n) for n in range(7, 17)]]
    two_blocks = lines(frame(scene(16, upto=16), Space(40, 24)))
    assert two_blocks[15].split()[1] == "1"
    assert lines(frame(scene(16), Space(40, 19)))[13] == "solved in 16 steps"


def test_a_low_window_keeps_facts_and_steps_rather_than_half_a_board() -> None:
    made = lines(frame(scene(7), Space(80, 8)))
    assert made[0] == "solved in 7 steps"
    assert made[2].startswith("step ")


def test_no_color_keeps_every_mark() -> None:
    text = frame(scene(7, upto=4), Space(80, 23))
    plain = ansi(text, NO_COLOR="1")
    assert "!" in plain
    assert "\x1b[1m" in plain  # bold
    assert "\x1b[4m" in plain or "\x1b[2;4m" in plain  # underline
    assert "\x1b[36m" not in plain
    assert "\x1b[36m" in ansi(text)


def test_solved_board_is_sure_and_unmarked() -> None:
    text = board(scenes.puzzle(), scene().shown).lines
    assert not any("!" in line.plain for line in text)
    assert not any("dim" in styled(line, at) for line in text for at, c in enumerate(line.plain) if c.isdigit())


def test_an_unsolved_puzzle_ends_with_its_best_attempt() -> None:
    steps = scenes.attempt(7, solved=False)
    best = steps[4]
    end = replace(scenes.solution(steps), best_attempt=best.answer, conflicts=best.conflicts, best_step=best)
    shown = Scene(scenes.puzzle(), steps, end, 16, "sudoku")
    assert shown.shown is best
    assert "5 of 16 (the best)" in frame(shown, Space(80, 23)).plain
    made = Scene(scenes.puzzle(), (), end).shown  # whether its steps were kept or not
    assert made is best


def test_attempts_take_one_line_and_agree_with_the_verdict() -> None:
    steps = [*scenes.attempt(3, solved=False), *scenes.attempt(4, solved=True, number=2)]
    end = replace(scenes.solution(steps), attempts=3)  # a third was cut off
    made = lines(frame(Scene(scenes.puzzle(), steps, end, 16), Space(80, 23)))
    assert "attempt  2 of 3  █+" in made
    assert any(line.endswith("step       4 of 16, attempt 2 of 3") for line in made)
    assert made[-4].split() == ["step", "1", "2", "3", "4"]
    assert "solved in 7 steps (3 attempts)" in " ".join(made)
    of_many = Scene(scenes.puzzle(), steps, replace(end, attempts=1000), 16)
    assert any(line.endswith("step       4 of 16, attempt 2") for line in lines(frame(of_many, Space(62, 23))))
    running = lines(frame(Scene(scenes.puzzle(), steps[:5], None, 16), Space(80, 23)))
    assert any(line.startswith("attempt  2  ") for line in running)


def escalated() -> list[Step]:
    """An attempt that fails, one on two pins that fails, and one on the first of them and another."""
    right, wrong, other = Pin(0, 2, 4, 0.67), Pin(1, 2, 7, 0.51), Pin(1, 2, 2, 0.3)
    pinned = [((), 1), ((right, wrong), 2), ((right, other), 3)]
    return [replace(step, attempt=n, pins=pins) for pins, n in pinned for step in scenes.attempt(4, solved=n == 3)]


def test_pins_are_told_with_those_undone() -> None:
    steps = escalated()
    board_ = board(scenes.puzzle(), steps[-2]).lines
    assert "reverse" in styled(board_[1], 6)  # r1c3, whose digit is the pin's
    assert "reverse" not in styled(board_[1], 2)
    made = lines(frame(Scene(scenes.puzzle(), steps[:9], None, 16), Space(80, 23)))
    beside = [line[28:] for line in made if line[28:].startswith("pin ")]
    assert beside == ["pin r1c3 = 4 (67 %)", "pin r2c3 = 2 (30 %)", "pin r2c3 = 7 (51 %), undone"]
    narrow = lines(frame(Scene(scenes.puzzle(), steps[:9], None, 16), Space(40, 19)))
    assert narrow[13] == f"step 1, attempt 3 · pin r2c3 = 2 (30 %) · {steps[8].conflicts.sum()} clash"[:40].rstrip()
    deep = replace(steps[-1], pins=tuple(Pin(0, c, 4, 0.5) for c in range(9)))
    told = frame(Scene(scenes.puzzle(), [*steps[:-1], deep], None, 16), Space(80, 23)).plain
    assert "pins before" in told
    assert "pin r1c9 = 4 (50 %)" in told
    assert "halt %" in told  # the strip is kept


def test_pins_are_kept_in_a_trace() -> None:
    step = escalated()[-1]
    again = Step.from_dict(json.loads(json.dumps(step.to_dict())))
    assert again.pins == step.pins
    assert "pins" not in escalated()[0].to_dict()
    for bad in (
        [[0, 0, 4]],
        [[0, 9, 4, 0.5]],
        [[0, 0, 0, 0.5]],
        [[0, 0, 4, 2]],
        [[-1, 0, 4, 0.5]],
        "no",
        [[0.0, 0, 4, 1]],
    ):
        with pytest.raises(ValueError, match="pin"):
            Step.from_dict(step.to_dict() | {"pins": bad})


def test_five_shades_in_truecolour_and_256() -> None:
    colors = [style.color for _, style in SHADES]
    assert len({color.downgrade(ColorSystem.EIGHT_BIT) for color in colors if color is not None}) == 5
    assert len({color.get_truecolor() for color in colors if color is not None}) == 5
    for color in colors[:-1]:  # seen on white and on black
        assert color is not None
        assert color.triplet is not None
        light = sum(weight * part for weight, part in zip((0.3, 0.59, 0.11), color.triplet, strict=True))
        assert 80 < light < 175


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": "solved", "steps": 1}, "solved in 1 step"),
        ({"verdict": "predicted", "steps": 16}, "predicted in 16 steps, no rules to check it"),
        ({"verdict": "unsolvable", "reason": "no cell for 4"}, "no solution: no cell for 4"),
        ({"verdict": "unsolved", "reason": "some cells are blank"}, "not solved in 7 steps, some cells are blank"),
        ({"verdict": "unsolved", "conflicts": np.eye(9, dtype=bool)}, "not solved in 7 steps, 9 cells clash"),
        (
            {"verdict": "solved", "attempts": 9, "facts": {"found_by": "pins", "pins": 5, "undone": 3}},
            "solved in 7 steps (9 attempts, 5 pins tried, 3 undone)",
        ),
        (
            {
                "verdict": "unsolved",
                "attempts": 9,
                "conflicts": np.eye(9, dtype=bool),
                "facts": {"pins": 1, "undone": 1},
            },
            "not solved in 7 steps (9 attempts, 1 pin tried, 1 undone), 9 cells clash",
        ),
    ],
)
def test_verdicts_in_words(changes: dict[str, object], words: str) -> None:
    assert verdict(replace(scenes.solution(scenes.attempt(7, solved=True)), **changes)) == words


def test_summary_is_one_line() -> None:
    end = scenes.solution(scenes.attempt(7, solved=False))
    assert summary(end, 80).plain == "! puzzles.txt:3  not solved in 7 steps, 4 cells clash  0.25 s"
    assert summary(end, 20).cell_len == 20


def test_a_kind_draws_its_own_board(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain(Sudoku):
        def draw(self, *_: object) -> None:
            return None

    class Drawn(Sudoku):
        def draw(self, _puzzle: Puzzle, _step: Step | None, space: Space) -> tuple[list[Text], Text]:
            return [Text("#" * space.width)], Text("legend")

    grid = np.array([[10, 1], [2, 3]], np.uint8)
    other = Puzzle("other", grid)
    monkeypatch.setitem(kinds(), "other", Plain())
    assert [line.plain for line in board(other, None).lines] == ["a 1 ", "2 3 "]

    monkeypatch.setitem(kinds(), "other", Drawn())
    assert frame(Scene(other), Space(7, 9)).plain.startswith("#######")


SVG = "{http://www.w3.org/2000/svg}"


def moments(steps: int = 7) -> Film:
    made = scenes.attempt(steps, solved=True)
    return film(scenes.solution(made), made, 16)


def seen(text: str, n: int, durations: list[int]) -> str:
    """The letters of a moving SVG that are visible in its n-th frame, as its own style rules say."""
    at = 100 * (sum(durations[:n]) + durations[n] / 2) / sum(durations)
    shown = set()
    for name, frames in re.findall(r"@keyframes (\S+?){((?:[\d.]+%{\w*:?\w+})+)}", text):
        turns = re.findall(r"([\d.]+)%{visibility:(\w+)}", frames)
        if [what for place, what in turns if float(place) <= at][-1] == "visible":
            shown.add(name)
    root = ElementTree.fromstring(text)
    groups = [g for g in root.iter(f"{SVG}g") if not g.get("class") or shown & set(g.get("class", "").split())]
    words = [(float(t.get("y", 0)), float(t.get("x", 0)), t.text or "") for g in groups for t in g.iter(f"{SVG}text")]
    return "".join(word for _, _, word in sorted(words))


def test_svg_is_well_formed_and_needs_nothing_from_elsewhere() -> None:
    text = pictures.encode(moments(), Path("out.svg")).decode()
    letters = "".join(node.text or "" for node in ElementTree.fromstring(text).iter(f"{SVG}text"))
    assert "solvedin7steps" in letters
    assert scenes.QUESTION[:2] in letters
    assert text.count("http") == 1  # the namespace
    assert "<script" not in text
    assert "@import" not in text


def test_svg_moves_frame_by_frame_and_stands_still_at_the_last() -> None:
    film_ = moments()
    text = pictures.encode(film_, Path("out.svg")).decode()
    durations = [milliseconds for _, milliseconds in film_]
    for n, (scene, _) in enumerate(film_):
        wanted = "".join(word for line in page.words(page.page(scene).values()) for word in (c.char for c in line))
        assert sorted(seen(text, n, durations)) == sorted(wanted)
    assert f"animation:{sum(durations) / 1000:g}s step-end infinite" in text
    calm = text[text.index("@media(prefers-reduced-motion:reduce)") :]
    assert "animation:none" in calm
    root = ElementTree.fromstring(text)  # without motion: what is not hidden
    still = [g for g in root.iter(f"{SVG}g") if not g.get("class") or "-last" in g.get("class", "")]
    letters = sorted("".join(t.text or "" for g in still for t in g.iter(f"{SVG}text")))
    assert letters == sorted("".join(c.char for run in page.words(page.page(film_[-1][0]).values()) for c in run))


def test_two_pictures_on_one_page_do_not_mix() -> None:
    marks = [
        set(re.findall(r"@keyframes (\S+?){", pictures.encode(moments(steps), Path("a.svg")).decode()))
        for steps in (6, 7)
    ]
    assert marks[0]
    assert not marks[0] & marks[1]


@pytest.mark.parametrize(
    "name", ["a<b>&\"'.txt", "\x00\x1b[31m\uffff\ufffe.txt", "\udcff\ud800.txt", "数独.txt", "e\u0301"]
)
def test_pictures_are_valid_whatever_the_file_is_called(name: str) -> None:
    made = [(replace(each, puzzle=scenes.puzzle(name)), 100) for each, _ in moments(3)]
    made[-1] = (replace(made[-1][0], solution=scenes.solution(list(made[-1][0].steps), name)), 100)
    assert ElementTree.fromstring(pictures.encode(made, Path("out.svg"))).tag == f"{SVG}svg"
    text = pictures.encode(made, Path("out.html")).decode()
    ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    pictures.encode(made, Path("out.png"))


def test_a_solution_is_an_svg_by_itself() -> None:
    made = scenes.attempt(4, solved=True)
    moving = pictures.svg(film(replace(scenes.solution(made), trace=tuple(made))))
    assert "@keyframes" in moving
    still = pictures.svg(film(scenes.solution(made)))  # steps that nobody kept
    assert "@keyframes" not in still
    assert "solvedin4steps" in "".join(t.text or "" for t in ElementTree.fromstring(still).iter(f"{SVG}text"))


def test_html_has_a_slider_over_all_frames_and_the_last_as_text() -> None:
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_data = found.append  # type: ignore[method-assign]
    text = pictures.encode(moments(), Path("out.html")).decode()
    parser.feed(text)
    last = moments()[-1][0]
    for line in lines(frame(last, Space(page.WIDTH, page.HEIGHT))):
        assert line in "".join(found)
    assert '<input type="range" min="0" max="8" value="8"' in text
    assert json.loads(text[(at := text.index("const times = ") + 14) : text.index(";", at)]) == [500] * 8 + [3000]
    assert text.count("http") == 1
    alone = pictures.encode(moments()[-1:], Path("out.html")).decode()
    assert "<input" not in alone
    assert "<script" not in alone


def test_png_and_gif_can_be_read_back() -> None:
    made = moments()
    still = Image.open(io.BytesIO(pictures.encode(made, Path("OUT.PNG"))))
    moving = Image.open(io.BytesIO(pictures.encode(made, Path("out.gif"))))
    assert still.size == moving.size
    durations = []
    for n in range(moving.n_frames):
        moving.seek(n)
        durations.append(moving.info["duration"])
    assert durations == [milliseconds for _, milliseconds in made]
    difference = ImageChops.difference(still.convert("RGB"), moving.convert("RGB"))
    assert max(high for _, high in difference.getextrema()) <= 32  # the same but for shades of soft edges


def test_pixels_of_a_picture() -> None:
    cells = page.page(scene(7, upto=4))
    still = Image.open(io.BytesIO(bitmap.png(cells))).convert("RGB")
    cell = [bitmap.SCALE * side for side in page.CELL]

    def colors(row: int, column: int) -> set[tuple[int, ...]]:
        box = ((column + page.MARGIN) * cell[0], (row + 1) * cell[1])
        crop = still.crop((*box, box[0] + cell[0], box[1] + cell[1]))
        return {color for _, color in crop.getcolors(10_000) or []}

    for row in (0, 1, 2, 15):
        for column in range(max(x for _, x in cells) + 1):
            assert (len(colors(row, column)) > 1) == ((row, column) in cells), (row, column)


def test_letters_of_pixels_stand_each_in_its_own_cell() -> None:
    """The font is monospaced: no letter reaches over into the cells beside it."""
    for bold in (False, True):
        font = bitmap.font(bold)
        assert {font.getlength(char) for char in "iW0.…é"} == {font.getlength("m")}
        assert font.getlength("m") <= bitmap.SCALE * page.CELL[0]
        assert font.getmask("…").getbbox() is not None  # in the font, and not a blank


def test_a_film_shows_every_attempt_and_hurries_over_those_that_failed() -> None:
    steps = [s for n in range(1, 101) for s in scenes.attempt(3, solved=n == 100, number=n)]
    made = film(replace(scenes.solution(steps), attempts=100), steps, 16)
    followed = [scene.shown.attempt for scene, _ in made if scene.shown is not None]
    assert followed[:3] == [1, 1, 1]
    assert followed[-4:] == [100] * 4  # its steps, and the verdict
    assert len(set(followed)) == 2 + 24
    assert sum(milliseconds for _, milliseconds in made) < 12_000


@pytest.mark.parametrize("suffix", pictures.SUFFIXES)
def test_pictures_are_the_same_everywhere(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    once = pictures.encode(moments(2), Path(f"out{suffix}"))
    for name, value in {"NO_COLOR": "1", "COLUMNS": "30", "TERM": "dumb", "FORCE_COLOR": ""}.items():
        monkeypatch.setenv(name, value)
    assert pictures.encode(moments(2), Path(f"out{suffix}")) == once


def test_unknown_picture_formats_are_refused() -> None:
    with pytest.raises(InputError, match=r"out\.bmp: no picture format of that name") as caught:
        pictures.require(Path("out.bmp"))
    assert caught.value.hint == "known: svg, html, png, gif"


def test_without_pillow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    pictures.require(Path("out.svg"))
    with pytest.raises(InputError, match="Pillow is not installed") as caught:
        pictures.require(Path("out.gif"))
    assert caught.value.hint == "pip install 'trm-solve[image]'"
