"""Answers on which the copies of a task agree."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trm_solve.kinds.arc.copies import Copy
from trm_solve.kinds.arc.tokens import place, square
from trm_solve.puzzle import Grid
from trm_solve.tasks.agreement import CHANGED, Agreement, agree_on
from trm_solve.training.losses import IGNORE

COPIES = [None, *(Copy(transform) for transform in range(1, 8))]
GRID = np.array([[1, 2, 3, 0], [0, 5, 0, 7]], np.uint8)
CELLS = square(5)


class Saying:
    """A model that answers each copy with a grid that is given."""

    config, device = SimpleNamespace(kind="arc"), torch.device("cpu")

    def __init__(self, answers: list[Grid]) -> None:
        self.answers = answers

    def __call__(self, tokens: torch.Tensor, ids: torch.Tensor, *, steps: int, cells: torch.Tensor) -> Any:
        assert (ids - 1).tolist() == list(range(len(self.answers)))
        full = np.stack([place(each).ravel() for each in self.answers])
        said = torch.from_numpy(full).long()[:, cells]
        return SimpleNamespace(logits=torch.nn.functional.one_hot(said, 12))


def seen(grid: Grid) -> list[Grid]:
    return [grid if copy is None else copy.apply(grid) for copy in COPIES]


def batch(answers: list[Grid]) -> Any:
    return Agreement([GRID], [], COPIES, CELLS, 0).batch(Saying(answers), GRID)  # type: ignore[arg-type]


def test_what_all_copies_say_is_learned_by_all_as_each_shows_it() -> None:
    answer = np.array([[4, 0], [0, 6], [1, 1]], np.uint8)
    found = batch(seen(answer))
    tokens = np.stack([place(each).ravel()[CELLS] for each in seen(GRID)])
    labels = np.stack([place(each).ravel()[CELLS] for each in seen(answer)]).astype(int)
    assert np.array_equal(found.tokens.numpy(), tokens)
    assert np.array_equal(found.labels.numpy(), np.where(labels == 0, IGNORE, labels))
    assert found.ids.tolist() == list(range(1, 9))


def test_cells_in_which_too_few_agree_are_left_open_in_every_copy() -> None:
    answer, other = np.full((2, 3), 3, np.uint8), np.full((2, 3), 3, np.uint8)
    answer[0, 2], other[0, 2] = 8, 9
    four = [*seen(answer)[:4], *seen(other)[4:]]
    found = batch(four)
    assert (found.labels == IGNORE).sum(-1).tolist() == (batch(seen(answer)).labels == IGNORE).sum(-1).add(1).tolist()
    assert not np.isin(found.labels.numpy(), (10, 11)).any()  # the tokens of 8 and 9
    five = [*seen(answer)[:5], *seen(other)[5:]]
    assert np.array_equal(batch(five).labels, batch(seen(answer)).labels)


def test_copies_that_do_not_agree_on_a_size_or_have_no_answer_teach_nothing() -> None:
    wide, high, none = np.ones((1, 3), np.uint8), np.ones((3, 1), np.uint8), np.zeros((0, 0), np.uint8)
    assert batch([*seen(wide)[:4], *seen(high)[4:]]) is None
    assert batch([none] * 8) is None
    assert batch([*seen(wide)[:5], none, none, none]) is not None  # five of eight
    assert batch([*seen(wide)[:4], none, none, none, none]) is None


@given(
    st.lists(arrays(np.uint8, st.sampled_from([(2, 2), (1, 3)]), elements=st.integers(0, 3)), min_size=1, max_size=8),
    st.floats(0, 8),
)
def test_agreement_is_counted_cell_by_cell(answers: list[Grid], most: float) -> None:
    found = agree_on(answers, most)
    sizes = [each.shape for each in answers]
    if found is None:
        assert max(sizes.count(size) for size in sizes) <= most
        return
    answer, left_open = found
    alike = [each for each in answers if each.shape == answer.shape]
    assert len(alike) > most
    for cell, symbol in np.ndenumerate(answer):
        said = [int(each[cell]) for each in alike]
        assert said.count(int(symbol)) == max(map(said.count, said))
        assert left_open[cell] == (said.count(int(symbol)) <= most)


def test_grids_are_questions_as_they_are_or_any_with_some_cells_changed() -> None:
    question = np.arange(9, dtype=np.uint8).repeat(8).reshape(6, 12)
    example = np.arange(1, 10, dtype=np.uint8).repeat(8).reshape(6, 12)
    drawn = Agreement([example], [question], COPIES, None, 3)
    grids = [drawn.draw() for _ in range(400)]
    assert 100 < sum(np.array_equal(each, question) for each in grids) < 170
    parts = [min(float((each != one).mean()) for one in (question, example)) for each in grids]
    assert max(parts) == pytest.approx(CHANGED[1], abs=0.08)
    assert all(set(np.unique(each)) <= set(range(9)) or set(np.unique(each)) <= set(range(1, 10)) for each in grids)
    alone = Agreement([example], [], COPIES, None, 3)
    assert not any(np.array_equal(alone.draw(), question) for _ in range(20))
