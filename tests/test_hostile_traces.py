"""Traces, runs and results that are damaged or made to do harm: one line that names file and field."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scenes
from conftest import Outcome
from hypothesis import given
from hypothesis import strategies as st
from made import rows, write_csv

from trm_solve import trace
from trm_solve.errors import InputError
from trm_solve.hub.pull import read_results
from trm_solve.kinds import kinds
from trm_solve.output import OutputOptions
from trm_solve.replay import LINE, replay
from trm_solve.training.folder import RunFolder

Trm = Callable[..., Outcome]
LINES = [*trace.dump(scenes.puzzle("p.txt:1"), scenes.attempt(2, solved=True), "sudoku")]
SOLVED = scenes.grid(scenes.ANSWER).tolist()
DEEP: Any = []
for _ in range(100):
    DEEP = [DEEP]
ODD: list[Any] = [
    *(
        None,
        True,
        "x",
        "\x1b[31m",
        -1,
        1.5,
        2**31,
        10**40,
        1e300,
        float("nan"),
        float("inf"),
        [],
        {},
        DEEP,
        [[]],
        [[1], [1, 2]],
    ),
    *(
        [["x"]],
        [[10**40]],
        [[float("inf")]],
        [[256]],
        [[10] * 9] * 9,
        [[-1] * 9] * 9,
        [[1.5] * 9] * 9,
        [[1e300] * 9] * 9,
        [[None] * 9] * 9,
    ),
    *([[True] * 9] * 9, [[[1]]], "x" * 100_000),
]


def damaged(line: int, name: str, value: Any) -> str:
    lines = [json.loads(each) for each in LINES]
    lines[line][name] = value
    return "\n".join(map(json.dumps, lines)) + "\n"


@pytest.mark.parametrize("name", ["question", "kind", "source", "model", "schema", "task", "examples"])
@pytest.mark.parametrize("value", ODD, ids=lambda value: str(value)[:12].encode("unicode_escape").decode())
def test_fields_of_a_puzzle(tmp_path: Path, trm: Trm, name: str, value: Any) -> None:
    check(tmp_path, trm, damaged(0, name, value), allowed=isinstance(value, str) or (name, value) == ("examples", []))


@pytest.mark.parametrize("name", list(json.loads(LINES[1])))
@pytest.mark.parametrize("value", ODD, ids=lambda value: str(value)[:12].encode("unicode_escape").decode())
def test_fields_of_a_step(tmp_path: Path, trm: Trm, name: str, value: Any) -> None:
    check(tmp_path, trm, damaged(1, name, value), allowed=name in ("solved", "halted") and value is True)


def check(tmp_path: Path, trm: Trm, text: str, *, allowed: bool) -> None:
    path = tmp_path / "t"
    path.write_text(text)
    told = trm("replay", path, "--save", tmp_path / "out.svg")
    assert told.code in ((0, 2, 4) if allowed else (2,)), told
    assert "this is a bug" not in told.err
    if told.code == 2:
        assert told.err.startswith(f"error: {path}:") or "unknown puzzle kind" in told.err or "trace schema" in told.err
        assert len(told.err) < 500
        assert not (tmp_path / "out.svg").exists()


@given(st.data())
def test_bytes_that_changed(data: st.DataObject) -> None:
    text = bytearray("\n".join(LINES).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        for puzzle, _, steps in trace.load(text.decode("utf-8", "replace").splitlines(), "t"):
            assert puzzle.question.dtype == np.uint8
            assert all(0 <= step.halt_probability <= 1 for step in steps)
    except InputError as error:
        assert "\n" not in error.message  # noqa: PT017


@pytest.mark.parametrize("kind", list(kinds()))
def test_symbols_out_of_range(tmp_path: Path, trm: Trm, kind: str) -> None:
    for symbol in (kinds()[kind].vocab_size - 1, kinds()[kind].vocab_size, 200, 255):
        grid = [[symbol] * 9] * 9
        header = {**json.loads(LINES[0]), "kind": kind, "question": grid}
        (tmp_path / "t").write_text(json.dumps(header) + "\n")
        told = trm("replay", tmp_path / "t")
        assert (told.code, "this is a bug" in told.err) == (2, False)


def test_a_line_without_end(tmp_path: Path) -> None:
    with (tmp_path / "t").open("wb") as file:
        file.truncate(100 * LINE)
    with pytest.raises(InputError, match="t:1: not a line of a trace"):
        replay(tmp_path / "t", OutputOptions())


def test_a_trace_that_is_no_plain_file(tmp_path: Path, trm: Trm) -> None:
    os.mkfifo(tmp_path / "t")
    assert trm("replay", tmp_path / "t").err == f"error: {tmp_path / 't'}: not a plain file\n"
    assert "is a directory" in trm("replay", tmp_path).err


TEXTS = ["", "[]", "3", "{", '{"schema": 2}', "[" * 20_000, '{"schema": 1, "schema": 1}', '{"schema": NaN}', "\x1b[31m"]


@pytest.mark.parametrize(
    "text", [*TEXTS, '{"schema": 1, "run": [], "recipe": {}}', '{"schema": 1, "run": {"data": 3}}']
)
def test_options_of_a_run(tmp_path: Path, trm: Trm, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    told = trm("train", "--resume", "--out", tmp_path)
    assert told.code == 2
    assert told.err.startswith(f"error: {tmp_path / 'run.json'}: ")
    assert "\x1b" not in told.err


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x02.", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_a_state_of_a_run_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"state\.pt: "):
        RunFolder(tmp_path).read_state()


@pytest.mark.parametrize("text", [*TEXTS, '{"step": "3"}', '{"step": 1e999}'])
def test_metrics_of_a_run(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(f'{{"step": 1}}\n{text}\n{{"step": 2}}\n')
    assert list(RunFolder(tmp_path).read_metrics()) == [{"step": 1}]


@pytest.mark.parametrize("text", [text for text in TEXTS if text])
def test_settings_of_a_report(tmp_path: Path, trm: Trm, text: str) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "settings.json").write_text(text)
    told = trm("eval", write_csv(tmp_path / "p.csv", rows(1)), "--report", tmp_path / "report", "--max-steps", "1")
    assert told.code == 2
    assert told.err.startswith(f"error: {tmp_path / 'report'}")
    assert "\x1b" not in told.err


@pytest.mark.parametrize("value", [None, True, "x", [1], {}, float("inf")])
@pytest.mark.parametrize("name", ["exact_accuracy", "kind", "puzzles"])
def test_results_for_a_card(tmp_path: Path, name: str, value: Any) -> None:
    if (name, value) == ("kind", "x"):
        return
    fields = {"exact_accuracy": 0.5, "kind": "sudoku", "puzzles": 3} | {name: value}
    (tmp_path / "r").write_text(json.dumps(fields) + "\n")
    with pytest.raises(InputError, match=name):
        read_results(tmp_path / "r")
