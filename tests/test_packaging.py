"""Weights are found alike from a wheel, an editable install and a checkout; the wheel holds no more than it needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHIPPED = ["trm_solve", "weights", "examples", "pyproject.toml", "docs", "LICENSE"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tree."""
    copy = tmp_path_factory.mktemp("tree")
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(copy / "dist")]
    subprocess.run(build, cwd=copy, check=True, capture_output=True)
    (found,) = (copy / "dist").glob("*.whl")
    return found


def listed(home: Path, cwd: Path) -> dict[str, str]:
    """Names and places of the packaged models, as a program sees them that imports trm_solve from `home`."""
    code = (
        "import json; from trm_solve.hub import names as hub; import trm_solve;"
        "from trm_solve.pretrained import resolve;"
        "print(json.dumps({'': trm_solve.__file__} | {n: str(resolve(n)) for n in hub.packaged()}))"
    )
    environment = os.environ | {"PYTHONPATH": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    assert Path(found.pop("")).is_relative_to(home)
    return found


def test_weights_are_found_from_a_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    found = listed(tmp_path / "site", tmp_path)
    assert found["sudoku"] == str(tmp_path / "site/trm_solve/weights/sudoku")


def test_weights_are_found_from_a_checkout(tmp_path: Path) -> None:
    assert listed(ROOT, tmp_path)["sudoku"] == str(ROOT / "weights/sudoku")


def test_the_wheel_holds_the_package_its_weights_and_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "trm_solve/py.typed" in names
    assert "trm_solve/weights/sudoku/model.safetensors" in names
    assert {"trm_solve/hub/known_models.json", "trm_solve/kinds/arc/known_tasks.json"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names} == {
        "trm_solve",
        next(n for n in names if "dist-info" in n).split("/")[0],
    }


def test_shipped_weights_are_small() -> None:
    sizes = {path.parent.name: path.stat().st_size for path in (ROOT / "weights").glob("*/model.safetensors")}
    assert sizes
    assert max(sizes.values()) < 14e6
    assert sum(path.stat().st_size for path in (ROOT / "weights").rglob("*") if path.is_file()) < 40e6


def test_every_import_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = " ".join(project["dependencies"]).lower()
    for name in ("torch", "typer", "rich", "numpy", "safetensors", "huggingface-hub", "pyyaml"):
        assert name in declared
    assert set(project["optional-dependencies"]) == {"image", "plot", "fast", "test"}


def test_constraints_pin_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()}
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    for requirement in wanted:
        name = requirement.split(">")[0].split("[")[0].lower()
        assert name in pinned, name
