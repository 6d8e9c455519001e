"""The notebooks of examples/: well made, stored as `make notebooks` leaves them, and their quick cells run here.

Cells with the tag "slow" are run by `make notebooks`, and here with TRM_DOCS=all (`make docs-check`), in less time.
"""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import pytest
from notebooks import NOTEBOOKS

import trm_solve

ALL = os.environ.get("TRM_DOCS") == "all"
LARGEST = 1_500_000  # bytes
LEAK = re.compile(r"/(?:home|tmp|work|root|Users|private|var)/[\w.]+|[\w.-]+@[\w.-]+\.\w{2,}")


def cells_of(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, nbformat.NO_CONVERT).cells if cell.cell_type == "code"]


def is_slow(cell: Any) -> bool:
    return "slow" in cell.metadata.get("tags", [])


def private_names(code: str) -> list[str]:
    """What is used of the package and is not offered by it."""
    found = []
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Attribute(value=ast.Name(id="trm_solve"), attr=name) if name not in trm_solve.__all__:
                found.append(name)
            case ast.Attribute(attr=name) if name.startswith("_"):
                found.append(name)
            case ast.Import(names=names):
                found += [each.name for each in names if each.name.startswith("trm_solve.")]
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == "trm_solve":
                found += [each.name for each in names if module != "trm_solve" or each.name not in trm_solve.__all__]
    return found


def test_there_is_a_notebook() -> None:
    assert [path.name for path in NOTEBOOKS] == ["tour.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_as_it_ran(path: Path) -> None:
    """From top to bottom, without an error, and with nothing of the machine that it ran on."""
    nbformat.validate(nbformat.read(path, nbformat.NO_CONVERT))
    cells = cells_of(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert {"image/svg+xml", "image/png"} <= kinds  # boards and curves
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert not LEAK.findall(json.dumps([cell.source for cell in cells]) + without_pictures(outputs))
    assert path.stat().st_size < LARGEST


def without_pictures(outputs: list[Any]) -> str:
    """Base64 may hold any word."""
    return json.dumps([{**each, "data": {**each.get("data", {}), "image/png": ""}} for each in outputs])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_uses_public_names_only(path: Path) -> None:
    for cell in cells_of(path):
        assert private_names(cell.source) == []


@pytest.mark.parametrize(
    "code",
    ["from trm_solve.kinds import get_kind", "import trm_solve.api", "trm_solve.resolve('a')", "model._weights"],
)
def test_a_private_name_is_seen(code: str) -> None:
    assert private_names(code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_cells_of_a_notebook_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOUR_MINUTES", "0.02")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mpl.use("agg")  # which warns where it is to show something
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: plt.close("all"))
    known: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    for cell in cells_of(path):
        tree = ast.parse(cell.source)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        if ALL or not is_slow(cell):
            exec(compile(tree, cell.id, "exec"), known)
            if isinstance(last, ast.Expr):
                shown.append(eval(compile(ast.Expression(last.value), cell.id, "eval"), known))
    boards = [each for each in shown if isinstance(each, trm_solve.Solution)]
    assert {each.puzzle.kind for each in boards} == {"sudoku", "maze", "arc"}
    assert {each.verdict for each in boards} <= {"solved", "predicted"}
    assert all(each._repr_svg_() for each in boards)
    assert "╭" in capsys.readouterr().out  # boards of attempts with pins
