"""Every command and every Python line that README, docs and helps show is run, in a folder with a few files.

Commands are at least parsed. Those that need no shell run in this process, where PyTorch is imported already.
What takes minutes is marked `<!-- slow -->` there and run by `make docs-check` only, with fewer minutes and puzzles
than it says; what cannot be run anywhere says so: `<!-- not run: why -->`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Outcome
from typer.main import get_command

from trm_solve.cli import app

ROOT = Path(__file__).parent.parent
ALL = os.environ.get("TRM_DOCS") == "all"  # the slow ones too
GUIDES = [page for page in sorted((ROOT / "docs").glob("*.md")) if page.stem != "new-kind"]  # run by test_new_kind.py
CARDS = sorted((ROOT / "weights").glob("*/README.md"))
PAGES = [ROOT / "README.md", *GUIDES, *CARDS]
BLOCK = re.compile(r"(?:<!-- (not run: .+?|slow|exit \d) -->\n)?```(sh|python)\n(.*?)```", re.DOTALL)
CUTS = [
    (r"(--max-minutes|--adapt-minutes|--total-minutes) [\d.]+", r"\1 0.1"),
    (r"\b(minutes=)[\d.]+", r"\g<1>0.02"),
    (r"(--count|-n) \d{3,}", r"\1 20"),
    (r"example:sudoku/fifty", "puzzles.csv"),  # five of them
    (r"example:maze/twelve", "few.csv"),  # two of them
    (r"--hold-out [\d.]+", "--hold-out 0.2"),  # of the 20
    (r"(trm-solve (?:solve|eval) (?:example:arc/|arc-agi_|task)\S+)", r"\1 --adapt-minutes 0.1 --attempts 8"),
    (r"(.*--model runs/\S+[^#\n]*)", r"\1 || [ $? = 4 ] "),  # what was trained for seconds solves nothing
]
SHELL = re.compile(r"[|<>$;&*]")  # in a line that a shell must read
FOREIGN = {*(("models", name) for name in ("pull", "push", "convert")), ("generate", "arc")}  # need what does not ship
SETTING = ("make ", "pipx ", "uv ", "pip ")  # what is not a command of ours


@dataclass(frozen=True)
class Block:
    page: str
    mark: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}-{self.text.split(chr(10))[0][:40]}"

    @property
    def commands(self) -> list[str]:
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


def blocks() -> list[Block]:
    found = []
    for page in PAGES:
        name = f"card of {page.parent.name}" if page in CARDS else page.stem
        for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
            found.append(Block(name, match[1] or "", match[2], match[3]))
    return found


def helps(command: Any, words: tuple[str, ...] = ()) -> Iterator[Block]:
    """The examples of each help text, which need no files but those that ship."""
    text = "\n".join(line.strip() for line in (command.help or "").splitlines() if "trm-solve " in line)
    yield Block(f"help {' '.join(words)}", "not run: of others" if words in FOREIGN else "slow", "sh", text)
    for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
        yield from helps(command.get_command(None, name), (*words, name))


def shown() -> list[Block]:
    return [*blocks(), *helps(get_command(app))]


def to_run() -> list[Block]:
    return list({each.text: each for each in shown() if runs(each)}.values())  # the same text once


def runs(block: Block) -> bool:
    if block.page.startswith("card"):
        return False  # they tell how weights were made
    return not block.mark.startswith("not run") and (ALL or block.mark != "slow")


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `trm-solve` in it, whether it is installed or not."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "trm-solve"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m trm_solve "$@"\n')
    script.chmod(0o755)
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Files that the commands name."""
    examples, golden = ROOT / "examples", ROOT / "tests" / "golden" / "arc-dataset" / "source"
    for name, source, count in (("puzzles", "sudoku/fifty", 5), ("test", "sudoku/fifty", 5), ("few", "maze/twelve", 2)):
        lines = (examples / f"{source}.csv").read_text().splitlines(keepends=True)
        (tmp_path / f"{name}.csv").write_text("".join(lines[: 1 + count]))
    (tmp_path / "puzzles").mkdir()
    shutil.copy(tmp_path / "test.csv", tmp_path / "puzzles")
    shutil.copy(examples / "arc" / "mirror.json", tmp_path / "task.json")
    for name in ("training", "evaluation"):
        for part in ("challenges", "solutions"):
            shutil.copy(golden / f"arc_{name}_{part}.json", tmp_path / f"arc-agi_{name}_{part}.json")
    return tmp_path


@pytest.mark.parametrize("block", to_run(), ids=str)
def test_what_the_docs_show_works(
    block: Block, place: Path, tools: Path, trm: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    path = f"{tools}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for name, value in {"PATH": path, "PYTHONPATH": str(ROOT), "TERM": "dumb", "HOME": str(place)}.items():
        monkeypatch.setenv(name, value)
    if block.language == "python":
        exec(compile(cut(block.text), block.page, "exec"), {"__name__": "__main__"})
        return
    wanted = int(block.mark.removeprefix("exit ")) if block.mark.startswith("exit") else 0
    for line in block.commands:
        if not line.startswith(SETTING):
            code, said = run(cut(line), trm)
            assert code == wanted, said[-2000:]


def cut(text: str) -> str:
    """With fewer minutes and puzzles."""
    for pattern, shorter in CUTS:
        text = re.sub(pattern, shorter, text)
    return text


def run(line: str, trm: Callable[..., Outcome]) -> tuple[int, str]:
    """The exit code of a command, and what it said."""
    words = shlex.split(line, comments=True)
    if words[0] == "trm-solve" and not any(map(SHELL.search, words)):
        told = trm(*words[1:])
        return told.code, told.err
    shell = ["bash", "-e", "-o", "pipefail", "-c", line]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=1800, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("block", [each for each in shown() if each.language == "sh"], ids=str)
def test_every_command_has_options_that_there_are(block: Block) -> None:
    for line in block.commands:
        words = shlex.split(line.split("|")[-1], comments=True)
        if ours := [n for n, word in enumerate(words) if word in ("trm-solve", "trm_solve")]:
            parse(words[ours[0] + 1 :])


def parse(words: list[str]) -> None:
    """Raises Typer's usage error where the command line would refuse the words."""
    command, context = get_command(app), None
    while words:
        context = command.make_context(words[0] if context else "trm-solve", list(words), parent=context)
        rest = [*context._protected_args, *context.args]
        if not hasattr(command, "get_command") or not rest:
            return
        found = command.get_command(context, rest[0])
        assert found is not None, f"no command {rest[0]}"
        command, words = found, rest[1:]


def test_an_option_that_there_is_not_is_seen() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(["generate", "maze", "--nothing"])
