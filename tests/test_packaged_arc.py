"""The packaged ARC model: a task whose demonstrations it was trained on, and what it says of others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from conftest import Outcome

import trm_solve
from trm_solve.kinds.arc.known import held_out
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file

EXAMPLES = Path(__file__).parents[1] / "examples" / "arc"
KNOWN = EXAMPLES / "00576224.json"


def test_a_known_evaluation_task_is_answered_right_from_the_shell(trm: Callable[..., Outcome]) -> None:
    told = trm("solve", KNOWN, "--no-adapt", "--json")
    line = json.loads(told.out)
    assert line["candidates"][0]["answer"] == json.loads(KNOWN.read_text())["test"][0]["output"]
    assert line["verdict"] == "predicted"
    assert line["confidence"] > 0.5
    assert told.code == 0


def test_the_known_task_is_one_that_training_leaves_the_test_pair_of_alone() -> None:
    [puzzle] = [item for item in read_file(KNOWN) if isinstance(item, Puzzle)]
    assert held_out(puzzle.question)
    assert not any(held_out(question) for question, _ in puzzle.examples)


def test_an_unseen_task_is_not_answered_without_adaptation(trm: Callable[..., Outcome]) -> None:
    told = trm("solve", EXAMPLES / "mirror.json", "--no-adapt")
    assert told.code == 3
    assert "was not trained on task mirror" in told.err


def test_the_known_tasks_are_told() -> None:
    known = trm_solve.load("arc").identifiers
    assert known is not None
    assert "00576224" in known.tasks
