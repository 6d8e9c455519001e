"""`eval` of ARC tasks: the vote and its ties, pass@k, submissions, evaluations that go on where they stopped."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Outcome as Told
from hypothesis import given
from hypothesis import strategies as st

from trm_solve import schedule
from trm_solve.arc import submission
from trm_solve.arc.known import Identifiers
from trm_solve.checkpoint import save
from trm_solve.config import ModelConfig, SolveOptions
from trm_solve.errors import InputError
from trm_solve.evaluate import measure
from trm_solve.evaluate.folder import Row
from trm_solve.evaluate.run import Evaluation, evaluate, outcome_of
from trm_solve.evaluate.tally import Outcome, Tally, wilson
from trm_solve.evaluate.tasks import pass_at, score, survey, table
from trm_solve.model import TRM
from trm_solve.puzzles.arc import Arc
from trm_solve.puzzles.base import Puzzle
from trm_solve.trace import Candidate, Solution, Step, grid_of, rank

Trm = Callable[..., Told]
Rows = list[list[int]]
A, B, C = [[1]], [[2, 3]], [[4], [5]]
EMPTY: Rows = []
TIMES = {"seconds": 0, "puzzles_per_second": 0}


def puzzle(label: Rows | None = A, task: str = "t", number: int = 0, file: str = "f.json") -> Puzzle:
    answer = None if label is None else grid_of(label)
    pairs = ((grid_of([[7]]), grid_of([[8]])),)
    return Puzzle("arc", grid_of([[7, number]]), answer, f"{file}:{task}[{number}]", task=task, examples=pairs)


def step(attempt: int, answer: Rows, q: float) -> Step:
    found = grid_of(answer)
    sure, none = np.ones(found.shape, np.float32), np.zeros(found.shape, np.bool_)
    return Step(0, attempt, 1, found, sure, none, none, 0, q, solved=False, halted=True)


def ranking(*votes: tuple[Rows, float]) -> list[tuple[Rows, int, float]]:
    """(answer, its votes, their mean halting probability), best first, of votes in the order of their attempts."""
    ranked = rank(step(n, answer, q) for n, (answer, q) in enumerate(votes, 1))
    return [(each.answer.tolist(), each.votes, each.halt_probability) for each, _ in ranked]


def solution(asked: Puzzle, *votes: tuple[Rows, float]) -> Solution:
    case = schedule.Case(asked, 0, Arc(), attempts=len(votes))
    case.votes = [step(n, answer, q) for n, (answer, q) in enumerate(votes, 1)]
    case.conclude("scripted", 6.0)
    assert case.solution is not None
    return case.solution


def test_more_votes_win_over_surer_ones() -> None:
    assert ranking((A, 0.99), (B, 0.25), (B, 0.25)) == [(B, 2, 0.25), (A, 1, 0.99)]


def test_equal_votes_are_decided_by_the_mean_halting_probability() -> None:
    """A: (1/2 + 1/4) / 2 = 3/8. B: (3/4 + 1/8) / 2 = 7/16. C was named once, and most surely."""
    votes = [(A, 0.5), (B, 0.75), (A, 0.25), (C, 0.875), (B, 0.125)]
    assert ranking(*votes) == [(B, 2, 0.4375), (A, 2, 0.375), (C, 1, 0.875)]


def test_what_is_still_equal_is_decided_by_the_first_attempt() -> None:
    votes = [(B, 0.25), (A, 0.5), (C, 0.375), (A, 0.25), (B, 0.5), (C, 0.375)]
    assert [answer for answer, *_ in ranking(*votes)] == [B, A, C]
    late_first = [step(n, answer, q) for n, (answer, q) in enumerate(votes, 1)][::-1]
    assert [each.answer.tolist() for each, _ in rank(late_first)] == [B, A, C]


def test_equal_cells_in_another_shape_are_another_answer() -> None:
    assert ranking(([[1, 2]], 0.5), ([[1], [2]], 0.5), ([[1, 2]], 0.5)) == [([[1, 2]], 2, 0.5), ([[1], [2]], 1, 0.5)]


def test_an_empty_grid_has_no_vote() -> None:
    assert ranking((EMPTY, 0.9), (A, 0.1), (EMPTY, 0.9)) == [(A, 1, 0.1)]
    found = solution(puzzle(), (EMPTY, 0.9), (A, 0.1), (EMPTY, 0.9))
    assert (found.verdict, found.facts) == ("predicted", {"votes": 1, "confidence": 0.333333})
    none = outcome_of(0, solution(puzzle(), (EMPTY, 0.9)))
    assert (none.verdict, none.exact, none.rank, none.votes, none.confidence, none.answers) == (
        "unsolved", False, None, 0, None, (),
    )  # fmt: skip


def test_an_outcome_says_where_the_right_answer_stands() -> None:
    votes = [(B, 0.5), (B, 0.5), (A, 0.5), (C, 0.25)]
    ranks = [outcome_of(0, solution(puzzle(label), *votes)).rank for label in (B, A, C, [[9]])]
    assert ranks == [1, 2, 3, None]
    found = outcome_of(3, solution(puzzle(A, "00d62c1b", 1), *votes))
    assert (found.task, found.index, found.exact, found.votes, found.confidence) == ("00d62c1b", 3, False, 2, 0.5)
    assert (found.attempts, found.seconds, found.answers) == (4, 6.0, ("[[2,3]]", "[[1]]"))


def outcome(index: int, task: str, rank: int | None, *, attempts: int = 8, labelled: bool = True) -> Outcome:
    exact = rank == 1 if labelled else None
    return Outcome(
        index=index, source=f"f.json:{task}[0]", rating=None, verdict="predicted", exact=exact, valid=None,
        cells=0.0, steps=1, attempts=attempts, halt_probability=0.5, task=task, rank=rank, votes=2, confidence=0.25,
        seconds=60.0 * (index + 1), answers=("[[0]]",),
    )  # fmt: skip


def tally(*outcomes: Outcome) -> Tally:
    found = Tally()
    for each in outcomes:
        found.add(each)
    return found


def test_a_task_scores_the_mean_of_its_test_inputs_and_tasks_count_alike() -> None:
    """Ranks: a 1; b 2 and None; c 1, 3 and 8; d None. The three inputs of c weigh as much as the one of a."""
    ranks = [("a", 1), ("b", 2), ("b", None), ("c", 1), ("c", 3), ("c", 8), ("d", None)]
    found = tally(*(outcome(n, task, rank) for n, (task, rank) in enumerate(ranks)))
    figures = pass_at(found.by_task)
    assert figures["tasks"] == 4
    assert figures["pass_at_1"] == pytest.approx((1 + 0 + 1 / 3 + 0) / 4)
    assert figures["pass_at_2"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 0) / 4)
    assert figures["pass_at_k"] == {
        "1": figures["pass_at_1"], "2": figures["pass_at_2"], "5": pytest.approx((1 + 1 / 2 + 2 / 3 + 0) / 4),
    }  # fmt: skip
    assert figures["pass_at_2_interval"] == pytest.approx(wilson(11 / 6, 4))
    assert found.figures()["exact_accuracy"] == pytest.approx(2 / 7)


def test_intervals_are_those_of_so_many_tasks() -> None:
    """10 of 40 right: 25 % (14.2 to 40.2), the textbook value."""
    figures = pass_at(tally(*(outcome(n, f"t{n}", 2 if n < 10 else None) for n in range(40))).by_task)
    assert (figures["pass_at_1"], figures["pass_at_2"]) == (0.0, 0.25)
    assert figures["pass_at_2_interval"] == pytest.approx([0.1419, 0.4019], abs=5e-5)
    assert figures["pass_at_1_interval"][0] == 0.0


@pytest.mark.parametrize(
    ("attempts", "cutoffs"),
    [(1, "1"), (2, "1 2"), (9, "1 2 5"), (100, "1 2 5 10 100"), (4000, "1 2 5 10 100 1000")],
)
def test_no_k_is_above_the_votes_but_pass_at_2_is_always_told(attempts: int, cutoffs: str) -> None:
    figures = pass_at(tally(outcome(0, "a", 1, attempts=attempts)).by_task)
    assert list(figures["pass_at_k"]) == cutoffs.split()
    assert figures["pass_at_2"] == 1.0


def test_what_has_no_label_is_in_no_mean() -> None:
    half = [outcome(0, "a", 2), outcome(1, "a", None, labelled=False), outcome(2, "b", None, labelled=False)]
    assert score(half, 2) == 1.0
    figures = tally(*half).figures() | pass_at(tally(*half).by_task)
    assert [figures[name] for name in ("puzzles", "unlabelled", "tasks", "pass_at_2")] == [1, 2, 1, 1.0]
    none = pass_at(tally(half[2]).by_task)
    assert (none["tasks"], none["pass_at_1"], none["pass_at_2"], none["pass_at_k"]["5"]) == (0, None, None, None)


def test_the_table_has_a_row_for_each_task() -> None:
    first, second = table(tally(outcome(0, "b", 3), outcome(1, "a", 1), outcome(2, "a", None)).by_task)
    assert (first["task"], first["ranks"], second["task"], second["ranks"]) == ("b", [3], "a", [1, None])
    assert (second["inputs"], second["votes"], second["confidence"], second["minutes"]) == (
        2,
        [2, 2],
        [0.25, 0.25],
        3.0,
    )


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, 1, 2, 7])), max_size=12), st.randoms())
def test_tallies_of_processes_add_up(said: list[tuple[str, int | None]], random: Any) -> None:
    outcomes = [outcome(n, task, rank) for n, (task, rank) in enumerate(sorted(said, key=lambda each: each[0]))]
    left = [o for o in outcomes if random.random() < 0.5]
    parts = tally(*(o for o in outcomes if o not in left)), tally(*left)
    whole = tally()
    for part in parts:
        whole += part
    assert whole.figures() == tally(*outcomes).figures()
    assert pass_at(whole.by_task) == pass_at(tally(*outcomes).by_task)
    assert table(whole.by_task) == table(tally(*outcomes).by_task)


def test_rows_of_a_report_hold_all_that_is_told() -> None:
    votes = [(B, 1 / 3), (B, 0.5), (A, 0.5)]
    for label in (A, C, None):
        row = Row(16, 3, outcome_of(3, solution(puzzle(label, "an odd,name"), *votes)), 1.5)
        assert Row.read([str(cell) for cell in row.cells()]) == row
    bad = Row.read([str(cell) for cell in Row(16, 4, InputError("x: bad"), 2.0).cells()])
    assert (bad.index, str(bad.news), bad.seconds) == (4, "x: bad", 2.0)


# submissions

grids = st.tuples(st.integers(1, 30), st.integers(1, 30)).flatmap(
    lambda size: st.builds(
        lambda seed: np.random.default_rng(seed).integers(0, 10, size).tolist(), st.integers(0, 2**32 - 1)
    )
)
answers = st.dictionaries(
    st.text(min_size=1), st.lists(st.lists(grids, max_size=3), min_size=1, max_size=3), max_size=4
)


@given(answers)
def test_a_submission_reads_back_as_it_was_written(given_: dict[str, list[list[Rows]]]) -> None:
    content = {task: [submission.entry(each) for each in inputs] for task, inputs in given_.items()}
    read = json.loads(submission.to_text(content, {task: len(inputs) for task, inputs in given_.items()}))
    assert read == content
    for task, inputs in given_.items():
        for attempts, ranked in zip(read[task], inputs, strict=True):
            best = ranked or [[[0]]]
            assert attempts == {"attempt_1": best[0], "attempt_2": best[1] if len(best) > 1 else best[0]}


WHOLE: dict[str, Any] = {"a": [{"attempt_1": A, "attempt_2": B}], "b": [{"attempt_1": B, "attempt_2": C}] * 2}


def changed(grid_: Any) -> dict[str, Any]:
    return WHOLE | {"a": [{"attempt_1": A, "attempt_2": grid_}]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "the whole: not an object"),
        ({"a": WHOLE["a"]}, "b: missing"),
        (WHOLE | {"c": WHOLE["a"]}, "c: no such task"),
        (WHOLE | {"a": {}}, "a: not an array"),
        (WHOLE | {"a": []}, "a: empty"),
        (WHOLE | {"b": WHOLE["a"]}, "b: attempts at 1 test inputs, the task has 2"),
        (WHOLE | {"b": WHOLE["b"] + WHOLE["a"]}, "b: attempts at 3 test inputs, the task has 2"),
        (WHOLE | {"a": [A]}, "a[0]: not an object"),
        (WHOLE | {"a": [{"attempt_1": A}]}, "a[0]: no attempt_2"),
        (WHOLE | {"a": [{"attempt_2": A}]}, "a[0]: no attempt_1"),
        (WHOLE | {"a": [WHOLE["a"][0] | {"attempt_3": A}]}, "a[0].attempt_3: does not belong there"),
        (changed(None), "a[0].attempt_2: not an array"),
        (changed([]), "a[0].attempt_2: empty"),
        (changed([[]]), "a[0].attempt_2[0]: empty"),
        (changed([1]), "a[0].attempt_2[0]: not an array"),
        (changed([[1]] * 31), "a[0].attempt_2: 31 items, not 1 to 30"),
        (changed([[1], [1] * 31]), "a[0].attempt_2[1]: 31 items, not 1 to 30"),
        (changed([[1, 2], [1]]), "a[0].attempt_2: rows of different lengths"),
        (changed([[1, 10]]), "a[0].attempt_2[0][1]: 10, not 0 to 9"),
        (changed([[-1]]), "a[0].attempt_2[0][0]: -1, not 0 to 9"),
        (changed([[1.0]]), "a[0].attempt_2[0][0]: not an integer"),
        (changed([[True]]), "a[0].attempt_2[0][0]: not an integer"),
        (changed([["1"]]), "a[0].attempt_2[0][0]: not an integer"),
    ],
)
def test_what_is_no_submission_is_refused_by_its_place(content: Any, message: str) -> None:
    submission.validate(WHOLE, {"a": 1, "b": 2})
    with pytest.raises(InputError) as caught:
        submission.validate(content, {"a": 1, "b": 2})
    assert caught.value.message == f"submission: {message}"


# the command

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
        self, model: TRM, items: Iterable[Puzzle | InputError], options: SolveOptions, *, name: str = ""
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
    trm.identifiers = Identifiers(len(names), given=names)
    save(trm, folder)
    return folder


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """The command line, with a scripted runner in place of the scheduler."""
    scripted = Scripted()
    monkeypatch.setattr(measure, "evaluate", partial(evaluate, runner=scripted))
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
    plain = trm("eval", tmp_path, *arguments[1:]).out
    assert "tasks\t4\n" in plain
    assert "pass@2\t54.17 % (95 %: {:.1f} to {:.1f})\n".format(*(100 * end for end in wilson(13 / 6, 4))) in plain


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
    assert len(trm("eval", tmp_path, *arguments[1:]).out.splitlines()) < 20  # no line for each file


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
    plain = trm("eval", path, *arguments[1:], "--submission", tmp_path / "s.json", "--report", tmp_path / "r")
    assert "without an answer\t7\n" in plain.out
    assert "accuracy" not in plain.out
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
    trm: Trm, runner: Scripted, tmp_path: Path, arguments: tuple[str | Path, ...], solved: bool
) -> None:
    """Killed at any byte: the figures and the submission end the same, and a task begins from its first input."""
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
    monkeypatch.setattr(measure, "evaluate", partial(evaluate, runner=schedule.run))
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


def test_processes_share_whole_tasks() -> None:
    items: list[Puzzle | InputError] = [
        puzzle(label, task, n) for task, inputs in TASKS.items() for n, (label, _) in enumerate(inputs)
    ]
    items.insert(3, InputError("x: bad"))
    runners = [Scripted(), Scripted()]
    whole = Evaluation()
    for process, runner in enumerate(runners):
        whole += evaluate(None, items, SolveOptions(), share=(process, 2), runner=runner)  # type: ignore[arg-type]
    assert [[task for task, _ in runner.asked] for runner in runners] == [
        ["one", "last", "last", "last"], ["two", "two", "none"],
    ]  # fmt: skip
    alone = evaluate(None, items, SolveOptions(), runner=Scripted())  # type: ignore[arg-type]
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


def test_progress_is_counted_in_test_inputs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from trm_solve.evaluate import report

    monkeypatch.setattr(report, "PATIENCE", -1.0)
    monkeypatch.setattr(report, "EVERY", -1.0)
    found = Evaluation()
    with report.Meter([Path(os.devnull)], items=4) as meter:
        for n, label in enumerate((A, B, None)):
            news = outcome_of(n, solution(puzzle(label, number=n), (A, 0.5)))
            found.add(news)
            meter.notice(news, found)
    said = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in said] == ["25 %: 1 of 1 right", "50 %: 1 of 2 right", "75 %: 1 of 2 right"]


def test_candidates_alone_decide_the_rank() -> None:
    """The answers of a solution made elsewhere, as adaptation makes them, with a confidence of their own."""
    ranked = (Candidate(grid_of(B), 7, 0.5), Candidate(grid_of(A), 3, 0.5))
    found = Solution(
        puzzle(A), grid_of(B), "predicted", None, None, steps=16, attempts=10, halt_probability=0.5, overruled=0,
        seconds=90.0, model="adapted", facts={"confidence": 0.875}, candidates=ranked,
    )  # fmt: skip
    told = outcome_of(0, found)
    assert (told.exact, told.rank, told.votes, told.attempts, told.confidence) == (False, 2, 7, 10, 0.875)
