"""Pictures of ARC tasks: they fit whatever the shapes, tell every mark, and say how sure an answer is."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.text import Text

from trm_solve import trace
from trm_solve.errors import ExitCode
from trm_solve.kinds.arc.drawing import PALETTE
from trm_solve.output import OutputOptions, Record, open_output
from trm_solve.output.live import Live
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.render import Scene, Space, bitmap, board, frame, page, pictures, summary, verdict
from trm_solve.render.film import film
from trm_solve.render.scene import UNSURE
from trm_solve.replay import replay
from trm_solve.terminal import PlainConsole
from trm_solve.trace import Candidate, Solution, Step

Shape = tuple[int, int]


def grid(rows: int, columns: int, seed: int = 0) -> Grid:
    return np.random.default_rng(seed).integers(0, 10, (rows, columns)).astype(np.uint8)


def puzzle(question: Grid, answers: Shape = (3, 3), pairs: int = 2) -> Puzzle:
    rows, columns = question.shape
    examples = tuple((grid(rows, columns, n), grid(*answers, n + 50)) for n in range(pairs))
    return Puzzle("arc", question, None, "task.json:abc[0]", task="abc", examples=examples)


def step(answer: Grid, number: int = 1, attempt: int = 1, *, halted: bool = False, sure: float = 0.95) -> Step:
    """A step of which every third cell is unsure and every second one is new."""
    places = np.arange(answer.size).reshape(answer.shape)
    confidence = np.where(places % 3 == 0, UNSURE - 0.2, 0.99).astype(np.float32)
    none = np.zeros(answer.shape, np.bool_)
    return Step(0, attempt, number, answer, confidence, places % 2 == 0, none, 0, sure, False, halted)


def solution(asked: Puzzle, votes: dict[int, Grid], of: int = 64, **changes: object) -> Solution:
    """What comes of votes for these grids, the most first."""
    ranked = tuple(Candidate(answer, number, 0.75) for number, answer in votes.items())
    steps = (step(ranked[0].answer, 16, halted=True),)
    facts = {"votes": ranked[0].votes, "confidence": ranked[0].votes / of}
    made = Solution(asked, ranked[0].answer, "predicted", None, None, 16, of, 0.97, 0, 0.5, "arc", "", facts, ranked)
    return dataclasses.replace(made, trace=steps, **changes)  # type: ignore[arg-type]


def lines(text: Text) -> list[str]:
    return text.plain.split("\n")


def looks(line: Text, at: int) -> str:
    """The styles of one character."""
    return " ".join(str(span.style) for span in line.spans if span.start <= at < span.end)


def half_blocks(rows: list[Text], left: int, shape: Shape) -> list[list[str | None]]:
    """The colours of a grid in half blocks whose first column is `left`, from the lines within its box."""
    found: list[list[str | None]] = []
    for line in rows:
        upper: list[str | None] = []
        lower: list[str | None] = []
        for at in range(left, left + shape[1]):
            front, _, back = looks(line, at).partition(" on ")
            upper.append(front)
            lower.append(front if line.plain[at] == "█" else back or None)
        found += [upper, lower]
    return found[: shape[0]]


grids = st.builds(grid, st.integers(1, 30), st.integers(1, 30), st.integers(0, 9))
outputs = grids | st.just(np.zeros((0, 0), np.uint8))
spaces = st.builds(Space, st.integers(20, 140), st.integers(5, 70), st.booleans())


@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spaces, grids, st.lists(st.tuples(grids, grids), min_size=1, max_size=5), st.lists(outputs, max_size=3), grids)
def test_no_frame_exceeds_its_window(
    space: Space, question: Grid, pairs: list[tuple[Grid, Grid]], answers: list[Grid], other: Grid
) -> None:
    asked = Puzzle("arc", question, None, "task.json:abc[0]", task="abc", examples=tuple(pairs))
    steps = [step(answer, n) for n, answer in enumerate(answers, 1)]
    scenes = [Scene(asked, steps[:n], None, 16, "arc") for n in range(len(steps) + 1)]
    ends = [answer for answer in answers if answer.size]
    votes = {37: (ends or [question])[-1], 9: other}
    scenes += [Scene(asked, steps, solution(asked, votes), 16), Scene(asked, (), solution(asked, {1: other}, 1))]
    for scene in scenes:
        made = lines(frame(scene, space))
        assert len(made) <= space.height
        assert max(map(len, made)) <= space.width


@pytest.mark.parametrize("height", [23, 24])
def test_a_large_grid_and_its_answer_are_whole_in_half_blocks(height: int) -> None:
    asked, now = puzzle(grid(30, 30, 1), (30, 30)), step(grid(30, 30, 2))
    made = frame(Scene(asked, [now], None, 16, "arc"), Space(80, height)).split("\n")
    assert made[0].plain == f"┌ test {'─' * 24}┐   ┌ answer {'─' * 22}┐"
    wanted = [[PALETTE[symbol] for symbol in row] for row in asked.question]
    assert half_blocks(list(made[1:16]), 1, (30, 30)) == wanted
    shown = np.array(half_blocks(list(made[1:16]), 36, (30, 30)))
    sure = now.confidence >= UNSURE
    assert (shown[sure] == np.array(PALETTE)[now.answer[sure]]).all()
    darker = shown[~sure & (now.answer > 0)]
    assert not set(darker) & set(PALETTE)
    assert len(set(darker)) == 9
    text = "\n".join(line.plain for line in made)
    assert "30 x 30 · 300 unsure" in text  # what half blocks cannot show is said
    assert re.search(r"^changed +450$", text, re.MULTILINE)


def test_cells_of_two_columns_have_digits_and_marks() -> None:
    asked, now = puzzle(grid(4, 5, 1)), step(grid(4, 5, 2))
    for color in (True, False):
        rows = board(asked, now, Space(80, 30, color)).lines[-5:-1]
        left = rows[0].plain.rindex("│", 0, rows[0].plain.rindex("│")) + 1
        for r, c in np.ndindex(4, 5):
            symbol, unsure, new = now.answer[r, c], now.confidence[r, c] < UNSURE, now.changed[r, c]
            at = left + 2 * c
            styles = looks(rows[r], at)
            blank = color and symbol == 0 and not unsure  # black, as it looks
            assert rows[r].plain[at : at + 2] == (" " if blank else str(symbol)) + " "
            assert ("underline" in styles) == new
            assert ("dim" in styles) == unsure
            assert ("on #" in styles) == color
            assert (f"on {PALETTE[symbol]}" in styles) == (color and (not unsure or symbol == 0))


def test_demonstrations_stand_above_the_test() -> None:
    asked = puzzle(np.array([[1, 2, 3]], np.uint8), (2, 2), pairs=1)
    rows = [line.plain.rstrip() for line in board(asked, step(np.array([[4]], np.uint8)), Space(80, 30, False)).lines]
    (before, after), number = asked.examples[0], "".join
    assert rows == [
        "┌ 1 ┐   ┌──┐",
        f"│{number(map(str, before[0]))}│ > │{number(map(str, after[0]))}│",
        f"└───┘   │{number(map(str, after[1]))}│",
        "        └──┘",
        "test       answer",
        "┌──────┐   ┌──┐",
        "│1 2 3 │ > │4 │",
        "└──────┘   └──┘",
        "",
    ]


def test_as_many_demonstrations_as_fit() -> None:
    def numbers(height: int) -> list[str]:
        drawn = board(puzzle(grid(12, 30), (12, 30), pairs=4), None, Space(80, height)).lines
        return [found for line in drawn for found in re.findall(r"┌ (\d|test) ", line.plain)]

    assert numbers(60) == ["1", "2", "3", "4", "test"]
    assert numbers(31) == ["1", "2", "test"]
    assert numbers(23) == ["1", "test"]
    assert numbers(15) == ["test"]


def test_where_only_one_grid_fits_it_is_the_answer_as_soon_as_there_is_one() -> None:
    asked, space = puzzle(grid(30, 30, 1), (30, 30)), Space(40, 20)
    for now, title in ((None, "test"), (step(grid(0, 0)), "test"), (step(grid(30, 30, 2)), "answer")):
        drawn = board(asked, now, space)
        assert drawn.lines[0].plain.startswith(f"┌ {title} ──")
        assert (drawn.width, len(drawn.lines)) == (32, 17)


def test_the_board_does_not_move_while_the_answer_grows() -> None:
    asked = puzzle(grid(3, 3), (9, 9))
    drawn = [board(asked, now) for now in (None, step(grid(0, 0)), step(grid(4, 5)), step(grid(9, 9)))]
    assert len({(each.width, len(each.lines)) for each in drawn}) == 1


@pytest.mark.parametrize("color", [True, False])
def test_attempts_stand_side_by_side_with_their_votes(color: bool) -> None:
    asked = puzzle(grid(3, 3))
    end = solution(asked, {37: grid(2, 3, 5), 9: grid(3, 2, 6), 4: grid(1, 1, 7)})
    text = frame(Scene(asked, end.trace, end, 16, "arc"), Space(80, 24, color)).plain
    assert re.search(r"test +attempt 1: 37 of 64 votes +attempt 2: 9 of 64\n", text)
    assert "attempt 3" not in text
    assert "predicted, 37 of 64 votes agree (58 %)" in text
    if not color:
        for answer in (candidate.answer for candidate in end.candidates[:2]):
            assert " ".join(map(str, answer[0])) in text


def test_large_attempts_stand_side_by_side_too() -> None:
    asked = puzzle(grid(30, 30, 1), (30, 30))
    end = solution(asked, {37: grid(30, 30, 5), 9: grid(30, 30, 6)})
    made = frame(Scene(asked, end.trace, end, 16, "arc"), Space(80, 23)).split("\n")
    assert made[0].plain == f"┌ attempt 1: 37 of 64 votes {'─' * 3}┐   ┌ attempt 2: 9 of 64 {'─' * 10}┐"
    for left, candidate in zip((1, 36), end.candidates, strict=True):
        wanted = [[PALETTE[symbol] for symbol in row] for row in candidate.answer]
        assert half_blocks(list(made[1:16]), left, (30, 30)) == wanted
    assert made[17].plain == "predicted, 37 of 64 votes agree (58 %)"
    assert made[-1].plain.startswith("halt %")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "predicted, 37 of 64 votes agree (58 %)"),
        (
            {"facts": {"leave_one_out": "2 of 3"}},
            "predicted, 37 of 64 votes agree (58 %); adapted, leave-one-out 2 of 3",
        ),
        ({"attempts": 1}, "predicted by a single vote, halting probability 97 %"),
        ({"candidates": ()}, "predicted in 16 steps (64 attempts), no rules to check it"),
        (
            {"verdict": "unsolved", "answer": None, "candidates": (), "reason": "not solved in 16 steps"},
            "not solved in 16 steps (64 attempts)",
        ),
        (
            {"verdict": "unsolved", "answer": None, "candidates": (), "reason": "out of time"},
            "not solved in 16 steps (64 attempts), out of time",
        ),
    ],
)
def test_a_verdict_says_how_sure_it_is(changes: dict[str, object], words: str) -> None:
    end = dataclasses.replace(solution(puzzle(grid(3, 3)), {37: grid(2, 9)}), **changes)  # type: ignore[arg-type]
    assert verdict(end) == words
    assert words in summary(end, 200).plain
    for width in (40, 80):
        shown = frame(Scene(end.puzzle, end.trace, end), Space(width, 40)).plain
        assert words in " ".join(shown.split())


def test_without_colour_the_last_frame_has_a_character_a_cell() -> None:
    asked = puzzle(grid(30, 30, 1), (30, 30))
    end = solution(asked, {37: grid(30, 30, 5), 9: grid(30, 30, 6)})
    file = io.StringIO()
    console = PlainConsole(
        file=file, force_terminal=True, no_color=True, width=80, height=24, _environ={"TERM": "xterm"}
    )
    Live(console, OutputOptions()).record(Record(0, end))
    shown = re.sub(r"\r|\x1b\[[?\d;]*[A-Za-z]", "", file.getvalue()).split("\n")
    first, second = ([*map(str, candidate.answer.tolist())] for candidate in end.candidates)
    for line, one, two in zip(shown[1:31], first, second, strict=True):
        assert re.sub(r"\D", "", line) == re.sub(r"\D", "", one + two)
    assert "predicted, 37 of 64 votes agree (58 %)" in shown
    assert "\x1b[3" not in file.getvalue()


def test_of_many_attempts_the_first_is_followed_to_its_end() -> None:
    steps = [step(grid(2, 2, n), n, attempt, halted=n == attempt + 1) for n in (1, 2) for attempt in (1, 2)]
    asked = puzzle(grid(2, 2))
    shown = [Scene(asked, steps[:n]).shown for n in range(5)]
    assert shown == [None, steps[0], steps[0], steps[2], steps[3]]


def test_the_pace_is_that_of_the_first_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("trm_solve.output.live.time.sleep", lambda seconds: clock.append(clock[-1] + seconds))
    monkeypatch.setattr("trm_solve.output.live.time.perf_counter", lambda: clock[-1])
    console = PlainConsole(file=io.StringIO(), force_terminal=True, width=80, height=24, _environ={"TERM": "xterm"})
    live = Live(console, OutputOptions(pace=100.0))
    asked = puzzle(grid(2, 2))
    steps = [step(grid(2, 2), n, attempt) for n in (1, 2, 3) for attempt in range(1, 9)]
    for n in range(1, len(steps) + 1):
        live.step(Scene(asked, steps[:n]))
    assert clock[-1] == 1300.0


def test_a_film_shows_the_vote_as_it_comes_in() -> None:
    asked = puzzle(grid(2, 2))
    steps = [step(grid(2, 2, n % 3 == 0), 1, n, halted=True) for n in range(1, 7)]
    end = solution(asked, {4: grid(2, 2, 0), 2: grid(2, 2, 1)}, 6, best_step=steps[0])
    drawn = [frame(scene, Space(108, 60)).plain for scene, _ in film(end, steps)]
    found = [re.findall(r"attempt \d: (\d) of (\d)", text) for text in drawn]
    votes = [[("1", "1")], [("2", "2")], [("2", "3"), ("1", "3")], [("3", "4"), ("1", "4")]]
    assert found[:6] == [[], [], *votes]  # the question, the winner's step, the votes
    assert found[-1] == [("4", "6"), ("2", "6")]


@pytest.mark.parametrize("suffix", pictures.SUFFIXES)
def test_pictures_of_answers_of_any_shape(suffix: str) -> None:
    asked = puzzle(grid(4, 4), (12, 12))
    steps = [step(np.zeros((0, 0), np.uint8)), step(grid(1, 9), 2), step(grid(12, 12), 3)]
    end = solution(asked, {3: grid(12, 12), 2: grid(5, 1)}, 5)
    scenes = [Scene(asked, steps[:n], None, 16, "arc") for n in range(4)] + [Scene(asked, steps, end, 16, "arc")]
    content = pictures.encode([(each, 100) for each in scenes], Path(f"task{suffix}"))
    assert content[:4] in (b"<svg", b"<!DO", b"\x89PNG", b"GIF8")


def test_svg_and_png_have_the_same_colours() -> None:
    """Half blocks of any two colours upon another, in whatever order they come."""
    asked = puzzle(grid(9, 8, 3), (7, 9), pairs=3)
    end = solution(asked, {3: grid(15, 12, 4)}, 5)
    scene = Scene(asked, end.trace, end, 16, "arc")
    image = Image.open(io.BytesIO(bitmap.png(page.page(scene)))).convert("RGB")
    root = ElementTree.fromstring(pictures.encode([(scene, 100)], Path("a.svg")))
    spots: dict[tuple[float, float], str] = {}
    for path in root.iter("{http://www.w3.org/2000/svg}path"):  # later ones cover earlier ones
        for box in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h", path.get("d", "")):
            x, y, width, height = map(float, box)
            for row in range(int(y // 10), int((y + height) // 10)) if width == 10 else ():
                spots[x + 9, 10 * row + 8] = path.get("fill", "")  # near a corner: letters leave it free
    assert len(set(spots.values()) & set(PALETTE)) == 10
    for (x, y), color in spots.items():
        assert image.getpixel((int(bitmap.SCALE * x), int(bitmap.SCALE * y))) == tuple(bytes.fromhex(color[1:]))


def votes_file(folder: Path) -> Path:
    """A trace of three attempts that run side by side: the first and the third end with one answer."""
    asked = puzzle(grid(3, 3), (2, 2))
    ends = {1: grid(2, 2, 5), 2: grid(2, 2, 6), 3: grid(2, 2, 5)}
    steps = [step(np.zeros((0, 0), np.uint8), 1, attempt) for attempt in ends]
    steps += [step(answer, 2, attempt, halted=True) for attempt, answer in ends.items()][::-1]
    path = folder / "steps.jsonl"
    path.write_text("\n".join(trace.dump(asked, steps, "arc")) + "\n")
    return path


def test_a_trace_keeps_the_task(tmp_path: Path) -> None:
    path = votes_file(tmp_path)
    ((found, _, steps),) = trace.load(path.read_text().splitlines(), "t")
    asked = puzzle(grid(3, 3), (2, 2))
    assert (found.task, found.source) == ("abc", "task.json:abc[0]")
    for pair, wanted in zip(found.examples, asked.examples, strict=True):
        for made, right in zip(pair, wanted, strict=True):
            np.testing.assert_array_equal(made, right)
    assert [each.answer.shape for each in steps] == [(0, 0)] * 3 + [(2, 2)] * 3
    assert {array.shape for array in (steps[0].confidence, steps[0].changed, steps[0].conflicts)} == {(0, 0)}
    header = json.loads(path.read_text().splitlines()[0])
    old = {name: value for name, value in header.items() if name not in ("task", "examples")}
    ((found, _, _),) = trace.load([json.dumps(old)], "t")
    assert (found.task, found.examples) == ("", ())


def test_a_replayed_trace_is_voted_on_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "film.gif"
    assert replay(votes_file(tmp_path), OutputOptions(save=picture)) is ExitCode.OK
    out, err = capsys.readouterr()
    assert json.loads(out) == grid(2, 2, 5).tolist()
    assert err == "note: task.json:abc[0]: predicted, 2 of 3 votes agree (67 %)\n"
    with Image.open(picture) as moving:
        assert moving.n_frames == 1 + 2 + 3 + 1  # type: ignore[attr-defined]  # question, two steps, votes, end


def test_one_grid_a_line_and_how_sure_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    asked = puzzle(grid(3, 3))
    nothing = dataclasses.replace(
        solution(asked, {1: np.zeros((0, 0), np.uint8)}), verdict="unsolved", answer=None, candidates=()
    )
    for quiet in (False, True):
        with open_output(OutputOptions(quiet=quiet)) as output:
            output.solution(0, solution(asked, {37: grid(2, 3, 5), 9: grid(1, 1)}))
            output.solution(1, nothing)
            output.solution(2, solution(asked, {64: grid(1, 2, 6)}))
        assert output.exit_code is ExitCode.UNSOLVED
        out, err = capsys.readouterr()
        assert [line and json.loads(line) for line in out.split("\n")] == [
            grid(2, 3, 5).tolist(), "", grid(1, 2, 6).tolist(), ""
        ]  # fmt: skip
        notes = [line for line in err.splitlines() if line.startswith(("note", "warning"))]
        assert (
            notes == []
            if quiet
            else [
                "note: task.json:abc[0]: predicted, 37 of 64 votes agree (58 %)",
                "warning: task.json:abc[0]: not solved in 16 steps (64 attempts)",
                "note: task.json:abc[0]: predicted, 64 of 64 votes agree (100 %)",
            ]
        )


def test_json_has_the_task_and_both_attempts(capsys: pytest.CaptureFixture[str]) -> None:
    end = solution(puzzle(grid(3, 3)), {37: grid(2, 3, 5), 9: grid(1, 1, 6), 4: grid(1, 2)})
    with open_output(OutputOptions(json=True, quiet=True)) as output:
        output.solution(0, end)
    made = json.loads(capsys.readouterr().out)
    assert made["task"] == "abc"
    assert made["verdict"] == "predicted"
    assert (made["votes"], made["attempts"]) == (37, 64)
    assert made["answer"] == grid(2, 3, 5).tolist()
    assert made["candidates"] == [
        {"answer": grid(2, 3, 5).tolist(), "votes": 37, "halt_probability": 0.75},
        {"answer": grid(1, 1, 6).tolist(), "votes": 9, "halt_probability": 0.75},
    ]
