"""New mazes: their labels, their variety, the file they make, and their use in training."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from trm_solve import pretrained
from trm_solve.config import RunOptions
from trm_solve.errors import ExitCode, InputError
from trm_solve.generation import kernels
from trm_solve.generation.writing import NotFoundError
from trm_solve.kinds.dihedral import DIHEDRAL, turn
from trm_solve.kinds.maze import generate as generator
from trm_solve.kinds.maze import kernels as maze_kernels
from trm_solve.kinds.maze.augment import augment
from trm_solve.kinds.maze.generate import (
    MazeRecipe,
    fingerprint,
    generate_maze,
    least_moves,
    read_share,
    read_size,
    write,
)
from trm_solve.kinds.maze.kind import Maze
from trm_solve.kinds.maze.paths import FREE, PATH, WALL, shortest_path, solve
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.training.data import crop
from trm_solve.training.folder import RunFolder
from trm_solve.training.mixing import open_data
from trm_solve.training.presets import recipe
from trm_solve.training.sources import read
from trm_solve.training.trainer import train
from trm_solve.training.view import View

KIND = Maze()
TWELVE = Path(__file__).parent.parent / "examples" / "maze" / "twelve.csv"


def make(count: int, **fields: object) -> list[Puzzle]:
    recipe = MazeRecipe(**{"rows": 9, "columns": 7, "least": 10, "seed": 3} | fields)  # type: ignore[arg-type]
    return list(itertools.islice(generate_maze(recipe), count))


def unturned(mazes: list[Puzzle]) -> list[bytes]:
    return [maze.question.tobytes() for maze in mazes]


def test_mazes_have_their_canonical_path_as_label_and_their_moves_as_rating() -> None:
    for maze in make(40):
        assert maze.question.shape == (9, 7)
        path = shortest_path(maze.question)
        assert path is not None
        assert maze.rating == len(path) - 1 >= 10
        assert maze.answer is not None
        assert np.array_equal(maze.answer, solve(maze.question))
        assert all(KIND.check(maze, maze.answer).facts.values())


def test_maze_hard_of_full_size() -> None:
    (maze,) = make(1, rows=30, columns=30, least=109, seed=5)
    assert maze.answer is not None
    assert KIND.check(maze, maze.answer).facts["canonical"]
    assert (maze.rating or 0) >= 109


def test_the_seed_decides() -> None:
    assert unturned(make(5)) == unturned(make(5))
    assert unturned(make(5)) != unturned(make(5, seed=4))


def test_the_same_mazes_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    if not kernels.COMPILED:
        pytest.skip("numba is not installed")
    compiled = unturned(make(3))
    functions = ("search", "mark", "scatter", "hunt", "label")
    for name in functions:
        monkeypatch.setattr(maze_kernels, name, getattr(maze_kernels, name).py_func)
    monkeypatch.setattr(maze_kernels, "draw", kernels.draw.py_func)
    monkeypatch.setattr(maze_kernels, "zeros", lambda n: [0] * n)
    monkeypatch.setattr(generator, "hunt", maze_kernels.hunt)
    monkeypatch.setattr(generator, "draw", kernels.draw.py_func)
    monkeypatch.setattr(generator, "zeros", lambda n: [0] * n)
    monkeypatch.setattr(generator, "table", list)
    assert unturned(make(3)) == compiled


def test_no_maze_comes_twice_however_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "GIVE_UP", 2000)
    mazes = generate_maze(MazeRecipe(rows=2, columns=2, least=1))
    # S beside G: each of the other two cells is a wall or free; S across from G: there is one way, or two
    made = [next(mazes).question for _ in range(4 + 2)]
    assert len({fingerprint(question) for question in made}) == 6
    with pytest.raises(NotFoundError) as failure:
        next(mazes)
    assert failure.value.exit_code == ExitCode.UNSOLVED


def test_fingerprints_know_a_turned_maze() -> None:
    (maze,) = make(1)
    assert len({fingerprint(turn(maze.question, which)) for which in range(len(DIHEDRAL))}) == 1
    other = maze.question.copy()
    other[other == WALL] = FREE
    assert fingerprint(other) != fingerprint(maze.question)


def test_the_share_of_walls_and_the_start_are_as_asked() -> None:
    mazes = make(150, rows=20, columns=20, least=1, walls=(0.2, 0.2))
    share = np.mean([maze.question == WALL for maze in mazes])
    assert abs(share - 0.2) < 0.01  # 60,000 cells: one standard deviation is 0.0016
    assert all((maze.question != WALL).all() for maze in make(3, least=1, walls=(0.0, 0.0)))


def test_default_paths_are_hard_for_their_size() -> None:
    assert [least_moves(n, n) for n in (10, 15, 20, 30)] == [16, 32, 54, 109]
    assert least_moves(1, 2) == 1


def test_options_are_read() -> None:
    assert (read_size("30"), read_size("10x20"), read_size("10X20")) == ((30, 30), (10, 20), (10, 20))
    assert (read_share("0.3:0.5"), read_share("0.4")) == ((0.3, 0.5), (0.4, 0.4))


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: read_size("big"),
        lambda: read_size("3x4x5"),
        lambda: read_share("much"),
        lambda: MazeRecipe(rows=31, least=9),
        lambda: MazeRecipe(rows=1, columns=1, least=1),
        lambda: MazeRecipe(rows=3, columns=3, least=9),
        lambda: MazeRecipe(rows=3, columns=3, least=0),
        lambda: MazeRecipe(least=9, walls=(0.5, 0.3)),
        lambda: MazeRecipe(least=9, walls=(0.5, 1.0)),
        lambda: MazeRecipe(least=9, seed=-1),
        lambda: write(MazeRecipe(least=9), 0, None),
    ],
)
def test_what_cannot_be_made_is_refused(attempt) -> None:
    with pytest.raises(InputError):
        attempt()


@pytest.mark.parametrize("columns", [8, 5])
def test_the_file_is_read_back(tmp_path: Path, columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = MazeRecipe(rows=8, columns=columns, least=8, seed=1)
    write(recipe, 6, tmp_path / "m.csv")
    items = list(read_file(tmp_path / "m.csv"))
    wanted = list(itertools.islice(generate_maze(recipe), 6))
    for item, maze in zip(items, wanted, strict=True):
        assert isinstance(item, Puzzle)
        assert np.array_equal(item.question, maze.question)
        assert item.answer is not None
        assert np.array_equal(item.answer, maze.answer)
        assert item.rating == maze.rating
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("6 mazes in ")


def test_without_a_file_the_mazes_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    write(MazeRecipe(rows=4, columns=4, least=3), 2, None, quiet=True)
    captured = capsys.readouterr()
    assert captured.out.startswith("source,question,answer,rating\ngenerated-4x4,")
    assert (captured.out.count("\n"), captured.err) == (3, "")


def test_excluded_mazes_do_not_come_up(tmp_path: Path) -> None:
    recipe = MazeRecipe(rows=6, columns=6, least=8)
    write(recipe, 10, tmp_path / "test.csv", quiet=True)
    write(recipe, 10, tmp_path / "train.csv", exclude=[tmp_path / "test.csv"], quiet=True)
    marks = [set(generator.fingerprints([tmp_path / f"{name}.csv"])) for name in ("test", "train")]
    assert (len(marks[0]), len(marks[1]), len(marks[0] & marks[1])) == (10, 10, 0)


def test_an_unreadable_exclusion_stops_everything(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("question,answer\nS#,\n")
    with pytest.raises(InputError, match=r"test\.csv:2"):
        write(MazeRecipe(rows=4, columns=4, least=3), 2, tmp_path / "m.csv", exclude=[tmp_path / "test.csv"])
    assert not (tmp_path / "m.csv").exists()


def test_the_command(trm: Callable[..., Any], tmp_path: Path) -> None:
    done = trm("generate", "maze", "-n", 3, "--size", "5x6", "--seed", 2, "-o", tmp_path / "m.csv")
    assert (done.code, done.out) == (0, "")
    assert [item.question.shape for item in read_file(tmp_path / "m.csv") if isinstance(item, Puzzle)] == [(5, 6)] * 3
    wrong = trm("generate", "maze", "--size", 40)
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith("error: a maze of 40x40 cells cannot be made\nhint: ")


def test_a_reader_that_has_enough_ends_it_well() -> None:
    command = [sys.executable, "-m", "trm_solve", "generate", "maze", "-n", "100000", "--size", "9", "-q"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "source,question,answer,rating\n"
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == ("", 0)


def test_what_was_found_is_kept(trm: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are six mazes of this size with a path of one move or more."""
    monkeypatch.setattr(generator, "GIVE_UP", 2000)
    done = trm("generate", "maze", "-n", 9, "--size", 2, "--min-path", 1, "-o", tmp_path / "m.csv")
    assert done.code == ExitCode.UNSOLVED
    assert "6 mazes in" in done.err
    assert len(list(read_file(tmp_path / "m.csv"))) == 6


# ---- in training


def test_labels_of_a_batch_equal_those_of_the_slow_search() -> None:
    mazes = make(12)
    questions = np.stack([maze.question.ravel() for maze in mazes])
    wanted = np.stack([maze.answer.ravel() for maze in mazes if maze.answer is not None])
    assert np.array_equal(maze_kernels.labels(questions, 7), wanted)
    blocked = questions.copy()
    blocked[blocked == FREE] = WALL
    assert np.array_equal(maze_kernels.labels(blocked, 7), blocked)


def test_training_data_are_cropped_to_what_the_mazes_need() -> None:
    data = read(str(TWELVE), None, print)
    assert data.questions.shape == (12, 900)
    small = crop(data)
    assert small.questions.shape == small.answers.shape == (12, 144)
    assert small.cells is not None
    assert small.cells[:13].tolist() == [*range(12), 30]
    first = next(read_file(TWELVE))
    assert isinstance(first, Puzzle)
    assert np.array_equal(small.questions[0], first.question.ravel())


def test_mazes_of_different_sizes_train_on_canvases_of_their_own(tmp_path: Path) -> None:
    sizes = {"9": 7, "10": 5, "4x12": 9}
    for size, count in sizes.items():
        rows, columns = map(int, (size.split("x") * 2)[:2])
        made = generate_maze(MazeRecipe(rows=rows, columns=columns, least=2))
        lines = [row_of(puzzle) for puzzle, _ in zip(made, range(count), strict=False)]
        (tmp_path / f"{size}.csv").write_text("question,answer,columns\n" + "\n".join(lines) + "\n")
    run = RunOptions(data=tuple(str(tmp_path / f"{size}.csv") for size in sizes))
    mixtures, _ = open_data(run, augment=True, canvas="crop", report=print)
    assert [mixture.data.questions.shape for mixture in mixtures] == [(12, 100), (9, 144)]
    assert [mixture.share for mixture in mixtures] == pytest.approx([12 / 21, 9 / 21])
    (whole,), _ = open_data(run, augment=True, canvas="full", report=print)
    assert whole.data.questions.shape == (21, 900)


def row_of(puzzle: Puzzle) -> str:
    assert puzzle.answer is not None
    texts = [Maze().format(grid).replace("\n", "") for grid in (puzzle.question, puzzle.answer)]
    return ",".join([*texts, str(puzzle.question.shape[1])])


@pytest.mark.parametrize("side", [30, 12])
def test_augmented_mazes_are_turned_moved_and_labelled_anew(side: int) -> None:
    data = read(str(TWELVE), None, print)
    data = data if side == 30 else crop(data)
    rng = np.random.default_rng(0)
    known = {fingerprint(row.reshape(12, 12)) for row in crop(read(str(TWELVE), None, print)).questions}
    places, looks = set(), set()
    for _ in range(20):
        questions, answers = augment(rng, data.questions, data.answers)
        for question, answer in zip(questions.reshape(-1, side, side), answers.reshape(-1, side, side), strict=True):
            rows, columns = np.flatnonzero(answer.any(1)), np.flatnonzero(answer.any(0))
            assert (len(rows), len(columns)) == (12, 12)
            window = (slice(rows[0], rows[0] + 12), slice(columns[0], columns[0] + 12))
            inside, label = question[window].copy(), answer[window]
            assert fingerprint(inside) in known
            assert np.array_equal(label, solve(inside))
            places.add((int(rows[0]), int(columns[0])))
            looks.add(inside.tobytes())
            outside = question.copy()
            outside[window] = WALL
            assert (outside == WALL).all()
    assert len(looks) > 80  # of 96
    assert len(places) == 1 if side == 12 else len(places) > 100


def test_mazes_that_are_not_square_are_augmented_within_their_canvas() -> None:
    mazes = make(8)
    questions, answers = (np.stack([f(m) for m in mazes]) for f in (KIND.encode, KIND.encode_answer))
    turned, labels = augment(np.random.default_rng(1), questions, answers)
    shapes = set()
    for question, label in zip(turned.reshape(-1, 30, 30), labels.reshape(-1, 30, 30), strict=True):
        used = label != 0
        shape = (int(used.any(1).sum()), int(used.any(0).sum()))
        shapes.add(shape)
        assert np.array_equal(label[used].reshape(shape), solve(question[used].reshape(shape)))
    assert shapes == {(9, 7), (7, 9)}
    assert (np.count_nonzero(labels == PATH, axis=1) == np.count_nonzero(answers == PATH, axis=1)).all()


def test_a_model_is_trained_on_cropped_mazes_and_keeps_its_canvas(tmp_path: Path) -> None:
    shape = {"hidden_size": 32, "num_heads": 2, "L_layers": 1, "H_cycles": 1, "L_cycles": 1, "batch_size": 6}
    length = {"warmup_steps": 5, "max_steps": 25, "halt_max_steps": 2}
    fields = recipe("cpu-maze", {**shape, **length, "augment": False})

    def run(data: Path, name: str, **more: object) -> list[float]:
        plain = {"data": [str(data)], "out": str(tmp_path / name), "compile": "off", "dtype": "float32", "log_every": 1}
        options = RunOptions.from_dict({**plain, **more})
        train(options, fields, view=View(Console(file=io.StringIO())))
        return [line["lm_loss"] for line in RunFolder(tmp_path / name).read_metrics()]

    losses = run(TWELVE, "small")
    assert max(losses[-3:]) < 0.75 * losses[0]
    model = pretrained.load(tmp_path / "small" / "last")
    assert (model.config.canvas, model.config.grid) == ("crop", (30, 30))
    write(MazeRecipe(rows=14, columns=9, least=20), 12, tmp_path / "larger.csv", quiet=True)
    further = run(tmp_path / "larger.csv", "larger", init=str(tmp_path / "small" / "last"))
    assert further[0] < losses[0]  # what a wall is and what is free was known already
