"""`eval` on mazes: three verdicts apart, accuracy by place on the canvas, and what the halting head is held against."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import EXAMPLES
from conftest import Outcome as Told
from hypothesis import given
from hypothesis import strategies as st
from numeric import close
from test_evaluate import without_q
from torch import Tensor

from trm_solve.checkpoint import save
from trm_solve.config import ModelConfig
from trm_solve.errors import InputError
from trm_solve.evaluation.folder import Row
from trm_solve.evaluation.inputs import place
from trm_solve.evaluation.report import rows_of
from trm_solve.evaluation.tally import Outcome, Tally, wilson
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_lines

Trm = Callable[..., Told]
Said = tuple[str, float]  # an answer's text, the logit of halting
CONFIG = {
    "kind": "maze", "grid": [30, 30], "vocab_size": 6, "hidden_size": 4, "num_heads": 1, "intermediate_size": 4,
    "mlp_t": False, "pos_encodings": "none", "H_cycles": 1, "L_cycles": 1, "canvas": "crop",
}  # fmt: skip
QUESTION = "S.....\n.####.\n.....G\n.####.\n......"
CANONICAL = "S.....\no####.\noooooG\n.####.\n......"
OTHER = "Sooooo\n.####o\n.....G\n.####.\n......"  # as short, of another tie-break
DETOUR = "S.....\no####.\no....G\no####o\noooooo"
BROKEN = "S.....\no####.\no.oooG\n.####.\n......"
SURE, UNSURE = 3.0, -3.0  # logits of halting
SURELY = 1 / (1 + np.exp(-SURE))


class Walker(TRM):
    """Answers what the test says: `script(question, step from 1, row and column of the canvas)`; mazes of 6 columns."""

    def __init__(self, script: Callable[[str, int, tuple[int, int]], Said]) -> None:
        super().__init__(ModelConfig.from_dict(CONFIG))
        self.script = script

    def embed(self, tokens: Tensor, rows: Tensor | None = None, cells: Tensor | None = None) -> Tensor:
        assert cells is not None
        return torch.stack((tokens.float(), cells.expand(tokens.shape).float(), torch.zeros(tokens.shape)), -1)

    def initial_state(self, e: Tensor) -> tuple[Tensor, Tensor]:
        return e, e

    def step(self, e, y, z, cos_sin, cycles=None):  # type: ignore[no-untyped-def]
        return y + torch.tensor([0.0, 0.0, 1.0]), z

    def _play(self, y: Tensor) -> list[Said]:
        told = []
        for tokens, cells, steps in (row.T.long().tolist() for row in y):
            text = "".join("?#.SGo"[token] for token in tokens)
            question = "\n".join(text[at : at + 6] for at in range(0, len(text), 6))
            told.append(self.script(question, steps[0], divmod(cells[0], 30)))
        return told

    def read_answer(self, y: Tensor) -> Tensor:
        said = [["?#.SGo".index(cell) for cell in answer.replace("\n", "")] for answer, _ in self._play(y)]
        return 9.0 * torch.nn.functional.one_hot(torch.tensor(said), 6).float()

    def read_halt(self, y: Tensor) -> tuple[Tensor, Tensor]:
        q = torch.tensor([logit for _, logit in self._play(y)])
        return q, -q


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Have `eval` find a model of this script; returns the arguments that name it."""

    def script(told: Callable[[str, int, tuple[int, int]], Said]) -> list[str]:
        save(TRM(ModelConfig.from_dict(CONFIG)), tmp_path / "model")
        monkeypatch.setattr("trm_solve.pretrained.ready", lambda *_, **__: Walker(told))
        return ["--model", str(tmp_path / "model"), "--device", "cpu", "-q"]

    return script


def taller(text: str, rows: int) -> str:
    """The maze with so many rows of walls below: another question of the same paths."""
    return text + "\n######" * rows


def write(path: Path, *labels: str) -> Path:
    """A file of mazes with these answers, told apart by their height."""
    path.write_text("\n\n".join(taller(label, i) for i, label in enumerate(labels)) + "\n")
    return path


def answers(*told: Said) -> Callable[[str, int, tuple[int, int]], Said]:
    """A script that answers the mazes of `write` in turn."""
    by_question = {taller(QUESTION, i): (taller(text, i), q) for i, (text, q) in enumerate(told)}
    return lambda question, _step, _at: by_question[question]


FOUR = answers((CANONICAL, SURE), (OTHER, SURE), (DETOUR, SURE), (BROKEN, UNSURE))


def figures(told: Told) -> dict[str, Any]:
    assert told.out, told.err
    found: dict[str, Any] = json.loads(told.out)
    return found


@pytest.mark.parametrize("halt", ["rules", "q", "never"])
def test_the_three_verdicts_are_told_apart(trm: Trm, says: Any, tmp_path: Path, halt: str) -> None:
    path = write(tmp_path / "m.txt", *[CANONICAL] * 4)
    found = figures(trm("eval", path, *says(FOUR), "--halt", halt, "--max-steps", "2", "--json"))
    counts = {name: each["count"] for name, each in found["verdicts"].items()}
    assert counts == {"valid": 3, "shortest": 2, "canonical": 1}
    assert (found["exact_accuracy"], found["valid_accuracy"], found["other_solutions"]) == (0.25, 0.5, 1)
    valid = found["verdicts"]["valid"]
    assert (valid["share"], valid["interval"]) == (0.75, pytest.approx(wilson(3, 4)))
    assert found["by_file"][str(path)]["verdicts"] == found["verdicts"]
    assert found["by_offset"] == []


@pytest.mark.numeric
@pytest.mark.parametrize("halt", ["rules", "q", "never"])
def test_halting_is_held_against_a_shortest_path_or_the_label(trm: Trm, says: Any, tmp_path: Path, halt: str) -> None:
    """Surely: the label, another shortest path, a detour, a detour that is the label; and something broken, unsure."""
    path = write(tmp_path / "m.txt", CANONICAL, CANONICAL, CANONICAL, DETOUR, CANONICAL)
    told = answers((CANONICAL, SURE), (OTHER, SURE), (DETOUR, SURE), (DETOUR, SURE), (BROKEN, UNSURE))
    halting = figures(trm("eval", path, *says(told), "--halt", halt, "--max-steps", "2", "--json"))["halting"]
    assert (halting["precision"], halting["recall"]) == (0.75, 1.0)
    close(halting["calibration_error"], (4 * SURELY - 3 + (1 - SURELY)) / 5, atol=1e-6)


@pytest.mark.numeric
def test_halting_is_read_at_the_step_whose_answer_is_measured(trm: Trm, says: Any, tmp_path: Path) -> None:
    """The rules halt the second step, of which the head is unsure; it is sure of the wrong ones beside."""
    path = write(tmp_path / "m.txt", CANONICAL)
    arguments = says(lambda _question, step, _at: (OTHER, UNSURE) if step == 2 else (DETOUR, SURE))
    by_rules, by_q, never = (
        figures(trm("eval", path, *arguments, "--halt", halt, "--max-steps", "3", "--json"))
        for halt in ("rules", "q", "never")
    )
    found = [(each["mean_steps"], each["halting"]["precision"], each["halting"]["recall"]) for each in (by_q, never)]
    assert found == [(1, 0, None), (3, 0, None)]
    halting = by_rules["halting"]
    assert (by_rules["mean_steps"], halting["precision"], halting["recall"]) == (2, None, 0)
    close(halting["calibration_error"], SURELY, atol=1e-6)


def test_a_table_a_comparison_and_a_page_show_every_verdict(trm: Trm, says: Any, tmp_path: Path) -> None:
    arguments = [write(tmp_path / "m.txt", *[CANONICAL] * 4), *says(FOUR)]
    table = dict(rows_of(figures(trm("eval", *arguments, "--json"))))
    assert table["valid"] == "75.00 % (95 %: 30.1 to 95.4)"
    assert (table["shortest"][:7], table["canonical"][:7]) == ("50.00 %", "25.00 %")
    assert "valid accuracy" not in table  # it is `shortest`
    report = ["--max-steps", "1,2", "--report", tmp_path / "r"]
    head, *lines = (line.split("\t") for line in trm("eval", *arguments, *report).out.splitlines())
    for line in lines:
        row = dict(zip(head, line, strict=True))
        assert [row[f"verdicts.{name}.share"] for name in ("valid", "canonical")] == ["0.75", "0.25"]
    page = (tmp_path / "r" / "report.html").read_text()
    for heading in ("<td>valid<td>75.00 %", "<td>canonical<td>25.00 %", "<th>shortest (95 %)"):
        assert heading in page


@pytest.mark.parametrize("cut", [0, 1, 40, 150, 10_000])
def test_a_report_goes_on_with_verdicts_and_places(trm: Trm, says: Any, tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "m.txt", *[CANONICAL] * 4)
    arguments = ("eval", path, *says(FOUR), "--offsets", "2", "--json")
    whole = figures(trm(*arguments, "--report", tmp_path / "whole"))
    assert len(whole["by_offset"]) == 8
    folder = tmp_path / "cut"
    folder.mkdir()
    for name in ("settings.json", "puzzles.csv"):
        (folder / name).write_bytes((tmp_path / "whole" / name).read_bytes())
    with (folder / "puzzles.csv").open("r+b") as file:
        file.truncate(max(file.seek(0, os.SEEK_END) - cut, 0))
    assert without_q(figures(trm(*arguments, "--report", folder))) == without_q(whole)
    assert len((folder / "puzzles.csv").read_text().splitlines()) == 1 + 2 * 4
    told = trm(*arguments, "--offsets", "3", "--report", folder)
    assert (told.code, "begun with offsets 2, not 3" in told.err) == (2, True)


def test_accuracy_by_offset(trm: Trm, says: Any, tmp_path: Path) -> None:
    """A model that finds its way on the left half of the canvas alone; two mazes of one size."""
    path = tmp_path / "m.txt"
    path.write_text(f"{CANONICAL}\n\n{CANONICAL}\n")
    arguments = [
        path,
        *says(lambda _question, _step, at: (CANONICAL if at[1] < 12 else BROKEN, SURE)),
        "--offsets",
        "9",
    ]
    found = figures(trm("eval", *arguments, "--json", "--failures", tmp_path / "failed.csv"))
    assert found["puzzles"] == 18
    offsets = [tuple(row["offset"]) for row in found["by_offset"]]
    assert len(set(offsets)) == 9
    assert offsets == sorted(offsets)
    assert {tuple(row["size"]) for row in found["by_offset"]} == {(5, 6)}
    assert {row["puzzles"] for row in found["by_offset"]} == {2}
    for row in found["by_offset"]:
        right = 2 * (row["offset"][1] < 12)
        assert {name: each["count"] for name, each in row["verdicts"].items()} == dict.fromkeys(
            ("valid", "shortest", "canonical"), right
        )
        assert row["exact_accuracy"] == right / 2
    assert 0 < found["exact_accuracy"] < 1
    again, other = (figures(trm("eval", *arguments, "--json", "--seed", seed)) for seed in (0, 1))
    assert again["by_offset"] == found["by_offset"]
    assert [row["offset"] for row in other["by_offset"]] != [row["offset"] for row in found["by_offset"]]
    with (tmp_path / "failed.csv").open() as file:
        assert [row["source"] for row in csv.DictReader(file)] == [f"{path}:1", f"{path}:7"]  # each of them once
    row, column = offsets[0]
    shown = dict(rows_of(found))
    share = "100.00 %" if column < 12 else "0.00 %"
    assert shown[f"5 x 6 at row {row + 1}, column {column + 1}"].startswith(f"exact {share} of 2, valid {share}")


@pytest.mark.parametrize("kind", ["sudoku", "maze"])
def test_puzzles_that_fill_the_canvas_have_no_offsets(trm: Trm, tmp_path: Path, kind: str) -> None:
    path = EXAMPLES / "sudoku" / "fifty.csv"
    if kind == "maze":  # behind a small one
        path = tmp_path / "m.txt"
        path.write_text("\n".join([CANONICAL, "", "S" + "o" * 28 + "G", *["." * 30] * 29]))
    told = trm("eval", path, "--offsets", "3")
    assert (told.code, told.out) == (2, "")
    assert told.err.count("error:") == 1
    assert "fills its canvas" in told.err
    assert "hint: --offsets is for mazes smaller than 30 x 30" in told.err


def test_places_are_on_the_canvas_and_alike_for_a_size() -> None:
    items = list(read_lines(f"{QUESTION}\n\nSS\n\n{QUESTION}\n\n{'S' + '.' * 28 + 'G'}\n".splitlines(True), "m.txt"))
    placed = list(place(items, 40, seed=3))
    mazes = [item for item in placed if isinstance(item, Puzzle)]
    assert sum(isinstance(item, InputError) for item in placed) == 1
    first, second, wide = ([m.offset for m in mazes if m.source == f"m.txt:{at}"] for at in (1, 9, 15))
    assert first == second
    assert len(set(first)) == 40
    assert all(0 <= row <= 25 and 0 <= column <= 24 for row, column in first)
    assert wide == [(row, 0) for row in range(30)]  # no more places than there are


verdicts: st.SearchStrategy[dict[str, bool]] = st.one_of(
    st.just({}), st.fixed_dictionaries({name: st.booleans() for name in ("valid", "shortest", "canonical")})
)
outcomes = st.builds(
    Outcome,
    index=st.integers(0, 9),
    source=st.just("a, b.csv:1"),
    rating=st.none() | st.floats(0, 99),
    verdict=st.just("solved"),
    exact=st.booleans(),
    valid=st.none() | st.booleans(),
    verdicts=verdicts,
    placement=st.one_of(st.just(()), st.tuples(*[st.integers(1, 30)] * 2, *[st.integers(0, 29)] * 2)),
    cells=st.floats(0, 1),
    steps=st.integers(1, 16),
    attempts=st.integers(1, 4),
    halt_probability=st.floats(0, 1),
)


@given(outcomes)
def test_a_row_is_read_back(outcome: Outcome) -> None:
    row = Row(16, outcome.index, outcome, 1.5)
    assert Row.read(list(map(str, row.cells()))) == row


@given(st.lists(outcomes, max_size=12), st.integers(0, 12))
def test_verdicts_and_places_add_up(found: list[Outcome], cut: int) -> None:
    whole, left, right = Tally(), Tally(), Tally()
    for i, each in enumerate(found):
        whole.add(each)
        (left if i < cut else right).add(each)
    left += right
    assert left.figures() == whole.figures()
    counts = {name: each["count"] for name, each in whole.figures()["verdicts"].items()}
    names = [name for each in found for name in each.verdicts]
    assert counts == {name: sum(each.verdicts.get(name, False) for each in found) for name in names}


@pytest.mark.parametrize("name", ["small.txt", "hard.txt"])
def test_the_packaged_model_solves_real_mazes(name: str, trm: Trm) -> None:
    told = trm("solve", EXAMPLES / "maze" / name, "--json", "--device", "cpu")
    found = json.loads(told.out)
    assert (told.code, found["verdict"], found["shortest"]) == (0, "solved", True)
    assert found["model"] == "maze"
