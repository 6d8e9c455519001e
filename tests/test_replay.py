"""A saved trace, shown again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import scenes
import typer
from PIL import Image
from typer.testing import CliRunner

from trm_solve import trace
from trm_solve.cli import replay as command
from trm_solve.errors import ExitCode, InputError
from trm_solve.output import OutputOptions
from trm_solve.replay import replay


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "steps.jsonl"
    lines = [
        *trace.dump(scenes.puzzle("p.txt:1"), scenes.attempt(4, solved=True), "sudoku", 0),
        *trace.dump(scenes.puzzle("p.txt:3"), scenes.attempt(6, solved=False, index=2), "sudoku", 2),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_last_answers_are_printed(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(saved, OutputOptions()) is ExitCode.UNSOLVED
    out, err = capsys.readouterr()
    assert out == f"{scenes.ANSWER}\n\n"
    assert err.startswith("warning: p.txt:3: not solved in 6 steps, 4 cells clash\n")


def test_pictures_of_a_trace(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replay(saved, OutputOptions(save=tmp_path / "film.gif", quiet=True))
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 1 + 4 + 1 + 1 + 6 + 1  # question, steps, verdict; twice
    capsys.readouterr()


def test_the_rules_judge_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = list(trace.dump(scenes.puzzle(), scenes.attempt(6, solved=False), "sudoku"))
    claimed = [line.replace('"solved": false', '"solved": true') for line in lines]
    (tmp_path / "t").write_text("\n".join(claimed))
    assert replay(tmp_path / "t", OutputOptions(quiet=True)) is ExitCode.UNSOLVED
    assert capsys.readouterr().out == "\n"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], r"t:\d+: not a line of a trace"),
        (lambda text: text.replace('"schema": 1', '"schema": 9', 1), r"t:1: trace schema 9, this version reads 1"),
        (lambda _: "", r"t: no trace in this file"),
        (lambda text: text.replace('"sudoku", "puzzle"', '"sudoko", "puzzle"', 1), r"unknown puzzle kind 'sudoko'"),
        (lambda text: text.replace('"question": [[', '"question": [[1, 2], [', 1), r"t:1: not a line of a trace"),
        (lambda text: text.split('"question"')[0] + '"question": [[1]]}', r"t: puzzle 1: not the grids of a sudoku"),
        (lambda _: "53..7....6..195\n", r"t:1: not a line of a trace"),
    ],
)
def test_a_damaged_trace_is_named(saved: Path, tmp_path: Path, damage: object, message: str) -> None:
    assert callable(damage)
    (tmp_path / "t").write_text(damage(saved.read_text()))
    with pytest.raises(InputError, match=message) as caught:
        replay(tmp_path / "t", OutputOptions(quiet=True))
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        replay(tmp_path / "missing", OutputOptions())
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not a text file"):
        replay(tmp_path / "binary", OutputOptions())


def test_the_command(saved: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    command.register(app)
    done = CliRunner().invoke(app, [str(saved), "-q", "--save", str(tmp_path / "out.svg")])
    assert done.exit_code == 4
    assert done.stdout == f"{scenes.ANSWER}\n\n"
    assert (tmp_path / "out.svg").read_text().startswith("<svg")


def test_no_torch(saved: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from trm_solve.replay import replay; from trm_solve.output import *\n"
        f"replay(Path({str(saved)!r}), OutputOptions()); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
