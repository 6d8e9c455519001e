"""`eval`: figures, files, reports that go on where they stopped, processes that share the work."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Outcome as Told
from hypothesis import given
from hypothesis import strategies as st
from made import rows, write_csv
from scripted import ANSWER, QUESTION, swapped

from trm_solve import __version__
from trm_solve.evaluation.report import rows_of
from trm_solve.evaluation.tally import Count, Outcome, Tally, wilson
from trm_solve.render.figures import POINTS, bars, curve, decades, lines, reliability, thin, ticks

Trm = Callable[..., Told]
CONTRACT = {
    *("schema", "puzzles", "kind", "exact_accuracy", "exact_interval", "cell_accuracy", "valid_accuracy"),
    *("mean_steps", "puzzles_per_second", "halt", "max_steps", "effort", "seed", "model", "device", "dtype"),
}
SETTING = ("--dtype", "float32", "--max-steps", "3", "--device", "cpu")
TIMES = {"seconds": 0, "puzzles_per_second": 0}
EMPTY = "." * 81


def figures(told: Told) -> dict[str, Any]:
    assert told.out, told.err
    found: dict[str, Any] = json.loads(told.out)
    return found


def outcome(index: int = 0, **fields: Any) -> Outcome:
    plain: dict[str, Any] = {
        "source": "a.csv:1", "rating": None, "verdict": "solved", "exact": True, "valid": True, "cells": 1.0,
        "steps": 1, "attempts": 1, "halt_probability": 0.9,
    }  # fmt: skip
    return Outcome(index=index, **plain | fields)


def test_json_holds_the_contract_and_exits_0(trm: Trm, tmp_path: Path) -> None:
    told = trm("eval", write_csv(tmp_path / "p.csv", rows(4)), "--json", *SETTING)
    found = figures(told)
    assert told.code == 0
    assert found.keys() >= CONTRACT
    expected = {
        "schema": 1, "puzzles": 4, "kind": "sudoku", "halt": "rules", "max_steps": 3, "effort": "fast", "seed": 0,
        "model": "sudoku", "device": "cpu", "dtype": "float32", "exact_accuracy": 1.0, "cell_accuracy": 1.0,
        "valid_accuracy": 1.0, "other_solutions": 0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["exact_interval"] == pytest.approx(wilson(4, 4))
    assert 1 <= found["mean_steps"] <= 3
    assert sum(found["steps_histogram"].values()) == 4


def test_plain_output_where_stdout_is_no_terminal(trm: Trm, tmp_path: Path) -> None:
    told = trm("eval", write_csv(tmp_path / "p.csv", rows(2)), *SETTING)
    assert "exact_accuracy\t1.0\nexact_interval.low\t0.34" in told.out
    assert "\x1b" not in told.out + told.err
    shown = dict(line.split("\t") for line in told.out.splitlines())
    assert (shown["max_steps"], shown["effort"], shown["halting.threshold"]) == ("3", "fast", "0.5")
    assert shown.keys() >= CONTRACT - {"exact_interval"}


def test_a_terminal_is_told_in_words(trm: Trm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    path = write_csv(tmp_path / "p.csv", rows(2))
    told = trm("eval", path, *SETTING).out
    assert re.search(r"^exact accuracy +100.00 % \(95 %: 34.2 to 100.0\) *$", told, re.MULTILINE)
    told = trm("eval", path, *SETTING, "--max-steps", "3,4").out
    assert re.search(r"^ +4 +100.00 % ", told, re.MULTILINE)


def test_never_takes_all_steps_as_the_reference_does(trm: Trm, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "p.csv", rows(2))
    found = figures(trm("eval", path, "--json", "--halt", "never", *SETTING))
    assert (found["mean_steps"], found["halt"]) == (3.0, "never")


def test_a_valid_answer_that_is_not_the_label_is_counted_and_said(trm: Trm, tmp_path: Path) -> None:
    """A puzzle of two solutions, with the one that the model does not find as its label."""
    question = "".join("." if c in "12" else c for c in ANSWER)
    path = tmp_path / "two.csv"
    other = swapped(1, 2, ANSWER)
    path.write_text(f"question,answer\n{question},{ANSWER}\n{question},{other}\n")
    told = trm("eval", path, "--json", "--effort", "normal", *SETTING)
    found = figures(told)
    assert (found["exact_accuracy"], found["valid_accuracy"], found["other_solutions"]) == (0.5, 1.0, 1)
    assert dict(rows_of(found))["another solution"].startswith("1 answers that the rules accept")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{QUESTION}\n{QUESTION}\n", "p.txt:1: no answer to measure against"),
        ("", "p.txt: empty, no puzzle in it"),
        ("question,answer\n", "p.txt: no puzzle in it"),
        (f"question,answer\n{QUESTION[:80]},{ANSWER}\n", "p.txt:2: question of 80 characters, a Sudoku has 81"),
    ],
)
def test_nothing_to_measure_is_one_error(trm: Trm, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "p.txt"
    path.write_text(text)
    told = trm("eval", path)
    assert (told.code, told.out) == (2, "")
    assert message in told.err
    assert told.err.count("error:") == 1


def test_a_bad_line_is_named_and_the_rest_is_measured(trm: Trm, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "p.csv", [*rows(2), "mine,12,34,5"])
    told = trm("eval", path, "--json", *SETTING)
    assert told.code == 2
    assert f"error: {path}:4: question of 2 characters" in told.err
    assert (figures(told)["puzzles"], figures(told)["unreadable"]) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--max-steps", "many"], "--max-steps 'many' is not a whole number", "write --max-steps 16 or 16,32,64"),
        (["--max-steps", "0"], "at least one step is needed, not 0", ""),
        (["--effort", "huge"], "--effort: unknown effort 'huge'", ""),
        (["--model", "sudoko"], "no model 'sudoko'", "did you mean 'sudoku'?"),
    ],
)
def test_wrong_usage_is_one_line(trm: Trm, tmp_path: Path, arguments: list[str], message: str, hint: str) -> None:
    told = trm("eval", write_csv(tmp_path / "p.csv", rows(1)), *arguments)
    assert told.code in (2, 3)
    assert f"error: {message}\n" in told.err
    assert hint in told.err


def test_folders_patterns_and_files_are_told_apart(trm: Trm, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        write_csv(tmp_path / name, rows(1))
    (tmp_path / "notes.md").write_text("not a puzzle")
    found = figures(trm("eval", tmp_path, "--json", *SETTING))
    assert {Path(name).name: row["puzzles"] for name, row in found["by_file"].items()} == {"a.csv": 1, "b.csv": 1}
    assert figures(trm("eval", tmp_path / "*.csv", "--json", *SETTING))["puzzles"] == 2
    (tmp_path / "empty").mkdir()
    assert "no puzzle files in this folder" in trm("eval", tmp_path / "empty").err


def test_several_max_steps_are_a_table(trm: Trm, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "p.csv", rows(2))
    told = trm("eval", path, "--max-steps", "2,1", "--max-steps", "3", "--device", "cpu", "--dtype", "float32")
    assert [line.split("\t")[0] for line in told.out.splitlines()] == ["max_steps", "1", "2", "3"]
    found = figures(trm("eval", path, "--max-steps", "2,1", "--json", "--device", "cpu", "--dtype", "float32"))
    assert found["max_steps"] == 2
    assert [run["max_steps"] for run in found["runs"]] == [1, 2]


def test_failures_are_kept_as_a_puzzle_file(trm: Trm, tmp_path: Path) -> None:
    hard = tmp_path / "p.csv"
    lines = rows(3)
    lines.insert(1, f"mine,{EMPTY},{ANSWER},7")
    write_csv(hard, lines)
    out = tmp_path / "failed.csv"
    trm("eval", hard, "--failures", out, "--dtype", "float32", "--max-steps", "2", "--device", "cpu")
    with out.open() as file:
        [kept] = csv.DictReader(file)
    assert (kept["source"], kept["question"], kept["answer"]) == (f"{hard}:3", EMPTY, ANSWER)
    assert figures(trm("eval", out, "--json", *SETTING))["puzzles"] == 1


def test_a_file_of_failures_that_cannot_be_written_is_refused_before_any_work(
    trm: Trm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trm_solve.evaluation.evaluation.evaluate", None)
    told = trm("eval", write_csv(tmp_path / "p.csv", rows(1)), "--failures", tmp_path / "missing" / "f.csv", *SETTING)
    assert (told.code, told.out) == (2, "")
    assert told.err == f"error: {tmp_path}/missing/f.csv: cannot be written (no such file or directory)\n"


def test_no_escape_codes_and_no_table_in_a_pipe_even_when_color_is_forced(
    trm: Trm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(tmp_path / "p.csv", rows(3))
    monkeypatch.setattr("trm_solve.evaluation.report.PATIENCE", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    for more in ([], ["--max-steps", "1"]):
        told = trm("eval", path, *SETTING, *more)
        assert "\x1b" not in told.out + told.err
        assert all("\t" in line for line in told.out.splitlines())


def test_a_pipe_is_refused_as_it_can_be_read_only_once(trm: Trm, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    told = trm("eval", tmp_path / "pipe.csv", *SETTING)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(f"error: {tmp_path}/pipe.csv: not a plain file\nhint: ")


def test_what_is_no_file_and_too_long_for_a_name(trm: Trm) -> None:
    told = trm("eval", "." * 900, *SETTING)
    assert (told.code, told.err) == (2, f"error: {'.' * 900}: file name too long\n")


def test_a_report_on_a_full_disk_names_its_file(trm: Trm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("trm_solve.evaluation.folder.Row.cells", full)
    told = trm("eval", write_csv(tmp_path / "p.csv", rows(1)), *SETTING, "--report", tmp_path / "r")
    assert (told.code, told.out) == (2, "")
    assert told.err == f"error: {tmp_path}/r/puzzles.csv: cannot be written (no space left on device)\n"


def test_ratings_beyond_the_last_band(trm: Trm, tmp_path: Path) -> None:
    lines = [f"mine,{QUESTION},{ANSWER},{rating}" for rating in (1, 6_000_000)]
    told = dict(rows_of(figures(trm("eval", write_csv(tmp_path / "p.csv", lines), "--json", *SETTING))))
    assert {"rating 1 up to 2", "rating 5e+06 and more"} <= told.keys()


def test_a_report_is_complete_and_needs_nothing_else(trm: Trm, tmp_path: Path) -> None:
    path, folder = write_csv(tmp_path / "p.csv", rows(5)), tmp_path / "report"
    printed = figures(trm("eval", path, "--json", "--report", folder, *SETTING))
    assert json.loads((folder / "report.json").read_text()) == printed
    with (folder / "puzzles.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["source"] for row in table] == [f"{path}:{line}" for line in range(2, 7)]
    page = (folder / "report.html").read_text()
    assert page.count("<svg class=figure") == 5
    right = round(5 * printed["exact_accuracy"])
    assert len(re.findall("<figure class=puzzle><figcaption>right: ", page)) == min(right, 3)
    assert len(re.findall("<figure class=puzzle><figcaption>failed: ", page)) == 5 - right
    assert page.count(">halt<") >= min(right, 3)  # the strip of steps
    assert set(re.findall('https?://[^ "]+', page)) == {"http://www.w3.org/2000/svg"}
    assert "<script" not in page
    weights = json.loads((folder / "settings.json").read_text())["weights"]
    for words in (weights, __version__, "seed 0", "float32", "Wilson", "supervision steps", "exact accuracy, %"):
        assert words in page
    exact = f"{100 * printed['exact_accuracy']:.1f}"
    assert f"| sudoku | 5 | 3 | {exact} | " in page
    assert f"sudoku &amp; 5 &amp; 3 &amp; {exact} &amp; " in page
    assert [row["share"] for row in printed["by_steps"]][-1:] in ([], [printed["exact_accuracy"]])


def test_figures_have_round_ticks_and_say_where_there_is_nothing() -> None:
    for top, wanted in ((1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (16, [0, 5, 10, 15, 20]), (730, [0, 200, 400, 600, 800])):
        assert ticks(top) == pytest.approx(wanted)
    for nothing in (
        bars([], "x", "y"),
        curve([], "x", "y"),
        reliability([], "x", "y"),
        bars([("a", None, None)], "x", "y"),
    ):
        assert nothing == "<p>no labels</p>"
    drawn = curve([(1, 0.25, (0.1, 0.5)), (2, 0.5, (0.3, 0.7))], "steps", "right, %")
    assert "1: 25.0 % (10.0 to 50.0)" in drawn
    assert ">steps<" in drawn
    assert ">right, %<" in drawn
    assert ">1<" in drawn
    assert "0.5<" not in drawn  # steps are whole
    assert "class=band" in drawn
    assert "&lt;" in bars([("<", 1.0, None)], "x", "y")


def test_lines_have_names_and_a_logarithmic_axis_has_round_marks() -> None:
    assert lines({"a": []}, "x", "y") == "<p>nothing yet</p>"
    drawn = lines({"a<b": [(0, 3.0), (20_000, 0.02)], "c": [(10, 0.0), (20, 1.0)]}, "steps", "loss", log=True)
    assert all(f">{mark}<" in drawn for mark in ("0.02", "0.5", "5", "20,000", "steps", "loss"))
    assert "a&lt;b" in drawn
    assert "a<b" not in drawn
    assert "legend" not in lines({"": [(1, 1.0)]}, "x", "y")
    assert decades(0.02, 3.0) == [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]
    assert decades(1e-6, 2.0) == [float(f"1e{n}") for n in range(-6, 2)]
    assert decades(0.3, 0.3) == [0.3]
    assert decades(0.25, 0.42) == [0.2, 0.3, 0.4, 0.5]
    many = thin([(n, n) for n in range(10 * POINTS + 1)])
    assert len(many) <= POINTS
    assert (many[0], many[-1]) == ((5.0, 5.0), (3996.5, 3996.5))


@pytest.mark.parametrize("cut", [0, 1, 30, 200, 10_000])
def test_an_interrupted_report_goes_on_and_ends_the_same(trm: Trm, tmp_path: Path, cut: int) -> None:
    """Killed at any byte of the file of puzzles."""
    path = write_csv(tmp_path / "p.csv", [*rows(5), "mine,12,34,5"])
    arguments = ("eval", path, "--max-steps", "1,2", "--dtype", "float32", "--device", "cpu", "--json")
    whole = figures(trm(*arguments, "--report", tmp_path / "whole"))
    folder = tmp_path / "cut"
    folder.mkdir()
    for name in ("settings.json", "puzzles.csv"):
        (folder / name).write_bytes((tmp_path / "whole" / name).read_bytes())
    with (folder / "puzzles.csv").open("r+b") as file:
        file.truncate(max(file.seek(0, os.SEEK_END) - cut, 0))
    again = figures(trm(*arguments, "--report", folder))
    for run, expected in zip(again["runs"], whole["runs"], strict=True):
        assert without_q(run) == without_q(expected)
    assert len((folder / "puzzles.csv").read_text().splitlines()) == 1 + 2 * 6


def without_q(run: dict[str, Any]) -> dict[str, Any]:
    """Without times, and without probabilities that differ in the last digit between batches of other sizes."""
    return {name: value for name, value in (run | TIMES).items() if name not in ("halting", "by_rating")}


def test_a_report_of_other_settings_is_refused(trm: Trm, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "p.csv", rows(1))
    trm("eval", path, "--report", tmp_path / "r", *SETTING)
    told = trm("eval", path, "--report", tmp_path / "r", *SETTING, "--seed", "5")
    assert told.code == 2
    assert "begun with seed 0, not 5" in told.err


SCRIPT = """
import os, sys, trm_solve
from trm_solve.cli import main
place, path = sys.argv[1:3]
few = trm_solve.evaluate(path, max_steps=1, device="cpu", dtype="float32")
with open(f"{place}/{os.environ['RANK']}.txt", "w") as file:
    print(repr(few), os.path.basename(few.report(f"{place}/few")), file=file)
sys.argv = ["trm-solve", "eval", *sys.argv[2:]]
main()
"""


def test_processes_share_the_work_and_their_totals_are_those_of_one(trm: Trm, tmp_path: Path) -> None:
    """Under torchrun, in a program that has evaluated something before; there each process knows what all found."""
    path = write_csv(tmp_path / "p.csv", [*rows(6), f"mine,{EMPTY},{ANSWER},7", "mine,12,34,5"])
    arguments = [path, "--json", "--effort", "normal", "--attempts", "8", "--report"]
    one = figures(trm("eval", *arguments, tmp_path / "one", *SETTING))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(port)]
    command += [tmp_path / "script.py", tmp_path, *arguments, str(tmp_path / "two"), *SETTING]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    two = json.loads((tmp_path / "two" / "report.json").read_text())
    assert without_q(two) == without_q(one), done.stderr
    places = [
        [row.split(",")[:3] for row in (tmp_path / name / "puzzles.csv").read_text().splitlines()]
        for name in ("one", "two")
    ]
    assert places[0] == places[1]
    told = [(tmp_path / f"{rank}.txt").read_text() for rank in range(2)]
    assert told[0] == told[1]
    assert told[0].startswith("Evaluation(sudoku, 7 sudoku puzzles, ")
    assert (tmp_path / "few/report.html").exists()


def test_wilson_intervals() -> None:
    assert wilson(65, 300) == pytest.approx((0.1738, 0.2667), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=5e-5)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=5e-5)


@given(st.lists(st.integers(1, 40), min_size=1))
def test_medians_are_those_of_the_values(values: list[int]) -> None:
    tally = Tally()
    for value in values:
        tally.add(outcome(steps=value))
    ordered = sorted(values)
    middle = (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2
    assert tally.figures()["median_steps"] == middle


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.floats(0, 500)), max_size=30), st.integers(0, 30))
def test_tallies_add_up(said: list[tuple[bool, float, float]], cut: int) -> None:
    outcomes = [outcome(exact=e, valid=e, halt_probability=q, rating=r) for e, q, r in said]
    whole, left, right = Tally(), Tally(), Tally()
    for i, each in enumerate(outcomes):
        whole.add(each)
        (left if i < cut else right).add(each)
    left += right
    assert left.figures() == whole.figures()


def test_halting_is_held_against_what_was_right() -> None:
    tally = Tally()
    for exact, q in [(True, 0.95), (True, 0.85), (False, 0.75), (True, 0.15), (False, 0.05)]:
        tally.add(outcome(exact=exact, valid=exact, halt_probability=q))
    halting = tally.figures()["halting"]
    assert (halting["precision"], halting["recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert halting["calibration_error"] == pytest.approx((0.05 + 0.15 + 0.75 + 0.85 + 0.05) / 5)


def test_ratings_fall_into_bands() -> None:
    tally = Tally()
    for rating in (0, 1, 1.5, 2, 199, 200):
        tally.add(outcome(rating=rating))
    assert [(band["from"], band["below"], band["puzzles"]) for band in tally.figures()["by_rating"]] == [
        (0, 1, 1), (1, 2, 2), (2, 5, 1), (100, 200, 1), (200, 500, 1),
    ]  # fmt: skip
    assert tally.all == Count(6, 6, 6)
