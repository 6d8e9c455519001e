"""What is imported before a mistake is told, and by commands that need no model: nothing that loads for a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "numba", "safetensors", "huggingface_hub", "matplotlib", "PIL", "scipy", "pandas"}
RUN = """
import json, sys
sys.argv = ["trm-solve", *json.loads(sys.argv[1])]
from trm_solve.cli import main
try:
    main()
except SystemExit as end:
    print(json.dumps([end.code or 0, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""
CLUES = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..7"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "bad.txt").write_text("this is no puzzle\n")
    (tmp_path / "good.txt").write_text(CLUES + "9\n")
    (tmp_path / "no-answers.csv").write_text(f"question\n{CLUES}9\n")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--help", 0),
        ("solve nowhere.txt", 2),
        ("solve bad.txt", 2),
        (f"solve {CLUES}", 2),
        ("solve example:sudoku/clashing", 2),
        ("solve good.txt --model sudko", 3),
        ("solve good.txt --model maze", 3),
        ("solve good.txt --effort maximal", 2),
        ("solve good.txt --device gpu", 2),
        ("solve good.txt --save picture.bmp", 2),
        ("eval nowhere.csv", 2),
        ("eval bad.txt", 2),
        ("eval no-answers.csv", 2),
        ("eval example:sudoku/fifty --model sudko", 3),
        ("eval example:sudoku/fifty --model maze", 3),
        ("eval example:sudoku/fifty --offsets 2", 2),
        ("train nowhere.csv --out run", 2),
        ("train example:sudoku/fifty --out run --init sudko", 3),
        ("train example:sudoku/fifty --out run --set lrr=1", 2),
        ("train --show-preset", 0),
        ("demo nothing", 2),
        ("models list", 0),
        ("models list --json", 0),
        ("models info sudoku", 0),
        ("models info arc", 0),
        ("models info nothing", 3),
        ("replay nowhere.jsonl", 2),
        ("generate maze --help", 0),
        ("generate sudoku --exclude nowhere.csv", 2),
        ("generate maze --exclude nowhere.csv", 2),
    ],
)
def test_it_starts_without_what_is_heavy(line: str, code: int, files: Path) -> None:
    arguments = [sys.executable, "-c", RUN, json.dumps(line.split())]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(arguments, cwd=files, env=environment, capture_output=True, text=True, check=False)
    told, modules = json.loads(done.stderr.splitlines()[-1])
    assert told == code, done.stderr
    assert HEAVY & set(modules) == set()


def test_a_trace_replays_without_what_is_heavy(files: Path, trm: object) -> None:
    assert callable(trm)
    assert trm("solve", "example:sudoku/easy", "--trace", files / "steps.jsonl").code == 0
    test_it_starts_without_what_is_heavy("replay steps.jsonl", 0, files)
