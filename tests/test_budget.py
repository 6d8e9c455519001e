"""The time of a task and of a whole run, what is handed in whatever ends it, and the second guess."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Outcome as Told
from unseen import narrow, puzzles, tiny
from votes import A, B, C, Rows, puzzle, solution, step

from trm_solve import checkpoint, schedule
from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import InputError
from trm_solve.kinds.arc import submission
from trm_solve.puzzle import Puzzle, key_of
from trm_solve.tasks import adapt as adapting
from trm_solve.tasks import answer as answering
from trm_solve.tasks import budget as budgets
from trm_solve.tasks.budget import Budget, NotReached, estimate, in_turn
from trm_solve.tasks.guesses import Guesses, Vote, with_second
from trm_solve.tasks.voting import voters
from trm_solve.trace import Candidate, Solution, grid_of

__all__ = ["narrow"]  # a fixture of all tests here
Trm = Callable[..., Told]
TICK = 0.05  # seconds that every look at the clock takes


class Clock:
    """A clock of its own in every room that keeps time, so that no machine is too slow."""

    def __init__(self) -> None:
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.looks * TICK


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (adapting, answering, budgets):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(adapting, "FOLD_VOTES", 1)
    return clock


def challenges(folder: Path, count: int = 4) -> Path:
    """Tasks of one and of two questions, a known one last; the others get larger from the last to the first."""
    tasks: dict[str, Any] = {}
    for n in range(count):
        side = (11, 9, 7, 4)[n]
        pairs = [{"input": [[n + k] * side], "output": [[n + 2 * k] * side]} for k in (1, 2)]
        tasks[f"new{n}"] = {"train": pairs, "test": [{"input": [[7] * side]}] * (1 + n % 2)}
    tasks["seen"] = {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]]}]}
    path = folder / "some_challenges.json"
    path.write_text(json.dumps(tasks))
    return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    checkpoint.save(tiny(), tmp_path / "base")
    return tmp_path / "base"


def handed_in(path: Path, count: int = 4) -> dict[str, Any]:
    """A submission that has the official form for all tasks of `challenges`."""
    content: dict[str, Any] = json.loads(path.read_text())
    submission.validate(content, {**{f"new{n}": 1 + n % 2 for n in range(count)}, "seen": 1})
    return content


# ---- one task


def test_a_vote_ends_in_time_with_one_vote_at_least() -> None:
    model, asked = tiny(), puzzles("seen")
    found = list(
        schedule.solve_all(
            model, asked, SolveOptions(max_steps=2), strategy=voters(model, "seen", SolveOptions()), enough=lambda: True
        )
    )
    assert [each.attempts for each in found if isinstance(each, Solution)] == [1, 1]
    looks = itertools.count()
    few = SolveOptions(max_steps=2, slots=1)
    found = list(
        schedule.solve_all(model, asked[:1], few, strategy=voters(model, "seen", few), enough=lambda: next(looks) > 0)
    )
    (one,) = (each for each in found if isinstance(each, Solution))
    assert one.attempts == 2


@pytest.mark.parametrize("folds", [0, 1])
def test_the_minutes_of_a_task_hold_all_that_is_done_for_it(clock: Clock, folds: int) -> None:
    how = AdaptOptions(minutes=0.1, copies=40, folds=folds, recipe={"batch_size": 2})
    began = clock.looks
    list(answering.answer(tiny(), puzzles("new"), SolveOptions(max_steps=2), adaptation=how, name="m"))
    assert 0.8 * 6 < (clock.looks - began) * TICK < 6 + 1


@pytest.mark.usefixtures("clock")
def test_a_fit_that_has_learned_takes_as_long_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = {"exact_accuracy": 10.0, "count": 10.0}
    monkeypatch.setattr(adapting.Learner, "take_window", lambda _: sums)
    first = puzzles("new")[0]
    how = AdaptOptions(minutes=0.12, copies=1, folds=0, recipe={"batch_size": 2})
    for thrifty in (True, False):
        each = dataclasses.replace(how, thrifty=thrifty)
        found = adapting.adapt(tiny(), "new", first.examples, [], each, vote=SolveOptions(max_steps=1))
        if thrifty:
            assert 2 * adapting.WINDOW - 2 <= found.updates <= 2 * adapting.WINDOW + 2
        assert found.seconds < 3 if thrifty else found.seconds > 6


@pytest.mark.usefixtures("clock")
def test_while_there_is_time_another_fit_follows_with_other_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    sums, seeds = {"exact_accuracy": 10.0, "count": 10.0}, []

    class Learner(adapting.Learner):
        def __init__(self, model: Any, mixtures: Any, recipe: Any, team: Any) -> None:
            seeds.append(recipe.seed)
            super().__init__(model, mixtures, recipe, team)

        def take_window(self) -> dict[str, float]:
            return sums

    monkeypatch.setattr(adapting, "Learner", Learner)
    first = puzzles("new")[0]
    how = AdaptOptions(minutes=0.2, copies=1, folds=0, recipe={"batch_size": 2, "seed": 3})
    found = adapting.adapt(tiny(), "new", first.examples, [first.question], how, vote=SolveOptions(max_steps=1, seed=5))
    assert seeds == list(range(5, 5 + len(seeds)))
    assert len(seeds) >= 3
    votes = found.guesses.votes[key_of(first.question)]
    assert [each.attempts for each in votes] == [2] * (len(seeds) - 1)  # the last one's vote is yet to come
    assert found.seconds < 12.5
    seeds.clear()
    sums["exact_accuracy"] = 9.0
    found = adapting.adapt(tiny(), "new", first.examples, [first.question], how, vote=SolveOptions(max_steps=1))
    assert (len(seeds), found.guesses.votes) == (1, {})


# ---- a whole run


def test_known_tasks_come_first_and_small_ones_before_large_ones(tmp_path: Path) -> None:
    from trm_solve.reading import read_file

    model, items = tiny(), list(read_file(challenges(tmp_path)))
    turn = in_turn([*items, InputError("bad")], model.identifiers)
    assert sorted(place for place, _ in turn) == list(range(len(items) + 1))
    tasks = [item.task if isinstance(item, Puzzle) else "-" for _, item in turn]
    assert list(dict.fromkeys(tasks)) == ["seen", "-", "new3", "new2", "new1", "new0"]


def test_shares_are_by_size_and_what_is_left_goes_to_the_others(clock: Clock) -> None:
    budget = Budget(1.0)
    assert budget.share([1.0, 3.0]) == pytest.approx(15, abs=0.1)
    clock.looks += int(20 / TICK)
    assert budget.share([3.0]) == pytest.approx(40, abs=0.2)
    clock.looks += int(60 / TICK)
    assert (budget.share([3.0]), budget.over()) == (0, True)


@pytest.mark.parametrize("command", ["eval", "solve"])
def test_a_run_ends_in_time_and_hands_in(trm: Trm, clock: Clock, base: Path, tmp_path: Path, command: str) -> None:
    path, out = challenges(tmp_path), tmp_path / "s.json"
    began = clock.looks
    how = ("--model", base, "--fit", "all", "--total-minutes", "0.2", "--submission", out, "--max-steps", "2")
    told = trm(command, path, *how)  # many copies vote: those of fresh weights are too few to be timed by such a clock
    assert 0.9 * 12 < (clock.looks - began) * TICK < 1.05 * 12
    assert told.code in (0, 4)  # an untrained model may have no answer at all
    assert "4 unseen tasks in 12 s: about 3 s each; 1 known first" in told.err
    handed_in(out)
    if command == "solve":
        assert len(told.out.splitlines()) == 7


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("command", ["eval", "solve"])
def test_what_there_was_no_time_for_is_told(
    trm: Trm, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(Budget, "share", lambda *_: 6.0)  # whoever comes first takes it all
    path, out = challenges(tmp_path), tmp_path / "s.json"
    told = trm(command, path, "--model", base, "--total-minutes", "0.1", "--submission", out, "--max-steps", "2")
    assert told.code == (0 if command == "eval" else 4)
    said = "no time was left for 4 of 7 test inputs" if command == "eval" else "not reached, the time was up"
    assert said in told.err
    assert handed_in(out)["new0"] == [{"attempt_1": [[0]], "attempt_2": [[0]]}]


OTHERS = [(signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def interrupt_in(monkeypatch: pytest.MonkeyPatch, task: int, number: signal.Signals = signal.SIGINT) -> None:
    """Ctrl-C, or another signal, in the middle of the fit to the task of this number, from 0."""
    fit, tasks = adapting._Fitting.run, itertools.count()

    def run(self: Any) -> Any:
        notice, updates, reached = self.notice, itertools.count(), next(tasks)

        def heard(stand: Any) -> None:
            notice(stand)
            if reached == task and next(updates) == 3:
                os.kill(os.getpid(), number)

        self.notice = heard
        return fit(self)

    monkeypatch.setattr(adapting._Fitting, "run", run)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("bound", [["--total-minutes", "0.2"], ["--adapt-minutes", "0.05"]])
def test_ctrl_c_hands_in_what_there_is_and_a_report_goes_on(
    trm: Trm, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: list[str]
) -> None:
    path, out = challenges(tmp_path), tmp_path / "s.json"
    arguments = ("eval", path, "--model", base, *bound, "--submission", out, "--report", tmp_path / "r")
    arguments = (*arguments, "--max-steps", "2", "--json")
    with monkeypatch.context() as patch:
        interrupt_in(patch, 2)
        told = trm(*arguments)
    assert told.code == 130
    assert "no time was left for" in told.err
    assert json.loads(told.out)["not_reached"] > 0
    handed_in(out)
    assert not (tmp_path / "r" / "report.json").exists()
    told = trm(*arguments)
    assert told.code == 0
    assert f"{3 if '--total-minutes' in bound else 2} of 5 tasks taken from {tmp_path / 'r'}" in told.err
    assert "2 unseen tasks" in told.err
    assert json.loads(told.out)["unlabelled"] == 7
    assert (tmp_path / "r" / "report.json").exists()
    handed_in(out)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("command", [["solve", "-o", "o", "--trace", "t"], ["eval", "--report", "r"]])
@pytest.mark.parametrize(("number", "code"), OTHERS)
def test_other_signals_end_an_adaptation_and_leave_nothing_unfinished(
    trm: Trm,
    base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    number: signal.Signals,
    code: int,
) -> None:
    interrupt_in(monkeypatch, 0, number)
    path, place = challenges(tmp_path), tmp_path / "results"
    answers = {f"new{n}": [[[1]]] * (1 + n % 2) for n in range(4)} | {"seen": [[[4]]]}
    (tmp_path / "some_solutions.json").write_text(json.dumps(answers))
    place.mkdir()
    files = [place / each if len(each) == 1 else each for each in command[1:]]
    told = trm(command[0], path, "--model", base, "--adapt-minutes", "0.05", "--max-steps", "2", *files)
    assert (told.code, told.out) == (code, ""), told.err
    assert "error" not in told.err
    kept = ["puzzles.csv", "r", "settings.json"] if command[0] == "eval" else []
    assert sorted(each.name for each in place.rglob("*")) == kept


@pytest.mark.usefixtures("clock")
def test_sigterm_too_ends_solve_with_what_there_is(
    trm: Trm, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_in(monkeypatch, 1, signal.SIGTERM)
    out = tmp_path / "s.json"
    told = trm("solve", challenges(tmp_path), "--model", base, "--total-minutes", "0.5", "--submission", out, "--json")
    assert told.code == 143
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [line["reason"] is not None and "Ctrl-C came first" in line["reason"] for line in lines] == [
        *[True] * 3, False, *[False] * 2, False
    ]  # fmt: skip
    handed_in(out)


@pytest.mark.usefixtures("clock")
def test_a_second_ctrl_c_leaves_a_submission_too(
    trm: Trm, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any time, the first one that is not caught among them."""

    def impatient(*_: object, **__: object) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(answering, "fitted", impatient)
    out = tmp_path / "s.json"
    for command in ("eval", "solve"):
        told = trm(command, challenges(tmp_path), "--model", base, "--submission", out, "--max-steps", "2")
        assert told.code == 130
        handed_in(out)
        out.unlink()


@pytest.mark.parametrize("command", ["eval", "solve"])
@pytest.mark.parametrize("option", ["--total-minutes=1", "--submission=s.json"])
def test_only_tasks_have_a_time_together(trm: Trm, command: str, option: str) -> None:
    told = trm(command, "example:sudoku/fifty", option)
    assert (told.code, told.out) == (2, "")
    assert f"error: {option.split('=')[0]} is for ARC tasks, these are sudoku puzzles" in told.err


def test_not_reached_is_an_error_of_its_own() -> None:
    budget = Budget(None)
    budget.interrupt.raised = True
    found = list(answering.answer(tiny(), puzzles("seen"), SolveOptions(), budget=budget))
    assert [type(each) for each in found] == [NotReached, NotReached]
    assert [each.exit_code for each in found] == [4, 4]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((400, 0, 3.0, None, 2), "400 unseen tasks, 3 minutes each, 2 at a time: about 10 h"),
        ((1, 12, 0.5, None, 1), "1 unseen task, 30 s each: about 30 s; 12 known first"),
        ((20, 0, 3.0, 10.0, 1), "20 unseen tasks in 10 minutes: about 30 s each"),
        ((20, 3, 3.0, 600.0, 4), "20 unseen tasks in 10 h, 4 at a time: about 2 h each; 3 known first"),
    ],
)
def test_what_to_expect(asked: tuple[int, int, float, float | None, int], said: str) -> None:
    assert estimate(*asked) == said


def test_processes_side_by_side_share_the_tasks(trm: Trm, base: Path, tmp_path: Path) -> None:
    """Real ones: what is tested is that they find each other, end together and hand in one file."""
    out = tmp_path / "s.json"
    told = trm("eval", challenges(tmp_path, 2), "--model", base, "--adapt-minutes", "0.01", "--jobs", "2",
               "--submission", out, "--max-steps", "1", "--report", tmp_path / "r")  # fmt: skip
    assert told.code == 0
    handed_in(out, 2)
    assert json.loads((tmp_path / "r" / "report.json").read_text())["unlabelled"] == 4
    assert sorted(path.name for path in (tmp_path / "r").glob("puzzles*")) == [
        "puzzles.0-of-2.csv", "puzzles.1-of-2.csv", "puzzles.csv",
    ]  # fmt: skip
    told = trm("eval", challenges(tmp_path, 2), "--jobs", "2", "--failures", tmp_path / "f.csv", "--submission", out)
    assert (told.code, "--failures keeps single puzzles" in told.err) == (2, True)  # said before any is started


# ---- the second guess


def seconds(found: Solution, guesses: Guesses = Guesses()) -> list[tuple[Rows, int, str]]:  # noqa: B008
    told = with_second(found, guesses)
    return [(each.answer.tolist(), each.votes, each.found_in) for each in told.candidates]


def vote(*answers: tuple[Rows, int]) -> list[Candidate]:
    return [Candidate(grid_of(rows), count, 0.5) for rows, count in answers]


def test_the_second_guess_is_the_best_other_answer_of_any_vote() -> None:
    asked = puzzle()
    agreed = solution(asked, (A, 0.5), (A, 0.5), (A, 0.5))
    assert seconds(agreed) == [(A, 3, "vote")]
    key = key_of(asked.question)
    folds = Guesses(folds={key: [vote((A, 5), (C, 1)), vote((B, 4), (C, 2))]})
    assert seconds(agreed, folds) == [(A, 3, "vote"), (B, 0, "fold")]
    elsewhere = Guesses(folds={key_of(grid_of([[5]])): folds.folds[key]})
    assert seconds(agreed, elsewhere) == [(A, 3, "vote")]
    split = solution(asked, *[(A, 0.5)] * 7, *[(C, 0.5)] * 3)
    assert seconds(split, folds) == [(A, 7, "vote"), (B, 0, "fold"), (C, 3, "vote")]  # 4 of 6 are more than 3 of 10
    rare = solution(asked, *[(A, 0.5)] * 9, ([[9]], 0.5))
    assert seconds(rare, folds) == [(A, 9, "vote"), (B, 0, "fold"), ([[9]], 1, "vote")]


def test_the_votes_of_several_models_are_counted_together() -> None:
    asked = puzzle()
    mine = solution(asked, (A, 0.5), (A, 0.5), (C, 0.5))
    votes = Guesses(votes={key_of(asked.question): [Vote(vote((B, 3)), 4), Vote(vote((B, 1), (A, 1)), 3), Vote([], 2)]})
    told = with_second(mine, votes)
    assert seconds(mine, votes) == [(B, 4, "vote"), (A, 3, "vote"), (C, 1, "vote")]
    assert (told.verdict, told.attempts, told.facts["votes"], told.facts["confidence"]) == (
        "predicted",
        12,
        4,
        0.333333,
    )
    assert told.answer is not None
    assert (told.answer.tolist(), told.best_step is not None) == (B, True)
    nothing = solution(asked, ([], 0.5), ([], 0.5))
    told = with_second(nothing, votes)
    assert (told.verdict, told.attempts, told.reason) == ("predicted", 11, "")
    silent = Guesses(votes={key_of(asked.question): [Vote([], 4)]})
    assert with_second(nothing, silent).verdict == nothing.verdict
    assert with_second(nothing, silent).attempts == 6


def test_without_another_vote_it_is_what_the_fit_or_an_attempt_answered_on_its_way() -> None:
    asked = puzzle()
    agreed = solution(asked, (A, 0.5), (A, 0.5))
    fits = Guesses(fits={key_of(asked.question): [grid_of(C), grid_of(B), grid_of(A)]})
    assert seconds(agreed, fits) == [(A, 2, "vote"), (B, 0, "fit")]
    way = [dataclasses.replace(step(n, rows, 0.5), halted=False) for n, rows in enumerate((C, B, B, A), 1)]
    walked = dataclasses.replace(agreed, trace=(*way, step(1, A, 0.5)))
    assert seconds(walked) == [(A, 2, "vote"), (B, 0, "step")]


def test_where_no_vote_is_an_answer_a_fold_s_is_handed_in() -> None:
    asked = puzzle()
    nothing = solution(asked, ([], 0.5), ([], 0.5))
    folds = Guesses(folds={key_of(asked.question): [vote((B, 2), (A, 1)), vote((C, 3))]})
    assert seconds(nothing) == []
    assert seconds(nothing, folds) == [(C, 0, "fold"), (B, 0, "fold")]


@pytest.mark.usefixtures("clock")
def test_a_fit_leaves_guesses_at_its_questions() -> None:
    first, second = puzzles("new")
    how = AdaptOptions(minutes=0.1, copies=2, folds=1, recipe={"batch_size": 2})
    found = adapting.adapt(tiny(), "new", first.examples, [first.question, second.question], how).guesses
    keys = {key_of(each.question) for each in (first, second)}
    assert set(found.folds) | set(found.fits) <= keys
    looked: list[Any] = []

    class Told(adapting._Fitting):
        def look(self, *arguments: Any, **how: Any) -> Any:
            looked.append(how["keep"])
            return np.ones((1, 1), np.uint8)

    fitting = Told(tiny(), "new", first.examples, [first.question], how, SolveOptions(), lambda _: None, False, None)
    fitting.run()
    assert looked == [True] * 3


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fits to few examples at a time."""
    from trm_solve.kinds.arc.kind import Arc

    monkeypatch.setitem(Arc.presets["adapt"], "batch_size", 2)  # type: ignore[arg-type]
