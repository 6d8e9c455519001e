"""Sudoku: every input form, every refusal, the rules, decoding and symmetries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trm_solve.errors import ExitCode, InputError
from trm_solve.kinds import get_kind
from trm_solve.kinds.sudoku.kind import Sudoku
from trm_solve.kinds.sudoku.rules import UNITS, conflicts
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.reading import read_lines

EASY = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
DONE = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
KIND = Sudoku()


def grid(text: str) -> Grid:
    return np.array([0 if c == "." else int(c) for c in text], np.uint8).reshape(9, 9)


def read(text: str) -> list[Puzzle | InputError]:
    return list(read_lines(text.splitlines(keepends=True), "p.txt"))


def rows(text: str) -> list[str]:
    return [text[i : i + 9] for i in range(0, 81, 9)]


def drawn(text: str) -> str:
    lines = [" ".join(f"{r[:3]} | {r[3:6]} | {r[6:]}") for r in rows(text)]
    lines[3:3] = lines[6:6] = ["------+-------+------"]
    return "\n".join(lines)


SS = (
    "*-----------*\n"
    + "\n".join(
        f"|{r[:3]}|{r[3:6]}|{r[6:]}|" + ("\n|---+---+---|" if i in (2, 5) else "") for i, r in enumerate(rows(EASY))
    )
    + "\n*-----------*\n"
)

FORMS = {
    "line": EASY,
    "zeros": EASY.replace(".", "0"),
    "underscores": EASY.replace(".", "_"),
    "stars": EASY.replace(".", "*"),
    "line with comment": f"# my puzzle\n{EASY}  # easy\n",
    "grid": "\n".join(rows(EASY)),
    "grid with spaces": "\n".join(" ".join(r) for r in rows(EASY)),
    "grid with rules": drawn(EASY),
    "sdk": "#AAuthor\n#DDescription\n[Puzzle]\n" + "\n".join(rows(EASY)) + "\n",
    "ss": SS,
    "csv": f"question\n{EASY}\n",
    "csv with answer": f"source,question,answer,rating\nme,{EASY},{DONE},3.5\n",
    "csv without header": f"{EASY},{DONE}\n",
    "csv with quotes": f'"question","answer"\n"{EASY}","{DONE}"\n',
    "csv of quizzes": f"quizzes,solutions\n{EASY.replace('.', '0')},{DONE}\n",
    "windows line ends": "\r\n".join(rows(EASY)) + "\r\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_reads_the_same_puzzle(form: str) -> None:
    (puzzle,) = read(FORMS[form])
    assert isinstance(puzzle, Puzzle)
    np.testing.assert_array_equal(puzzle.question, grid(EASY))


def test_answers_and_ratings_come_from_csv() -> None:
    (puzzle,) = read(FORMS["csv with answer"])
    assert isinstance(puzzle, Puzzle)
    assert puzzle.answer is not None
    assert KIND.format(puzzle.answer) == DONE
    assert (puzzle.rating, puzzle.source) == (3.5, "p.txt:2")


def test_many_puzzles_with_their_lines() -> None:
    text = f"{EASY}\n\n# another\n" + "\n".join(rows(EASY)) + "\n\n" + "\n".join(rows(DONE)) + f"\n{DONE}\n"
    found = read(text)
    assert [p.source for p in found if isinstance(p, Puzzle)] == ["p.txt:1", "p.txt:4", "p.txt:14", "p.txt:23"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{EASY}\n{EASY}\n{EASY[:-1]}\n", "p.txt:3: 80 characters, a Sudoku has 81"),
        (f"{EASY}.\n", "p.txt:1: 82 characters, a Sudoku has 81"),
        (EASY + DONE, "p.txt:1: 162 characters, a Sudoku has 81"),
        (EASY[:4] + "q" + EASY[5:], "p.txt:1:5: 'q' is not a digit or a blank"),
        ("55" + EASY[2:], "p.txt:1: clashing clues: two 5s in row 1 (r1c1 and r1c2)"),
        (EASY[:9] + "4" + EASY[10:], "p.txt:1: clashing clues: two 4s in column 1 (r2c1 and r5c1)"),
        (EASY[:10] + "3" + EASY[11:], "p.txt:1: clashing clues: two 3s in column 2 (r1c2 and r2c2)"),
        (EASY[:20] + "5" + EASY[21:], "p.txt:1: clashing clues: two 5s in box 1 (r1c1 and r3c3)"),
        ("\n".join(rows(EASY)[:8]), "p.txt:1: 8 rows, a Sudoku has 9"),
        ("\n".join([*rows(EASY)[:3], "1234567"]), "p.txt:4: 7 cells, a row of a Sudoku has 9"),
        ("\n".join([*rows(EASY)[:3], "12345678q"]), "p.txt:4:9: 'q' is not a digit or a blank"),
        (drawn(EASY).replace("5 3 .", "5 3 q", 1), "p.txt:1:5: 'q' is not a digit or a blank"),
        (f"question,answer\n{EASY[:-1]},{DONE}\n", "p.txt:2: question of 80 characters, a Sudoku has 81"),
        (f"question,answer\n{EASY},{DONE[:-1]}q\n", "p.txt:2:163: 'q' is not a digit or a blank"),
        (f"question,answer\n{EASY},{DONE[:-1]}.\n", "p.txt:2: the answer has blanks"),
        (f"question,answer\n{EASY},{DONE[:-1]}7\n", "p.txt:2: the answer breaks the rules: two 7s in row 9"),
        (f"question,answer\n{DONE[9:18]}{'.' * 72},{DONE}\n", "p.txt:2: the answer changes 9 clues"),
    ],
)
def test_refusals_name_the_place(text: str, message: str) -> None:
    """A question that cannot be read is an error; a label that cannot be used is none, and says why."""
    items = read(text)
    errors = [each for each in items if isinstance(each, InputError)]
    told = [each.message for each in errors]
    told += [each.label_fault for each in items if isinstance(each, Puzzle) and each.label_fault]
    assert len(told) == 1
    assert told[0].startswith(message)
    assert all(each.exit_code == ExitCode.USAGE for each in errors)
    assert all(each.answer is None for each in items if isinstance(each, Puzzle) and each.label_fault)


def test_a_bad_puzzle_does_not_stop_the_file() -> None:
    found = read(f"{EASY}\n{EASY[:-1]}\n{DONE}\n")
    assert [type(each) for each in found] == [Puzzle, InputError, Puzzle]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.txt: empty, no puzzle in it"),
        ("\n \n", "p.txt: empty, no puzzle in it"),
        ("hello world\n", "p.txt: not a puzzle file of a known kind"),
    ],
)
def test_files_that_hold_no_puzzle(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert caught.value.message == message


def test_an_unknown_kind_suggests_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        get_kind("sudoko")
    assert caught.value.hint == "did you mean 'sudoku'?"


@given(st.text(alphabet="123456789.0_*|-+ x,#[\n", max_size=400))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        found = read(text)
    except InputError as error:
        found = [error]
    for each in found:
        assert isinstance(each, Puzzle | InputError)
        if isinstance(each, Puzzle):
            assert not conflicts(each.question).any()


@given(st.lists(st.integers(0, 9), min_size=81, max_size=81))
def test_conflicts_are_the_cells_that_repeat_a_digit(digits: list[int]) -> None:
    flat = np.array(digits, np.uint8)
    peers = [{int(c) for unit in UNITS if cell in unit for c in unit} - {cell} for cell in range(81)]
    expected = [d > 0 and any(flat[p] == d for p in peers[i]) for i, d in enumerate(digits)]
    np.testing.assert_array_equal(conflicts(flat.reshape(9, 9)).ravel(), expected)


def test_check_knows_an_answer() -> None:
    puzzle = Puzzle("sudoku", grid(EASY))
    assert KIND.check(puzzle, grid(DONE)).solved
    assert not KIND.check(puzzle, grid(EASY)).solved
    assert not KIND.check(puzzle, grid(EASY)).complete


def test_an_answer_that_changes_a_clue_is_none() -> None:
    other = Symmetric.relabelled(grid(DONE))
    check = KIND.check(Puzzle("sudoku", grid(EASY)), other)
    assert check.complete
    assert not check.solved
    np.testing.assert_array_equal(check.conflicts, (grid(EASY) > 0) & (other != grid(EASY)))


class Symmetric:
    @staticmethod
    def relabelled(done: Grid) -> Grid:
        return (done % 9 + 1).astype(np.uint8)


def test_decoding_keeps_the_clues_and_counts_those_the_model_wanted_to_change() -> None:
    puzzle = Puzzle("sudoku", grid(EASY))
    tokens = grid(DONE).ravel() + np.uint8(1)
    tokens[0] = 10  # the model says 9 where a 5 is given
    tokens[2] = 1  # and leaves this open
    tokens[3] = 0  # a symbol that is no answer
    reading = KIND.decode(puzzle, tokens, np.full(81, 0.7, np.float32))
    assert reading.overruled == 1
    assert reading.answer.ravel()[:4].tolist() == [5, 3, 0, 0]
    assert reading.confidence.ravel()[:3].tolist() == pytest.approx([1, 1, 0.7])


def test_encoding_uses_the_public_vocabulary() -> None:
    puzzle = Puzzle("sudoku", grid(EASY), grid(DONE))
    assert KIND.encode(puzzle)[:4].tolist() == [6, 4, 1, 1]
    assert KIND.encode_answer(puzzle)[:4].tolist() == [6, 4, 5, 7]


@given(st.integers(0, 2**32 - 1))
def test_symmetries_turn_answers_into_answers_and_back(seed: int) -> None:
    puzzle = Puzzle("sudoku", grid(EASY))
    symmetry = KIND.symmetry(puzzle, np.random.default_rng(seed))
    question, answer = symmetry.apply(grid(EASY)), symmetry.apply(grid(DONE))
    assert KIND.check(Puzzle("sudoku", question), answer).solved
    np.testing.assert_array_equal(symmetry.inverse((9, 9)).apply(answer), grid(DONE))
    confidence = np.arange(81, dtype=np.float32).reshape(9, 9)
    np.testing.assert_array_equal(symmetry.inverse((9, 9)).move(symmetry.move(confidence)), confidence)


@given(st.lists(st.integers(0, 9), min_size=81, max_size=81))
def test_format_and_parse_are_inverse(digits: list[int]) -> None:
    some = np.array(digits, np.uint8).reshape(9, 9)
    (found,) = KIND.parse([KIND.format(some)], "p.txt")
    if isinstance(found, Puzzle):
        np.testing.assert_array_equal(found.question, some)
    else:
        assert "clashing clues" in found.message
