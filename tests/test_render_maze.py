"""Pictures of mazes: they fit, and every mark can be told."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from trm_solve.kinds import get_kind
from trm_solve.kinds.maze.drawing import COLORS, far, tone
from trm_solve.kinds.maze.paths import FREE, PATH, WALL, shortest_path
from trm_solve.output import OutputOptions, Record
from trm_solve.output.live import Live
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.render import Scene, Space, board, frame, page, pictures
from trm_solve.render.scene import UNSURE
from trm_solve.terminal import PlainConsole
from trm_solve.trace import Solution, Step

EXAMPLES = Path(__file__).parent.parent / "examples" / "maze"
WINDOWS = [(80, 24), (60, 20)]


def example(name: str) -> Puzzle:
    (puzzle,) = read_file(EXAMPLES / f"{name}.txt")
    assert isinstance(puzzle, Puzzle)
    return puzzle


def attempt(puzzle: Puzzle, steps: int = 4) -> list[Step]:
    """A path that grows from S and is whole at the end; before that a stray mark is unsure, as is the last new one."""
    path = shortest_path(puzzle.question)
    assert path is not None
    inner = path[1:-1]
    stray = next(c for c in np.flatnonzero(puzzle.question == FREE)[::-1] if c not in inner)
    made, before = [], puzzle.question
    for n in range(1, steps + 1):
        answer = puzzle.question.copy()
        answer.ravel()[inner[: len(inner) * n // steps]] = PATH
        if n < steps:
            answer.ravel()[stray] = PATH
        sure = np.full(answer.shape, 0.99, np.float32)
        sure.ravel()[[stray, inner[len(inner) * n // steps - 1]]] = UNSURE - 0.1
        check = get_kind("maze").check(puzzle, answer)
        made.append(Step(0, 1, n, answer, sure, answer != before, check.conflicts, 0, 0.3, check.solved, n == steps))
        before = answer
    return made


def lines(text: Text) -> list[str]:
    return text.plain.split("\n")


def cells(puzzle: Puzzle, step: Step | None, space: Space) -> dict[tuple[int, int], str | None]:
    """The colour of every cell of a board in half blocks."""
    found: dict[tuple[int, int], str | None] = {}
    for row, line in enumerate(board(puzzle, step, space).lines):
        assert line.cell_len == puzzle.question.shape[1]
        for column, character in enumerate(line.plain):
            style = next((s.style for s in line.spans if s.start <= column < s.end), "")
            text = str(style).split(" on ")
            front, back = text[0] or None, text[1] if len(text) > 1 else None
            upper, lower = {" ": (None, None), "█": (front, front), "▀": (front, back), "▄": (back, front)}[character]
            found[2 * row, column], found[2 * row + 1, column] = upper, lower
    return found


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", ["small", "hard", "no-path"])
def test_every_frame_fits_its_window(name: str, window: tuple[int, int]) -> None:
    puzzle = example(name)
    steps = [] if name == "no-path" else attempt(puzzle)
    for upto in range(len(steps) + 1):
        for color in (True, False):
            rows = lines(frame(Scene(puzzle, steps[:upto], None, 16, "maze"), Space(*window, color)))
            assert len(rows) <= window[1]
            assert max(map(len, rows)) <= window[0]


@pytest.mark.parametrize("window", WINDOWS)
def test_the_whole_large_maze_is_in_the_picture(window: tuple[int, int]) -> None:
    puzzle = example("hard")
    drawing = board(puzzle, None, Space(*window))
    assert (drawing.width, len(drawing.lines)) == (30, 15)
    picture = lines(frame(Scene(puzzle, attempt(puzzle)[:2], None, 16, "maze"), Space(*window)))
    wanted = [line.plain for line in board(puzzle, attempt(puzzle)[1], Space(*window)).lines]
    assert [line[:30].rstrip() for line in picture[:15]] == [line.rstrip() for line in wanted]


def test_half_blocks_show_every_cell_in_its_colour() -> None:
    puzzle = example("hard")
    first, _, third, last = attempt(puzzle)
    space = Space(80, 24)
    bare = cells(puzzle, None, space)
    assert len(bare) == 900
    for at, color in bare.items():
        symbol = int(puzzle.question[at])
        assert color == {WALL: COLORS["wall"], FREE: None, 3: COLORS["S"], 4: COLORS["G"]}[symbol]
    shown = cells(puzzle, third, space)
    for r, c in np.argwhere(third.answer == PATH):
        at = int(r), int(c)
        name = "broken" if third.conflicts[at] else "new" if third.changed[at] else ""
        assert shown[at] == (COLORS[name] if name else tone(far(puzzle.question)[at]))
    assert COLORS["new"] in shown.values()
    assert COLORS["broken"] in shown.values()
    assert cells(puzzle, first, space) != shown
    done = cells(puzzle, last, space)
    for r, c in np.argwhere(last.answer == PATH):
        assert done[int(r), int(c)] == tone(far(puzzle.question)[r, c])
    path = shortest_path(puzzle.question)
    assert path is not None
    hues = list(dict.fromkeys(done[divmod(int(cell), 30)] for cell in path[1:-1]))
    assert hues == [tone(n / 12) for n in range(13)]  # one after the other, from start to goal


def test_a_path_at_the_end_of_a_line_is_drawn() -> None:
    """Its cells are blanks with a background, and no blanks to be stripped."""
    puzzle = example("hard")
    step = attempt(puzzle)[-1]
    drawn = page.page(Scene(puzzle, [step]))
    for r, c in np.argwhere(step.answer == PATH):
        assert all(drawn[int(r), 2 * int(c) + half].background is not None for half in (0, 1))


def test_half_blocks_tell_unsure_cells() -> None:
    puzzle = example("hard")
    step = attempt(puzzle)[1]
    quiet = Step(
        0, 1, 3, step.answer, step.confidence, np.zeros_like(step.changed), step.conflicts & False, 0, 0.3, False, False
    )
    shown = cells(puzzle, quiet, Space(80, 24))
    unsure = (step.answer == PATH) & (step.confidence < UNSURE)
    assert {shown[int(r), int(c)] for r, c in np.argwhere(unsure)} == {COLORS["unsure"]}


def styles(line: Text, at: int) -> str:
    return " ".join(str(span.style) for span in line.spans if span.start <= at < span.end)


def test_a_small_maze_has_filled_cells_that_say_everything_by_characters_too() -> None:
    puzzle = example("small")
    first, *_, step, last = attempt(puzzle)
    seen = set()
    for shown in (first, step, replace(step, conflicts=np.zeros_like(step.conflicts))):
        for (r, c), symbol in np.ndenumerate(shown.answer):
            line = board(puzzle, shown, Space(80, 24)).lines[r]
            assert line.cell_len == 20
            text, style = line.plain[2 * c : 2 * c + 2], styles(line, 2 * c)
            unsure, new = shown.confidence[r, c] < UNSURE, shown.changed[r, c]
            if symbol in (3, 4):
                wanted = "SG"[int(symbol) - 3] + (" !"[int(shown.conflicts[r, c])])
            elif shown.conflicts[r, c]:
                wanted = "!!"
            else:
                wanted = {WALL: "██", FREE: "··" if unsure else "  ", PATH: "▒▒" if unsure else "++" if new else "  "}[
                    symbol
                ]
            assert text == wanted
            seen.add(text)
            if symbol == PATH and not shown.conflicts[r, c]:
                assert tone(far(puzzle.question)[r, c]) in style
    assert seen >= {"!!", "++", "▒▒", "██"}
    assert set("".join(line.plain for line in board(puzzle, last, Space(80, 24)).lines)) == set("█ SG")


@pytest.mark.parametrize("name", ["small", "hard"])
def test_without_colour_the_path_is_a_line(name: str) -> None:
    """Every arm of it leads to a neighbour that leads back."""
    puzzle = example(name)
    step = attempt(puzzle)[-1]
    rows = board(puzzle, step, Space(80, 24, color=False)).lines
    size = rows[0].cell_len // puzzle.question.shape[1]
    assert size == (2 if name == "small" else 1)
    text = [line.plain[::size] for line in rows]
    arms = {"━": "lr", "┃": "ud", "┏": "rd", "┓": "ld", "┗": "ru", "┛": "lu"}
    for r, c in np.argwhere(step.answer == PATH):
        for arm in arms[text[r][c]]:
            dr, dc, back = {"l": (0, -1, "r"), "r": (0, 1, "l"), "u": (-1, 0, "d"), "d": (1, 0, "u")}[arm]
            near = text[r + dr][c + dc]
            assert near in "SG" or back in arms[near]
    early = attempt(puzzle)[1]
    rows = board(puzzle, early, Space(80, 24, color=False)).lines
    for (r, c), symbol in np.ndenumerate(early.answer):
        character, style = rows[r].plain[size * c], styles(rows[r], size * c)
        assert (character == "x") == bool(symbol == PATH and early.conflicts[r, c])
        assert (character == "#") == (symbol == WALL)
        if symbol == PATH:
            assert ("underline" in style) == early.changed[r, c]
            assert ("dim" in style) == bool(early.confidence[r, c] < UNSURE and not early.conflicts[r, c])
    console = Console(file=io.StringIO(), force_terminal=True, no_color=True, width=80, _environ={"TERM": "xterm"})
    with console.capture() as captured:
        console.print(Text("\n").join(rows))
    assert "\x1b[3" not in captured.get()  # no colour is set


def test_without_colour_the_last_frame_shows_a_maze_higher_than_the_window() -> None:
    puzzle = example("hard")
    step = attempt(puzzle)[-1]
    solution = Solution(puzzle, step.answer, "solved", None, None, 4, 1, 0.3, 0, 0.1, "maze", trace=(step,))
    for no_color, rows in ((True, 30), (False, 15)):
        file = io.StringIO()
        console = PlainConsole(
            file=file, force_terminal=True, no_color=no_color, width=80, height=24, _environ={"TERM": "xterm-256color"}
        )
        live = Live(console, OutputOptions())
        live.record(Record(0, solution))
        shown = re.sub(r"\r|\x1b\[[?\d;]*[A-Za-z]", "", file.getvalue()).split("\n")
        wanted = board(puzzle, step, Space(80, 24, not no_color)).lines
        assert [line[:30].rstrip() for line in shown[:rows]] == [line.plain.rstrip() for line in wanted]
        assert any("solved in 4 steps" in line for line in shown)


@pytest.mark.parametrize("space", [Space(80, 24), Space(80, 24, False), Space(30, 12), Space(200, 60)])
@pytest.mark.parametrize("name", ["small", "hard"])
def test_the_legend_fits_beside_the_board(name: str, space: Space) -> None:
    assert 0 < board(example(name), None, space).legend.cell_len <= 30


@pytest.mark.parametrize("suffix", pictures.SUFFIXES)
def test_pictures_of_mazes_are_written(suffix: str) -> None:
    puzzle = example("small")
    steps = attempt(puzzle)
    scenes = [(Scene(puzzle, steps[:n], None, 16, "maze"), 100) for n in (1, 3)]
    content = pictures.encode(scenes, Path(f"m{suffix}"))
    assert content[:4] in (b"<svg", b"<!DO", b"\x89PNG", b"GIF8")


def test_a_changed_wall_is_seen() -> None:
    puzzle = example("small")
    answer = puzzle.question.copy()
    at = tuple(int(x) for x in np.argwhere(answer == FREE)[0])
    answer[at] = WALL
    check = get_kind("maze").check(puzzle, answer)
    step = Step(
        0,
        1,
        1,
        answer,
        np.ones(answer.shape, np.float32),
        answer != puzzle.question,
        check.conflicts,
        0,
        0.1,
        False,
        True,
    )
    line = board(puzzle, step, Space(80, 24)).lines[at[0]].plain
    assert line[2 * at[1] : 2 * at[1] + 2] == "#!"
