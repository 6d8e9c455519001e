"""Mazes: reading, tokens, the rules and what a model is allowed to call solved."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numeric import apart, close

from trm_solve.checkpoint import save
from trm_solve.config import ModelConfig, SolveOptions
from trm_solve.errors import ExitCode, InputError
from trm_solve.kinds import get_kind
from trm_solve.kinds.maze import text as maze_text
from trm_solve.kinds.maze.kind import Maze
from trm_solve.kinds.maze.paths import (
    FREE,
    GOAL,
    PATH,
    START,
    WALL,
    are_shortest,
    are_walks,
    flaws,
    missing,
    shortest_path,
    solve,
)
from trm_solve.model import TRM
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.reading import read_file, read_lines
from trm_solve.schedule import solve_all as run
from trm_solve.solver import Attempt, refine
from trm_solve.trace import Solution

EXAMPLES = Path(__file__).parent.parent / "examples" / "maze"
KIND = Maze()
LOOP = """\
S..#
.#..
.##.
...G
"""


def maze(text: str) -> Puzzle:
    (puzzle,) = read(text)
    assert isinstance(puzzle, Puzzle)
    return puzzle


def read(text: str, kind: str | None = None) -> list[Puzzle | InputError]:
    return list(read_lines(text.splitlines(keepends=True), "m.txt", kind))


def drawn(text: str) -> Grid:
    """An answer as it was drawn, whatever it is worth."""
    return np.array([[" # SGo".index(c) if c != "." else FREE for c in line] for line in text.split()], np.uint8)


def distance(question: Grid) -> int | None:
    """Moves from S to G by a search that shares nothing with the one under test."""
    (start,), (goal,) = (list(zip(*np.where(question == symbol), strict=True)) for symbol in (START, GOAL))
    seen, queue = {start: 0}, deque([start])
    while queue:
        r, c = queue.popleft()
        for near in ((r, c + 1), (r - 1, c), (r, c - 1), (r + 1, c)):
            inside = 0 <= near[0] < question.shape[0] and 0 <= near[1] < question.shape[1]
            if inside and near not in seen and question[near] != WALL:
                seen[near] = seen[r, c] + 1
                queue.append(near)
    return seen.get(goal)


def is_path(question: Grid, marked: np.ndarray) -> bool:
    """Whether S, G and the marks are one walk without branches, found by walking it."""
    cells = {(int(r), int(c)) for r, c in np.argwhere(marked | (question == START) | (question == GOAL))}
    at = next((int(r), int(c)) for r, c in np.argwhere(question == START))
    walked, before = [at], None
    while question[at] != GOAL:
        r, c = at
        ways = [near for near in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)) if near in cells and near != before]
        if len(ways) != 1:
            return False
        before, at = at, ways[0]
        if at in walked:
            return False
        walked.append(at)
    r, c = at
    touching = sum(near in cells for near in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)))
    return len(walked) == len(cells) and touching == 1


@st.composite
def questions(draw: st.DrawFn, largest: int = 8) -> Grid:
    rows, columns = draw(st.integers(1, largest)), draw(st.integers(2, largest))
    grid = draw(hnp.arrays(np.uint8, (rows, columns), elements=st.sampled_from([WALL, FREE, FREE])))
    ends = draw(st.lists(st.integers(0, rows * columns - 1), min_size=2, max_size=2, unique=True))
    grid.ravel()[ends] = START, GOAL
    return grid


# ---- reading


def test_a_grid_of_any_shape_is_read() -> None:
    puzzle = maze("##S #\n#  G.\n")
    assert puzzle.question.tolist() == [[1, 1, 3, 2, 1], [1, 2, 2, 4, 2]]
    assert (puzzle.kind, puzzle.source, puzzle.answer) == ("maze", "m.txt:1", None)


def test_mazes_are_separated_by_blank_lines_and_read_lazily() -> None:
    def lines():
        yield from ("S.G\n", "\n", "\n", "SG\n", "\n")
        raise AssertionError("read too far")

    found = KIND.parse(lines(), "m.txt")
    sources = [next(found).source, next(found).source]
    assert sources == ["m.txt:1", "m.txt:4"]


def test_a_row_of_spaces_is_a_row_where_it_is_as_wide_as_the_maze() -> None:
    first, second = read("   \nS# \n   \n# G\n  \nSG\n", "maze")
    assert isinstance(first, Puzzle)
    assert isinstance(second, Puzzle)
    assert first.question.shape == (4, 3)
    assert second.question.shape == (1, 2)


def test_a_drawn_path_is_the_label() -> None:
    puzzle = maze("Soo\n##o\nGoo\n")
    assert puzzle.answer is not None
    assert KIND.format(puzzle.question) == "S  \n## \nG  "
    assert KIND.format(puzzle.answer) == "Soo\n##o\nGoo"


def test_the_public_form_is_read_with_its_label_and_rating() -> None:
    items = list(read_file(EXAMPLES / "twelve.csv"))
    assert len(items) == 12
    for item in items:
        assert isinstance(item, Puzzle)
        assert item.question.shape == (12, 12)
        assert item.answer is not None
        assert item.rating == distance(item.question)
        assert KIND.check(item, item.answer).facts == {"valid": True, "shortest": True, "canonical": True}


def test_csv_of_other_shapes_says_how_wide_its_mazes_are() -> None:
    (puzzle,) = read('source,question,answer,rating,columns\nx,"S  ##G",,,3\n')
    assert isinstance(puzzle, Puzzle)
    assert puzzle.question.tolist() == [[3, 2, 2], [1, 1, 4]]


def test_csv_without_a_header() -> None:
    (puzzle,) = read("S##G,S##G\n")[:1]
    assert isinstance(puzzle, Puzzle)
    assert puzzle.answer is None  # no path in it, so the label cannot be one
    assert "not one walk" in puzzle.label_fault
    (puzzle,) = read("S G#,,7\n")
    assert isinstance(puzzle, Puzzle)
    assert (puzzle.rating, puzzle.source) == (7.0, "m.txt:1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("S.x\n..G\n", "m.txt:1:3: 'x' is not a cell of a maze"),
        ("S.\té\n", "m.txt:1:3: '\\t' is not a cell of a maze"),
        ("..é#SG\n", "m.txt:1:3: 'é' is not a cell of a maze"),
        ("#..\n..G\n", "m.txt:1: no S in this maze"),
        ("\nS..\n...\n", "m.txt:2: no G in this maze"),
        ("S.#\n.S.\nG..\n", "m.txt:2:2: a second S, the first is at row 1, column 1"),
        ("S#G\n..G\n", "m.txt:2:3: a second G, the first is at row 1, column 3"),
        ("S#.\n..\n..G\n", "m.txt:2: 2 cells, other rows have 3"),
        ("S#\n...\n..G\n", "m.txt:1: 2 cells, other rows have 3"),
        ("SG" + "#" * 29 + "\n", "m.txt:1: a maze of 1 x 31 cells, at most 30 x 30 can be read"),
        ("S.G\n" + "###\n" * 30, "m.txt:1: a maze of 31 x 3 cells, at most 30 x 30 can be read"),
        ("So.\n#.G\n", "m.txt:1: the answer is not one walk from S to G (see row 1, column 2)"),
        ("question\nS  G \n", "m.txt:2: question of 5 characters, not a square"),
        ('question,columns\n"S##G",2.0\n', "m.txt:2: columns '2.0' is not a number of columns"),
        ('question,columns\n"S #G#",2\n', "m.txt:2: question of 5 characters, not a square and not rows of 2"),
        ("question,answer\nS #G,S #\n", "m.txt:2: answer of 3 characters, the question has 4"),
        ("question,answer\nS# G,#oSG\n", "m.txt:2: the answer changes 3 cells of the maze"),
        ("question,answer\nS #G,S##G\n", "m.txt:2: the answer changes 1 cell of the maze"),
        (
            "question,answer\nS  #  G  ,S  #  G  \n",
            "m.txt:2: the answer is not one walk from S to G (see row 1, column 1)",
        ),
        ("question\nSo#G\n", "m.txt:2:2: 'o' is not a cell of a maze's question"),
        ("id,question\n7,S #S\n", "m.txt:2:6: a second S, the first is at row 1, column 1"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, message: str) -> None:
    """A question that cannot be read is an error; a label that cannot be used is none, and says why."""
    items = read(text, "maze")
    errors = [item for item in items if isinstance(item, InputError)]
    faults = [item.label_fault for item in items if isinstance(item, Puzzle) and item.label_fault]
    assert [error.message for error in errors] + faults == [message]
    assert all(error.exit_code == ExitCode.USAGE for error in errors)
    assert all(item.answer is None for item in items if isinstance(item, Puzzle))


def test_start_and_goal_by_other_names_are_hinted_at() -> None:
    (error,) = read("#####\n#@..#\n#..$#\n#####\n", "maze")
    assert isinstance(error, InputError)
    assert error.message == "m.txt:2:2: '@' is not a cell of a maze"
    assert error.hint == "where '@' is the start and '$' the goal: tr '@$' SG < FILE | trm-solve solve -"


def test_lost_spaces_are_hinted_at() -> None:
    (error,) = read("S  #\n #\n   G\n")
    assert isinstance(error, InputError)
    assert "lost their spaces" in error.hint


def test_a_bad_maze_does_not_hide_the_next() -> None:
    bad, good = read("S.#\n...\n\nS#\n.G\n")
    assert isinstance(bad, InputError)
    assert isinstance(good, Puzzle)
    assert good.source == "m.txt:4"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (LOOP, "maze"),
        ("S.x\n..G\n", "maze"),
        ("\n\n#....\n", "maze"),
        ("source,question,answer,rating\na,S # G   #,,\n", "maze"),
        ("S # G   #,S # G   #,\n", "maze"),
        ("question\nS # G   #\n", "maze"),
        (
            "source,question,answer,rating\n0,53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79,,1\n",
            "sudoku",
        ),
        (
            "# Sudoku, a Good one\n53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79\n",
            "sudoku",
        ),
        ("53.|.7.|...\n6..|195|...\n.98|...|.6.\n---+---+---\n", "sudoku"),
        ("." * 81 + "\n", "sudoku"),
    ],
)
def test_a_file_is_recognised_by_what_is_in_it(text: str, kind: str) -> None:
    items = read(text)
    assert {item.kind for item in items if isinstance(item, Puzzle)} <= {kind}
    assert KIND.recognises(text.splitlines(keepends=True)) == (kind == "maze")


@given(questions())
def test_text_form_round_trip(question: Grid) -> None:
    (puzzle,) = read(KIND.format(question) + "\n", "maze")
    assert isinstance(puzzle, Puzzle)
    assert np.array_equal(puzzle.question, question)
    answer = solve(question)
    if answer is not None and (answer == PATH).any():
        (puzzle,) = read(KIND.format(answer), "maze")
        assert isinstance(puzzle, Puzzle)
        assert puzzle.answer is not None
        assert np.array_equal(puzzle.question, question)
        assert np.array_equal(puzzle.answer, answer)


@given(st.text(alphabet='#. SGo\n,"xé\t5\0', max_size=60))
def test_reading_never_fails_otherwise(text: str) -> None:
    for item in KIND.parse(text.splitlines(keepends=True), "m.txt"):
        assert isinstance(item, Puzzle | InputError)


DRAWN = {
    "plus": ("+--+--+--+\n|S       |\n+  +--+  +\n|  |     |\n+--+--+  +\n|       G|\n+--+--+--+\n", (7, 7)),
    "wide": ("+---+---+\n| S     |\n+---+   +\n|     G |\n+---+---+\n", (5, 5)),
    "posts": ("o---o---o\n| S     |\no   o   o\n|   | G |\no---o---o\n", (5, 5)),
    "posts of an empty room": ("+--+--+\n|S    |\n+  +  +\n|    G|\n+--+--+\n", (5, 5)),
    "box": ("┌───┐\n│S│ │\n│ ╵ │\n│  G│\n└───┘\n", (5, 5)),
    "crosses": ("#####\n#Sx #\n##x##\n# xG#\n#####\n", (5, 5)),
    "apart": ("# # # # #\n# S . . #\n# . . G #\n# # # # #\n", (4, 5)),
    "cells": ("#,#,#,#,#\n#,S, , ,#\n#,,,G,#\n#,#,#,#,#\n", (4, 5)),
    "numbers": ("11111\n12001\n11011\n10031\n11111\n", (5, 5)),
    "list": ("[[1,1,1,1,1],[1,2,0,0,1],[1,1,0,1,1],[1,0,0,3,1],[1,1,1,1,1]]", (5, 5)),
    "texts": ('["#####", "#S  #", "#  G#", "#####"]', (4, 5)),
    "crosses all round": ("XXXXX\nXS  X\nXX XX\nX  GX\nXXXXX\n", (5, 5)),
    "any sign all round": ("&&&&&\n&S..&\n&&.&&\n&..G&\n&&&&&\n", (5, 5)),
    "underscores": ("#####\n#S__#\n##_##\n#__G#\n#####\n", (5, 5)),
    "squares": ("⬛⬛⬛⬛⬛\n⬛S⬜⬜⬛\n⬛⬛⬜⬛⬛\n⬛⬜⬜G⬛\n⬛⬛⬛⬛⬛\n", (5, 5)),
    "blocks": ("█████\n█A  █\n██ ██\n█  B█\n█████\n", (5, 5)),
}


@pytest.mark.parametrize("name", DRAWN)
def test_other_drawings_are_read(name: str) -> None:
    text, size = DRAWN[name]
    (item,) = read(text)
    assert isinstance(item, Puzzle), item
    assert (item.kind, item.question.shape) == ("maze", size)
    assert KIND.unsolvable(item) == ""
    assert (item.answer is not None) == (name == "crosses")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" _ _ _\n|S|_  |\n|_ _G_|\n", "a maze drawn in lines of a kind that is not read"),
        ("11111\n10001\n11011\n10001\n11111\n", "a maze of 0 and 1 without S and G"),
        ("00100\n02000\n00010\n00030\n00100\n", "a grid of 0 and 1, without a border of 1"),
        ("  # ####\n  #S  #\n  # # ##\n  #  G#\n  # # ##\n", "which have gaps"),
        (
            "+---" * 16 + "+\n" + ("|   " * 16 + "|\n" + "+---" * 16 + "+\n") * 16,
            "of 16 x 16 cells: with its walls 33 x 33",
        ),
    ],
)
def test_other_drawings_are_refused_once(text: str, message: str) -> None:
    (error,) = read(text)
    assert isinstance(error, InputError)
    assert message in error.message


@given(questions(), st.data())
def test_a_walk_is_what_has_no_flaws(question: Grid, data: st.DataObject) -> None:
    answer = solve(question)
    answer = question.copy() if answer is None or data.draw(st.booleans()) else answer
    for cell in data.draw(st.lists(st.sampled_from(range(question.size)), max_size=3)):
        if question.ravel()[cell] == FREE:
            answer.ravel()[cell] = PATH if answer.ravel()[cell] == FREE else FREE
    assert are_walks(answer[None]) == [not flaws(question, answer == PATH).any()]
    if are_walks(answer[None])[0]:
        puzzle = Puzzle("maze", question, answer)
        assert are_shortest(answer[None]) == [KIND.check(puzzle, answer).solved] == KIND.learnable([puzzle])


@settings(max_examples=30)
@given(st.lists(st.tuples(questions(), st.sampled_from("#.SGoX "), st.integers(0, 99), st.booleans()), min_size=1))
def test_many_rows_are_read_as_each_of_them(mazes: list[tuple[Grid, str, int, bool]]) -> None:
    """A table is read in blocks; with a character changed at random, and with other sizes in between."""
    rows = []
    for question, mark, at, in_answer in mazes:
        answer = solve(question)
        grids = (question, question if answer is None else answer)
        texts = ["".join("?# SGo"[symbol] for symbol in grid.ravel()) for grid in grids]
        place = at % question.size
        if at < 60:
            texts[in_answer] = texts[in_answer][:place] + mark + texts[in_answer][place + 1 :]
        rows.append(f"{texts[0]},{texts[1] if at % 7 else ''},{at},{question.shape[1] if at % 5 else ''}")
    table = "question,answer,rating,columns\n" + "\n".join(rows) + "\n"
    together = read(table, "maze")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maze_text, "_plain", lambda rows, _: [None] * len(rows))
        one_by_one = read(table, "maze")
    assert [told(item) for item in together] == [told(item) for item in one_by_one]
    labelled = [item for item in together if isinstance(item, Puzzle) and item.answer is not None]
    assert KIND.learnable(labelled) == [KIND.check(p, p.answer).solved for p in labelled if p.answer is not None]


def told(item: Puzzle | InputError) -> tuple[object, ...]:
    if isinstance(item, InputError):
        return item.message, item.hint
    answer = None if item.answer is None else item.answer.tolist()
    return item.question.tolist(), answer, item.source, item.rating, item.note, item.label_fault


# ---- the canvas


@given(questions(), st.integers(0, 40), st.integers(0, 40))
def test_a_maze_is_walled_in_and_read_back_from_wherever_it_stands(question: Grid, down: int, across: int) -> None:
    answer = np.where(question == FREE, np.uint8(PATH), question)
    puzzle = Puzzle("maze", question, answer, offset=(down, across))
    canvas = KIND.encode(puzzle).reshape(30, 30)
    r, c = min(down, 30 - question.shape[0]), min(across, 30 - question.shape[1])
    window = (slice(r, r + question.shape[0]), slice(c, c + question.shape[1]))
    assert np.array_equal(canvas[window], question)
    canvas[window] = WALL
    assert (canvas == WALL).all()
    label = KIND.encode_answer(puzzle)
    assert np.count_nonzero(label) == question.size
    assert np.array_equal(KIND.decode(puzzle, label, np.ones(900, np.float32)).answer, answer)
    cells = KIND.crop(puzzle)
    assert cells is not None
    assert np.array_equal(KIND.encode(puzzle)[cells], question.ravel())


def test_a_maze_of_the_canvas_is_not_cropped() -> None:
    (puzzle,) = read_file(EXAMPLES / "hard.txt")
    assert isinstance(puzzle, Puzzle)
    assert KIND.crop(puzzle) is None
    assert np.array_equal(KIND.encode(puzzle), puzzle.question.ravel())


@given(questions(), st.integers(0, 2**32 - 1))
def test_reading_an_output_keeps_the_maze_and_marks_free_cells_only(question: Grid, seed: int) -> None:
    rng = np.random.default_rng(seed)
    puzzle = Puzzle("maze", question)
    tokens = rng.integers(0, 6, 900).astype(np.uint8)
    confidence = rng.random(900).astype(np.float32)
    reading = KIND.decode(puzzle, tokens, confidence)
    free = question == FREE
    said = tokens.reshape(30, 30)[: question.shape[0], : question.shape[1]]
    assert np.array_equal(reading.answer[~free], question[~free])
    assert np.array_equal(reading.answer == PATH, free & (said == PATH))
    assert reading.overruled == np.count_nonzero(said[~free] != question[~free])
    assert (reading.confidence[~free] == 1).all()
    assert ((reading.confidence >= 0) & (reading.confidence <= 1)).all()


# ---- the rules


def test_the_three_verdicts_are_told_apart() -> None:
    puzzle = maze("S..\n...\n..G\n")
    verdicts = {
        "Soo\n..o\n..G": (True, True, False),
        "S..\no..\nooG": (True, True, True),  # down comes first
        "Soo\nooo\n..G": (False, False, False),  # touches itself
        "S..\n...\n..G": (False, False, False),
    }
    for text, wanted in verdicts.items():
        check = KIND.check(puzzle, drawn(text))
        assert (check.facts["valid"], check.facts["shortest"], check.facts["canonical"]) == wanted, text
        assert check.solved == wanted[1]
    detour = maze("S.#..\n..#..\n#...G\n.....\n")
    check = KIND.check(detour, drawn("S.#..\noo#..\n#o..G\n.oooo\n"))
    assert check.facts == {"valid": True, "shortest": False, "canonical": False}
    assert (check.solved, check.complete, check.conflicts.any()) == (False, True, False)


def test_next_to_each_other() -> None:
    puzzle = maze("SG\n..\n")
    assert KIND.check(puzzle, puzzle.question).facts["canonical"]
    assert not KIND.check(puzzle, drawn("SG\noo")).solved


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("S..#\n.#..\n.##.\n...G", [(0, 0), (3, 3)]),  # nothing drawn: S and G lead nowhere
        ("S..#\no#..\no##.\noooG", []),
        ("So.#\no#..\no##.\noooG", [(0, 1)]),  # a side branch
        ("Soo#\no#o.\no##.\noooG", [(0, 1), (0, 2), (1, 2)]),
        ("Soo#\no#oo\no##o\noooG", [(0, 0), (3, 3)]),  # two ways at once
        ("S..#\no#..\n.##.\n.ooG", [(1, 0), (3, 1)]),  # a gap between two ends
        ("S.o#\no#o.\no##.\noooG", [(0, 2), (1, 2)]),  # a piece on its own
        ("S..#\n.oo.\n.##.\n...G", [(0, 0), (1, 1), (1, 2), (3, 3)]),  # a marked wall
        ("S..#\no#..\no##.\nooSG", [(3, 1), (3, 2), (3, 3)]),  # a cell changed
    ],
)
def test_cells_that_break_a_path_are_named(answer: str, wrong: list[tuple[int, int]]) -> None:
    check = KIND.check(maze(LOOP), drawn(answer))
    assert [(int(r), int(c)) for r, c in np.argwhere(check.conflicts)] == wrong
    assert check.solved == (not wrong)


@given(questions(), st.data())
def test_an_answer_is_valid_exactly_where_walking_it_leads_to_the_goal(question: Grid, data: st.DataObject) -> None:
    marked = data.draw(hnp.arrays(np.bool_, question.shape, elements=st.booleans())) & (question == FREE)
    path = shortest_path(question)
    if path is not None and data.draw(st.booleans()):  # chance alone seldom draws a path
        marked[:] = False
        marked.ravel()[path[1:-1]] = True
        flips = data.draw(st.lists(st.integers(0, question.size - 1), max_size=2))
        marked.ravel()[flips] ^= True
        marked &= question == FREE
    check = KIND.check(Puzzle("maze", question), np.where(marked, np.uint8(PATH), question))
    assert check.facts["valid"] == is_path(question, marked)
    assert check.facts["valid"] == (not flaws(question, marked).any())
    assert check.solved == (check.facts["valid"] and marked.sum() + 1 == distance(question))
    assert check.facts["canonical"] <= check.facts["shortest"] <= check.facts["valid"]
    answer = np.where(marked, np.uint8(PATH), question)
    assert (KIND.defects(Puzzle("maze", question), answer, check.conflicts) == 0) == check.solved


@given(questions())
def test_the_path_found_is_a_shortest_one(question: Grid) -> None:
    path, wanted = shortest_path(question), distance(question)
    assert (None if path is None else len(path) - 1) == wanted
    assert bool(KIND.unsolvable(Puzzle("maze", question))) == (path is None)
    answer = solve(question)
    if answer is not None:
        check = KIND.check(Puzzle("maze", question), answer)
        assert check.facts == {"valid": True, "shortest": True, "canonical": True}


@given(questions(6), st.data())
def test_missing_counts_the_cells_that_would_join_start_and_goal(question: Grid, data: st.DataObject) -> None:
    marked = data.draw(hnp.arrays(np.bool_, question.shape, elements=st.booleans())) & (question == FREE)
    found = missing(question, marked)
    nothing = missing(question, np.zeros_like(marked))
    wanted = distance(question)
    assert nothing == (-1 if wanted is None else wanted - 1)
    assert (found == -1) == (nothing == -1)
    assert found <= nothing
    path = shortest_path(question)
    if path is not None:
        assert found <= np.count_nonzero(~marked.ravel()[path[1:-1]])
        assert missing(question, question == FREE) == 0


def test_a_nearly_whole_path_beats_an_empty_one() -> None:
    puzzle = maze(LOOP)

    def score(text: str) -> int:
        answer = drawn(text)
        return KIND.defects(puzzle, answer, KIND.check(puzzle, answer).conflicts)

    assert score("S..#\no#..\no##.\n.ooG") < score("S..#\n.#..\n.##.\n...G")
    assert score("S..#\no#..\no##.\noooG") == 0


# ---- symmetry


@given(questions(), st.integers(0, 7))
def test_turned_paths_stay_shortest(question: Grid, which: int) -> None:
    symmetry = KIND.dihedral(question.shape, which)
    turned = symmetry.apply(question)
    assert distance(turned) == distance(question)
    back = symmetry.inverse(question.shape)
    assert np.array_equal(back.apply(turned), question)
    answer = solve(question)
    if answer is not None:
        assert KIND.check(Puzzle("maze", turned), symmetry.apply(answer)).solved


def test_there_are_eight_symmetries() -> None:
    grid = np.arange(1, 7, dtype=np.uint8).reshape(2, 3) % 6
    assert len({(s := KIND.dihedral((2, 3), k)).shape + tuple(s.apply(grid).ravel()) for k in range(8)}) == 8
    rng = np.random.default_rng(0)
    names = {KIND.symmetry(maze(LOOP), rng).name for _ in range(100)}
    assert len(names) == 7
    assert KIND.dihedral((2, 3), 0).name not in names


# ---- with a model


def model(canvas: str = "full", seed: int = 0) -> TRM:
    torch.manual_seed(seed)
    fields = {
        "kind": "maze", "grid": [30, 30], "vocab_size": 6, "hidden_size": 8, "num_heads": 2, "L_layers": 1,
        "intermediate_size": 8, "mlp_t": False, "pos_encodings": "rope2d", "rope_theta": 100.0, "H_cycles": 1,
        "L_cycles": 1, "puzzle_emb_ndim": 8, "puzzle_emb_len": 1, "canvas": canvas,
    }  # fmt: skip
    return TRM(ModelConfig.from_dict(fields)).requires_grad_(False)


class Scripted(TRM):
    """A model whose logits say what it is told to, whatever it is asked."""

    said: torch.Tensor

    def read_answer(self, y: torch.Tensor) -> torch.Tensor:
        return self.said.expand(len(y), -1, -1)


@settings(max_examples=25)
@given(questions(6), st.integers(0, 2**32 - 1), st.booleans())
def test_whatever_a_model_says_what_is_called_solved_is_a_shortest_path(question: Grid, seed: int, near: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    scripted = Scripted(model().config)
    scripted.said = torch.randn(1, 900, 6, generator=generator)
    puzzle = Puzzle("maze", question, source="m.txt:1")
    answer = solve(question)
    if near and answer is not None:
        label = KIND.encode_answer(Puzzle("maze", question, answer))
        scripted.said[0, torch.arange(900), torch.from_numpy(label).long()] += 4
    (solution,) = run(scripted, [puzzle], SolveOptions(max_steps=2))
    assert isinstance(solution, Solution)
    if distance(question) is None:
        assert (solution.verdict, solution.reason) == ("unsolvable", "no path from S to G")
        return
    assert solution.verdict in ("solved", "unsolved")
    assert (solution.answer is not None) == (solution.verdict == "solved")
    if solution.answer is not None:
        marked = solution.answer == PATH
        assert is_path(question, marked)
        assert marked.sum() + 1 == distance(question)
        assert np.array_equal(solution.answer[~marked], question[~marked])


@pytest.mark.numeric
def test_a_cropped_model_sees_the_maze_alone_and_batches_mazes_of_one_size() -> None:
    cropped, full = model("crop"), model("full")
    small = [p for p in read_file(EXAMPLES / "twelve.csv") if isinstance(p, Puzzle)][:3]
    small += [maze(LOOP), maze("S..#.\n.#..G\n")]
    options = SolveOptions(max_steps=2, halt="never", slots=8)
    together = list(refine(cropped, [Attempt(p, i) for i, p in enumerate(small)], options))
    assert len(together) == 10
    lengths = {step.puzzle: step.answer.shape for step in together}
    assert [lengths[i] for i in range(5)] == [(12, 12)] * 3 + [(4, 4), (2, 5)]
    for i, puzzle in enumerate(small):
        alone = list(refine(cropped, [Attempt(puzzle, i)], options))
        mine = [step for step in together if step.puzzle == i]
        for one, other in zip(alone, mine, strict=True):
            assert np.array_equal(one.answer, other.answer)
            close(one.confidence, other.confidence, atol=1e-4)
    walled = list(refine(full, [Attempt(small[3], 0)], options))
    unwalled = list(refine(cropped, [Attempt(small[3], 0)], options))
    apart(walled[1].confidence, unwalled[1].confidence, by=1e-3)


@pytest.mark.numeric
def test_where_a_maze_stands_is_what_the_model_is_told() -> None:
    full = model()
    puzzle = maze(LOOP)
    moved = Puzzle("maze", puzzle.question, offset=(20, 3))
    steps = [next(iter(refine(full, [Attempt(p, 0)], SolveOptions(max_steps=1)))) for p in (puzzle, moved)]
    assert steps[0].confidence.shape == steps[1].confidence.shape
    apart(steps[0].confidence, steps[1].confidence, by=1e-5)


def test_the_command_line_says_what_came_of_a_maze(trm: Callable[..., Any], tmp_path: Path) -> None:
    save(model("crop"), tmp_path / "model")
    (tmp_path / "bad.txt").write_text("S..\n.S.\n..G\n\nSG\n")
    none = trm("solve", EXAMPLES / "no-path.txt", "--model", tmp_path / "model")
    assert (none.code, none.out.strip()) == (ExitCode.UNSOLVED, "")
    assert none.err.rstrip().endswith("no-path.txt:1: no solution: no path from S to G")
    bad = trm("solve", tmp_path / "bad.txt", "--model", tmp_path / "model", "--max-steps", 1)
    assert (bad.code, bad.out) == (ExitCode.USAGE, "\nSG\n")  # an empty line for the one, the other as it is
    assert "bad.txt:2:2: a second S, the first is at row 1, column 1" in bad.err


# ---- the examples


def test_examples() -> None:
    assert get_kind("maze").name == "maze"
    shapes = {}
    for name in ("small", "hard", "no-path"):
        (puzzle,) = read_file(EXAMPLES / f"{name}.txt")
        assert isinstance(puzzle, Puzzle)
        shapes[name] = (puzzle.question.shape, distance(puzzle.question))
    assert shapes == {"small": ((10, 10), 25), "hard": ((30, 30), 123), "no-path": ((12, 16), None)}
    with (EXAMPLES / "twelve.csv").open(encoding="utf-8") as file:
        assert {row["source"] for row in csv.DictReader(file)} == {"generated-12x12"}
