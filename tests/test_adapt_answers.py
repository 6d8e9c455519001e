"""Answering tasks, known and unseen: from the shell and Python, what is kept, what is said of those left out."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pytest
from unseen import FOREVER, QUICK, TASK, clock, narrow, puzzles, solutions, tiny

import trm_solve
from trm_solve import checkpoint, pretrained
from trm_solve.cli import main
from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import InputError, ModelError
from trm_solve.kinds.arc.known import fingerprint
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_lines
from trm_solve.tasks import answer as answering
from trm_solve.tasks import voting
from trm_solve.tasks.answer import answer
from trm_solve.tasks.voting import voters
from trm_solve.trace import Step

__all__ = ["clock", "narrow"]  # fixtures of all tests here


def test_known_tasks_vote_under_their_own_rows() -> None:
    model = tiny()
    strategy = voters(model, "seen", SolveOptions(attempts=2))
    (wave,) = list(strategy(puzzles("seen")[0], 0))
    assert [(attempt.identifier, attempt.symmetry.name) for attempt in wave if attempt.symmetry] == [
        (1, "t0|||0123456789"),
        (2, "t4|||0123456789"),
    ]
    found = solutions(answer(model, puzzles("seen"), SolveOptions(attempts=3), name="m"))
    assert [each.attempts for each in found] == [3, 3]
    assert sum(candidate.votes for candidate in found[0].candidates) <= 3
    assert "leave_one_out" not in found[0].facts


def test_moments_of_the_adaptation_are_kept_where_steps_are() -> None:
    how = dataclasses.replace(QUICK, minutes=0.03, folds=1)
    for watch in (True, False):
        events = answer(tiny(), puzzles("new"), SolveOptions(attempts=2), adaptation=how, name="m", watch=watch)
        for found in solutions(events):
            assert bool(found.fits) == watch
            assert len(found.fits) <= 2 * (answering.MOMENTS + 1)
            assert [each.fold for each in found.fits] == sorted((each.fold for each in found.fits), reverse=True)
            assert {each.task for each in found.fits} <= {"new"}


@pytest.mark.parametrize("canvas", ["crop", "full"])
def test_tasks_come_in_order_with_errors_between_them(canvas: str) -> None:
    model = tiny(canvas=canvas)
    items: list[Puzzle | InputError] = [*puzzles("seen"), InputError("some.json: bad"), *puzzles("new")]
    how = dataclasses.replace(QUICK, minutes=0.02, folds=1)
    events = list(answer(model, items, SolveOptions(attempts=1, max_steps=1), adaptation=how, name="m", watch=True))
    ends = [event for event in events if not isinstance(event, Step)]
    assert [end.message if isinstance(end, InputError) else end.puzzle.task for end in ends] == [
        "seen",
        "seen",
        "some.json: bad",
        "new",
        "new",
    ]
    places = {step.puzzle for step in events if isinstance(step, Step)}
    assert places == {0, 1, 3, 4}
    assert ends[3].facts["found_by"] == "adaptation"  # type: ignore[union-attr]
    assert ends[3].facts["leave_one_out"].endswith("of 1")  # type: ignore[union-attr]


def test_the_vote_on_an_unseen_task_does_not_change_that_on_a_known_one_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answering, "time", FOREVER)
    monkeypatch.setitem(voting.VOTES, "normal", 2)
    options = SolveOptions(effort="normal", max_steps=1)
    events = answer(tiny(), [*puzzles("new"), *puzzles("seen")], options, adaptation=QUICK, name="m")
    assert [(each.puzzle.task, each.attempts) for each in solutions(events)] == [
        *[("new", 3)] * 2,
        *[("seen", 2)] * 2,
    ]


def test_an_unknown_task_without_adaptation() -> None:
    with pytest.raises(ModelError, match="'m' was not trained on task new"):
        list(answer(tiny(), puzzles("new"), SolveOptions(), name="m"))


def test_from_python_tasks_are_known_or_adapted_to() -> None:
    model, one = tiny(), puzzles("new")[0]
    with pytest.raises(ModelError):
        trm_solve.solve(one, model, adaptation=None)
    assert trm_solve.solve(one, model, adaptation=QUICK).facts["found_by"] == "adaptation"
    seen = trm_solve.solve(puzzles("seen")[0], model, SolveOptions(attempts=2), adaptation=None)
    assert (seen.attempts, {step.attempt for step in seen.trace}) == (2, {1, 2})
    many = list(trm_solve.solve_many(puzzles("seen"), model, SolveOptions(attempts=1), adaptation=None))
    assert [each.puzzle.source for each in many] == ["some.json:seen[0]", "some.json:seen[1]"]


def test_solve_adapts_keeps_and_knows_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tiny(), tmp_path / "base")
    (tmp_path / "new.json").write_text(json.dumps(TASK))
    base, kept, file = str(tmp_path / "base"), str(tmp_path / "kept"), str(tmp_path / "new.json")

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["trm-solve", "solve", file, *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    assert run("--model", base, "--no-adapt") == 3
    assert "was not trained on task new" in capfd.readouterr().err
    run("--model", base, "--adapt-minutes", "0.02", "--keep", kept, "--json")
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert "fitting fresh weights to its demonstration pairs" in err
    assert [line["task"] for line in lines] == ["new", "new"]
    assert all(line["verdict"] in ("predicted", "unsolved") and "leave_one_out" in line for line in lines)
    run("--model", kept, "--no-adapt", "--votes", "3", "--json")
    again = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["attempts"] for line in again] == [3, 3]
    run("--model", base, "--adapt-minutes", "0.02", "--fit", "all")
    assert "adapting to its demonstration pairs" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["solve", "eval"])
def test_how_to_adapt_can_be_said(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[AdaptOptions] = []
    monkeypatch.setattr("trm_solve.solve_inputs.solve_inputs", lambda request: said.append(request.adaptation) or 0)
    monkeypatch.setattr("trm_solve.evaluation.measure.measure", lambda request: said.append(request.adaptation))
    for more in ([], ["--adapt-minutes", "7", "--leave-one-out", "0", "--fit", "rows"], ["--no-adapt"]):
        monkeypatch.setattr(sys, "argv", ["trm-solve", command, "task.json", *more])
        with pytest.raises(SystemExit):
            main()
    assert [each and (each.minutes, each.folds, each.fit) for each in said] == [
        (3.0, None, "auto"),
        (7.0, 0, "rows"),
        None,
    ]


def test_unknown_tasks_among_known_ones_are_told_and_the_rest_is_answered(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tiny(), tmp_path / "base")
    (tmp_path / "some.json").write_text(json.dumps({"new": TASK, "seen": TASK, "newer": TASK}))
    known = ["trm-solve", "solve", str(tmp_path / "some.json"), "--model", str(tmp_path / "base"), "--no-adapt"]
    monkeypatch.setattr(sys, "argv", [*known, "--votes", "2", "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 3
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["attempts"] for line in lines] == [None, None, 2, 2, None, None]
    assert "was not trained on task newer" in lines[-1]["reason"]
    assert err.count("was not trained on task") == 4


def test_what_is_kept_is_known_by_content_and_nothing_else_is_overwritten(tmp_path: Path) -> None:
    base, other = tiny(), json.loads(json.dumps(TASK))
    other["train"][0]["output"][0][0] = 5
    lines = [json.dumps({"../up": TASK, "two": other})]
    both = [item for item in read_lines(lines, "some.json") if isinstance(item, Puzzle)]

    def run(items: list[Puzzle], keep: Path) -> None:
        how = dataclasses.replace(QUICK, minutes=0.02, folds=0)
        list(answer(base, items, SolveOptions(attempts=1, max_steps=1), adaptation=how, name="m", keep=keep))

    run(both, tmp_path / "kept")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["_up", "two"]
    kept = pretrained.load(tmp_path / "kept" / "two")
    assert kept.identifiers is not None
    assert kept.identifiers.tasks == {fingerprint(both[2].examples)}
    options = SolveOptions(attempts=1, max_steps=1)
    renamed = [dataclasses.replace(both[2], task="x")]
    assert len(solutions(answer(kept, renamed, options, name="kept"))) == 1
    impostor = [dataclasses.replace(both[0], task="two")]
    with pytest.raises(ModelError, match="not trained on task two"):
        list(answer(kept, impostor, options, name="kept"))
    run(both[2:], tmp_path / "kept" / "two")  # the same task again
    with pytest.raises(InputError, match="another model is there"):
        run(both[:2], tmp_path / "kept" / "two")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        run(both[:2], tmp_path / "file" / "model")
