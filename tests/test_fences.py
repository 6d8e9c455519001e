"""Who may import whom (the rooms of the house), read off the import statements, and who may name a kind of puzzle."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "trm_solve"
KINDS = sorted(path.parent.name for path in (PACKAGE / "kinds").glob("*/__init__.py"))
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"torch", "safetensors", "huggingface_hub"}
ALLOWED = {  # a kind's parts that draw, generate or label by the thousand, and what these may know beyond numpy
    "drawing": {"rich"},
    "generate": {"rich", "numba"},
    "makers": {"numba"},
    "kernels": {"numba"},
    "augment": {"numba"},
}


def name_of(path: Path) -> str:
    """`trm_solve.hub.names` of its file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path: Path, *, top_only: bool = False) -> frozenset[str]:
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
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return frozenset(found)


@cache
def ours(path: Path, *, top_only: bool = False) -> frozenset[Path]:
    """Files of the package that a file imports; of `from a.b import c` the file of `a.b.c` where there is one."""
    known = {name_of(each): each for each in FILES}
    wanted = {name for name in imports(path, top_only=top_only) if name in known}
    return frozenset(known[name] for name in wanted if not any(other.startswith(f"{name}.") for other in wanted))


@cache
def reached(path: Path) -> frozenset[Path]:
    """All files that are loaded with a file, itself among them, before any function is called."""
    found, waiting = {path}, [path]
    while waiting:
        for other in ours(waiting.pop(), top_only=True) - found:
            found.add(other)
            waiting.append(other)
    return frozenset(found)


def roots(found: frozenset[str]) -> set[str]:
    return {name.split(".")[0] for name in found}


def loads(path: Path) -> set[str]:
    """Packages of others that are loaded with a file."""
    return {root for each in reached(path) for root in roots(imports(each, top_only=True))}


def inside(*names: str) -> list[Path]:
    found = [each for name in names for each in FILES if name_of(each) == name or name_of(each).startswith(f"{name}.")]
    assert found
    return found


def kind_parts() -> list[Path]:
    return [path for path in inside("trm_solve.kinds") if path.stem not in ALLOWED]


LIGHT = inside(*(f"trm_solve.{name}" for name in ("errors", "config", "strict", "trace", "files", "puzzle", "reading")))


@pytest.mark.parametrize("path", [*LIGHT, *kind_parts(), *inside("trm_solve.tasks.identifiers")], ids=name_of)
def test_the_light_rooms_know_numpy_only(path: Path) -> None:
    assert not loads(path) & (HEAVY | {"rich", "typer", "numba", "yaml"})


@pytest.mark.parametrize("path", inside(*(f"trm_solve.kinds.{kind}" for kind in KINDS)), ids=name_of)
def test_a_kind_s_parts_know_what_they_need(path: Path) -> None:
    assert not loads(path) & (HEAVY | {"typer"})
    if path.stem in ALLOWED:
        assert loads(path) & {"rich", "numba"} <= ALLOWED[path.stem]


@pytest.mark.parametrize("path", inside("trm_solve.render", "trm_solve.output", "trm_solve.terminal"), ids=name_of)
def test_what_draws_never_knows_torch(path: Path) -> None:
    assert not loads(path) & (HEAVY | {"typer"})


def test_a_saved_trace_replays_without_torch() -> None:
    assert not loads(PACKAGE / "replay.py") & HEAVY


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_typer_lives_in_the_command_line_only(path: Path) -> None:
    assert "click" not in roots(imports(path))
    if "cli" not in path.parts:
        assert "typer" not in roots(imports(path))


@pytest.mark.parametrize("path", inside("trm_solve.cli"), ids=name_of)
def test_commands_import_the_heavy_rooms_only_when_they_run(path: Path) -> None:
    assert not loads(path) & (HEAVY | {"numpy", "rich", "yaml"})


def test_the_arithmetic_knows_its_configuration_and_nothing_else_of_ours() -> None:
    arithmetic = {"trm_solve.config", "trm_solve.correspondence"}
    assert {name_of(path) for path in ours(PACKAGE / "model.py")} == arithmetic | {"trm_solve.layers"}
    assert {name_of(path) for path in ours(PACKAGE / "layers.py")} == arithmetic
    assert {name_of(path) for path in ours(PACKAGE / "correspondence.py")} == {"trm_solve.config"}


def test_the_hub_client_is_used_by_the_hub_and_by_sources_only() -> None:
    users = {path.stem for path in FILES if "huggingface_hub" in roots(imports(path))}
    assert users <= {"remote", "sources"}


def test_no_circles() -> None:
    """Nor are there any that close only when some function is called."""
    done: set[Path] = set()

    def follow(path: Path, road: tuple[Path, ...]) -> None:
        assert path not in road, " -> ".join(name_of(each) for each in (*road[road.index(path) :], path))
        if path not in done:
            for other in sorted(ours(path)):
                follow(other, (*road, path))
            done.add(path)

    for path in FILES:
        follow(path, ())


def named_kinds(path: Path) -> list[str]:
    """Where the code of a file names a kind: a name, an import, a text that is nothing but names and signs.

    Texts for people, which have spaces, and flags may.
    """
    word = re.compile(rf"(?<![a-z])({'|'.join(KINDS)})s?(?![a-z])", re.IGNORECASE)
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        texts: list[str] = []
        match node:
            case ast.Name(id=text) | ast.arg(arg=text) | ast.Attribute(attr=text) | ast.keyword(arg=str(text)):
                texts = [text]
            case ast.FunctionDef(name=text) | ast.ClassDef(name=text):
                texts = [text]
            case ast.ImportFrom(module=str(module), names=names):
                texts = [module, *(alias.name for alias in names)]
            case ast.Constant(value=str(text)) if " " not in text and not text.startswith("--"):
                texts = [text]
        words = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text).replace("_", " ") for text in texts]
        found += [f"{path.name}:{getattr(node, 'lineno', 0)}: {text}" for text in words if word.search(text)]
    return found


def test_nobody_outside_a_kind_s_folder_knows_it_by_name() -> None:
    for path in FILES:
        own = path.relative_to(PACKAGE).parts
        if not (own[0] == "kinds" and len(own) > 2):
            assert named_kinds(path) == []


def test_naming_a_kind_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "seen.py"
    for code in (
        'if kind == "arc": pass',
        "maze = 1",
        "from a.sudoku import b",
        'get_kind("cpu-maze")',
        "def run_maze(): 0",
    ):
        file.write_text(code)
        assert named_kinds(file), code
    for code in ('"""ARC tasks."""', 'say("a maze of cells")', "search = march = amazed = 1", 'option("--arc-data")'):
        file.write_text(code)
        assert not named_kinds(file), code


def test_the_map_shows_every_room_and_no_other() -> None:
    """CONTRIBUTING names each file and folder of the package once, in its own line."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.search(r"```text\ntrm_solve/\n(.*?)```", text, re.DOTALL)
    assert shown is not None
    lines = [re.match(r"  (\S+)  +\S", line) for line in shown[1].splitlines()]
    rooms = [match[1] for match in lines if match is not None]
    there = {f"{p.name}/" if p.is_dir() else p.name for p in PACKAGE.iterdir()}
    assert sorted(rooms) == sorted(there - {"__init__.py", "__main__.py", "__pycache__/", "py.typed"})
    for file in re.findall(r"`([a-z_/]+\.py)`", text):
        assert (PACKAGE / file).exists() or (ROOT / file).exists(), file
