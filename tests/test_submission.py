"""The official form of answers to ARC tasks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from votes import A, B, C, Rows

from trm_solve.errors import InputError
from trm_solve.kinds.arc import submission

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
