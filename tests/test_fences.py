"""Who may import whom (the rooms of the house), read off the import statements."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "trm_solve"
HEAVY = {"torch", "safetensors", "huggingface_hub"}
ARC = ["arc/known", "arc/dataset", "arc/submission"]
LIGHT = ["errors", "config", "trace", "files", "puzzles", *ARC]  # standard library and numpy
DRAWN = ["render", "output", "terminal", "replay"]  # and rich
INSIDE_TORCH = {
    "model",
    "pull",
    "solver",
    "schedule",
    "checkpoint",
    "convert",
    "device",
    "train",
    "api",
    "search",
    "evaluate",
    "arc.solve",
    "arc.adapt",
}


def modules(*names: str) -> list[Path]:
    found = [
        p
        for n in names
        for p in ([PACKAGE / f"{n}.py"] if (PACKAGE / f"{n}.py").exists() else (PACKAGE / n).rglob("*.py"))
    ]
    assert found
    return found


def imports(path: Path, top_only: bool = False) -> set[str]:
    """Imported modules: `torch`, `trm_solve.model` ...; type-checking imports do not count."""
    tree = ast.parse(path.read_text())
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    nodes = tree.body if top_only else [node for node in ast.walk(tree) if id(node) not in guarded]
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def roots(found: set[str]) -> set[str]:
    return {name.split(".")[0] for name in found}


def rooms(found: set[str]) -> set[str]:
    """`model` of `trm_solve.model.TRM`; a module of `arc`, which has both kinds, as `arc` and as `arc.known`."""
    parts = [name.split(".")[1:3] for name in found if name.startswith("trm_solve.")]
    return {part[0] for part in parts} | {".".join(part) for part in parts if part[0] == "arc"}


@pytest.mark.parametrize("path", modules(*LIGHT), ids=str)
def test_the_light_rooms_know_numpy_only(path: Path) -> None:
    assert not roots(imports(path)) & (HEAVY | {"rich", "typer"})
    assert not rooms(imports(path)) & INSIDE_TORCH


@pytest.mark.parametrize("path", modules(*DRAWN), ids=str)
def test_what_draws_never_knows_torch(path: Path) -> None:
    assert not roots(imports(path)) & (HEAVY | {"typer"})
    assert not rooms(imports(path)) & INSIDE_TORCH


@pytest.mark.parametrize("path", list(PACKAGE.rglob("*.py")), ids=str)
def test_typer_lives_in_the_command_line_only(path: Path) -> None:
    assert "click" not in roots(imports(path))
    if "cli" not in path.parts:
        assert "typer" not in roots(imports(path))


@pytest.mark.parametrize("path", modules("cli"), ids=str)
def test_commands_import_the_heavy_rooms_only_when_they_run(path: Path) -> None:
    assert not roots(imports(path, top_only=True)) & (HEAVY | {"numpy", "rich", "yaml"})
    assert rooms(imports(path, top_only=True)) <= {"cli", "errors", "files", "__version__"}


def test_the_hub_client_is_used_by_the_hub_and_by_sources_only() -> None:
    users = {path.stem for path in PACKAGE.rglob("*.py") if "huggingface_hub" in roots(imports(path))}
    assert users <= {"remote", "sources"}
