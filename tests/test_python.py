"""The Python side: what may hold a puzzle, options as keywords, what is shown of what comes out."""

from __future__ import annotations

import contextlib
import doctest
import inspect
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import unittest.mock
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from huggingface_hub import ModelHubMixin
from PIL import Image
from python_page import CLASSES, FUNCTIONS, MARK, PAGE, reference
from rich.console import Console

import trm_solve
from trm_solve import InputError, ModelError, SolveOptions
from trm_solve.evaluation import measure
from trm_solve.evaluation.evaluation import Evaluation
from trm_solve.model import TRM
from trm_solve.tasks.view import AdaptView
from trm_solve.training.learner import Learner

EXAMPLES = Path(__file__).parent.parent / "examples"
EASY = (EXAMPLES / "sudoku/easy.txt").read_text().split("#")[0].strip().splitlines()[-1].strip()
GRID = np.array([0 if cell in ".0" else int(cell) for cell in EASY], np.uint8).reshape(9, 9)
MAZE = ["#######", "#S   G#", "#######"]
SQUARE = np.array([[1] * 7, [1, 3, 2, 2, 2, 4, 1], [1] * 7])
TASK = {"train": [{"input": [[1, 1]], "output": [[2, 2]]}] * 2, "test": [{"input": [[1]]}]}


class Column:
    """What pandas and polars have in common: it can be gone through."""

    def __init__(self, *values: object) -> None:
        self.values = values

    def __iter__(self) -> Any:
        return iter(self.values)


class Framed:
    """A table that makes itself an array, as tensors and tables of pandas do."""

    def __init__(self, grid: Any) -> None:
        self.grid = grid

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.grid)


@pytest.fixture(scope="module")
def models() -> dict[str, TRM]:
    return {name: trm_solve.load(name, device="cpu", dtype="float32") for name in ("sudoku", "maze")}


def a_file(text: str, name: str = "p.txt") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_text(text)
        return folder / name

    return make


ACCEPTED: dict[str, Any] = {
    "text": EASY,
    "text with blanks as 0": EASY.replace(".", "0"),
    "lines in one text": "\n".join(EASY[at : at + 9] for at in range(0, 81, 9)),
    "lines in a list": [EASY[at : at + 9] for at in range(0, 81, 9)],
    "bytes": EASY.encode(),
    "path": a_file(EASY),
    "name of a file": lambda folder: str(a_file(EASY)(folder)),
    "example": "example:sudoku/easy",
    "open file": lambda folder: a_file(EASY)(folder).open(),
    "open binary file": lambda folder: a_file(EASY)(folder).open("rb"),
    "text in memory": lambda _: io.StringIO(EASY),
    "array": GRID,
    "array of int64": GRID.astype(np.int64),
    "array of whole floats": GRID.astype(float),
    "array of texts": GRID.astype(str),
    "array of objects": np.array([[int(c) or None for c in row] for row in GRID], object),
    "all cells in a row": GRID.ravel(),
    "list": GRID.tolist(),
    "list with None": [[int(c) or None for c in row] for row in GRID],
    "list of arrays": list(GRID),
    "list of texts": [[str(c) for c in row] for row in GRID],
    "tensor": torch.from_numpy(GRID.astype(np.int64)),
    "table": Framed(GRID.tolist()),
    "dict": {"puzzle": EASY},
    "dict with an array": {"question": GRID},
    "puzzle": lambda _: trm_solve.read(EASY)[0],
    "maze text": "\n".join(MAZE),
    "maze lines": MAZE,
    "maze array": SQUARE,
    "maze array of characters": np.array([list(row) for row in MAZE]),
    "maze lists of characters": [list(row) for row in MAZE],
}


def several(folder: Path) -> list[Path]:
    return [a_file(EASY, f"{number}.txt")(folder) for number in range(3)]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[[Any], Any]]:
    with contextlib.ExitStack() as opened:

        def make(form: Any) -> Any:
            found = form(tmp_path) if callable(form) else form
            return opened.enter_context(found) if isinstance(found, io.IOBase) and not found.closed else found

        yield make


@pytest.mark.parametrize("name", ACCEPTED)
def test_solve_takes_what_holds_a_puzzle(name: str, models: dict[str, TRM], made: Any) -> None:
    kind = "maze" if name.startswith("maze") else "sudoku"
    question = SQUARE if kind == "maze" else GRID
    solution = trm_solve.solve(made(ACCEPTED[name]), models[kind], max_steps=1, effort="fast")
    assert solution.puzzle.kind == kind
    assert solution.puzzle.question.tolist() == question.tolist()
    assert solution.puzzle.question.dtype == np.uint8
    forms = [made(ACCEPTED[name]), made(ACCEPTED[name])]
    many = list(trm_solve.solve_many(forms, models[kind], max_steps=1, effort="fast"))
    assert [each.puzzle.question.tolist() for each in many] == [question.tolist()] * 2


MANY: dict[str, Any] = {
    "list of texts": [EASY] * 3,
    "tuple": (EASY, GRID, {"puzzle": EASY}),
    "generator": lambda _: (EASY for _ in range(3)),
    "stack": np.stack([GRID] * 3),
    "stack of int64": np.stack([GRID] * 3).astype(np.int64),
    "rows of 81": np.stack([GRID.ravel()] * 3),
    "lists of lists": [GRID.tolist()] * 3,
    "column": Column(EASY, EASY, EASY),
    "array of texts": np.array([EASY] * 3),
    "name of a file": lambda folder: str(a_file(f"{EASY}\n" * 3)(folder)),
    "path": a_file(f"{EASY}\n" * 3),
    "names of files": lambda folder: several(folder),
    "folder": lambda folder: several(folder)[0].parent,
    "pattern": lambda folder: f"{several(folder)[0].parent}/*.txt",
    "text of several": f"{EASY}\n" * 3,
    "puzzles": lambda _: trm_solve.read([EASY] * 3),
    "one text": EASY,
    "one array": GRID,
    "one list": GRID.tolist(),
    "one puzzle": lambda _: trm_solve.read(EASY)[0],
    "nothing": [],
}


@pytest.mark.parametrize("name", MANY)
def test_solve_many_takes_what_holds_puzzles(name: str, models: dict[str, TRM], made: Any) -> None:
    count = 1 if name.startswith("one") else 0 if name == "nothing" else 3
    found = list(trm_solve.solve_many(made(MANY[name]), models["sudoku"], max_steps=1, effort="fast"))
    assert [each.puzzle.question.tolist() for each in found] == [GRID.tolist()] * count


def changed(row: int, column: int, value: float) -> Any:
    grid = GRID.astype(type(value))
    grid[row, column] = value
    return grid


def shut(folder: Path) -> Any:
    file = a_file(EASY)(folder).open()
    file.close()
    return file


TWO = (int(GRID[0].argmax()), int(GRID[0].max()))
WRONG: dict[str, tuple[Any, str]] = {
    "wrong shape": (GRID[:8], "an array of 8 x 9 with symbols up to 9 is no puzzle"),
    "three dimensions": (GRID[None], "an array of shape (1, 9, 9) is no puzzle (solve_many takes a stack"),
    "too large": (np.ones((31, 31)), "an array of 31 x 31"),
    "floats": (changed(3, 4, 0.5), "row 4, column 5: 0.5 is not a symbol"),
    "NaN": (changed(0, 2, float("nan")), "row 1, column 3: nan is not a symbol (write 0"),
    "infinity": (changed(0, 2, float("inf")), "row 1, column 3: inf is not a symbol"),
    "negative": (changed(8, 8, -1), "row 9, column 9: -1 is not a symbol (write 0"),
    "negative in a list": (changed(8, 8, -1).tolist(), "row 9, column 9: -1 is not a symbol (write 0"),
    "ten": (changed(0, 0, 10), "symbols up to 10"),
    "clash": (changed(0, 8 if TWO[0] < 8 else 0, TWO[1]), f"clashing clues: two {TWO[1]}s in row 1"),
    "complex": (GRID.astype(complex), "an array of complex128"),
    "80 characters": (EASY[:-1], "80 characters, a Sudoku has 81"),
    "82 characters": (EASY + ".", "82 characters, a Sudoku has 81"),
    "ragged": ([*GRID.tolist()[:8], [1, 2]], "row 9 has 2 cells, the first has 9"),
    "rows and a number": ([*GRID.tolist()[:8], 5], "row 9 is 5, others are lists"),
    "another kind": (MAZE, "is for sudoku"),
    "closed file": (shut, "the file is closed"),
    "file to write": (lambda folder: (folder / "w").open("w"), "open for writing only"),
    "no such file": (Path("nowhere.csv"), "nowhere.csv: no such file"),
    "empty text": ("", "no puzzle in it"),
    "words": ("hello world", "not a puzzle file of a known kind"),
    "a number": (5, "5 is no puzzle"),
    "None": (None, "None is no puzzle"),
    "empty list": ([], "an array of shape (0,)"),
    "dict of words": ({"a": "b"}, ": a: not a JSON object"),
    "dict with a circle": ({"puzzle": object()}, "in a puzzle"),
    "puzzle of a wrong shape": (trm_solve.Puzzle("sudoku", GRID[:8]), "8 x 9 cells that are not a sudoku puzzle"),
    "puzzle of floats": (trm_solve.Puzzle("sudoku", GRID.astype(float)), "no 2-D array of uint8"),  # type: ignore[arg-type]
    "puzzle of no kind": (trm_solve.Puzzle("chess", GRID), "unknown puzzle kind 'chess'"),
    "maze without a start": (SQUARE.clip(1, 2), "an array of 3 x 7"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_holds_no_puzzle_is_one_error_that_names_it(name: str, models: dict[str, TRM], made: Any) -> None:
    form, told = WRONG[name]
    model = models["sudoku"]
    error = ModelError if name == "another kind" else InputError
    with pytest.raises(error) as caught:
        trm_solve.solve(made(form), model)
    assert told in str(caught.value)
    if name not in ("three dimensions", "empty list"):  # of which solve_many makes several, or none
        with pytest.raises(error) as caught:
            list(trm_solve.solve_many([made(form)], model))
        assert told in str(caught.value)


def test_what_is_before_the_wrong_one_is_solved(models: dict[str, TRM]) -> None:
    found = trm_solve.solve_many([EASY, EASY, EASY[:-1], EASY], models["sudoku"])
    assert [next(found).verdict, next(found).verdict] == ["solved"] * 2
    with pytest.raises(InputError, match=r"<puzzle 3>:1: 80 characters"):
        next(found)
    mixed = trm_solve.solve_many([EASY, MAZE], models["sudoku"])
    assert next(mixed).verdict == "solved"
    with pytest.raises(InputError, match="a maze puzzle among sudoku puzzles"):
        next(mixed)


def test_a_kind_that_is_named_is_the_kind() -> None:
    with pytest.raises(InputError, match="with symbols up to 9 is no maze puzzle"):
        trm_solve.solve(GRID, kind="maze")
    with pytest.raises(InputError, match="did you mean 'sudoku'"):
        trm_solve.solve(GRID, kind="sudko")
    with pytest.raises(InputError, match="not of the kind maze"):
        trm_solve.read(trm_solve.read(EASY)[0], kind="maze")
    assert trm_solve.read(TASK)[0].task == "<puzzle>"
    assert trm_solve.read(json.loads(json.dumps(TASK)), kind="arc")[0].question.tolist() == [[1]]
    with pytest.raises(InputError, match="is no arc puzzle"):
        trm_solve.read(GRID, kind="arc")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"effort": "hard"}, "field 'effort' cannot be 'hard' (known: fast, normal, max)"),
        ({"halt": "now"}, "field 'halt' cannot be 'now' (known: rules, q, never)"),
        ({"compile": True}, "field 'compile' cannot be True (known: auto, on, off)"),
        ({"max_steps": "32"}, "field 'max_steps' cannot be '32'"),
        ({"max_steps": 0}, "at least one step is needed, not 0"),
        ({"max_steps": 1.5}, "field 'max_steps' cannot be 1.5"),
        ({"seed": -1}, "a seed is a number from 0"),
        ({"efort": "max"}, "unknown field 'efort' (did you mean 'effort'?)"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"device": "cpu:99999999999"}, "unknown device 'cpu:99999999999'"),
        ({"dtype": "int8"}, "unknown dtype 'int8' (known: auto, bfloat16, float32)"),
        ({"options": {"effort": "max"}}, "options cannot be {'effort': 'max'}"),
    ],
)
def test_an_option_that_cannot_be_is_refused_at_once(options: dict[str, Any], told: str) -> None:
    """Before the puzzle is looked at, which is none."""
    for function in (trm_solve.solve, trm_solve.steps, trm_solve.solve_many):
        with pytest.raises(InputError) as caught:
            function("nowhere.csv", **options)
        assert told in str(caught.value)


def test_options_check_themselves() -> None:
    for wrong in ({"effort": "hard"}, {"max_steps": None}, {"slots": "2"}):
        with pytest.raises(InputError, match=f"field '{next(iter(wrong))}' cannot be"):
            SolveOptions(**wrong)
    with pytest.raises(InputError, match="field 'fit' cannot be 'some'"):
        trm_solve.AdaptOptions(fit="some")  # type: ignore[arg-type]
    steps = SolveOptions(max_steps=np.int64(3)).max_steps
    assert (steps, type(steps)) == (3, int)


def test_a_keyword_comes_before_the_options(models: dict[str, TRM]) -> None:
    options = SolveOptions(max_steps=2, halt="never", effort="fast")
    assert trm_solve.solve(EASY, models["sudoku"], options).steps == 2
    assert trm_solve.solve(EASY, models["sudoku"], options, max_steps=3).steps == 3


def test_a_model_that_is_loaded_stays_what_it_is(models: dict[str, TRM]) -> None:
    for place in ({"device": "cpu"}, {"dtype": "float32"}, {}):
        assert trm_solve.solve(EASY, models["sudoku"], max_steps=1, effort="fast", **place).model == "sudoku"  # type: ignore[arg-type]
    with pytest.raises(InputError, match="dtype bfloat16: the model is loaded already, with float32"):
        trm_solve.solve(EASY, models["sudoku"], dtype="bfloat16")
    with pytest.raises(InputError, match=r"model cannot be \{\}"):
        trm_solve.solve(EASY, {})  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="model 'maze' is for maze, <puzzle>:1 is a sudoku puzzle"):
        trm_solve.solve(EASY, models["maze"])


HARD = ".6..7..8....65.3...7...1........7...9...8..1.3...194.86...4..........2.48....29.."


@pytest.fixture(scope="module")
def solved(models: dict[str, TRM]) -> trm_solve.Solution:
    solution = trm_solve.solve(HARD, models["sudoku"])
    assert len(solution.trace) > solution.steps > 0  # the first step's rounds among them
    return solution


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def test_repr_is_one_line(solved: trm_solve.Solution) -> None:
    assert repr(solved) == f"Solution(sudoku, solved, {counted(solved.steps, 'step')}, <puzzle>:1)"
    assert repr(solved.puzzle) == "Puzzle(sudoku, 9 x 9, <puzzle>:1)"
    assert repr(trm_solve.read("example:sudoku/fifty")[0]).endswith("fifty:2, with its answer)")
    last = solved.trace[-1]
    shown = (
        f"Step(attempt 1, step {last.label}, {last.changed.sum()} changed, solved, halting {last.halt_probability:.3f})"
    )
    assert repr(last) == shown
    assert "solved" not in repr(solved.trace[0])
    assert "conflict" in repr(solved.trace[0])
    assert "\x1b" not in repr(trm_solve.Puzzle("sudoku", GRID, source="\x1b[2J"))


def test_print_shows_the_board_in_plain_text(solved: trm_solve.Solution) -> None:
    answer = [" ".join(map(str, row)) for row in solved.answer]  # type: ignore[union-attr]
    rows = [line for line in str(solved).splitlines() if line.startswith("│")]
    assert [row.replace("│ ", "").rstrip(" │") for row in rows] == answer
    last = solved.trace[-1]
    spent = counted(last.round, "round") if solved.steps == 1 else counted(solved.steps, "step")
    assert str(solved).splitlines()[-1] == f"solved in {spent}"
    assert "·" in str(solved.puzzle)
    assert "!" in str(solved.trace[0])
    for each in (solved, solved.puzzle, solved.trace[0]):
        assert "\x1b" not in str(each)
    maze = trm_solve.read("\n".join(MAZE))[0]
    assert {"S", "G"} <= set(str(maze))


def test_rich_shows_it_in_colour(solved: trm_solve.Solution) -> None:
    for each in (solved, solved.puzzle, solved.trace[0]):
        console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=90)
        console.print(each)
        assert "\x1b[" in console.file.getvalue()  # type: ignore[attr-defined]
        assert "╭───" in console.file.getvalue()  # type: ignore[attr-defined]
        plain = Console(file=io.StringIO(), width=90)
        plain.print(each)
        assert "\x1b[" not in plain.file.getvalue()  # type: ignore[attr-defined]


def test_a_notebook_shows_a_picture(solved: trm_solve.Solution, tmp_path: Path) -> None:
    for each in (solved, solved.puzzle, solved.trace[0]):
        svg = each._repr_svg_()
        assert svg is not None
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        each.save(tmp_path / "p.svg")
        assert (tmp_path / "p.svg").read_text() == svg
    assert solved._repr_svg_() != solved.puzzle._repr_svg_()


def test_a_solution_is_saved_as_a_picture(solved: trm_solve.Solution, tmp_path: Path) -> None:
    solved.save(tmp_path / "p.gif")
    with Image.open(tmp_path / "p.gif") as picture:
        assert picture.n_frames > len(solved.trace)  # type: ignore[attr-defined]
    solved.save(str(tmp_path / "p.html"))
    assert "<html" in (tmp_path / "p.html").read_text()
    with pytest.raises(InputError, match=r"p\.bmp"):
        solved.save(tmp_path / "p.bmp")
    assert not (tmp_path / "p.bmp").exists()


def test_a_solution_tells_itself(solved: trm_solve.Solution, trm: Any) -> None:
    assert solved.text == "".join(map(str, solved.answer.ravel().tolist()))  # type: ignore[union-attr]
    assert solved.puzzle.text == HARD
    told = json.loads(trm("solve", HARD, "--json", "--device", "cpu", "--dtype", "float32").out)
    own = json.loads(json.dumps(solved.to_dict()))
    for changing in ("seconds", "source"):
        told.pop(changing), own.pop(changing)
    assert own == told
    assert own["model"] == "sudoku"
    unsolved = trm_solve.solve("12345678." + "........9" + "." * 63, "sudoku")
    assert (unsolved.answer, unsolved.text) == (None, "")


def test_a_frame_is_rows_of_plain_values(solved: trm_solve.Solution) -> None:
    (row,) = trm_solve.frame([solved])
    assert (row["verdict"], row["steps"], row["answer"], row["model"]) == (
        "solved",
        solved.steps,
        solved.text,
        "sudoku",
    )
    rows = trm_solve.frame(solved.trace)
    assert [(each["step"], each["round"]) for each in rows] == [(each.step, each.round) for each in solved.trace]
    for each in (row, *rows):
        assert all(type(value) in (str, int, float, bool, type(None)) for value in each.values())


def test_help_tells_the_effort_that_is_made() -> None:
    efforts = [inspect.signature(each).parameters["effort"].default for each in (trm_solve.solve, trm_solve.evaluate)]
    assert efforts == ["normal", "fast"]


def test_help_lists_every_name_without_torch() -> None:
    code = """
import sys, trm_solve, pydoc
names = dir(trm_solve)
text = pydoc.plain(pydoc.render_doc(trm_solve))
assert not {"torch", "numba"} & set(sys.modules), sorted(sys.modules)
for name in trm_solve.__all__:
    assert name in names, name
    line = next(line for line in trm_solve.__doc__.splitlines() if line.startswith(f"    {name}"))
    assert len(line) < 110 and line.split(None, 1)[1], line
    assert name in text
assert "effort" in str(__import__("inspect").signature(trm_solve.solve))
assert not {"torch", "numba"} & set(sys.modules), sorted(sys.modules)
assert trm_solve.TRM.__name__ == "TRM" and "torch" in sys.modules
assert hasattr(trm_solve.TRM, "from_pretrained")
"""
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def doctests() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(recurse=False)
    named = [(name, getattr(trm_solve, name)) for name in FUNCTIONS]
    found = [test for name, thing in named for test in finder.find(thing, name, globs={"trm_solve": trm_solve})]
    return [*finder.find(trm_solve, "trm_solve", globs={}), *found]


@pytest.mark.parametrize("test", [each for each in doctests() if each.examples], ids=lambda test: test.name)
def test_examples_in_docstrings_run(test: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = io.StringIO()
    assert doctest.DocTestRunner().run(test, out=told.write).failed == 0, told.getvalue()


def test_every_function_is_told_of_with_an_example() -> None:
    for name in FUNCTIONS:
        text = getattr(trm_solve, name).__doc__
        assert "aises" in text or name in ("frame", "models", "steps"), name
        assert ">>> " in text or name == "push", name
    shown = {*FUNCTIONS, *CLASSES, "TRM", "InputError", "ModelError", "TrmError"}
    assert shown == set(trm_solve.__all__)


def test_the_page_is_made_from_the_docstrings() -> None:
    assert PAGE.read_text(encoding="utf-8").partition(MARK)[2] == reference().removeprefix(MARK), "run `make docs`"


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (lambda: trm_solve.evaluate("nowhere.csv"), "nowhere.csv"),
        (lambda: trm_solve.evaluate("nowhere.csv", effort="hard"), "field 'effort' cannot be 'hard'"),  # type: ignore[arg-type]
        (lambda: trm_solve.evaluate("nowhere.csv", device="gpu"), "unknown device 'gpu'"),
        (lambda: trm_solve.evaluate([GRID]), "solve_many takes arrays"),  # type: ignore[list-item]
        (lambda: trm_solve.evaluate("example:sudoku/fifty", offsets=2), "offsets is for mazes"),
        (lambda: trm_solve.train("nowhere.csv", out="run"), "nowhere.csv: no such file"),
        (lambda: trm_solve.train(out="run"), "no data to train on"),
        (lambda: trm_solve.train("nowhere.csv", out="run", lrr=1), "unknown setting 'lrr' (did you mean 'lr'?)"),
        (lambda: trm_solve.train("nowhere.csv", out="run", lr="fast"), "field 'lr' cannot be 'fast'"),
        (lambda: trm_solve.train("nowhere.csv", out="run", preset="cpu"), "unknown preset 'cpu'"),
        (lambda: trm_solve.train(out="run", resume=True, seed=1), "a resumed run keeps its recipe"),
        (lambda: trm_solve.generate("chess"), "no generator of 'chess'"),
        (lambda: trm_solve.load("sudoku", device=torch.device("cpu")), "unknown device 'cpu'"),  # type: ignore[arg-type]
        (lambda: trm_solve.load("sudoku", dtype=torch.float32), "unknown dtype 'torch.float32'"),  # type: ignore[arg-type]
        (lambda: trm_solve.generate("sudoku", cont=1), "unknown option 'cont' (did you mean 'count'?)"),
        (lambda: trm_solve.generate("sudoku", count=0), "'count' must be at least 1, not 0"),
        (lambda: trm_solve.generate("sudoku", count="many"), "'count' cannot be 'many' (How many puzzles.)"),
        (lambda: trm_solve.generate("sudoku", exclude="nowhere.csv"), "nowhere.csv: no such file"),
        (lambda: trm_solve.generate("arc"), "'challenges' is missing"),
        (lambda: trm_solve.adapt(EASY), "no task, where one is expected"),
        (lambda: trm_solve.adapt(TASK, minutes=0), "adaptation takes minutes, not 0"),
        (
            lambda: trm_solve.adapt(TASK, fit="some"),  # type: ignore[arg-type]
            "field 'fit' cannot be 'some' (known: auto, all, rows, scratch, none)",
        ),
        (lambda: trm_solve.save({}, "folder"), "model cannot be {}"),  # type: ignore[arg-type]
    ],
)
def test_longer_work_refuses_at_once(work: Callable[[], object], told: str) -> None:
    with pytest.raises(InputError) as caught:
        work()
    assert told in str(caught.value)


def test_evaluate_gives_the_figures_of_the_command_line(trm: Any, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "few.csv"
    file.write_text("".join((EXAMPLES / "sudoku/fifty.csv").read_text().splitlines(keepends=True)[:7]))
    found = trm_solve.evaluate(file, max_steps=2, device="cpu")
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
    told = json.loads(trm("eval", file, "--max-steps", "2", "--device", "cpu", "--json").out)
    own = json.loads(json.dumps(found.to_dict()))
    timed = ("seconds", "puzzles_per_second", "by_file")
    assert {k: v for k, v in own.items() if k not in timed} == {k: v for k, v in told.items() if k not in timed}
    assert repr(found) == f"Evaluation(sudoku, 6 sudoku puzzles, {100 * found.exact_accuracy:.1f} % exact)"
    assert "exact accuracy" in str(found)
    assert "<td" in found._repr_html_()
    assert found.report(tmp_path / "report").read_text().startswith("<!doctype html>")
    assert len((tmp_path / "report" / "puzzles.csv").read_text().splitlines()) == 7
    with pytest.raises(InputError, match="there is something in this folder"):
        found.report(tmp_path / "report")


def ctrl_c_after(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, times: int) -> None:
    """Ctrl-C when this was called so often."""
    real, calls = getattr(owner, name), itertools.count(1)

    def call(*arguments: Any, **keywords: Any) -> Any:
        result = real(*arguments, **keywords)
        if next(calls) == times:
            os.kill(os.getpid(), signal.SIGINT)
        return result

    monkeypatch.setattr(owner, name, call)


def test_an_interrupted_evaluation_is_of_the_puzzles_until_then(
    models: dict[str, TRM], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctrl_c_after(monkeypatch, Evaluation, "add", 7)
    drawn = unittest.mock.Mock(return_value=[])
    monkeypatch.setattr(measure, "_pictures", drawn)
    found = trm_solve.evaluate("example:sudoku/fifty", models["sudoku"], max_steps=1, report=tmp_path / "r")
    assert (found.puzzles, found.interrupted) == (7, True)
    assert repr(found).endswith("interrupted)")
    assert "It was interrupted" in (tmp_path / "r/report.html").read_text()
    assert not drawn.called  # who stops it does not wait for pictures
    whole = trm_solve.evaluate("example:sudoku/fifty", models["sudoku"], max_steps=1, report=tmp_path / "r")
    assert (whole.puzzles, whole.interrupted, drawn.called) == (50, False, True)


def test_an_interrupted_submission_has_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "arc-agi_test_challenges.json"
    file.write_text(json.dumps(dict.fromkeys(("11111111", "22222222"), TASK)))
    ctrl_c_after(monkeypatch, Evaluation, "add", 1)
    found = trm_solve.evaluate(file, submission=tmp_path / "s.json", adapt_minutes=0.001, max_steps=1)
    assert found.interrupted
    assert found.exact_accuracy is found.cell_accuracy is None
    assert "nothing to measure, interrupted" in repr(found)
    assert found.report(tmp_path / "r").exists()
    assert set(json.loads((tmp_path / "s.json").read_text())) == {"11111111", "22222222"}


def test_ctrl_c_while_pictures_are_made_keeps_the_figures(
    models: dict[str, TRM], monkeypatch: pytest.MonkeyPatch
) -> None:
    ctrl_c_after(monkeypatch, measure, "film", 2)
    found = trm_solve.evaluate("example:sudoku/fifty", models["sudoku"], max_steps=1)
    assert (found.puzzles, found.interrupted) == (50, False)


def test_interrupted_training_is_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ctrl_c_after(monkeypatch, Learner, "train_step", 3)
    short = {"max_steps": 100, "batch_size": 4, "hidden_size": 16, "log_every": 1, "compile": "off"}
    run = trm_solve.train("example:sudoku/fifty", out=tmp_path / "run", **short)
    assert repr(run) == f"Training({tmp_path / 'run'}, interrupted, step 3)"
    assert run.model().config.hidden_size == 16
    assert trm_solve.train(out=tmp_path / "run", resume=True, max_steps=4).ended == "done"


def test_an_interrupted_fit_is_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ctrl_c_after(monkeypatch, AdaptView, "notice", 2)
    model = trm_solve.adapt(TASK, minutes=600, copies=2, leave_one_out=0, compile="off")
    assert model.note == "Adapted to the task <puzzle>; leave-one-out: not measured."
    assert trm_solve.solve(TASK, model, max_steps=1).verdict == "predicted"


HINTS = {
    "--device cpu always works": "device cpu always works",
    "see --set max_side": "see max_side",
    "only its length can change: --max-steps, --max-minutes": "only its length can change: max_steps, max_minutes",
    "trm-solve models convert FILE --config C": "trm-solve models convert FILE --config C",
    "unknown option '--max-steps'": "unknown option '--max-steps'",
    "runs/a--b and a -- b": "runs/a--b and a -- b",
}


@pytest.mark.parametrize("typed", HINTS)
def test_python_names_keywords_where_the_command_line_names_options(typed: str) -> None:
    error = InputError("wrong", typed)
    assert str(error) == f"wrong ({HINTS[typed]})"
    assert str(InputError(typed)) == HINTS[typed]
    assert error.hint == typed


def test_the_model_takes_steps(models: dict[str, TRM]) -> None:
    model = models["sudoku"]
    tokens = torch.from_numpy(GRID.astype(np.int64).reshape(1, 81) + 1).repeat(2, 1)
    three = model(tokens, steps=3)
    assert three.logits.shape == (2, 81, 11)
    one = model(tokens)
    again = model(tokens, steps=2, state=one.state)
    torch.testing.assert_close(again.logits, three.logits, rtol=0, atol=0)
    assert not torch.equal(one.logits, three.logits)
    shallow = model(tokens, cycles=(1, 1))
    assert not torch.equal(one.logits, shallow.logits)
    given = trm_solve.solve(GRID, model, max_steps=3, halt="never", effort="fast").trace[-1]
    assert torch.sigmoid(three.q_halt)[0].item() == pytest.approx(given.halt_probability, rel=1e-4)
    for wrong, told in ((tokens[:, :80], r"tokens of shape \(2, 80\)"), (tokens[0], r"tokens of shape \(81,\)")):
        with pytest.raises(ValueError, match=told):
            model(wrong)
    with pytest.raises(ValueError, match="at least one step"):
        model(tokens, steps=0)


def test_the_model_has_the_keywords_of_the_hub_s_own() -> None:
    theirs = {"config", "model_card_kwargs", "allow_patterns", "ignore_patterns", "delete_patterns", "model_kwargs"}
    for name in ("from_pretrained", "save_pretrained", "push_to_hub"):
        wanted = set(inspect.signature(getattr(ModelHubMixin, name)).parameters) - theirs - {"push_to_hub_kwargs"}
        assert wanted <= set(inspect.signature(getattr(TRM, name)).parameters)
    with pytest.raises(ModelError, match="has no revisions"):
        TRM.from_pretrained("sudoku", revision="v1")
    with pytest.raises(ModelError, match=r"a/b@v1: not on this machine \(without local_files_only"):
        TRM.from_pretrained("a/b", revision="v1", local_files_only=True)


def test_nothing_that_is_public_is_anything() -> None:
    """mypy checks typical uses, tests/typical.py, with the package."""
    for name in (*FUNCTIONS, *CLASSES):
        thing = getattr(trm_solve, name)
        for each in [thing] if name in FUNCTIONS else [*vars(thing).values()]:
            member = each.fget if isinstance(each, property) else each
            if inspect.isfunction(member) and not member.__name__.startswith("_"):
                assert not re.search(r"\bAny\b", str(member.__annotations__)), (name, member)
