"""`solve`, `models` and the Python API on the packaged Sudoku model: outputs, messages and exit codes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import EXAMPLES, Outcome

import trm_solve
from trm_solve.errors import InputError, ModelError
from trm_solve.kinds.sudoku.kind import Sudoku
from trm_solve.kinds.sudoku.rules import conflicts

Trm = Callable[..., Outcome]
EASY = "...1.4.73.......4.2.....65.8......32......7...96.23..54.261.....3..7...1....5...."
ANSWER = "589164273673285149241937658815746932324591786796823415452618397938472561167359824"
EMPTY = "." * 81
NONE = ".....5.8....6.1.43..........1.5........1.6...3.......553.....61........4........."  # no solution
GOLDEN = Path(__file__).parent / "golden"


def test_a_file_is_solved_and_only_answers_are_on_stdout(trm: Trm) -> None:
    result = trm("solve", EXAMPLES / "sudoku/easy.txt")
    assert (result.code, result.out, result.err) == (0, ANSWER + "\n", "")


def test_the_puzzle_itself_serves_as_argument(trm: Trm) -> None:
    assert trm("solve", EASY).out == ANSWER + "\n"


def test_standard_input_is_read_on_a_dash_only(trm: Trm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{EASY}\n{EASY}\n"))
    assert trm("solve", "-").out == f"{ANSWER}\n{ANSWER}\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "utf-16"])
def test_standard_input_is_read_as_a_file_is(trm: Trm, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """With a byte order mark, as some programs begin UTF-8, and whatever the locale."""
    table = f"question,answer\n{EASY},{ANSWER}\n".encode("utf-8-sig")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(table), encoding))
    assert (trm("solve", "-")) == Outcome(0, f"{ANSWER}\n", "")


def test_standard_input_that_is_no_text(trm: Trm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\x00"), "utf-8"))
    assert trm("solve", "-") == Outcome(2, "", "error: <stdin>: not a text file\n")


def test_a_text_longer_than_a_name_may_be_is_the_puzzle_itself(trm: Trm) -> None:
    task = json.dumps(json.loads((EXAMPLES / "arc/00576224.json").read_text()))
    assert len(task) > 255
    assert trm("solve", task, "--no-adapt").out.startswith("[[3,2,3,2,3,2],")
    assert trm("solve", "." * 900).code == 2


def test_json_fields_are_a_contract(trm: Trm) -> None:
    result = trm("solve", EXAMPLES / "sudoku/easy.txt", "--json")
    fields = json.loads(result.out)
    assert fields | {"seconds": 0, "halt_probability": 0} == fields | {
        "schema": 1,
        "kind": "sudoku",
        "source": f"{EXAMPLES}/sudoku/easy.txt:1",
        "question": EASY,
        "answer": ANSWER,
        "verdict": "solved",
        "best_attempt": None,
        "attempts": 1,
        "model": "sudoku",
        "seconds": 0,
        "halt_probability": 0,
    }
    assert 1 <= fields["steps"] <= 16
    assert 0 <= fields["halt_probability"] <= 1
    assert fields["seconds"] > 0


def test_a_bad_puzzle_does_not_stop_a_batch_and_keeps_its_line(trm: Trm, tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text(f"{EASY}\n{EASY[:-1]}\n{EMPTY}\n{EASY}\n")
    result = trm("solve", path, "--max-steps", 1, "--halt", "rules", "--attempts", 20)
    lines = result.out.split("\n")
    assert len(lines) == 5
    assert lines[1] == lines[2] == ""
    assert f"error: {path}:2: 80 characters, a Sudoku has 81" in result.err
    assert "hint: blanks are '.' or '0'" in result.err
    assert f"warning: {path}:3: not solved" in result.err
    assert result.code == 4  # the highest it met


def test_an_unsolved_puzzle_shows_its_best_attempt_and_exits_4(trm: Trm) -> None:
    result = trm("solve", EMPTY, "--max-steps", 1, "--effort", "fast")
    assert (result.code, result.out) == (4, "\n")
    assert "warning: <argument>:1: not solved in 1 step" in result.err
    board = "".join(line for line in result.err.splitlines() if line.startswith("│"))
    assert sum(character.isdigit() for character in board) == 81 - board.count("·")
    assert sum(character.isdigit() for character in board) > 60  # not the givens alone, though no step was kept
    assert "!" in board
    fields = json.loads(trm("solve", EMPTY, "--max-steps", 1, "--effort", "fast", "--json").out)
    assert (fields["verdict"], fields["answer"]) == ("unsolved", None)
    assert len(fields["best_attempt"]) == 81


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["nofile.txt"], 2, "nofile.txt: no such file or directory"),
        (["5" * 81], 2, "<argument>:1: clashing clues: two 5s in row 1 (r1c1 and r1c2)"),
        ([EASY[:-1]], 2, "<argument>:1: 80 characters, a Sudoku has 81"),
        ([EASY + "1"], 2, "<argument>:1: 82 characters, a Sudoku has 81"),
        (["q" + EASY[1:]], 2, "<argument>:1:1: 'q' is not a digit or a blank"),
        ([EASY, "--kind", "sudoko"], 2, "--kind: unknown puzzle kind 'sudoko'"),
        ([EASY, "--halt", "soon"], 2, "--halt: unknown rule 'soon'"),
        ([EASY, "--fit", "none"], 2, "--fit: unknown choice 'none'"),
        ([EASY, "--device", "gpu"], 2, "--device: unknown device 'gpu'"),
        ([EASY, "--device", "cuda:99"], 2, "no"),
        ([EASY, "--device", "cpu:²"], 2, "--device: unknown device 'cpu:²'"),
        ([EASY, "--device", "cpu:007"], 2, "--device: unknown device 'cpu:007'"),
        ([EASY, "--dtype", "int8"], 2, "--dtype: unknown dtype 'int8'"),
        ([EASY, "--seed", "-1"], 2, "Invalid value for '--seed'"),
        ([EASY, "--seed", str(2**32)], 2, "a seed is a number from 0 to 4294967295, not 4294967296"),
        ([EASY, "--max-steps", "0"], 2, "Invalid value for '--max-steps'"),
        ([EASY, "--frobnicate"], 2, "No such option: --frobnicate"),
        ([], 2, "Missing argument 'PUZZLE...'"),
        ([EASY, "--model", "sudoki"], 3, "no model 'sudoki'"),
        ([EASY, "-o", "/nowhere/a.txt"], 2, "/nowhere/a.txt: cannot be written"),
        ([EASY, "--save", "a.bmp"], 2, "a.bmp"),
    ],
)
def test_errors_are_one_line_and_a_hint(trm: Trm, arguments: list[str], code: int, error: str) -> None:
    result = trm("solve", *arguments)
    assert (result.code, result.out.strip()) == (code, "")
    first, *rest = result.err.rstrip("\n").split("\n")
    assert first.startswith(f"error: {error}")
    assert [line.partition(": ")[0] for line in rest] in ([], ["hint"])
    assert "Traceback" not in result.err


def test_a_model_of_another_kind_is_one_clear_line(trm: Trm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = GOLDEN / "trm-mlp"
    made = trm("models", "convert", golden / "step_6", "--config", golden / "all_config.json", "--out", tmp_path / "m")
    assert made.code == 0
    monkeypatch.setenv("TRM_MODEL", str(tmp_path / "m"))
    result = trm("solve", EASY)
    assert result.code == 3
    assert result.err.startswith(f"error: model '{tmp_path / 'm'}' is for arc, <argument>:1 is a sudoku puzzle")


def test_clues_that_the_model_wanted_to_change_are_kept_and_counted(trm: Trm) -> None:
    solution = trm_solve.solve(EMPTY[:-9] + "123456789", options=trm_solve.SolveOptions(max_steps=2, attempts=20))
    given = solution.puzzle.question > 0
    for step in solution.trace:
        np.testing.assert_array_equal(step.answer[given], solution.puzzle.question[given])
        assert step.overruled >= 0
    fields = json.loads(trm("solve", EASY, "--json").out)
    assert fields["overruled"] == 0


def test_output_and_trace_files_and_replay(trm: Trm, tmp_path: Path) -> None:
    answers, trace = tmp_path / "a.txt", tmp_path / "t.jsonl"
    result = trm("solve", EXAMPLES / "sudoku/easy.txt", "-o", answers, "--trace", trace)
    assert (result.code, result.out) == (0, "")
    assert answers.read_text() == ANSWER + "\n"
    assert len(trace.read_text().splitlines()) >= 2
    replayed = trm("replay", trace)
    assert (replayed.code, replayed.out) == (0, ANSWER + "\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "t.jsonl"]


def test_the_same_seed_gives_the_same_answer(trm: Trm) -> None:
    first, second = (trm("solve", EXAMPLES / "sudoku/hard.txt", "--json").out for _ in range(2))
    fields = [json.loads(each) | {"seconds": 0} for each in (first, second)]
    assert fields[0] == fields[1]


def test_check_unique_knows_none_one_and_several(trm: Trm) -> None:
    one = trm("solve", EASY, "--check-unique")
    assert (one.code, one.out, one.err) == (0, ANSWER + "\n", "")
    none = trm("solve", NONE, "--check-unique")
    assert (none.code, none.out) == (4, "\n")
    assert "no solution" in none.err
    several = trm("solve", EMPTY[:-3] + "123", "--check-unique", "--max-steps", 1, "--effort", "fast")
    assert "warning: <argument>:1: more than one solution" in several.err
    assert trm("solve", EMPTY[:-3] + "123", "--check-unique", "--max-steps", 1, "--effort", "fast", "-q").err == ""


def test_check_unique_tells_programs_of_every_puzzle(trm: Trm, tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text("\n".join((EASY, "8" * 81, EMPTY[:-3] + "123", NONE)))
    told = trm("solve", path, "--check-unique", "--max-steps", 1, "--effort", "fast", "--json")
    found = [json.loads(line) for line in told.out.splitlines()]
    assert [(each.get("solutions"), each.get("unique")) for each in found] == [
        (1, True), (None, None), ("several", False), (0, False),
    ]  # fmt: skip
    assert "unique" not in json.loads(trm("solve", EASY, "--json").out)
    refused = trm("solve", EXAMPLES / "maze/small.txt", "--check-unique")
    assert (refused.code, refused.out) == (2, "")
    assert "--check-unique: the solutions of a maze puzzle cannot be counted" in refused.err


def test_verbose_names_model_device_and_dtype(trm: Trm) -> None:
    result = trm("solve", EASY, "-v", "--device", "cpu", "--dtype", "float32")
    assert "model sudoku, device cpu, dtype float32, effort normal" in result.err


def test_models_list_info_and_convert(trm: Trm, tmp_path: Path) -> None:
    assert "sudoku" in trm("models", "list").out
    names = [each["name"] for each in json.loads(trm("models", "list", "--json").out)]
    assert "sudoku" in names
    info = json.loads(trm("models", "info", "sudoku", "--json").out)
    assert info["kind"] == "sudoku"
    assert info["config"]["grid"] == [9, 9]
    golden = GOLDEN / "trm-attention"
    made = trm("models", "convert", golden / "step_6", "--config", golden / "all_config.json", "--out", tmp_path / "m")
    assert (made.code, made.out) == (0, "")
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert json.loads(trm("models", "info", tmp_path / "m", "--json").out)["config"]["num_heads"] == 4


@pytest.mark.parametrize("group", [[], ["generate"], ["models"]])
def test_a_group_alone_shows_its_help(trm: Trm, group: list[str]) -> None:
    result = trm(*group)
    assert result.code == 2
    assert "Usage: trm-solve" in result.out + result.err
    assert "error:" not in result.err


def test_interrupt_exits_130(trm: Trm, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trm_solve.pretrained.ready", interrupt)
    assert trm("solve", EASY).code == 130


def test_a_bug_is_one_line_and_exits_1(trm: Trm, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("trm_solve.pretrained.ready", fail)
    result = trm("solve", EASY)
    assert (result.code, result.err.splitlines()[0]) == (1, "error: unexpected RuntimeError: boom")
    assert "this is a bug" in result.err
    monkeypatch.setenv("TRM_DEBUG", "1")
    shown = trm("solve", EASY)
    assert shown.code == 1
    assert shown.err.endswith(result.err)
    assert "Traceback (most recent call last):\n" in shown.err
    assert 'raise RuntimeError("boom")' in shown.err


def test_a_bug_with_much_to_say_is_one_line_too(trm: Trm, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("\n".join(f"warning {n}: it does not compile" for n in range(1000)))

    monkeypatch.setattr("trm_solve.pretrained.ready", fail)
    first, *rest = trm("solve", EASY).err.splitlines()
    assert first.startswith("error: unexpected RuntimeError: warning 0: it does not compile warning 1:")
    assert first.endswith(" ...")
    assert len(first) < 350
    assert len(rest) == 1


def test_the_origin_of_a_refusal_is_shown_and_a_terminal_obeys_none_of_it(
    trm: Trm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder := tmp_path / "\x1b[31m").mkdir()
    (folder / "config.json").write_text("{")
    (folder / "model.safetensors").touch()
    result = trm("solve", EASY, "--model", folder)
    monkeypatch.setenv("TRM_DEBUG", "1")
    shown = trm("solve", EASY, "--model", folder)
    assert (result.code, shown.code) == (3, 3)
    assert "Traceback" not in result.err
    assert shown.err.endswith(result.err)
    assert "JSONDecodeError" in shown.err  # in place of which the refusal was raised
    assert "\\x1b[31m" in shown.err
    assert "\x1b" not in shown.err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    ],
)
def test_too_little_memory_is_no_bug(trm: Trm, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("trm_solve.pretrained.ready", fail)
    result = trm("solve", EASY)
    assert result.code == 2
    assert result.err == "error: not enough memory\nhint: fewer at once (--slots, batch_size) take less\n"


def test_two_things_do_not_go_into_one_file(trm: Trm, tmp_path: Path) -> None:
    result = trm("solve", EASY, "-o", tmp_path / "x", "--trace", f"{tmp_path}/./x")
    assert (result.code, result.err.splitlines()[0]) == (2, f"error: {tmp_path / 'x'}: cannot hold two things")
    assert not [*tmp_path.iterdir()]


def test_the_folder_that_we_are_in_is_gone(trm: Trm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place := tmp_path / "gone").mkdir()
    monkeypatch.chdir(place)
    place.rmdir()
    result = trm("solve", EASY, "-o", "answers")
    assert (result.code, result.err) == (2, "error: answers: cannot be written (no such file or directory)\n")


# The Python API


def test_solve_takes_text_file_and_puzzle() -> None:
    for puzzle in (EASY, EXAMPLES / "sudoku/easy.txt", trm_solve.read(EASY)[0]):
        solution = trm_solve.solve(puzzle)
        assert solution.verdict == "solved"
        assert solution.answer is not None
        assert Sudoku().format(solution.answer) == ANSWER
        assert solution.trace[-1].solved


def test_steps_come_one_by_one() -> None:
    found = list(trm_solve.steps(EASY, model=trm_solve.load("sudoku")))
    assert [step.when for step in found] == sorted({step.when for step in found})
    assert (found[0].label, found[-1].halted) == ("1.1", True)
    assert found[-1].solved
    assert found[-1].halted
    assert not conflicts(found[-1].answer).any()


def test_solve_many_keeps_the_order() -> None:
    puzzles = trm_solve.read(EXAMPLES / "sudoku/fifty.csv")[:10]
    solutions = list(trm_solve.solve_many(puzzles))
    assert [solution.puzzle.source for solution in solutions] == [puzzle.source for puzzle in puzzles]


def test_the_api_raises_what_the_command_line_prints() -> None:
    with pytest.raises(InputError, match="80 characters"):
        trm_solve.solve(EASY[:-1])
    with pytest.raises(InputError, match="2 puzzles where one is expected"):
        trm_solve.solve(f"{EASY}\n{EASY}")
    with pytest.raises(ModelError, match="no model"):
        trm_solve.load("nothing")


# Start-up


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | environment
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)


@pytest.mark.parametrize("command", [[], ["solve"], ["eval"], ["train"], ["generate"], ["models"], ["replay"]])
def test_help_imports_neither_torch_nor_numpy(command: list[str]) -> None:
    code = f"""
import sys
sys.argv = ["trm-solve", *{command!r}, "--help"]
from trm_solve.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
found = {{"torch", "numpy", "safetensors", "huggingface_hub", "yaml"}} & set(sys.modules)
assert not found, found
"""
    result = python(code)
    assert result.returncode == 0, result.stderr
    assert "Usage" in result.stdout


def test_importing_the_package_is_light() -> None:
    result = python("import sys, trm_solve; assert 'torch' not in sys.modules and 'numpy' not in sys.modules")
    assert result.returncode == 0, result.stderr


def test_replay_needs_no_torch(trm: Trm, tmp_path: Path) -> None:
    trm("solve", EASY, "--trace", tmp_path / "t.jsonl")
    code = f"""
import sys
sys.modules["torch"] = None  # as if it were not installed
sys.argv = ["trm-solve", "replay", {str(tmp_path / "t.jsonl")!r}]
from trm_solve.cli import main
main()
"""
    result = python(code)
    assert (result.returncode, result.stdout) == (0, ANSWER + "\n"), result.stderr
