"""`eval` of ARC tasks on the command line: challenges, submissions, evaluations that go on where they stopped."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from conftest import Outcome as Told
from votes import EMPTY, A, B, C, Rows, puzzle, solution

from trm_solve import schedule
from trm_solve.checkpoint import save
from trm_solve.config import ModelConfig, SolveOptions
from trm_solve.errors import InputError
from trm_solve.evaluation.evaluation import Evaluation, evaluate
from trm_solve.evaluation.report import rows_of
from trm_solve.evaluation.tally import wilson
from trm_solve.evaluation.tasks import survey, table
from trm_solve.kinds.arc import submission
from trm_solve.kinds.arc.kind import Arc
from trm_solve.model import TRM
from trm_solve.puzzle import Puzzle
from trm_solve.tasks.identifiers import Identifiers
from trm_solve.trace import Solution

TASKS = Arc.tasks

Trm = Callable[..., Told]
ANSWER = "trm_solve.evaluation.evaluation.answer"
TIMES = {"seconds": 0, "puzzles_per_second": 0}
PAIR = {"input": [[7]], "output": [[8]]}
TASKS: dict[str, list[tuple[Rows, list[Rows]]]] = {  # per test input: its label, and what the scripted model votes
    "one": [(A, [A, A, B])],
    "two": [(A, [B, B, A]), (C, [B])],
    "none": [(B, [EMPTY])],
    "last": [(C, [C]), (B, [A, C, B]), (A, [C, A, A])],
}
VOTES = {(task, number): votes for task, inputs in TASKS.items() for number, (_, votes) in enumerate(inputs)}
ATTEMPTS = {
    "one": [{"attempt_1": A, "attempt_2": B}],
    "two": [{"attempt_1": B, "attempt_2": A}, {"attempt_1": B, "attempt_2": B}],
    "none": [{"attempt_1": [[0]], "attempt_2": [[0]]}],
    "last": [{"attempt_1": C, "attempt_2": C}, {"attempt_1": A, "attempt_2": C}, {"attempt_1": A, "attempt_2": C}],
}


class Scripted:
    """Runs no model: every puzzle gets its votes of `VOTES`. Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def __call__(
        self, model: TRM, items: Iterable[Puzzle | InputError], options: SolveOptions, **_: object
    ) -> Iterator[Solution | InputError]:
        for item in items:
            if isinstance(item, InputError):
                yield item
                continue
            key = (item.task, int(item.question[0, 1]))
            self.asked.append(key)
            yield solution(item, *((answer, 0.5) for answer in VOTES[key]))


def challenges(path: Path, *, solved: bool = True, tasks: Iterable[str] = TASKS) -> Path:
    """A challenges file, and its solutions file beside it."""
    content = {
        task: {"train": [PAIR], "test": [{"input": [[7, number]]} for number in range(len(TASKS[task]))]}
        for task in tasks
    }
    path.write_text(json.dumps(content))
    if solved:
        other = path.with_name(path.name.replace("challenges", "solutions"))
        other.write_text(json.dumps({task: [label for label, _ in TASKS[task]] for task in tasks}))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    config = ModelConfig(
        kind="arc", grid=(30, 30), vocab_size=12, hidden_size=8, num_heads=2, intermediate_size=8, mlp_t=False,
        pos_encodings="rope2d", H_cycles=1, L_cycles=1, canvas="crop", puzzle_emb_ndim=8, puzzle_emb_len=1,
        num_puzzle_identifiers=1 + 5 * len(TASKS),
    )  # fmt: skip
    trm = TRM(config)
    copies = [f"|||t{turn}|||0123456789" for turn in range(1, 5)]
    names = ["<blank>", *(task + copy for task in TASKS for copy in ("", *copies))]
    trm.identifiers = Identifiers(TASKS, len(names), given=names)
    save(trm, folder)
    return folder


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """The command line, with a scripted runner in place of the model."""
    scripted = Scripted()
    monkeypatch.setattr(ANSWER, scripted)
    return scripted


@pytest.fixture
def arguments(model: Path) -> tuple[str | Path, ...]:
    return ("--json", "--model", model, "--device", "cpu", "--dtype", "float32")


def test_a_challenges_file_and_its_solutions(
    trm: Trm, runner: Scripted, tmp_path: Path, arguments: tuple[str | Path, ...]
) -> None:
    challenges(tmp_path / "my_challenges.json")
    told = trm("eval", tmp_path, *arguments)  # the folder: its solutions file is no puzzle file
    found = json.loads(told.out)
    assert (told.code, told.err) == (0, "")
    assert (found["puzzles"], found["tasks"], found["unlabelled"], found["unreadable"]) == (7, 4, 0, 0)
    assert found["exact_accuracy"] == pytest.approx(3 / 7)
    assert found["pass_at_1"] == pytest.approx((1 + 0 + 0 + 2 / 3) / 4)
    assert found["pass_at_2"] == pytest.approx((1 + 1 / 2 + 0 + 2 / 3) / 4)
    assert list(found["pass_at_k"]) == ["1", "2"]
    assert "by_task" not in found
    assert (found["valid_accuracy"], found["kind"]) == (None, "arc")
    assert runner.asked == list(VOTES)
    words = dict(rows_of(found))
    assert words["tasks"] == "4"
    assert words["pass@2"] == "54.17 % (95 %: {:.1f} to {:.1f})".format(*(100 * end for end in wilson(13 / 6, 4)))


def test_a_folder_of_tasks(trm: Trm, runner: Scripted, tmp_path: Path, arguments: tuple[str | Path, ...]) -> None:
    for task, inputs in TASKS.items():
        test = [{"input": [[7, n]], "output": label} for n, (label, _) in enumerate(inputs)]
        (tmp_path / f"{task}.json").write_text(json.dumps({"train": [PAIR], "test": test}))
    found = json.loads(trm("eval", tmp_path, *arguments, "--submission", tmp_path / "out" / "s.json").out or "{}")
    assert not found  # no such folder, said before any work
    assert not runner.asked
    told = trm("eval", tmp_path, *arguments, "--submission", (out := tmp_path.parent / f"{tmp_path.name}.json"))
    found = json.loads(told.out)
    assert (found["tasks"], found["pass_at_2"]) == (4, pytest.approx((1 + 1 / 2 + 0 + 2 / 3) / 4))
    assert json.loads(out.read_text()) == ATTEMPTS
    assert len(rows_of(found)) < 20  # no line for each file


@pytest.mark.usefixtures("runner")
def test_a_submission_needs_no_solutions(trm: Trm, tmp_path: Path, arguments: tuple[str | Path, ...]) -> None:
    path = challenges(tmp_path / "my_challenges.json", solved=False)
    told = trm("eval", path, *arguments)
    assert (told.code, told.out) == (2, "")
    assert f"error: {path}:one[0]: no answer to measure against\nhint: the solutions file" in told.err
    told = trm("eval", path, *arguments, "--submission", tmp_path / "s.json")
    assert told.code == 0
    assert told.err == "note: 7 of 7 test inputs have no answer to measure against; they are in the submission only\n"
    found = json.loads(told.out)
    assert (found["puzzles"], found["unlabelled"], found["exact_accuracy"], found["pass_at_2"]) == (0, 7, None, None)
    assert json.loads((tmp_path / "s.json").read_text()) == ATTEMPTS
    assert list(json.loads((tmp_path / "s.json").read_text())) == list(TASKS)
    words = dict(rows_of(found))
    assert words["without an answer"] == "7"
    assert "accuracy" not in "".join(words)
    plain = trm("eval", path, *arguments[1:], "--submission", tmp_path / "s.json", "--report", tmp_path / "r")
    assert "\nunlabelled\t7\nexact_accuracy\t\n" in plain.out
    assert "<td>?<br>?<br>?<td>" in (tmp_path / "r" / "report.html").read_text()


@pytest.mark.usefixtures("runner")
def test_the_report_tells_of_each_task(trm: Trm, tmp_path: Path, arguments: tuple[str | Path, ...]) -> None:
    path = challenges(tmp_path / "my_challenges.json")
    printed = json.loads(trm("eval", path, *arguments, "--report", tmp_path / "r").out)
    report = json.loads((tmp_path / "r" / "report.json").read_text())
    rows = report.pop("by_task")
    assert report == printed
    assert [(row["task"], row["inputs"], row["ranks"]) for row in rows] == [
        ("one", 1, [1]), ("two", 2, [2, None]), ("none", 1, [None]), ("last", 3, [1, 3, 1]),
    ]  # fmt: skip
    assert (rows[0]["votes"], rows[0]["attempts"], rows[0]["confidence"]) == ([2], [3], [0.666667])
    page = (tmp_path / "r" / "report.html").read_text()
    assert "<tr><td>two<td>2<td>2<br>-<td>2 of 3<br>1 of 1<td>66.67 %<br>100.00 %<td>" in page
    assert "<td>pass@2<td>54.17 %" in page
    with (tmp_path / "r" / "puzzles.csv").open() as file:
        kept = list(csv.DictReader(file))
    assert [(row["task"], row["rank"]) for row in kept[:3]] == [("one", "1"), ("two", "2"), ("two", "")]


@pytest.mark.parametrize("solved", [True, False])
def test_an_interrupted_evaluation_goes_on_task_by_task(
    trm: Trm,
    runner: Scripted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str | Path, ...],
    solved: bool,
) -> None:
    """Killed at any byte: the figures and the submission end the same, and a task begins from its first input."""
    for pictures in ("FAILED", "SUCCEEDED"):  # would be solved once more
        monkeypatch.setattr(f"trm_solve.evaluation.measure.{pictures}", 0)
    path = challenges(tmp_path / "my_challenges.json", solved=solved)
    command = ("eval", path, *arguments, "--submission", tmp_path / "s.json", "--report")
    whole = json.loads(trm(*command, tmp_path / "whole").out)
    rows = (tmp_path / "whole" / "puzzles.csv").read_bytes()
    lines = rows.splitlines(keepends=True)
    places = [len(b"".join(lines[:n])) for n in range(len(lines) + 1)]
    for number, cut in enumerate([*places, *(place - 1 for place in places[1:]), places[3] + 9]):
        folder = tmp_path / f"cut{number}"
        folder.mkdir()
        (folder / "settings.json").write_bytes((tmp_path / "whole" / "settings.json").read_bytes())
        (folder / "puzzles.csv").write_bytes(rows[:cut])
        (tmp_path / "s.json").unlink()
        runner.asked.clear()
        assert json.loads(trm(*command, folder).out) | TIMES == whole | TIMES
        assert json.loads((tmp_path / "s.json").read_text()) == ATTEMPTS
        assert len((folder / "puzzles.csv").read_text().splitlines()) == 1 + 7
        tasks = dict.fromkeys(task for task, _ in runner.asked)
        assert runner.asked == [(task, n) for task in tasks for n in range(len(TASKS[task]))]
        ended = [name for name, at in zip(VOTES, places[2:], strict=True) if at <= cut]
        unfinished = len(VOTES) - len(ended)
        assert unfinished <= len(runner.asked) <= unfinished + 2
    runner.asked.clear()
    json.loads(trm(*command, tmp_path / "whole").out)
    assert not runner.asked  # a finished evaluation makes its submission without the model


@pytest.mark.usefixtures("runner")
def test_a_report_does_not_go_on_once_there_are_answers(
    trm: Trm, tmp_path: Path, arguments: tuple[str | Path, ...]
) -> None:
    path = challenges(tmp_path / "my_challenges.json", solved=False)
    command = ("eval", path, *arguments, "--submission", tmp_path / "s.json", "--report", tmp_path / "r")
    assert trm(*command).code == 0
    challenges(path)
    told = trm(*command)
    assert told.code == 2
    assert "begun with unlabelled 7, not 0" in told.err


@pytest.mark.usefixtures("runner")
def test_a_task_that_cannot_be_read_is_named_and_the_rest_is_submitted(
    trm: Trm, tmp_path: Path, arguments: tuple[str | Path, ...]
) -> None:
    path = challenges(tmp_path / "my_challenges.json", solved=False, tasks=["one", "two"])
    content = json.loads(path.read_text())
    path.write_text(json.dumps({"bad": {"train": [PAIR], "test": [{"input": [[10]]}]}} | content))
    told = trm("eval", path, *arguments, "--submission", tmp_path / "s.json")
    assert told.code == 2
    assert "bad.test[0].input[0][0]: 10 is not a colour" in told.err
    assert json.loads((tmp_path / "s.json").read_text()) == {task: ATTEMPTS[task] for task in ("one", "two")}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--failures", "f.csv"], "error: --failures keeps single puzzles, these are ARC tasks\n"),
        (["--offsets", "2"], "error: --offsets is for mazes, these are ARC tasks\n"),
    ],
)
def test_what_is_not_for_tasks_is_refused(
    trm: Trm, tmp_path: Path, arguments: tuple[str | Path, ...], option: list[str], message: str
) -> None:
    told = trm("eval", challenges(tmp_path / "my_challenges.json"), *arguments, *option)
    assert (told.code, told.out) == (2, "")
    assert message in told.err


def test_a_submission_is_of_arc_tasks_and_names_each_once(
    trm: Trm, tmp_path: Path, arguments: tuple[str | Path, ...]
) -> None:
    out = tmp_path / "s.json"
    out.write_text("kept")
    told = trm("eval", "examples/sudoku/fifty.csv", "--submission", out)
    assert (told.code, told.err) == (2, "error: --submission is for ARC tasks, these are sudoku puzzles\n")
    twice = [challenges(tmp_path / f"{name}_challenges.json") for name in "ab"]
    told = trm("eval", *twice, *arguments, "--submission", out)
    assert (told.code, told.out) == (2, "")
    assert f"error: task one stands in {twice[0]} and in {twice[1]}\n" in told.err
    assert (out.read_text(), list(tmp_path.glob(".s.json*"))) == ("kept", [])


def test_the_scheduler_itself_votes_and_submits(
    trm: Trm, tmp_path: Path, arguments: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real, untrained model: what it answers is nothing, what is told of it adds up."""

    def solve_all(model: TRM, items: Iterable[Puzzle], options: SolveOptions, **_: object) -> Iterator[schedule.Event]:
        return schedule.solve_all(model, items, options)

    monkeypatch.setattr(ANSWER, solve_all)
    path = challenges(tmp_path / "my_challenges.json")
    effort = ("--effort", "normal", "--attempts", "5", "--max-steps", "1,2")
    told = trm("eval", path, *arguments, *effort, "--submission", tmp_path / "s.json", "--report", tmp_path / "r")
    found = json.loads(told.out)
    assert [run["tasks"] for run in found["runs"]] == [4, 4]
    assert (found["mean_attempts"], list(found["pass_at_k"])) == (5.0, ["1", "2", "5"])
    rows = json.loads((tmp_path / "r" / "report.json").read_text())["by_task"]
    for row in rows:
        for votes, share in zip(row["votes"], row["confidence"], strict=True):
            assert share is None or math.isclose(share, votes / 5)
    submission.validate(
        json.loads((tmp_path / "s.json").read_text()), {task: len(inputs) for task, inputs in TASKS.items()}
    )


def test_tasks_that_the_model_does_not_know_are_told_and_the_rest_is_measured(
    trm: Trm, tmp_path: Path, arguments: tuple[str | Path, ...]
) -> None:
    path = challenges(tmp_path / "my_challenges.json")
    for file, strange in (
        (path, {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]]}]}),
        (tmp_path / "my_solutions.json", [[[4]]]),
    ):
        file.write_text(json.dumps({"strange": strange, **json.loads(file.read_text())}))
    told = trm("eval", path, *arguments, "--no-adapt", "--votes", "1", "--submission", tmp_path / "s.json")
    assert told.code == 3
    assert told.err.count("was not trained on task strange") == 1
    found = json.loads(told.out)
    assert (found["tasks"], found["unreadable"]) == (4, 1)
    written = json.loads((tmp_path / "s.json").read_text())
    assert written["strange"] == [{"attempt_1": [[0]], "attempt_2": [[0]]}]
    assert {*written} == {"strange", *TASKS}
    report = ("--report", tmp_path / "r", "--no-adapt", "--votes", "1")
    assert [trm("eval", path, *arguments, *report).code for _ in range(2)] == [3, 3]  # from the report, too


@pytest.mark.parametrize("steps", ["1", "1,2"])
@pytest.mark.parametrize("plain", [True, False])
def test_nothing_but_tasks_that_the_model_does_not_know(
    trm: Trm, tmp_path: Path, arguments: tuple[str | Path, ...], steps: str, plain: bool
) -> None:
    path = tmp_path / "strange.json"
    path.write_text(json.dumps({"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]], "output": A}]}))
    told = trm("eval", path, *arguments[plain:], "--no-adapt", "--max-steps", steps, "--report", tmp_path / "r")
    assert told.code == 3
    assert "was not trained on task strange" in told.err
    assert "this is a bug" not in told.err
    assert told.out
    assert (tmp_path / "r" / "report.html").exists()


def test_processes_share_whole_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    items: list[Puzzle | InputError] = [
        puzzle(label, task, n) for task, inputs in TASKS.items() for n, (label, _) in enumerate(inputs)
    ]
    items.insert(3, InputError("x: bad"))
    runners = [Scripted(), Scripted()]
    whole = Evaluation()
    for process, runner in enumerate(runners):
        monkeypatch.setattr(ANSWER, runner)
        whole += evaluate(None, items, SolveOptions(), share=(process, 2))  # type: ignore[arg-type]
    assert [[task for task, _ in runner.asked] for runner in runners] == [
        ["one", "last", "last", "last"], ["two", "two", "none"],
    ]  # fmt: skip
    monkeypatch.setattr(ANSWER, Scripted())
    alone = evaluate(None, items, SolveOptions())  # type: ignore[arg-type]
    assert whole.tally.figures() == alone.tally.figures()
    assert table(whole.tally.by_task) == table(alone.tally.by_task)
    assert (whole.errors, whole.failures) == (1, alone.failures)


def test_places_after_which_no_task_is_unfinished() -> None:
    items: list[Puzzle | InputError] = [
        puzzle(task="a"),
        InputError("bad"),
        puzzle(task="b"),
        InputError("bad"),
        puzzle(task="b", number=1),
    ]
    assert survey(items).ends() == {0, 1, 4}
    assert survey([]).ends() == set()
