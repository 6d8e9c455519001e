"""New Sudokus: what they must be, what may not come up, the file they make."""

from __future__ import annotations

import csv
import importlib
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import trm_solve.generation
import trm_solve.kinds.sudoku
from trm_solve.errors import ExitCode, InputError
from trm_solve.generation import kernels
from trm_solve.generation.writing import NotFoundError
from trm_solve.kinds.sudoku import generate
from trm_solve.kinds.sudoku.exact import count_solutions
from trm_solve.kinds.sudoku.generate import SudokuRecipe, fingerprint, generate_sudoku, guesses, rate, read_range
from trm_solve.kinds.sudoku.kind import Sudoku
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.reading import read_file

KIND = Sudoku()
RATED = Path(__file__).parent / "rated.csv"


def make(count: int, **fields: Any) -> list[Puzzle]:
    return list(generate_sudoku(SudokuRecipe(count=count, **fields)))


def texts(puzzles: list[Puzzle]) -> list[str]:
    return [generate.csv_row(puzzle) for puzzle in puzzles]


def known() -> list[Puzzle]:
    return [item for item in read_file(RATED) if isinstance(item, Puzzle)]


def symmetric(puzzle: Puzzle, seed: int) -> Grid:
    return KIND.symmetry(puzzle, np.random.default_rng(seed)).apply(puzzle.question)


RECIPES: dict[str, dict[str, Any]] = {
    "random": {"count": 12},
    "hard": {"count": 8, "rating": (15, 40)},
    "even": {"count": 10, "rating": (4, 13), "even": True},
    "few clues": {"count": 5, "clues": (19, 21)},
    "many clues": {"count": 2, "clues": (28, 81), "seed": 5},
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_puzzles_are_minimal_with_one_solution_and_in_range(recipe: dict[str, Any]) -> None:
    puzzles = make(**recipe)
    assert len(puzzles) == recipe["count"]
    low, high = recipe.get("rating", (0, 10**6))
    fewest, most = recipe.get("clues", (17, 81))
    for puzzle in puzzles:
        assert puzzle.answer is not None
        assert KIND.check(puzzle, puzzle.answer).solved
        assert count_solutions(puzzle.question) == 1
        clues = np.flatnonzero(puzzle.question)
        assert fewest <= len(clues) <= most
        for cell in clues:
            less = puzzle.question.copy()
            less.flat[cell] = 0
            assert count_solutions(less) == 2
        assert puzzle.rating == rate(puzzle.question)
        assert low <= puzzle.rating <= high


def test_an_even_spread_is_even() -> None:
    ratings = Counter(puzzle.rating for puzzle in make(60, rating=(4, 33), even=True))
    assert ratings == dict.fromkeys(range(4, 34), 2)


def test_random_puzzles_are_not_all_easy_nor_hard() -> None:
    ratings = [puzzle.rating for puzzle in make(400)]
    assert 0.3 < np.mean([rating == 0 for rating in ratings]) < 0.55  # 0.43 of 100,000
    assert 0.1 < np.mean([rating >= 4 for rating in ratings]) < 0.3


def test_no_two_are_the_same_up_to_symmetry_and_none_is_excluded() -> None:
    """One start has few neighbours, so that every search of it finds the same ones again."""
    recipe = SudokuRecipe(count=40, rating=(1, 200), start=[known()[6].question])
    first = [fingerprint(puzzle.question) for puzzle in generate_sudoku(recipe)]
    assert len(set(first)) == 40
    second = [fingerprint(puzzle.question) for puzzle in generate_sudoku(recipe, exclude=first)]
    assert len(set(first + second)) == 80


def test_the_seed_decides() -> None:
    for fields in ({}, {"rating": (10, 30)}):
        assert texts(make(6, seed=5, **fields)) == texts(make(6, seed=5, **fields))
        assert not set(texts(make(6, seed=5, **fields))) & set(texts(make(6, seed=6, **fields)))


def test_guesses_are_those_of_an_independent_program() -> None:
    assert [guesses(puzzle.question) for puzzle in known()] == [puzzle.rating for puzzle in known()]


def test_a_rating_is_the_mean_over_symmetric_copies() -> None:
    puzzles = [*make(100), *make(20, rating=(15, 30))]
    copies = [guesses(symmetric(puzzle, seed)) for seed in range(8) for puzzle in puzzles[:100]]
    assert np.mean([puzzle.rating for puzzle in puzzles[:100]]) == pytest.approx(np.mean(copies), rel=0.25)
    assert all((puzzle.rating == 0) == (guesses(puzzle.question) == 0) for puzzle in puzzles)
    chosen = [guesses(symmetric(puzzle, seed)) for seed in range(8) for puzzle in puzzles[100:]]
    assert np.mean(chosen) > 10  # found hard, and hard in other copies as well


def test_only_one_solution_has_a_rating() -> None:
    assert rate(np.zeros((9, 9), np.uint8)) is None
    impossible = known()[0].question.copy()
    impossible[0, :2] = 5
    assert rate(impossible) is None


def test_fingerprints_are_blind_to_symmetry_alone() -> None:
    puzzles = known() + make(200)
    marks = [fingerprint(puzzle.question) for puzzle in puzzles]
    assert len(set(marks)) == len(puzzles)
    for seed, (puzzle, mark) in enumerate(zip(puzzles, marks, strict=True)):
        image = symmetric(puzzle, seed)
        assert not np.array_equal(image, puzzle.question)
        assert fingerprint(image) == mark
    changed = puzzles[0].question.copy()
    one, other = np.flatnonzero(changed)[:2]
    changed.flat[one], changed.flat[other] = changed.flat[other], changed.flat[one]
    assert fingerprint(changed) != marks[0]
    shifted = np.roll(puzzles[0].question, 1, axis=0)  # rows leave their band: no symmetry
    assert fingerprint(shifted) != marks[0]


def test_what_never_comes_up_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "PATIENCE", 1)
    for fields in ({"rating": (500_000, None)}, {"clues": (60, 70)}, {"rating": (3, 3), "clues": (22, 22)}):
        with pytest.raises(NotFoundError) as failure:
            make(100_000, **fields)  # type: ignore[arg-type]
        assert failure.value.exit_code == ExitCode.UNSOLVED


def test_an_even_spread_gives_way_where_a_rating_is_too_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "PATIENCE", 2)
    monkeypatch.setattr(generate, "PARENTS", 1)
    ratings = [puzzle.rating for puzzle in make(60, rating=(0, 99), even=True)]
    assert len(ratings) == 60
    assert max(Counter(ratings).values()) > 1  # 60 / 100, rounded up


@pytest.mark.parametrize(
    "fields",
    [
        {"count": 0},
        {"count": 1, "seed": -1},
        {"count": 1, "rating": (5, 4)},
        {"count": 1, "rating": (-1, 4)},
        {"count": 1, "clues": (3, 16)},
        {"count": 1, "even": True},
    ],
)
def test_what_cannot_be_made_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        SudokuRecipe(**fields)


def test_ranges_are_read() -> None:
    assert [read_range(text, "--rating") for text in ("4:60", "4:", ":60", "4")] == [
        (4, 60), (4, None), (0, 60), (4, 4)
    ]  # fmt: skip
    for text in ("", "a", "1:b", "1:2:3", "1-2"):
        with pytest.raises(InputError, match="rating"):
            read_range(text, "--rating")


# ---- with and without a compiler


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`generate` as it is where numba is not installed."""
    parts = {trm_solve.generation: ("kernels", "writing"), trm_solve.kinds.sudoku: ("kernels", "makers", "generate")}
    for package, names in parts.items():
        for name in names:
            monkeypatch.delitem(sys.modules, f"{package.__name__}.{name}")
            monkeypatch.delattr(package, name)
    with monkeypatch.context() as absent:  # only while importing: the compiled functions beside it need numba
        absent.setitem(sys.modules, "numba", None)
        return importlib.import_module("trm_solve.kinds.sudoku.generate")


def test_the_same_puzzles_without_a_compiler(plain: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    if not kernels.COMPILED:
        pytest.skip("numba is not installed")
    assert not plain.COMPILED
    for module in (generate, plain):
        monkeypatch.setattr(module, "PARENTS", 1)
        monkeypatch.setattr(module, "STARTS", 2)
        monkeypatch.setattr(module, "BATCH", 2)
    start = [known()[3].question]
    for fields in ({"count": 2, "seed": 2}, {"count": 2, "seed": 2, "rating": (1, 9), "even": True}):
        slow = plain.generate_sudoku(plain.SudokuRecipe(**fields))
        assert [generate.csv_row(puzzle) for puzzle in slow] == texts(make(**fields))
    assert plain.fingerprint(start[0]) == fingerprint(start[0])
    assert plain.rate(known()[5].question) == rate(known()[5].question)


@pytest.mark.usefixtures("plain")
def test_a_missing_compiler_is_said(trm: Callable[..., Any]) -> None:
    result = trm("generate", "sudoku", "-n", "1")
    assert result.code == 0
    assert "numba is not installed" in result.err
    assert "trm-solve[fast]" in result.err
    assert trm("generate", "sudoku", "-n", "1", "-q").err == ""


def test_without_a_folder_to_cache_in_functions_are_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def njit(function: Any = None, cache: bool = False) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return ("compiled", function)

    monkeypatch.setattr(kernels, "njit", lambda *args, **options: njit(*args, **options) if args else _refuse)
    assert kernels.jit(len) == ("compiled", len)


def _refuse(function: Any) -> Any:
    raise RuntimeError(f"cannot cache function {function}: no locator available")


def test_nothing_else_pays_for_the_compiler() -> None:
    code = (
        "import sys, trm_solve.kinds.sudoku.exact, trm_solve.reading, trm_solve.cli; sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- the command


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_puzzles_go_to_stdout(trm: Callable[..., Any]) -> None:
    result = trm("generate", "sudoku", "--count", "3", "--seed", "7", "--clues", "23:25")
    assert result.code == 0
    assert result.out.splitlines()[0] == "source,question,answer,rating"
    assert [",".join(row.values()) for row in rows(result.out)] == texts(make(3, seed=7, clues=(23, 25)))
    assert result.err.startswith("3 puzzles in ")


def test_the_file_is_read_back_and_can_be_excluded(trm: Callable[..., Any], tmp_path: Path) -> None:
    one, two, mirrored = (tmp_path / f"{name}.csv" for name in ("one", "two", "mirrored"))
    assert trm("generate", "sudoku", "-n", "8", "-o", one, "-q").code == 0
    items = [item for item in read_file(one) if isinstance(item, Puzzle)]
    assert [item.rating for item in items] == [puzzle.rating for puzzle in make(8)]
    mirrored.write_text("\n".join(KIND.format(symmetric(item, seed)) for seed, item in enumerate(items)))
    result = trm("generate", "sudoku", "-n", "8", "-o", two, "--exclude", mirrored, "--exclude", RATED)
    assert (result.code, result.out) == (0, "")
    marks = [
        {fingerprint(item.question) for item in read_file(path) if isinstance(item, Puzzle)} for path in (one, two)
    ]
    assert (len(marks[0]), len(marks[1]), len(marks[0] & marks[1])) == (8, 8, 0)
    assert sorted(path.name for path in tmp_path.glob("*")) == ["mirrored.csv", "one.csv", "two.csv"]


def test_puzzles_to_start_from(trm: Callable[..., Any], tmp_path: Path) -> None:
    result = trm("generate", "sudoku", "-n", "5", "--rating", "40:", "--from", RATED, "-q")
    assert result.code == 0
    assert all(int(row["rating"]) >= 40 for row in rows(result.out))
    several = tmp_path / "several.txt"
    several.write_text(KIND.format(known()[0].question) + "\n" + "1" + "." * 80 + "\n")
    result = trm("generate", "sudoku", "--from", several)
    assert result.code == ExitCode.USAGE
    assert "several.txt:2: has no solution, or several" in result.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rating", "60:4"], "no rating lies in 60:4"),
        (["--rating", "hard"], "'hard' is not a range"),
        (["--clues", "5:9"], "no puzzle with one solution has 9 clues"),
        (["--even"], "needs a highest rating"),
        (["--exclude", "missing.csv"], "missing.csv: no such file or directory"),
        (["--from", "missing.csv"], "missing.csv: no such file or directory"),
        (["-o", "missing/out.csv"], "missing/out.csv: cannot be written"),
        (["--count", "0"], "--count"),
        (["--hardness", "9"], "--hardness"),
    ],
)
def test_usage_is_explained(trm: Callable[..., Any], options: list[str], said: str) -> None:
    result = trm("generate", "sudoku", *options)
    assert (result.code, result.out) == (ExitCode.USAGE, "")
    assert said in result.err
    assert result.err.startswith("error: ")


def test_an_unreadable_exclusion_leaves_no_file(trm: Callable[..., Any], tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("5" + "." * 79 + "q\n")  # x would be a blank
    result = trm("generate", "sudoku", "-n", "2", "--exclude", bad, "-o", tmp_path / "out.csv")
    assert result.code == ExitCode.USAGE
    assert "bad.txt:1:81" in result.err
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


@pytest.mark.parametrize(
    ("trouble", "code"), [(KeyboardInterrupt, ExitCode.INTERRUPTED), (NotFoundError, ExitCode.UNSOLVED)]
)
@pytest.mark.parametrize("found", [0, 2])
def test_what_was_found_is_kept_where_there_is_no_more_and_nothing_of_what_was_cut_short(
    trm: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Any, code: int, found: int
) -> None:
    def interrupted(*_: object) -> Iterator[Puzzle]:
        yield from known()[:found]
        raise trouble("no more") if trouble is NotFoundError else trouble

    monkeypatch.setattr(generate, "generate_sudoku", interrupted)
    result = trm("generate", "sudoku", "-o", tmp_path / "out.csv")
    assert result.code == code
    assert f"{found} puzzles in" in result.err
    left = [path for path in tmp_path.iterdir() if path.is_file()]
    kept = found if trouble is NotFoundError else 0
    assert [len(rows(path.read_text())) for path in left] == [kept] * bool(kept)
