"""What is written where: answers, talk, files."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import scenes

from trm_solve import trace
from trm_solve.errors import ExitCode, InputError, TrmError
from trm_solve.files import AtomicFile
from trm_solve.kinds import kinds
from trm_solve.kinds.sudoku.kind import Sudoku
from trm_solve.output import Output, OutputOptions, Plain, Record, open_output
from trm_solve.trace import Solution, Step

BAD = InputError("puzzles.txt:2:81: 80 characters, a Sudoku has 81", "blanks are '.' or '0'")
HERE = Path(__file__).parent


def run(output: Output, index: int, *, solved: bool, seconds: float = 0.25) -> Solution:
    steps = scenes.attempt(4, solved=solved, index=index, source=f"puzzles.txt:{index + 1}")
    end = scenes.solution(steps, f"puzzles.txt:{index + 1}", seconds)
    output.begin(index, end.puzzle)
    for step in steps:
        output.step(step)
    output.solution(index, end)
    return end


def solve_three(**options: object) -> Output:
    """Solved, unreadable, unsolved; the batch finishes them in another order."""
    with open_output(OutputOptions(model="sudoku", max_steps=16, **options)) as output:
        run(output, 2, solved=False)
        output.bad(1, BAD)
        run(output, 0, solved=True)
    return output


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_plain_output_has_one_line_a_puzzle(capsys: pytest.CaptureFixture[str]) -> None:
    output = solve_three(many=True)
    out, err = capsys.readouterr()
    assert out == f"{scenes.ANSWER}\n\n\n"
    assert err.splitlines() == [
        "error: puzzles.txt:2:81: 80 characters, a Sudoku has 81",
        "hint: blanks are '.' or '0'",
        "warning: puzzles.txt:3: not solved in 4 steps, 4 cells clash",
    ]
    assert output.exit_code is ExitCode.UNSOLVED
    assert not output.live


def test_best_attempt_is_shown_on_stderr_with_its_clashes_marked(capsys: pytest.CaptureFixture[str]) -> None:
    solve_three()
    err = capsys.readouterr().err.splitlines()
    rows = [line for line in err if line.startswith("│")]
    assert len(rows) == 9
    assert sum(row.count("!") for row in rows) == 4
    assert not any("\x1b" in line for line in err)


def test_exit_code_is_the_highest_met(capsys: pytest.CaptureFixture[str]) -> None:
    codes = []
    for events in (["solved"], ["solved", "bad"], ["bad", "unsolved", "solved"]):
        with open_output(OutputOptions()) as output:
            for index, event in enumerate(events):
                if event == "bad":
                    output.bad(index, BAD)
                else:
                    run(output, index, solved=event == "solved")
        codes.append(output.exit_code)
    assert codes == [0, 2, 4]
    capsys.readouterr()


def test_quiet_says_nothing_but_errors(capsys: pytest.CaptureFixture[str]) -> None:
    solve_three(quiet=True)
    out, err = capsys.readouterr()
    assert out == f"{scenes.ANSWER}\n\n\n"
    assert err.splitlines() == [
        "error: puzzles.txt:2:81: 80 characters, a Sudoku has 81",
        "hint: blanks are '.' or '0'",
    ]


def test_json_fields_are_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    solve_three(json=True, quiet=True)
    solved, bad, unsolved = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert solved == {
        "schema": 1,
        "kind": "sudoku",
        "source": "puzzles.txt:1",
        "question": scenes.QUESTION,
        "answer": scenes.ANSWER,
        "verdict": "solved",
        "best_attempt": None,
        "steps": 4,
        "attempts": 1,
        "halt_probability": 0.97,
        "seconds": 0.25,
        "model": "sudoku",
        "conflicts": 0,
        "overruled": 1,
        "reason": "",
        "correct": None,
    }
    assert unsolved["answer"] is None
    assert unsolved["verdict"] == "unsolved"
    assert unsolved["best_attempt"] not in (None, scenes.ANSWER)
    assert unsolved["conflicts"] == 4
    assert bad["source"] == "puzzles.txt:2"
    assert bad["reason"] == BAD.message
    assert solved.keys() <= bad.keys()
    assert {bad[name] for name in ("kind", "question", "answer", "verdict", "steps", "model")} == {None}


def test_grids_of_many_lines_are_apart_by_a_blank_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Rows(Sudoku):
        def format(self, grid: np.ndarray) -> str:  # type: ignore[type-arg]
            return "\n".join("".join(map(str, row)) for row in grid[:2])

    monkeypatch.setitem(kinds(), "sudoku", Rows())
    solve_three(quiet=True, many=True)
    rows = [scenes.ANSWER[:9], scenes.ANSWER[9:18]]
    assert capsys.readouterr().out.splitlines() == [*rows, "", "", "", ""]  # a blank line and an empty answer, twice
    sink = Plain(sys.stdout)
    for index in range(2):
        sink.record(Record(index, scenes.solution(scenes.attempt(2, solved=True))))
    assert capsys.readouterr().out.splitlines() == [*rows, "", *rows]


def test_json_grids_stay_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Lists(Sudoku):
        def format(self, grid: np.ndarray) -> str:  # type: ignore[type-arg]
            return json.dumps(grid.tolist())

    monkeypatch.setitem(kinds(), "sudoku", Lists())
    with open_output(OutputOptions(json=True)) as output:
        end = run(output, 0, solved=True)
    assert end.answer is not None
    assert json.loads(capsys.readouterr().out)["answer"] == end.answer.tolist()


def test_output_file_holds_the_answers_and_stdout_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "answers.txt"
    target.write_text("old")
    target.chmod(0o640)
    solve_three(output=target, quiet=True)
    assert target.read_text() == f"{scenes.ANSWER}\n\n\n"
    assert target.stat().st_mode & 0o777 == 0o640
    assert names(tmp_path) == ["answers.txt"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_nothing_is_left_behind_after_a_failure(
    tmp_path: Path, error: type[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("old")
    options = OutputOptions(output=tmp_path / "a.txt", trace=tmp_path / "t.jsonl", save=tmp_path / "p.svg")
    with pytest.raises(error), open_output(options) as output:  # noqa: PT012
        run(output, 0, solved=True)
        raise error
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"
    capsys.readouterr()


@pytest.mark.parametrize("name", ["output", "trace", "save"])
def test_files_that_cannot_be_written_are_refused_before_any_work(tmp_path: Path, name: str) -> None:
    options: dict[str, object] = {"output": tmp_path / "a.txt", "trace": tmp_path / "t.jsonl"}
    options[name] = tmp_path / "missing" / "out.svg"
    with pytest.raises(TrmError, match=r"out\.svg: cannot be written \(no such file or directory\)"):
        open_output(OutputOptions(**options))
    assert names(tmp_path) == []


def test_a_full_disk_is_one_line_and_leaves_nothing_behind(
    tmp_path: Path, script: Callable[..., subprocess.Popen[str]]
) -> None:
    """While it is written, and at its end."""
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    for count in ("20000", "20"):
        for option in ("output", "trace"):
            path = tmp_path / f"{option}.txt"
            options = f"OutputOptions({option}=__import__('pathlib').Path({str(path)!r}), quiet=True)"
            text = MANY.replace("20000", count).replace("OutputOptions()", options)
            _, err = script(limit + text).communicate()
            assert err.splitlines()[-1].endswith(f"InputError: {path}: cannot be written (file too large)")
            assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
@pytest.mark.parametrize("arguments", [["models", "list", "--json"], ["solve", "." * 81, "--max-steps", "1", "-q"]])
def test_a_stdout_that_is_full_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "trm_solve", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert re.fullmatch("error: .*no space left on device.*\n", done.stderr)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory"):
        AtomicFile(tmp_path)


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    file = AtomicFile(tmp_path / "link.txt")
    file.write("new")
    file.commit()
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"
    device = AtomicFile(Path(os.devnull))
    device.write("gone")
    device.commit()
    assert not Path(os.devnull).is_file()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_at_any_moment_of_opening_leaves_no_file(tmp_path: Path) -> None:
    """Every line of what opens three files is where Ctrl-C comes, once."""
    options = OutputOptions(output=tmp_path / "o", trace=tmp_path / "t", save=tmp_path / "s.svg", quiet=True)
    moment, rung = 0, True

    def strike(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal left
        if "trm_solve" not in frame.f_code.co_filename or frame.f_code.co_name in ("_remove", "discard", "close"):
            return None
        left -= event == "line"
        if left == 0:
            raise KeyboardInterrupt
        return strike

    while rung:
        moment, left, rung = moment + 1, moment + 1, False
        kept = sys.gettrace()
        sys.settrace(strike)
        try:
            output = open_output(options)
        except KeyboardInterrupt:
            rung = True
        finally:
            sys.settrace(kept)
        if rung and names(tmp_path):
            gc.collect()
        assert rung == (names(tmp_path) == [])
    output.__exit__(KeyboardInterrupt, None, None)
    assert names(tmp_path) == []
    assert moment > 50


def test_trace_reads_back_in_input_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    solve_three(trace=tmp_path / "t.jsonl", quiet=True)
    with (tmp_path / "t.jsonl").open() as file:
        found = list(trace.load(file, "t.jsonl"))
    assert [(puzzle.source, model, len(steps)) for puzzle, model, steps in found] == [
        ("puzzles.txt:1", "sudoku", 4),
        ("puzzles.txt:3", "sudoku", 4),
    ]
    assert [step.puzzle for step in found[1][2]] == [2] * 4
    capsys.readouterr()


@pytest.mark.parametrize("suffix", [".svg", ".html", ".png", ".gif"])
def test_save_writes_a_picture(tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    solve_three(save=tmp_path / f"out{suffix}", quiet=True)
    head = {".svg": b"<svg", ".html": b"<!DOCTYPE html>", ".png": b"\x89PNG", ".gif": b"GIF89a"}[suffix]
    assert (tmp_path / f"out{suffix}").read_bytes().startswith(head)
    assert names(tmp_path) == [f"out{suffix}"]
    capsys.readouterr()


def test_no_picture_where_there_was_no_puzzle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_output(OutputOptions(save=tmp_path / "out.svg")) as output:
        output.bad(0, BAD)
    assert names(tmp_path) == []
    capsys.readouterr()


def test_answers_come_as_soon_as_their_turn_has_come(capsys: pytest.CaptureFixture[str]) -> None:
    with open_output(OutputOptions(quiet=True)) as output:
        run(output, 1, solved=True)
        assert capsys.readouterr().out == ""
        run(output, 0, solved=True)
        assert capsys.readouterr().out == f"{scenes.ANSWER}\n" * 2


def test_steps_of_a_solution_serve_where_no_events_came(tmp_path: Path) -> None:
    steps = scenes.attempt(3, solved=True)
    with open_output(OutputOptions(output=tmp_path / "a", trace=tmp_path / "t")) as output:
        output.solution(0, dataclasses.replace(scenes.solution(steps), trace=tuple(steps)))
    assert len((tmp_path / "t").read_text().splitlines()) == 4


MANY = """
import scenes
from trm_solve.output import OutputOptions, open_output
end = scenes.solution(scenes.attempt(2, solved=True))
with open_output(OutputOptions()) as output:
    for index in range(20000):
        output.solution(index, end)
"""


@pytest.fixture
def script() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a script in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str, **environ: str) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}"} | environ
        command = [sys.executable, "-c", text]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_reader_that_goes_away_ends_it_quietly(script: Callable[..., subprocess.Popen[str]]) -> None:
    process = script(MANY)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == f"{scenes.ANSWER}\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 0
    process.stdout = None  # already closed


def test_no_escape_codes_in_a_pipe_even_when_color_is_forced(script: Callable[..., subprocess.Popen[str]]) -> None:
    out, err = script(MANY.replace("20000", "3"), FORCE_COLOR="1").communicate()
    assert out == f"{scenes.ANSWER}\n" * 3
    assert err == ""


SOLVE = """
import sys
from trm_solve.cli import main
sys.argv = ["trm-solve", "solve", "example:sudoku/easy"]
try:
    main()
except SystemExit:
    print(*sys.modules, file=sys.stderr)
"""
OF_A_VIEW = ("trm_solve.render", "trm_solve.output.live", "trm_solve.output.keys", "rich.live", "rich.progress")


def test_what_draws_is_not_even_imported_where_stdout_is_no_terminal(
    script: Callable[..., subprocess.Popen[str]],
) -> None:
    out, err = script(SOLVE, FORCE_COLOR="1").communicate()
    assert len(out) == 82
    assert out.strip().isdigit()
    modules = err.split()
    assert "trm_solve.output.text" in modules
    assert [name for name in modules if name.startswith(OF_A_VIEW) or name.endswith(".drawing")] == []


def test_step_round_trip_refuses_arrays_of_different_shapes() -> None:
    step = scenes.attempt(2, solved=True)[0]
    fields = step.to_dict()
    np.testing.assert_array_equal(Step.from_dict(fields).answer, step.answer)
    with pytest.raises(ValueError, match="differ in shape"):
        Step.from_dict(fields | {"changed": [[1]]})
