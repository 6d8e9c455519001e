"""The examples that ship: named by `example:` wherever a file is, completed, and shown by `demo`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import EXAMPLES, Outcome

import trm_solve
from trm_solve import examples
from trm_solve.cli.demo import complete_demo, demos
from trm_solve.kinds import kinds

SHIPPED = {path for path in EXAMPLES.rglob("*") if path.is_file() and path.suffix not in (".md", ".ipynb")}


def test_every_file_has_a_name_and_stands_in_the_list() -> None:
    assert set(examples.files().values()) == SHIPPED
    listed = set(re.findall(r"^\| `(.*?)` \|", (EXAMPLES / "README.md").read_text(), re.MULTILINE))
    assert listed == {path.relative_to(EXAMPLES).as_posix() for path in SHIPPED}


@pytest.mark.parametrize("name", ["sudoku/easy", "sudoku/easy.txt"])
def test_an_example_is_a_file_wherever_one_is_asked_for(
    name: str, trm: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (puzzle,) = trm_solve.read(f"example:{name}")
    assert puzzle.source == f"example:{name}:1"
    done = trm("solve", f"example:{name}", "--effort", "fast", "--max-steps", "4")
    assert done.out.strip().isdigit()


def test_eval_train_and_generate_take_examples(
    trm: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert trm("eval", "example:maze/twelve", "--max-steps", "1", "-q").code == 0
    shape = ["hidden_size=16", "num_heads=2", "H_cycles=1", "L_cycles=1", "halt_max_steps=1", "batch_size=4"]
    options = [word for field in shape for word in ("--set", field)]
    trained = trm("train", "example:sudoku/fifty@0.5", "--out", "run", "--max-steps", "1", "--compile", "off", *options)
    assert trained.code == 0, trained.err
    made = trm("generate", "maze", "-n", "1", "--size", "5", "-q", "--exclude", "example:maze/twelve")
    assert made.code == 0, made.err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["solve", "example:sudoku/hrad"], "did you mean 'example:sudoku/hard'?"),
        (["eval", "example:sudoku/fity"], "did you mean 'example:sudoku/fifty'?"),
        (["solve", "examples/sudoku/easy.txt"], "did you mean 'example:sudoku/easy'?"),  # of a clone, anywhere else
        (["solve", "sudoku/hard"], "did you mean 'example:sudoku/hard'?"),
        (["solve", "puzles.csv"], "did you mean 'puzzles.csv'?"),
        (["eval", "puzles.csv"], "did you mean 'puzzles.csv'?"),
        (["train", "puzles.csv", "--out", "run"], "did you mean 'puzzles.csv'?"),
        (["demo", "sudko"], "did you mean 'sudoku'?"),
        (["demo", "--save", "a.svg"], "say which: trm-solve demo sudoku --save a.svg"),
    ],
)
def test_what_is_not_there_offers_the_nearest(
    arguments: list[str], hint: str, trm: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "puzzles.csv").touch()
    found = trm(*arguments)
    assert found.code == 2
    assert found.err.splitlines()[1:] == [f"hint: {hint}"]


def test_a_name_like_no_other_has_no_hint(trm: Callable[..., Outcome]) -> None:
    assert trm("solve", "qwertz.txt").err == "error: qwertz.txt: no such file or directory\n"


def test_each_of_our_kinds_has_a_demo() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert folders == set(kinds())
    assert set(demos()) == folders | {"hard"}
    assert complete_demo("m") == [name for name in demos() if name.startswith("m")]


def test_a_demo_is_solved_and_kept(trm: Callable[..., Outcome], tmp_path: Path) -> None:
    picture = tmp_path / "maze.svg"
    done = trm("demo", "maze", "--save", picture)
    assert done.code == 0
    assert "o" in done.out
    assert "example:maze/hard" in "".join(ElementTree.parse(picture).getroot().itertext())


def test_the_hard_one_needs_a_search(trm: Callable[..., Outcome]) -> None:
    """Where better weights do without, it is time for a harder one."""
    found = json.loads(trm("solve", "example:hard", "--json").out)
    assert (found["verdict"], found["found_by"]) == ("solved", "pins")
    assert found["undone"] > 0


def complete(monkeypatch: pytest.MonkeyPatch, trm: Callable[..., Outcome], *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    monkeypatch.setenv("_TRM_SOLVE_COMPLETE", "complete_bash")
    return trm().out.split()


def test_completion(monkeypatch: pytest.MonkeyPatch, trm: Callable[..., Outcome]) -> None:
    wanted = [f"example:{name}" for name in examples.files()]
    assert complete(monkeypatch, trm, "trm-solve", "solve", "ex") == wanted
    assert complete(monkeypatch, trm, "trm-solve", "eval", "example", ":", "maze/t") == ["maze/twelve"]  # as bash cuts
    assert complete(monkeypatch, trm, "trm-solve", "solve", "puz") == []
    assert complete(monkeypatch, trm, "trm-solve", "demo", "s") == ["sudoku"]
