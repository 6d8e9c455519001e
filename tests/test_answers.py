"""What a person gets for every file: the answers line by line, the exit code, and never nothing at all.

Reading, the order of the output and the messages are real; the model's place is taken by what knows the answers.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import Outcome
from test_forms import BASE, BORDER, FORMS, READ, A

from trm_solve import pretrained, reading
from trm_solve.errors import FileError, InputError
from trm_solve.kinds import get_kind
from trm_solve.kinds.maze.paths import solve as solve_maze
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.schedule import Event
from trm_solve.tasks import answer as answering
from trm_solve.trace import Solution

Trm = Callable[..., Outcome]
ANSWERS = {item.question.tobytes(): item.answer for item in read_file(FORMS / "gen.csv") if isinstance(item, Puzzle)}


def _answer(puzzle: Puzzle) -> Any:
    if puzzle.kind == "maze":
        return solve_maze(puzzle.question)
    return ANSWERS.get(puzzle.question.tobytes()) if puzzle.kind == "sudoku" else puzzle.answer


def _answered(
    _model: Any,
    items: Iterable[Puzzle | InputError],
    _options: Any,
    *,
    begin: Callable[[int, Puzzle], None],
    unsolvable: Callable[[Puzzle], str] | None,
    **_: Any,
) -> Iterator[Event]:
    for index, item in enumerate(items):
        if isinstance(item, InputError):
            yield item
            continue
        begin(index, item)
        answer = _answer(item)
        reason = (unsolvable or get_kind(item.kind).unsolvable)(item)
        yield Solution(
            puzzle=item, answer=answer, verdict="unsolvable" if reason else "unsolved" if answer is None else "solved",
            best_attempt=None, conflicts=None, steps=1, attempts=1, halt_probability=0.5, overruled=0, seconds=0.0,
            model="m", reason=reason,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def _no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def ready(name: str, **_: str) -> Any:
        return SimpleNamespace(config=SimpleNamespace(kind=name))  # a packaged model has its kind's name

    monkeypatch.setattr(pretrained, "ready", ready)
    monkeypatch.setattr(answering, "answer", _answered)


def drawn(maze: str) -> str:
    rows = np.array([["?# SGo".index(c) for c in line] for line in maze.splitlines()], np.uint8)
    answer = solve_maze(rows)
    assert answer is not None
    return get_kind("maze").format(answer)


WALKED = drawn(BASE)
# exit code; of each puzzle in order its answer, empty where there is none
GIVEN: dict[str, tuple[int, list[str]]] = {
    **{name: (0, [A[number] for number in held]) for name, held in READ.items()},
    **dict.fromkeys(("m_E.txt", "m_title.txt", "m_01.txt", "m_box.txt"), (0, [WALKED])),
    **dict.fromkeys(("n_border.txt", "n_border_indent.txt"), (0, [drawn(BORDER)])),
    **dict.fromkeys(("hdr_only.csv", "lfs_pointer", "a_rearc.json", "README.md"), (2, [])),
    **dict.fromkeys(("m_gap.txt", "m_star_nose.txt", "size16.txt"), (2, [""])),
    **dict.fromkeys(("n_box_pad.txt", "unsolv.txt", "empty17.txt"), (4, [""])),
    "excel_lostzero.csv": (2, ["", "", A[2], "", "", A[5]]),
    "trmdata/test": (0, A),
    "trmdata": (0, A + A),
    "k4/sample_submission.json": (2, []),
}


@pytest.mark.parametrize("name", GIVEN)
def test_answer_k_is_that_of_puzzle_k(trm: Trm, name: str) -> None:
    code, answers = GIVEN[name]
    between = "\n\n" if any("\n" in answer for answer in answers) else "\n"
    told = trm("solve", FORMS / name)
    assert (told.code, told.out) == (code, between.join(answers) + "\n" if answers else "")
    assert code == 0 or told.err
    found = [json.loads(line) for line in trm("solve", FORMS / name, "--json").out.splitlines()]
    assert [fields.get("answer") is not None for fields in found] == [answer != "" for answer in answers] or not answers


def test_rows_of_a_table_of_mazes_that_lost_their_spaces(trm: Trm) -> None:
    told = trm("solve", FORMS / "m_hrm_trail.csv")
    (first, *_), good = read_file(FORMS / "m_hrm_trail.csv"), trm("solve", FORMS / "m_semi.csv")
    assert isinstance(first, Puzzle)
    answer = solve_maze(first.question)
    assert answer is not None
    assert (told.code, told.out) == (2, get_kind("maze").format(answer) + "\n\n\n\n\n")
    assert (good.code, good.out.count("\n\n"), good.out.count("S")) == (0, 2, 3)


# ---- never nothing

CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda data: data,
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "BOM": lambda data: b"\xef\xbb\xbf" + data,
    "indented": lambda data: b"    " + data.replace(b"\n", b"\n    "),
    "a blank line before": lambda data: b"\n" + data,
    "blank lines between": lambda data: data.replace(b"\n", b"\n\n"),
    "semicolons": lambda data: data.replace(b",", b";"),
    "tabs": lambda data: data.replace(b",", b"\t"),
    "other blanks": lambda data: data.replace(b".", b"_"),
    "the first half": lambda data: data[: len(data) // 2],
    "the second half": lambda data: data[len(data) // 2 :],
    "the first line": lambda data: data.split(b"\n")[0],
    "without the first line": lambda data: data.partition(b"\n")[2],
    "without digits": lambda data: bytes(c for c in data if not 0x30 <= c < 0x3A),
    "only spaces": lambda data: bytes(0x20 if c > 0x20 else c for c in data),
    "quoted": lambda data: b'"' + data + b'"',
    "in a list": lambda data: b"[" + data + b"]",
    "a comment": lambda data: b"# " + data.replace(b"\n", b"\n# "),
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "UTF-16": lambda data: data.decode("latin-1").encode("utf-16"),
}
FILES = sorted(path for path in FORMS.rglob("*") if path.is_file())


@pytest.mark.parametrize("change", CHANGES)
def test_no_file_gives_neither_an_answer_nor_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    from trm_solve.config import SolveOptions
    from trm_solve.output import OutputOptions
    from trm_solve.solve_inputs import SolveRequest, solve_inputs

    for source in FILES:
        path = tmp_path / source.name
        data = source.read_bytes()
        path.write_bytes(CHANGES[change](gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data))
        request = SolveRequest(inputs=[str(path)], options=SolveOptions(), look=OutputOptions())
        code = solve_inputs(request)
        told = capsys.readouterr()
        assert told.out.strip() or (code and told.err.strip()), (change, source.name)
        assert not (told.out and not told.out.strip() and code == 0), (change, source.name)


@pytest.mark.parametrize(
    "data", [b"", b"\n", b" \n \n", b"\xef\xbb\xbf", b"#\n", b"[]", b"{}", b"[[]]", b"null", b"x\n"]
)
def test_empty_inputs_are_told(trm: Trm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    (tmp_path / "p.txt").write_bytes(data)
    told = trm("solve", tmp_path / "p.txt")
    assert (told.code, told.out.strip(), told.err.count("error: ")) == (2, "", 1)
    for kind in ("sudoku", "maze", "arc"):
        items = read_file(tmp_path / "p.txt", kind)
        with pytest.raises(InputError):
            raise next(each for each in items if isinstance(each, InputError))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
    assert trm("solve", "-").code == 2


def test_solutions_are_counted_once(trm: Trm, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    kind = type(get_kind("sudoku"))
    for name in ("solutions", "count_solutions"):
        real = getattr(kind, name)

        def count(self: Any, puzzle: Puzzle, *limit: int, _real: Any = real) -> Any:
            counted.append(puzzle.source)
            return _real(self, puzzle, *limit)

        monkeypatch.setattr(kind, name, count)
    for name, solutions in (("unsolv.txt", 0), ("empty17.txt", "several")):
        counted.clear()
        told = trm("solve", FORMS / name, "--json")
        assert (told.code, json.loads(told.out)["solutions"], len(counted)) == (4, solutions, 1)
    counted.clear()
    told = trm("solve", FORMS / "unsolv.txt", "--check-unique", "--json")
    assert (told.code, json.loads(told.out)["solutions"], len(counted)) == (4, 0, 2)  # and whether the kind counts


# ---- large files


@pytest.mark.parametrize(
    "head", [b"", b"1", b"." * 81, A[0].encode() + b"\n", b"puzzle\n", b"#####\n", b"[", b'{"a": "']
)
def test_five_gigabytes_in_one_line_are_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    """Refused after what fits in a line, whatever size the file has: the time does not depend on it."""
    path = tmp_path / "p.txt"
    with path.open("wb") as file:
        file.write(head)
        file.truncate(5 << 30)
    read = 0

    class Counted(io.FileIO):
        def readinto(self, buffer: Any) -> int:
            nonlocal read
            count = super().readinto(buffer) or 0
            read += count
            return count

    monkeypatch.setattr(reading, "open_file", lambda path: io.BufferedReader(Counted(path)))
    tracemalloc.start()
    try:
        with pytest.raises(FileError, match=r"not a text file|a line of more than [0-9,]+ characters"):
            list(read_file(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read < 64 << 20
    assert peak < 200 << 20
