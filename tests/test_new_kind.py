"""A fourth kind of puzzle from a package of its own (`tests/toy_kind`), through everything that there is for a kind."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import Outcome

import trm_solve
from trm_solve.kinds import get_kind, kinds
from trm_solve.output import OutputOptions
from trm_solve.output.live import Live
from trm_solve.output.sink import Record
from trm_solve.render import Scene
from trm_solve.terminal import PlainConsole
from trm_solve.trace import Solution

TOY = Path(__file__).parent / "toy_kind"
DOCS = Path(__file__).parent.parent / "docs" / "new-kind.md"
SHAPE = ["mlp_t=false", "pos_encodings=relations", "qk_norm=true", "hidden_size=32", "num_heads=2", "H_cycles=2"]
RECIPE = [*SHAPE, "L_cycles=1", "loss_rounds=2", "halt_max_steps=4", "batch_size=64", "warmup_steps=10", "lr=5e-3"]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built and installed into a folder as pip does it."""
    source, target = tmp_path_factory.mktemp("source") / "toy", tmp_path_factory.mktemp("site")
    shutil.copytree(TOY, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, timeout=120)
    return target


@pytest.fixture
def latin(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(installed))
    kinds.cache_clear()
    yield
    kinds.cache_clear()


@pytest.mark.usefixtures("latin")
def test_a_kind_from_outside_does_all_that_ours_do(tmp_path: Path, trm: Callable[..., Outcome]) -> None:
    squares, model = tmp_path / "squares", str(tmp_path / "run" / "last")
    assert "latin" in trm("generate", "--help").out
    assert "How many squares." in trm("generate", "latin", "--help").out
    assert trm("generate", "latin", "-n", "120", "--seed", "4", "-o", str(squares)).code == 0
    first, *_ = squares.read_text().splitlines()
    assert len(squares.read_text().splitlines()) == 120

    puzzles = trm_solve.read(squares)  # by content alone: the file's name tells nothing
    assert {puzzle.kind for puzzle in puzzles} == {"latin"}
    assert get_kind("latin").format(puzzles[0].question) == first.split(",")[0]

    setting = [word for field in RECIPE for word in ("--set", field)]
    files = [str(squares), "--out", str(tmp_path / "run"), "--hold-out", "0.2"]
    done = trm("train", *files, "--max-steps", "60", "--reveal", "0:4", *setting, "--compile", "off")
    assert done.code == 0, done.err
    assert "latin: 96 puzzles" in done.err
    trained = trm_solve.load(model)
    assert (trained.config.kind, trained.config.relations) == ("latin", ("row", "column"))
    assert trm("models", "info", model).code == 0

    done = trm("eval", str(squares), "--model", model, "--json", "--effort", "normal", "-q")
    figures = json.loads(done.out)
    assert (done.code, figures["kind"], figures["puzzles"]) == (0, "latin", 120)
    assert figures["exact_accuracy"] == 1.0, "a square is small enough for search to find every answer"
    assert figures["mean_attempts"] > 1, "and the model too fresh to do without"

    done = trm("solve", first.split(",")[0], "--model", model, "--json")
    found = json.loads(done.out)
    assert (done.code, found["verdict"], found["answer"]) == (0, "solved", first.split(",")[1])
    picture = tmp_path / "latin.svg"
    assert trm("solve", first, "--model", model, "--save", str(picture)).code == 0
    letters = "".join(node.text or "" for node in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text"))
    assert re.search("[ABCD]{4}", letters)
    assert "given" in letters
    solution = trm_solve.solve(first, model)
    assert isinstance(solution, Solution)
    assert solution.verdict == "solved"

    console = PlainConsole(file=io.StringIO(), force_terminal=True, width=80, height=24)
    view = Live(console, OutputOptions(model="latin"))
    for number in range(len(solution.trace) + 1):
        view.step(Scene(solution.puzzle, solution.trace[:number], None, 4, "latin"))
    view.record(Record(0, solution, solution.trace))
    assert isinstance(console.file, io.StringIO)
    assert re.search(r"\| .*[ABCD].*\|", console.file.getvalue())
    assert "solved in" in console.file.getvalue()

    done = trm("solve", first)
    assert (done.code, done.err.splitlines()[0]) == (3, "error: no model for latin puzzles is packaged")


@pytest.mark.usefixtures("latin")
def test_search_by_pins_solves_what_no_single_pass_does(tmp_path: Path, trm: Callable[..., Outcome]) -> None:
    from trm_solve.model import TRM
    from trm_solve.training.data import plain
    from trm_solve.training.presets import recipe
    from trm_solve.training.setup import new_config, relate

    trm("generate", "latin", "-n", "3", "-o", str(tmp_path / "squares"))
    kind, puzzles = get_kind("latin"), trm_solve.read(tmp_path / "squares")
    fields = dict(field.split("=") for field in SHAPE)
    values = {name: json.loads(value) if value != "relations" else value for name, value in fields.items()}
    data = plain("latin", *(part[None] for part in (kind.encode(puzzles[0]), kind.encode_answer(puzzles[0]))))
    model = TRM(new_config(recipe("cpu-small", values), data)).requires_grad_(False)
    relate(model)
    for solution in trm_solve.solve_many(puzzles, model):
        assert solution.verdict == "solved"
        assert solution.facts["found_by"] == "pins"


def test_one_that_cannot_be_loaded_is_a_warning_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = tmp_path / "broken-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    lines = ["absent = no_such_module:Kind", "odd = json:JSONDecoder", "sudoku = trm_solve.kinds.sudoku.kind:Sudoku"]
    (facts / "entry_points.txt").write_text("\n".join(["[trm_solve.kinds]", *lines, ""]))
    monkeypatch.syspath_prepend(str(tmp_path))
    kinds.cache_clear()
    try:
        assert {"arc", "maze", "sudoku"} == set(kinds())
    finally:
        kinds.cache_clear()
    absent, odd, twice = capsys.readouterr().err.splitlines()
    assert absent == (
        "warning: puzzle kind 'absent' (no_such_module:Kind) cannot be used: No module named 'no_such_module'"
    )
    assert odd.startswith("warning: puzzle kind 'odd' (json:JSONDecoder) cannot be used: not a subclass")
    assert twice.endswith("cannot be used: there is a kind of this name already")


def test_the_documentation_shows_the_whole_example() -> None:
    shown = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    example = (TOY / "trm_solve_latin.py").read_text(encoding="utf-8")
    assert example in shown
    assert len(example.splitlines()) < 150
    assert (TOY / "pyproject.toml").read_text(encoding="utf-8") in DOCS.read_text(encoding="utf-8")
