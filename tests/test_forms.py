"""Every form in which people have puzzles, each changed in the ways in which editors and exports change files."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from conftest import Outcome
from hypothesis import given, settings
from hypothesis import strategies as st

from trm_solve.errors import FileError, InputError
from trm_solve.evaluation.inputs import read_labelled
from trm_solve.kinds import get_kind
from trm_solve.puzzle import Puzzle
from trm_solve.reading import container, read_file, read_stream, read_text
from trm_solve.reading.files import find_files

Trm = Callable[..., Outcome]
FORMS = Path(__file__).parent / "forms"
with (FORMS / "gen.csv").open() as file:
    ROWS = list(csv.DictReader(file))
Q, A = ([row[name] for row in ROWS] for name in ("question", "answer"))


# the puzzles of `gen.csv` that a file holds
READ = {
    **dict.fromkeys(
        [
            *("answer_none.csv", "bands_spaced.txt", "board_none.json", "box.txt", "csv_comment_rows.csv"),
            *("csv_spaced_cells.csv", "dotrule.txt", "grid_blankspace.txt", "grid_commas.csv", "grid_commas_blank.csv"),
            *("grid_dash.txt", "grid_q.txt", "list.json", "p99.txt", "sage.txt", "ss_trailer.txt", "sudocue.sdk"),
            "wiki_url.txt",
        ],
        (0,),
    ),
    "nohdr_q_rating.csv": (0, 1),
    "euler.txt": (0, 1, 2),
    **dict.fromkeys(
        [
            *("gen.csv", "difficulty_words.csv", "hdr_other.csv", "hodoku_lib2.txt", "kaggle.csv.gz", "liststr.json"),
            *(
                "opensudoku.opensudoku",
                "pbank.txt",
                "qa_space.txt",
                "quiz.npy",
                "semicolon.csv",
                "tsv.tsv",
                "utf16.csv",
            ),
        ],
        tuple(range(6)),
    ),
}
LABELLED = (
    "gen.csv",
    "difficulty_words.csv",
    "hdr_other.csv",
    "kaggle.csv.gz",
    "qa_space.txt",
    "semicolon.csv",
    "tsv.tsv",
)
BASE = "#########\n#S  #   #\n# # # # #\n# #   # #\n# ##### #\n#   #   #\n### # ###\n#   #  G#\n#########"
BORDER = "#########\nS   #   #\n### # # #\n#     # #\n# ##### #\n#     # #\n##### # #\nG     # #\n#########"
MAZES = {
    **dict.fromkeys(("m_E.txt", "m_title.txt", "m_01.txt", "m_box.txt"), BASE),
    **dict.fromkeys(("n_border.txt", "n_border_indent.txt"), BORDER),
}
REFUSED = {  # what is said, once
    "hdr_only.csv": "no puzzle in it",
    "m_star_nose.txt": "no S in this maze",
    "size16.txt": "a 16 x 16 Sudoku",
    "m_gap.txt": "no S in this maze",
    "a_rearc.json": "a list of pairs without a test input, as RE-ARC has them",
    "lfs_pointer": "a Git LFS pointer, not the file itself",
    "k4/sample_submission.json": "answers to hand in, not tasks",
}


def said(items: Iterable[Puzzle | InputError]) -> list[str]:
    """The questions, and the messages of errors."""
    found = []
    try:
        for item in items:
            found.append(item.message if isinstance(item, InputError) else text_of(item))
    except FileError as error:
        found.append(error.message)
    return found


def text_of(puzzle: Puzzle) -> str:
    return get_kind(puzzle.kind).format(puzzle.question)


# ---- the files as they are


@pytest.mark.parametrize("name", READ)
def test_every_form_of_a_sudoku_is_read(name: str) -> None:
    assert said(read_file(FORMS / name)) == [Q[number] for number in READ[name]]


@pytest.mark.parametrize("name", LABELLED)
def test_answers_are_read_where_a_file_has_them(name: str) -> None:
    answers = [item.answer for item in read_file(FORMS / name) if isinstance(item, Puzzle)]
    assert [get_kind("sudoku").format(answer) for answer in answers if answer is not None] == A


@pytest.mark.parametrize("name", MAZES)
def test_every_form_of_a_maze_is_read(name: str) -> None:
    assert said(read_file(FORMS / name)) == [MAZES[name]]


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_named_once(name: str) -> None:
    (message,) = said(read_file(FORMS / name))
    assert REFUSED[name] in message


def test_what_stands_around_a_maze_is_no_floor() -> None:
    (item,) = read_file(FORMS / "n_box_pad.txt")
    assert isinstance(item, Puzzle)
    assert item.question.shape == (9, 9)
    assert get_kind("maze").unsolvable(item)
    assert "cut off (1 left, 1 right, 1 above, 1 below)" in item.note
    (item,) = read_file(FORMS / "n_border_indent.txt")
    assert isinstance(item, Puzzle)
    assert "cut off (4 left)" in item.note


def test_gaps_of_a_border_and_lost_spaces_are_told() -> None:
    (error,) = read_file(FORMS / "m_gap.txt")
    assert isinstance(error, InputError)
    assert "two gaps, at row 1, column 2 and row 8, column 9" in error.hint
    _, *errors = read_file(FORMS / "m_hrm_trail.csv")
    assert all(isinstance(each, InputError) and "98 of 100" in each.hint for each in errors)
    assert len(errors) == 2
    assert (
        len([item for item in read_file(FORMS / "m_semi.csv") if isinstance(item, Puzzle) and item.answer is not None])
        == 3
    )


def test_leading_zeros_that_a_spreadsheet_lost() -> None:
    items = list(read_file(FORMS / "excel_lostzero.csv"))
    errors = [item for item in items if isinstance(item, InputError)]
    assert [isinstance(item, Puzzle) for item in items] == [False, False, True, False, False, True]
    assert all("leading zeros were lost" in error.hint for error in errors)


def test_tasks_in_a_list_and_whole_numbers_with_a_point() -> None:
    found = list(read_file(FORMS / "a_list_tasks.json"))
    assert [item.task for item in found if isinstance(item, Puzzle)] == ["a_list_tasks-1", "a_list_tasks-2"]
    (item,) = read_file(FORMS / "a_float.json")
    assert isinstance(item, Puzzle)
    assert item.question.tolist() == [[0, 0], [0, 4]]


def test_a_builder_s_folder_is_a_file_of_puzzles() -> None:
    folder = FORMS / "trmdata/test"
    assert find_files([str(folder)]) == [folder]
    items = [item for item in read_file(folder) if isinstance(item, Puzzle)]
    assert [text_of(item) for item in items] == Q
    assert all(item.answer is not None for item in items)
    assert find_files([str(FORMS / "k4")]) == [FORMS / "k4/arc-agi_evaluation_challenges.json"]


# ---- the files as editors and exports change them


def text(name: str) -> str:
    data = (FORMS / name).read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return data.decode("utf-16" if data[:2] == b"\xff\xfe" else "utf-8").replace("\r\n", "\n")


ENCODED: dict[str, Callable[[str], bytes]] = {
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "cr": lambda text: text.replace("\n", "\r").encode(),
    "bom": lambda text: text.encode("utf-8-sig"),
    "utf-16-le": lambda text: text.encode("utf-16"),
    "utf-16-be without a mark": lambda text: text.encode("utf-16-be"),
    "gzip": lambda text: gzip.compress(text.encode(), mtime=0),
    "a blank line before": lambda text: ("\n" + text).encode(),
    "many blank lines before": lambda text: ("\n" * 200 + text).encode(),
    "blank lines after": lambda text: (text + "\n\n\n").encode(),
    "no line end": lambda text: text.rstrip("\n").encode(),
}
LINED = ("box.txt", "m_box.txt")
TEXTS = [name for name in (*READ, *MAZES) if name != "quiz.npy"]


@pytest.mark.parametrize("change", ENCODED)
@pytest.mark.parametrize("name", TEXTS)
def test_a_file_may_be_saved_in_any_way(tmp_path: Path, name: str, change: str) -> None:
    if change.endswith("before") and name.startswith("opensudoku"):
        pytest.skip("no XML begins with a blank line")
    path = tmp_path / "file"
    path.write_bytes(ENCODED[change](text(name)))
    expected = [MAZES[name]] if name in MAZES else [Q[number] for number in READ[name]]
    assert said(read_file(path)) == expected
    stream = io.TextIOWrapper(io.BytesIO(path.read_bytes()), "ascii")
    assert said(read_stream(stream, "<stdin>")) == expected


GRIDS = [name for name, held in READ.items() if held == (0,) and Path(name).suffix == ".txt"]


@pytest.mark.parametrize("indent", ["  ", "        ", "\t"])
@pytest.mark.parametrize("name", [*GRIDS, *MAZES])
def test_drawings_may_be_indented(name: str, indent: str) -> None:
    moved = "".join(indent + line for line in text(name).splitlines(keepends=True))
    assert said(read_text(moved, "p")) == ([MAZES[name]] if name in MAZES else [Q[0]])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", [n for n in LABELLED if n != "qa_space.txt"])
def test_tables_may_have_any_separator_and_quotes(name: str, separator: str) -> None:
    with io.StringIO(text(name)) as file:
        table = list(csv.reader(file, delimiter=next(mark for mark in ",;\t" if mark in text(name))))
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL):
        changed = io.StringIO()
        csv.writer(changed, delimiter=separator, quoting=quoting).writerows(table)
        assert said(read_text(changed.getvalue(), "p")) == Q


@pytest.mark.parametrize("blank", ".0_*-xX?")
@pytest.mark.parametrize(
    "name", ["euler.txt", "pbank.txt", "hodoku_lib2.txt", "liststr.json", "semicolon.csv", "tsv.tsv"]
)
def test_blanks_of_every_sort(name: str, blank: str) -> None:
    changed = text(name)
    for number in READ[name]:
        for old in (Q[number], Q[number].replace(".", "0")):
            new = old.replace(".", blank).replace("0", blank)
            changed = changed.replace(old, new)
            for row in range(0, 81, 9):
                changed = changed.replace(f"\n{old[row : row + 9]}\n", f"\n{new[row : row + 9]}\n")
    assert said(read_text(changed, "p")) == [Q[number] for number in READ[name]]


# ---- every form, printed and read back


def rows(cells: str) -> list[str]:
    return [cells[at : at + 9] for at in range(0, 81, 9)]


def numbers(cells: str) -> list[list[int]]:
    return [[0 if cell == "." else int(cell) for cell in row] for row in rows(cells)]


def banded(cells: str, between: str, rule: str, bar: str) -> str:
    lines = [bar.join(between.join(row[at : at + 3]) for at in (0, 3, 6)) for row in rows(cells)]
    return "\n".join([*lines[:3], rule, *lines[3:6], rule, *lines[6:]]) + "\n"


def framed(cells: str) -> str:
    line = "+---" * 9 + "+\n"
    return line + line.join("|" + "|".join(f" {cell} " for cell in row) + "|\n" for row in rows(cells)) + line


PRINTED: dict[str, Callable[[str], str]] = {
    "line": lambda cells: cells + "\n",
    "spaced": lambda cells: " ".join(cells) + "\n",
    "commas": lambda cells: ",".join(cells) + "\n",
    "rows": lambda cells: "\n".join(rows(cells)) + "\n",
    "spaced rows": lambda cells: "\n".join(" ".join(row) for row in rows(cells)) + "\n",
    "rows apart": lambda cells: "\n\n".join(rows(cells)) + "\n",
    "bands apart": lambda cells: banded(cells, "", "", " "),
    "bands": lambda cells: banded(cells, " ", "------+-------+------", " | "),
    "double rules": lambda cells: banded(cells, " ", "======#======#======".replace("#", "+"), " ║ "),
    "framed": framed,
    "framed with spaces": lambda cells: framed(cells.replace(".", " ")),
    "csv rows": lambda cells: "\n".join(",".join(row) for row in rows(cells)) + "\n",
    "csv rows, blank": lambda cells: "\n".join(",".join(row).replace(".", "") for row in rows(cells)) + "\n",
    "tab rows, blank": lambda cells: "\n".join("\t".join(row).replace(".", "") for row in rows(cells)) + "\n",
    "list": lambda cells: json.dumps(numbers(cells)),
    "list, indented": lambda cells: json.dumps(numbers(cells), indent=1),
    "list of nulls": lambda cells: json.dumps([[None if c == "." else int(c) for c in row] for row in rows(cells)]),
    "Python": lambda cells: str([[None if c == "." else c for c in row] for row in rows(cells)]),
    "list of texts": lambda cells: json.dumps(rows(cells)),
    "object": lambda cells: json.dumps({"id": 7, "board": numbers(cells)}),
    "array": lambda cells: str(np.array(numbers(cells))),
    "brackets": lambda cells: "\n".join("[" + ", ".join(row.replace(".", "0")) + "]," for row in rows(cells)),
    "table": lambda cells: f"id,puzzle\n1,{cells}\n",
    "table of drawings": lambda cells: 'id,puzzle\n1,"' + "\n".join(rows(cells)) + '"\n',
    "caption": lambda cells: "Puzzle 1 of 1\n" + "\n".join(rows(cells)) + "\nhave fun\n",
    "Markdown": lambda cells: "```text\n" + "\n".join(rows(cells)) + "\n```\n",
    ".sdk": lambda cells: "[Puzzle]\n" + "\n".join(rows(cells)) + "\n[State]\n" + "\n".join(rows(cells)) + "\n",
    "address": lambda cells: f"https://www.sudokuwiki.org/sudoku.htm?bd={cells.replace('.', '0')}\n",
    "XML": lambda cells: f'<?xml version="1.0"?>\n<opensudoku><game data="{cells}" /></opensudoku>\n',
}  # fmt: skip


@st.composite
def questions(draw: st.DrawFn) -> str:
    """A puzzle: some of the clues of an answer, its digits exchanged."""
    answer = draw(st.sampled_from(A)).translate(str.maketrans("123456789", "".join(draw(st.permutations("123456789")))))
    given = draw(st.lists(st.booleans(), min_size=81, max_size=81))
    cells = "".join(cell if kept else "." for cell, kept in zip(answer, given, strict=True))
    return cells if any(cell != "." for cell in cells) else answer[0] + cells[1:]


@pytest.mark.parametrize("form", PRINTED)
@settings(max_examples=25)
@given(question=questions())
def test_what_is_printed_is_read_back(form: str, question: str) -> None:
    assert said(read_text(PRINTED[form](question), "p")) == [question]


@pytest.mark.parametrize("form", [f for f in PRINTED if f not in ("bands apart", "table", "table of drawings", "XML")])
def test_a_short_row_is_never_made_up_for(form: str) -> None:
    """A cell lost somewhere: an error, and never another puzzle."""
    printed = PRINTED[form](Q[2])
    for at in [place for place, character in enumerate(printed) if character in "89"][1:4]:
        found = said(read_text(printed[:at] + printed[at + 1 :], "p"))
        assert found
        assert not [each for each in found if len(each) == 81 and each != Q[2] and set(each) <= set(".123456789")] or (
            form in ("framed with spaces", "csv rows, blank", "tab rows, blank")  # a blank there, and no other change
        )


def test_the_drawing_that_is_printed_is_read() -> None:
    from trm_solve.kinds.base import Space

    (puzzle,) = read_text(Q[0], "p")
    assert isinstance(puzzle, Puzzle)
    drawn = get_kind("sudoku").draw(puzzle, None, Space())
    assert drawn is not None
    assert said(read_text("\n".join(line.plain for line in drawn[0]), "p")) == [Q[0]]


def test_candidates_are_no_clues() -> None:
    given = ["12", "3", "4579", "18", "6", "29", "7", "48", "5"]
    grid = "\n".join("| " + " | ".join(" ".join(given[i : i + 3]) for i in (0, 3, 6)) + " |" for _ in range(1))
    lines = [grid] + ["| " + " | ".join(["12 12 12"] * 3) + " |"] * 8
    assert said(read_text("\n".join(lines), "p")) == [".3..6.7.5" + "." * 72]


def test_parts_of_two_grids_are_not_put_together() -> None:
    first, second = rows(Q[0]), rows(Q[1])
    found = said(read_text("\n".join([*first[:3], "", *second]), "p"))
    assert found == ["p:1: 3 rows, a Sudoku has 9", Q[1]]
    found = said(read_text("\n".join([*first[:3], "", *second[:6]]), "p"))
    assert not [each for each in found if "rows" not in each]


def test_columns_that_cannot_be_told_are_refused() -> None:
    """Nobody can tell where a grid of spaces begins whose ends were cut."""
    cells = [row[1:8].center(9) for row in rows(Q[0].replace(".", " "))]
    (message,) = said(read_text("\n".join("   " + row.rstrip() for row in cells), "p"))
    assert "a row of a Sudoku has 9" in message


# ---- labels and ratings are never needed to solve


def test_labels_that_cannot_be_used_are_told_once(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(f"puzzle,solution,rating\n{Q[0]},{A[1]},nan\n{Q[1]},{A[1]},inf\n{Q[2]},wrong,3\n")
    items = [item for item in read_file(path) if isinstance(item, Puzzle)]
    assert [item.rating for item in items] == [None, None, 3]
    assert [item.answer is None for item in items] == [True, False, True]
    measured = list(read_labelled([path]))
    (error,) = [item.message for item in measured if isinstance(item, InputError)]
    assert error.startswith(f"{path}:2: the answer changes")
    assert error.endswith("1 more answers of this file cannot be used")
    assert sum(isinstance(item, Puzzle) for item in measured) == 1


# ---- what is no file of puzzles, and what never ends


@pytest.mark.parametrize("tail", ["", "x", "\n" + Q[0]])
def test_long_lines_are_refused_at_once(tail: str) -> None:
    for head in ("-" * 200_000, Q[0] + "\n" + "-" * 200_000, "." * 200_000, "#" * 200_000, "[" * 200_000):
        assert "characters" in said(read_text(head + tail, "p"))[-1] or "[" in head


def test_devices_and_pipes_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert said(read_file(pipe)) == [f"{pipe}: a pipe into which nobody writes"]
    assert said(read_file(Path("/dev/zero"))) == ["/dev/zero: not a text file"]
    assert said(read_file(Path("/dev/null"))) == ["/dev/null: empty, no puzzle in it"]
    assert said(read_file(tmp_path)) == [f"{tmp_path}: is a directory"]


def test_a_pipe_is_read() -> None:
    ends = os.pipe()
    os.write(ends[1], f"{Q[0]}\n".encode())
    os.close(ends[1])
    assert said(read_file(Path(f"/dev/fd/{ends[0]}"))) == [Q[0]]
    os.close(ends[0])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04rest", "a zip archive or an Excel workbook"),
        (b"%PDF-1.4\n", "a PDF"),
        (b"<!DOCTYPE html>\n<html>", "a web page"),
        (gzip.compress(Q[0].encode(), mtime=0)[:20], "a damaged gzip file"),
        (b"\x93NUMPY\x01\x00\x10\x00nonsense", "not a numpy array that can be read"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "b">]><x y="&a;"/>', "XML that defines entities of its own"),
        (b"<?xml version='1.0'?><x", "not XML"),
        (b'{"board": [1, 2', "not JSON"),
        (b"hello world\n", "not a puzzle file of a known kind"),
    ],
)
def test_other_files_are_named(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    (told,) = said(read_file(path))
    assert message in told


def test_text_that_is_not_utf_8_is_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_bytes(f"# von Jürgen\n{Q[0]}\n".encode("latin-1"))
    assert said(read_file(path)) == [Q[0]]


def test_a_line_has_a_limit_that_is_told() -> None:
    (message,) = said(container.limited(io.StringIO("1" * (container.LINE + 1)), "p"))  # type: ignore[arg-type]
    assert message == f"p:1: a line of more than {container.LINE:,} characters"


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("", "{0},{1}"),
        ("easy,hard\n", "{0},{1}"),
        ("id,puzzle,state,solution\n", "7,{0},{1},{2}"),
        ("id,state,solution,puzzle\n", "7,{1},{2},{0}"),
    ],
)
def test_two_columns_of_puzzles_are_told_once(head: str, row: str) -> None:
    rows = "".join(row.format(Q[n], Q[5 - n], A[n]) + "\n" for n in range(3))
    first, *others = read_text(head + rows, "p")
    assert isinstance(first, Puzzle)
    columns = row.format("q", "s", "a").split(",")
    places = sorted(columns.index(each) + 1 for each in "qs")
    assert first.note == (
        f"columns {places[0]} and {places[1]} hold puzzles, those of column {columns.index('q') + 1} are taken"
    )
    assert [text_of(each) for each in (first, *others) if isinstance(each, Puzzle)] == Q[:3]
    assert not any(each.note for each in others if isinstance(each, Puzzle))
    assert not any(
        each.note for each in read_text(f"puzzle,solution\n{Q[0]},{A[0]}\n", "p") if isinstance(each, Puzzle)
    )


# ---- the command line


def test_line_k_answers_puzzle_k_in_every_form(trm: Trm, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name in READ if READ[name] == (0,)]
    result = trm("solve", *(FORMS / name for name in names))
    assert (result.code, result.out.splitlines()) == (0, [A[0]] * len(names))
    result = trm("solve", FORMS / "excel_lostzero.csv")
    assert (result.code, result.out.splitlines()) == (2, ["", "", A[2], "", "", A[5]])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((FORMS / "kaggle.csv.gz").read_bytes()), "utf-8"))
    assert trm("solve", "-") == Outcome(0, "".join(f"{answer}\n" for answer in A), "")


def test_a_folder_is_solved_as_it_is_measured(trm: Trm, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(Q[0] + "\n")
    (tmp_path / "b.csv").write_text("quizzes,solutions\n")
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(f"puzzle\n{Q[1]}\n".encode(), mtime=0))
    result = trm("solve", tmp_path)
    assert (result.code, result.out) == (2, f"{A[0]}\n{A[1]}\n")
    assert result.err.startswith(f"error: {tmp_path / 'b.csv'}: no puzzle in it\n")
    assert result.err.count("error: ") == 1
    (tmp_path / "empty").mkdir()
    result = trm("solve", tmp_path / "empty")
    assert (result.code, result.out) == (2, "")
    assert "no puzzle files in this folder" in result.err


@pytest.mark.parametrize("name", [*REFUSED])
def test_nothing_is_silent(trm: Trm, name: str) -> None:
    result = trm("solve", FORMS / name)
    assert result.code == 2
    assert result.out.strip() == ""
    assert result.err.count("error: ") == 1


def test_how_many_solutions_a_puzzle_has_is_told(trm: Trm) -> None:
    none = trm("solve", FORMS / "unsolv.txt")
    assert (none.code, none.out) == (4, "\n")
    assert "no solution" in none.err
    fields = json.loads(trm("solve", FORMS / "unsolv.txt", "--json").out)
    assert (fields["verdict"], fields["solutions"], fields["answer"]) == ("unsolvable", 0, None)
    several = trm("solve", FORMS / "empty17.txt", "--max-steps", 1, "--effort", "fast")
    assert "several solutions" in several.err
    fields = json.loads(trm("solve", FORMS / "empty17.txt", "--json", "--max-steps", 1, "--effort", "fast").out)
    assert (fields["verdict"], fields["solutions"]) == ("unsolved", "several")


def test_letters_as_wide_as_chinese_signs() -> None:
    text = (FORMS / "grid_dash.txt").read_text()
    wide = "".join(chr(ord(mark) + 0xFEE0) if "!" <= mark <= "~" else mark.replace(" ", "\u3000") for mark in text)
    assert wide != text
    (plain,), (other,) = read_text(text, "p"), read_text(wide, "p")
    assert isinstance(plain, Puzzle)
    assert isinstance(other, Puzzle)
    assert np.array_equal(plain.question, other.question)


@pytest.mark.parametrize("text", ['{"a": "\\n"}\n', '<?xml version="1.0" encoding="UT-18"?>\n<a/>\n'])
def test_what_fuzzing_found_is_refused(tmp_path: Path, text: str) -> None:
    (path := tmp_path / "p").write_text(text)
    try:
        items = list(read_file(path, None))
    except FileError as error:
        items = [error]
    assert [type(item) for item in items] in ([InputError], [FileError])
