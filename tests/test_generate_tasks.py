"""ARC-like tasks from known rules: what each promises, the file they make, and their use in training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trm_solve.config import RunOptions
from trm_solve.errors import ExitCode, InputError
from trm_solve.generate.rules import FAMILIES
from trm_solve.generate.shapes import grown, lay, objects, outside, shifted
from trm_solve.generate.tasks import make
from trm_solve.puzzles import read_file
from trm_solve.puzzles.base import Grid, Puzzle
from trm_solve.puzzles.dihedral import turn
from trm_solve.train.data import open_data


def drawn(rule: str, count: int = 6, *, seed: int = 0, side: int = 10) -> list[list[tuple[Grid, Grid]]]:
    """Pairs of some tasks of one rule."""
    tasks = make(count, pairs=4, side=side, rules=[rule], seed=seed).values()
    return [[(np.array(p["input"]), np.array(p["output"])) for p in task["train"] + task["test"]] for task in tasks]


def regions(mask: Grid) -> list[Grid]:
    """Connected parts, by edges; written apart from the code that draws them."""
    left, found = {(int(r), int(c)) for r, c in np.argwhere(mask)}, []
    while left:
        todo, part = [left.pop()], np.zeros(mask.shape, np.bool_)
        while todo:
            row, column = todo.pop()
            part[row, column] = True
            for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if near in left:
                    left.remove(near)
                    todo.append(near)
        found.append(part)
    return found


@pytest.mark.parametrize("rule", list(FAMILIES))
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32), side=st.sampled_from([8, 12, 20]))
def test_every_rule_gives_tasks_that_can_be_read_and_change_something(rule: str, seed: int, side: int) -> None:
    ((name, task),) = make(1, pairs=3, side=side, rules=[rule], seed=seed).items()
    assert name == f"{rule}-{seed}-0"
    pairs = task["train"] + task["test"]
    assert len(task["train"]) == 3
    assert len(task["test"]) == 1
    assert len({json.dumps(pair["input"]) for pair in pairs}) == 4  # no question twice
    for pair in pairs:
        question, answer = np.array(pair["input"]), np.array(pair["output"])
        assert question.shape != answer.shape or (question != answer).any()
        for grid in (question, answer):
            assert grid.ndim == 2
            assert 1 <= min(grid.shape) <= max(grid.shape) <= side
            assert 0 <= grid.min() <= grid.max() <= 9


def test_a_rule_is_one_for_all_pairs_of_its_task() -> None:
    for pairs in drawn("turned"):
        assert any(all(np.array_equal(turn(one, k), other) for one, other in pairs) for k in range(1, 8))
    for pairs in drawn("recoloured"):
        became = {(int(a), int(b)) for one, other in pairs for a, b in zip(one.flat, other.flat, strict=True)}
        assert len({a for a, _ in became}) == len(became)  # a colour becomes always the same
    for pairs in drawn("filled"):
        inks = {int(c) for one, other in pairs for c in other[one != other]}
        assert len(inks) == 1


def test_what_is_enclosed_is_what_no_walk_from_the_border_reaches() -> None:
    for pairs in drawn("filled", seed=3):
        for one, other in pairs:
            for region in regions(one == 0):
                rows, columns = np.nonzero(region)
                last = (one.shape[0] - 1, one.shape[1] - 1)
                border = {0} & {*rows, *columns} or last[0] in rows or last[1] in columns
                assert (one[region] != other[region]).all() == (not border)


def test_fallen_cells_are_the_same_cells_with_no_gap_below_them() -> None:
    for pairs in drawn("fallen"):
        fits = [
            side
            for side in range(4)
            if all(
                ((np.diff((turn(other, side) > 0).astype(int), axis=0) >= 0).all())
                and all(
                    [int(c) for c in a if c] == [int(c) for c in b if c]
                    for a, b in zip(turn(one, side).T, turn(other, side).T, strict=True)
                )
                for one, other in pairs
            )
        ]
        assert fits


def test_enlarged_and_self_tiled_and_counted() -> None:
    for pairs in drawn("enlarged"):
        for one, other in pairs:
            small, large = sorted((one, other), key=np.size)
            factor = large.shape[0] // small.shape[0]
            assert np.array_equal(large[::factor, ::factor], small)
            assert np.array_equal(np.repeat(np.repeat(small, factor, 0), factor, 1), large)
    for pairs in drawn("self-tiled"):
        for one, other in pairs:
            n = len(one)
            blocks = other.reshape(n, n, n, n).swapaxes(1, 2)
            assert all(not block.any() or np.array_equal(block, one) for line in blocks for block in line)
    for pairs in drawn("counted"):
        for one, other in pairs:
            assert other.size == len(regions(one > 0))


def test_by_size_and_cleaned_look_at_whole_objects() -> None:
    for rule in ("by-size", "cleaned"):
        for pairs in drawn(rule):
            for one, other in pairs:
                for region in regions(one > 0):
                    assert len(set(other[region].tolist())) == 1  # an object goes or changes as one
                    assert rule == "by-size" or bool(other[region].any()) == (region.sum() > 1)


def test_periodic_and_symmetric_answers_keep_what_was_seen() -> None:
    for rule in ("periodic", "symmetric"):
        for pairs in drawn(rule):
            covered = {int(c) for one, other in pairs for c in one[one != other]}
            assert len(covered) == 1  # one colour hides, or nothing is there


def test_the_seed_decides_and_the_rules_take_turns() -> None:
    assert make(3, pairs=2, side=9, seed=1) == make(3, pairs=2, side=9, seed=1)
    assert make(3, pairs=2, side=9, seed=1) != make(3, pairs=2, side=9, seed=2)
    names = [name.rsplit("-", 2)[0] for name in make(len(FAMILIES) + 1, pairs=1, side=9)]
    assert names == [*FAMILIES, next(iter(FAMILIES))]


def test_shapes_do_not_touch_and_moves_lose_what_leaves() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        masks = objects(rng, (9, 7), 5)
        assert masks
        for number, mask in enumerate(masks):
            assert len(regions(mask)) == 1
            assert not any((grown(mask) & other).any() for other in masks[number + 1 :])
    assert lay(rng, (2, 2), [np.ones((3, 1), np.bool_)]) == []
    grid = np.arange(1, 7).reshape(2, 3)
    assert shifted(grid, (1, -1)).tolist() == [[0, 0, 0], [2, 3, 0]]
    assert not shifted(grid, (2, 0)).any()
    free = np.array([[1, 1, 1], [0, 0, 0], [1, 0, 1]], np.bool_)
    assert outside(free).tolist() == free.tolist()


def test_the_file_is_read_and_trained_on(trm: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "rules_challenges.json"
    asked = ("generate", "tasks", "-n", "3", "--rule", "rays", "--side", "9")
    assert trm(*asked, "-o", file).code == ExitCode.OK
    puzzles = [item for item in read_file(file) if isinstance(item, Puzzle)]
    assert len(puzzles) == 3
    assert all(puzzle.answer is not None and len(puzzle.examples) == 16 for puzzle in puzzles)
    mixtures, _ = open_data(
        RunOptions(data=(str(file),)), augment=True, canvas="crop", copies=2, max_side=12, report=print
    )
    assert sum(len(mixture.data) for mixture in mixtures) == 3 * 17  # the test pair is learned from as well
    assert trm(*asked).out == file.read_text()


def test_what_cannot_be_made_is_refused(
    trm: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = trm("generate", "tasks", "--rule", "ray")
    assert unknown.code == ExitCode.USAGE
    assert "no rule 'ray'" in unknown.err
    assert "rays" in unknown.err
    one = np.ones((2, 2), np.uint8)
    monkeypatch.setitem(FAMILIES, "once", lambda *_: lambda *_: (one, 2 * one))
    assert make(2, pairs=0, side=8, rules=["once"])["once-0-1"]["train"] == []
    with pytest.raises(InputError, match="'once' has no 2 different pairs"):
        make(1, pairs=1, side=8, rules=["once"])
    nowhere = trm("generate", "tasks", "-n", "1", "-o", tmp_path / "missing" / "a.json")
    assert nowhere.code == ExitCode.USAGE
    assert "cannot be written" in nowhere.err
