"""The vote and its ties, pass@k, and how tasks are counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from votes import EMPTY, A, B, C, Rows, puzzle, solution, step

from trm_solve.errors import InputError
from trm_solve.evaluation.evaluation import outcome_of
from trm_solve.evaluation.folder import Row
from trm_solve.evaluation.tally import Outcome, Tally, wilson
from trm_solve.evaluation.tasks import pass_at, score, table
from trm_solve.trace import Candidate, Solution, grid_of, rank


def ranking(*votes: tuple[Rows, float]) -> list[tuple[Rows, int, float]]:
    """(answer, its votes, their mean halting probability), best first, of votes in the order of their attempts."""
    ranked = rank(step(n, answer, q) for n, (answer, q) in enumerate(votes, 1))
    return [(each.answer.tolist(), each.votes, each.halt_probability) for each, _ in ranked]


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


def test_candidates_alone_decide_the_rank() -> None:
    """The answers of a solution made elsewhere, as adaptation makes them, with a confidence of their own."""
    ranked = (Candidate(grid_of(B), 7, 0.5), Candidate(grid_of(A), 3, 0.5))
    found = Solution(
        puzzle(A), grid_of(B), "predicted", None, None, steps=16, attempts=10, halt_probability=0.5, overruled=0,
        seconds=90.0, model="adapted", facts={"confidence": 0.875}, candidates=ranked,
    )  # fmt: skip
    told = outcome_of(0, found)
    assert (told.exact, told.rank, told.votes, told.attempts, told.confidence) == (False, 2, 7, 10, 0.875)
