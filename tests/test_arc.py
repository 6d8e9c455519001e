"""ARC files: what is read and what is refused; tokens, the reading of an answer, copies and their names."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trm_solve.errors import InputError
from trm_solve.evaluation.inputs import find_files, read_labelled
from trm_solve.kinds.arc import text as arc
from trm_solve.kinds.arc.copies import Copy, identifier, split_identifier
from trm_solve.kinds.arc.kind import Arc
from trm_solve.kinds.arc.text import Task, read_tasks
from trm_solve.kinds.arc.tokens import CANVAS, COLOR, COLORS, EOS, SIDES, largest_rectangle, needed_side, place, square
from trm_solve.kinds.dihedral import DIHEDRAL
from trm_solve.kinds.maze.kind import Maze
from trm_solve.kinds.sudoku.kind import Sudoku
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.reading import read_file, read_lines

GOLDEN = Path(__file__).parent / "golden" / "arc-dataset"
KIND = Arc()
GRIDS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.integers(0, 9))
COPIES = st.builds(Copy, st.integers(0, 7), st.permutations(range(1, COLORS)).map(lambda p: (0, *p)))


def a_task(**fields: Any) -> dict[str, Any]:
    pair = {"input": [[1, 2], [3, 4]], "output": [[1]]}
    return {"train": [pair], "test": [{"input": [[5]]}], **fields}


def read(content: Any, source: str = "t.json") -> list[Task | InputError]:
    text = content if isinstance(content, str) else json.dumps(content)
    return list(read_tasks(text.splitlines(keepends=True), source))


def refused(content: Any, source: str = "t.json") -> str:
    """The message of the one fault, raised or in the task's place."""
    try:
        (error,) = read(content, source)
    except InputError as raised:
        error = raised
    assert isinstance(error, InputError)
    assert "\n" not in error.message
    return error.message


def with_grid(grid: Any, part: str = "train", key: str = "input") -> dict[str, Any]:
    return a_task(**{part: [{"input": [[1]], "output": [[1]], key: grid}]})


# ---- reading


def test_a_task_alone_takes_its_name_from_its_file() -> None:
    (task,) = read(a_task(test=[{"input": [[5]]}, {"input": [[6, 7]], "output": [[8]]}]), "some/0a1b2c3d.json")
    assert isinstance(task, Task)
    assert (task.name, task.test_first) == ("0a1b2c3d", False)
    assert [grid.tolist() for grid in task.train[0]] == [[[1, 2], [3, 4]], [[1]]]
    (_, nothing), (question, answer) = task.test
    assert nothing is None
    assert answer is not None
    assert (question.tolist(), answer.tolist(), question.dtype) == ([[6, 7]], [[8]], np.uint8)


def test_the_order_of_the_keys_is_kept_whatever_else_stands_there() -> None:
    content = a_task()
    for keys, first in (
        (("test", "train"), True),
        (("note", "test", "train"), True),
        (("note", "train", "test"), False),
    ):
        (task,) = read({key: content.get(key) for key in keys})
        assert isinstance(task, Task)
        assert task.test_first is first


def test_a_null_output_is_none_and_other_keys_are_ignored() -> None:
    (task,) = read(a_task(test=[{"input": [[5]], "output": None, "note": 1}], name="x"))
    assert isinstance(task, Task)
    assert task.test[0][1] is None


def write_pair(folder: Path, solutions: Any, challenges: Any = None) -> Path:
    path = folder / "arc-agi_my_challenges.json"
    path.write_text(
        json.dumps(challenges or {"one": a_task(), "two": a_task(test=[{"input": [[1]]}, {"input": [[2]]}])})
    )
    (folder / "arc-agi_my_solutions.json").write_text(
        solutions if isinstance(solutions, str) else json.dumps(solutions), encoding="utf-8"
    )
    return path


def test_a_challenges_file_takes_its_solutions_from_the_file_beside_it(tmp_path: Path) -> None:
    path = write_pair(tmp_path, {"two": [[[3]], [[4]]], "one": [[[7, 7]]]})
    puzzles = [each for each in read_file(path) if isinstance(each, Puzzle)]
    assert [p.source for p in puzzles] == [f"{path}:one[0]", f"{path}:two[0]", f"{path}:two[1]"]
    assert [p.answer.tolist() for p in puzzles if p.answer is not None] == [[[7, 7]], [[3]], [[4]]]
    assert [(p.kind, p.task, len(p.examples)) for p in puzzles] == [
        ("arc", "one", 1),
        ("arc", "two", 1),
        ("arc", "two", 1),
    ]


def test_a_task_without_solutions_is_a_question(tmp_path: Path) -> None:
    path = write_pair(tmp_path, {"one": [[[7, 7]]]})
    answers = [each.answer is None for each in read_file(path) if isinstance(each, Puzzle)]
    assert answers == [False, True, True]


def test_the_public_files_are_read() -> None:
    found = [each for path in sorted(GOLDEN.glob("source/*challenges.json")) for each in read_file(path)]
    puzzles = [each for each in found if isinstance(each, Puzzle)]
    assert len(puzzles) == len(found) > 0
    assert len({p.task for p in puzzles}) == 5
    assert all(p.answer is not None and p.examples for p in puzzles)


def test_a_task_as_a_byte_order_mark_and_as_an_argument(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text("\ufeff\n\n" + json.dumps(a_task(), indent=1), encoding="utf-8")
    assert [type(each) for each in read_file(path)] == [Puzzle]
    (puzzle,) = read_lines([json.dumps(a_task())], "<argument>")
    assert isinstance(puzzle, Puzzle)
    assert puzzle.source == "<argument>:<argument>[0]"


def test_whose_a_file_is_is_asked_no_further_than_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Maze, Sudoku):  # they would look at every character of a line of megabytes
        monkeypatch.setattr(kind, "recognises", lambda *_: pytest.fail("asked for nothing"))
    assert [type(each) for each in read_lines([json.dumps(a_task())], "t.json")] == [Puzzle]


# ---- refusals


TWICE = '{"train": [{"input": [[1]], "output": [[1]]}], "test": [{"input": [[1]]}], "train": []}'
REFUSED: dict[str, tuple[Any, str]] = {
    "ragged": (with_grid([[1, 2], [3]]), "train[0].input[1]: 1 cells, the first row has 2"),
    "ragged output": (with_grid([[1], [2, 3]], key="output"), "train[0].output[1]: 2 cells, the first row has 1"),
    "ten": (with_grid([[1, 10]]), "train[0].input[0][1]: 10 is not a colour from 0 to 9"),
    "negative": (with_grid([[-1]], "test"), "test[0].input[0][0]: -1 is not a colour"),
    "true": (with_grid([[1], [True]]), "train[0].input[1][0]: true is not a colour"),
    "float": (with_grid([[1.5]], "test", "output"), "test[0].output[0][0]: 1.5 is not a colour"),
    "not a number": (with_grid([[float("nan")]]), "train[0].input[0][0]: NaN is not a colour"),
    "null": (with_grid([[None]]), "train[0].input[0][0]: null is not a colour"),
    "text": (with_grid([["\x1b[31m" + "1" * 90]]), 'train[0].input[0][0]: "\\u001b[31m111111111 is not a colour'),
    "list": (with_grid([[[[[1]]]]]), "train[0].input[0][0]: a list is not a colour"),
    "rows that are none": (with_grid([[1], 2]), "train[0].input[1]: not a list of cells"),
    "a grid that is none": (with_grid("0 1"), "train[0].input: not a list of rows"),
    "no row": (with_grid([]), "train[0].input: 0 rows, a grid has 1 to 30"),
    "no cell": (with_grid([[], []]), "train[0].input[0]: 0 cells, a grid has 1 to 30"),
    "tall": (with_grid([[1]] * 31), "train[0].input: 31 rows, a grid has 1 to 30"),
    "wide": (with_grid([[1] * 31], "test"), "test[0].input[0]: 31 cells, a grid has 1 to 30"),
    "no demonstration": (a_task(train=[]), "train: no demonstration pair"),
    "no train": ({"test": [{"input": [[1]]}]}, "train: no demonstration pair"),
    "train that is none": (a_task(train={}), "train: no demonstration pair"),
    "no test": (a_task(test=[]), "test: no test input"),
    "pair without input": (a_task(test=[{"output": [[1]]}]), "test[0]: no input"),
    "pair without output": (a_task(train=[{"input": [[1]]}]), "train[0]: no output"),
    "pair with null output": (a_task(train=[{"input": [[1]], "output": None}]), "train[0]: no output"),
    "pair that is none": (a_task(train=[[[1]]]), "train[0]: not a JSON object"),
    "key twice": (TWICE, "the key 'train' stands there twice"),
    "pair's key twice": (
        '{"train": [{"input": [[1]], "output": [[1]], "input": [[2]]}], "test": [1]}',
        "train[0]: the key 'input' stands there twice",
    ),
    "list of pairs": (a_task()["train"], "t.json: a list of pairs without a test input, as RE-ARC has them"),
    "list of lists": ([[1], [2]], "t.json: not a JSON object"),
    "answers handed in": ({"one": [{"attempt_1": [[1]]}]}, "t.json: answers to hand in, not tasks"),
    "nothing in it": ("{}", "t.json: no task in it"),
    "cut": ('{"train": [', "t.json:1:12: not JSON (Expecting value)"),
    "cut later": ('{"train":\n[[1, ]]}', "t.json:2:6: not JSON (Expecting value)"),
    "many digits": ('{"train": [[' + "1" * 9999 + "]]}", "a number of thousands of digits"),
    "solutions alone": ({"one": [[[1]]], "two": [[[2]]]}, "t.json: outputs without their tasks"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_task_is_refused_with_its_place(case: str) -> None:
    content, message = REFUSED[case]
    found = refused(content)
    assert found.startswith("t.json:")
    assert message in found


@pytest.mark.parametrize("case", ["ragged", "true", "no demonstration", "pair without output", "pair that is none"])
def test_in_a_challenges_file_the_place_names_the_task_and_the_others_are_read(case: str) -> None:
    content, message = REFUSED[case]
    good, error, other = read({"good": a_task(), "bad": content, "other": a_task()})
    assert isinstance(error, InputError)
    assert f"t.json: bad.{message}" in error.message
    assert isinstance(good, Task)
    assert isinstance(other, Task)
    assert (good.name, other.name) == ("good", "other")


def test_keys_given_twice_in_a_challenges_file() -> None:
    task = json.dumps(a_task())
    assert refused(f'{{"one": {task}, "two": {task}, "one": {task}}}') == "t.json: the key 'one' stands there twice"
    assert refused(f'{{"one": {TWICE}}}') == "t.json: one: the key 'train' stands there twice"
    assert refused({"one": 3}) == "t.json: one: not a JSON object"
    assert "the key '\\x1b\\n\\ud800' stands" in refused('{"\\u001b\\n\\ud800": 1, "\\u001b\\n\\ud800": 2}')


def test_a_name_that_cannot_be_shown_is_refused_and_not_shown() -> None:
    for name in ("a\nb", "\x1b[31m", "\ud800"):
        error, task = read({name: a_task(), "good": a_task()})
        assert isinstance(error, InputError)
        assert error.message == "t.json: task 1: its name has characters that cannot be shown"
        assert isinstance(task, Task)


def test_nesting_of_any_depth_is_refused() -> None:
    deep = sys.getrecursionlimit()
    for depth in (100_000, *range(deep - 150, deep + 10, 7), 50):
        grid = "[" * depth + "1" + "]" * depth
        text = f'{{"train": [{{"input": {grid}, "output": [[1]]}}], "test": [{{"input": [[1]]}}]}}'
        assert refused(text) in (
            "t.json: nested too deeply, no ARC file is",
            "t.json: train[0].input[0][0]: a list is not a colour from 0 to 9",
        )
    assert refused('{"a":' * 100_000) == "t.json: nested too deeply, no ARC file is"


def test_a_file_that_is_too_large_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arc, "LARGEST", 1 << 20)
    seen = 0

    def endless() -> Any:
        nonlocal seen
        while True:
            seen += 1
            yield "[" * (1 << 16)

    with pytest.raises(InputError, match="more than 1 MB"):
        list(read_lines(endless(), "t.json", "arc"))
    assert seen < 100


SOLUTIONS: dict[str, tuple[Any, str]] = {
    "too few": ({"two": [[[3]]]}, "solutions.json: two: 1 outputs, the task's test inputs are 2"),
    "no list": ({"two": 3}, "solutions.json: two: not a list of outputs"),
    "ragged": ({"two": [[[3]], [[1, 2], [3]]]}, "solutions.json: two[1][1]: 1 cells, the first row has 2"),
    "colour": ({"two": [[[3]], [[1, 12]]]}, "solutions.json: two[1][0][1]: 12 is not a colour"),
    "twice": ('{"two": [], "two": []}', "solutions.json: the key 'two' stands there twice"),
    "no object": ([1], "solutions.json: not a JSON object"),
    "no JSON": ("{", "solutions.json:1:2: not JSON"),
}


@pytest.mark.parametrize("case", SOLUTIONS)
def test_solutions_that_do_not_fit_are_named(tmp_path: Path, case: str) -> None:
    solutions, message = SOLUTIONS[case]
    path = write_pair(tmp_path, solutions)
    try:
        found = [each for each in read_file(path) if isinstance(each, InputError)]
    except InputError as error:
        found = [error]
    assert len(found) == 1
    assert f"{tmp_path / 'arc-agi_my_'}{message}" in found[0].message


def test_solutions_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = write_pair(tmp_path, "")
    (tmp_path / "arc-agi_my_solutions.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"solutions.json: not a text file"):
        list(read_file(path))


@pytest.mark.parametrize("content", [with_grid([[1, 10]]), {"one": [[[1]]]}, {"x": a_task(train=[])}])
def test_the_command_line_ends_with_2_and_two_lines(tmp_path: Path, trm: Callable[..., Any], content: Any) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(content))
    done = trm("solve", path)
    assert (done.code, done.out.strip()) == (2, "")
    lines = done.err.splitlines()
    assert lines[0].startswith(f"error: {path}: ")
    assert [line.partition(":")[0] for line in lines] in (["error", "hint"], ["error"])


def test_a_folder_is_measured_without_the_solutions_that_have_challenges(tmp_path: Path) -> None:
    path = write_pair(tmp_path, {"one": [[[7, 7]]], "two": [[[3]], [[4]]]})
    (tmp_path / "sudoku_solutions.json").write_text("{}")
    assert find_files([str(tmp_path)]) == [path, tmp_path / "sudoku_solutions.json"]
    assert find_files([str(tmp_path / "arc*.json")]) == [path]
    assert [type(each) for each in read_labelled([path])] == [Puzzle] * 3


# ---- tokens


def question(grid: Grid, **fields: Any) -> Puzzle:
    return Puzzle("arc", grid, grid, **fields)


def test_tokens_end_with_eos_below_and_right() -> None:
    tokens = KIND.encode(question(np.array([[0, 9, 1], [2, 3, 4]], np.uint8))).reshape(CANVAS)
    assert tokens[:4, :5].tolist() == [[2, 11, 3, EOS, 0], [4, 5, 6, EOS, 0], [EOS, EOS, EOS, 0, 0], [0] * 5]
    assert not tokens[4:].any()
    assert not tokens[:, 5:].any()
    moved = place(np.array([[7]], np.uint8), (2, 28))
    assert np.argwhere(moved).tolist() == [[2, 28], [2, 29], [3, 28]]
    assert (moved[2, 28], moved[2, 29], moved[3, 28]) == (9, EOS, EOS)


@pytest.mark.parametrize(("rows", "columns"), [(30, 30), (30, 1), (1, 30)])
def test_there_is_no_eos_where_the_canvas_ends(rows: int, columns: int) -> None:
    tokens = KIND.encode(question(np.full((rows, columns), 4, np.uint8))).reshape(CANVAS)
    assert (tokens[:rows, :columns] == 4 + COLOR).all()
    assert np.count_nonzero(tokens == EOS) == (rows if columns < 30 else 0) + (columns if rows < 30 else 0)
    assert place(np.array([[1]], np.uint8), (29, 29)).tolist()[29][29] == 3
    assert np.count_nonzero(place(np.array([[1]], np.uint8), (29, 29))) == 1


@given(GRIDS, st.data())
def test_what_is_encoded_is_read_back_wherever_it_stands(grid: Grid, data: st.DataObject) -> None:
    room = [30 - side for side in grid.shape]
    offset = data.draw(st.tuples(st.integers(0, room[0]), st.integers(0, room[1])))
    puzzle = question(grid, offset=offset)
    confidence = np.arange(900, dtype=np.float32)
    reading = KIND.decode(puzzle, KIND.encode_answer(puzzle), confidence)
    assert np.array_equal(reading.answer, grid)
    assert reading.answer.dtype == np.uint8
    top, left = offset
    assert reading.confidence.shape == grid.shape
    assert reading.confidence[0, 0] == top * 30 + left
    assert json.loads(KIND.format(reading.answer)) == grid.tolist()


@given(GRIDS)
def test_the_crop_holds_the_question_and_the_outputs_that_were_shown(grid: Grid) -> None:
    puzzle = question(grid, examples=((grid, grid.T),))
    cells = KIND.crop(puzzle)
    wanted = (KIND.encode(puzzle), place(grid.T).ravel())
    for tokens in wanted:
        kept = tokens if cells is None else tokens[cells]
        assert np.count_nonzero(kept) == np.count_nonzero(tokens)


def test_the_needed_side_grows_as_the_outputs_do() -> None:
    small, large = np.zeros((3, 3), np.uint8), np.zeros((9, 9), np.uint8)
    cases = [
        (small, small, (3, 3), 3),
        (small, large, (3, 3), 9),
        (small, large, (4, 2), 12),
        (large, small, (3, 3), 9),
    ]
    for shown, answer, size, largest in cases:
        side = needed_side([(shown, answer)], [np.zeros(size, np.uint8)])
        assert side == min(each for each in SIDES if each > largest)
    assert needed_side([(small, large)], [np.zeros((20, 2), np.uint8)]) == SIDES[-1] == 30
    assert square(30) is None
    cells = square(2)
    assert cells is not None
    assert cells.tolist() == [0, 1, 30, 31]


def brute(tokens: Grid) -> tuple[int, int]:
    """The largest rectangle by trying all of them, rows first."""
    best = (0, 0)
    for rows in range(1, tokens.shape[0] + 1):
        for columns in range(1, tokens.shape[1] + 1):
            if (tokens[:rows, :columns] >= COLOR).all() and rows * columns > best[0] * best[1]:
                best = (rows, columns)
    return best


@given(hnp.arrays(np.uint8, (6, 5), elements=st.sampled_from([0, 1, 2, 3, 4, 5, 6, 11])))
def test_the_largest_rectangle_is_that_of_a_search(tokens: Grid) -> None:
    assert largest_rectangle(tokens) == brute(tokens)


def test_of_equal_rectangles_the_one_with_fewer_rows() -> None:
    tokens = np.zeros((4, 4), np.uint8)
    tokens[0, :4] = tokens[:4, 0] = 5
    assert largest_rectangle(tokens) == (1, 4)
    tokens[1, :2] = 5
    assert largest_rectangle(tokens) == (1, 4)  # 1 x 4, 2 x 2 and 4 x 1
    tokens[0, 3] = EOS
    assert largest_rectangle(tokens) == (2, 2)
    tokens[0, 0] = EOS
    assert largest_rectangle(tokens) == (0, 0)


def test_an_output_without_a_grid_is_an_empty_answer() -> None:
    reading = KIND.decode(question(np.ones((2, 2), np.uint8)), np.zeros(900, np.uint8), np.ones(900, np.float32))
    assert reading.answer.size == reading.confidence.size == 0


# ---- copies


@given(GRIDS, COPIES)
def test_a_copy_is_undone_by_its_inverse(grid: Grid, copy: Copy) -> None:
    seen = copy.apply(grid)
    back = copy.inverse(seen.shape)
    assert np.array_equal(back.apply(seen), grid)
    assert np.array_equal(copy.apply(back.apply(grid)), grid)
    values = np.arange(grid.size, dtype=np.float32).reshape(grid.shape)
    assert np.array_equal(back.move(copy.move(values)), values)


def test_the_eight_copies_are_the_public_ones() -> None:
    grid = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    wanted = [
        [[1, 2, 3], [4, 5, 6]],
        [[3, 6], [2, 5], [1, 4]],
        [[6, 5, 4], [3, 2, 1]],
        [[4, 1], [5, 2], [6, 3]],
        [[3, 2, 1], [6, 5, 4]],
        [[4, 5, 6], [1, 2, 3]],
        [[1, 4], [2, 5], [3, 6]],
        [[6, 3], [5, 2], [4, 1]],
    ]
    assert [Copy(each).apply(grid).tolist() for each in range(len(DIHEDRAL))] == wanted
    colours = Copy(4, (0, 2, 1, 3, 4, 5, 6, 7, 9, 8))
    assert colours.apply(np.array([[0, 1, 2, 8]], np.uint8)).tolist() == [[9, 1, 2, 0]]


@given(COPIES, st.sampled_from(["007bbfb7", "ExtractObjects10", "a|||b", "t1|||", "zeile\n2"]))
def test_identifiers_come_back(copy: Copy, task: str) -> None:
    text = identifier(task, copy)
    assert split_identifier(text) == (task, copy)
    assert text == f"{task}|||t{copy.transform}|||{''.join(map(str, copy.colours))}"


def test_every_public_identifier_comes_back() -> None:
    for name in json.loads((GOLDEN / "identifiers.json").read_text()):
        task, copy = split_identifier(name)
        assert identifier(task, copy if "|||" in name else None) == name


MISTAKES = ["t8|||0123456789", "1|||0123456789", "t1|||012345678", "t1|||0123456788", "t1", "", "t+1|||0123456789"]


@pytest.mark.parametrize("end", [*MISTAKES, "t1|||\u0660123456789"])
def test_what_is_no_identifier(end: str) -> None:
    with pytest.raises(ValueError, match="not a copy"):
        split_identifier(f"a|||{end}")


def test_symmetries_of_the_kind_keep_black() -> None:
    rng = np.random.default_rng(0)
    drawn = [KIND.symmetry(question(np.zeros((1, 1), np.uint8)), rng) for _ in range(40)]
    assert all(copy.colours[0] == 0 and sorted(copy.colours) == list(range(COLORS)) for copy in drawn)
    assert {copy.transform for copy in drawn} == set(range(8))


RELATIONS = Arc().relations


@given(st.integers(0, CANVAS[0] * CANVAS[1] - 1))
def test_the_relations_of_a_cell_are_those_of_a_walk(start: int) -> None:
    steps = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
    for one in ("up", "down"):
        for other in ("left", "right"):
            steps[f"{one}_{other}"] = (steps[one][0], steps[other][1])
    walks: dict[str, list[int]] = {"all": list(range(CANVAS[0] * CANVAS[1]))}
    for name, (down, right) in steps.items():
        row, column = divmod(start, CANVAS[1])
        seen = walks[f"{name}wards"] = []
        while 0 <= (row := row + down) < CANVAS[0] and 0 <= (column := column + right) < CANVAS[1]:
            seen.append(row * CANVAS[1] + column)
        walks[name] = seen[:1]
    found = {name: np.flatnonzero(relation[start]) for name, relation in RELATIONS.items()}
    assert {name: cells.tolist() for name, cells in found.items()} == {name: sorted(walks[name]) for name in found}
    assert set(found) == set(walks)
