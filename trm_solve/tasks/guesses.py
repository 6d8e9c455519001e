"""What is handed in: the best answer of all votes, and the best other one. Standard library and numpy only.

Votes of several models that were fitted to all pairs are counted together. A vote that agrees has no second answer, and
one that nearly does has a poor one. Others know more: the vote of a model that was fitted without one of the pairs
(*fold*), the model on its way through the last fit (*fit*), and what an attempt answered before it came to its end
(*step*).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from trm_solve.kinds import get_kind
from trm_solve.puzzle import Grid, Key, key_of
from trm_solve.trace import GUESSES, Candidate, Solution, pool, rank, still


class Vote(NamedTuple):
    """Of one model on one question: its answers, best first, and how many copies were asked."""

    candidates: Sequence[Candidate]
    attempts: int


@dataclass(eq=False)
class Guesses:
    """What was answered to the questions of a task before its vote."""

    votes: dict[Key, list[Vote]] = field(default_factory=dict)  # question -> of each other model fitted to all pairs
    folds: dict[Key, list[list[Candidate]]] = field(default_factory=dict)  # question -> ranked votes of each fold
    fits: dict[Key, list[Grid]] = field(default_factory=dict)  # question -> answers on the way, in order of time


def with_second(solution: Solution, guesses: Guesses = Guesses()) -> Solution:  # noqa: B008 (read only)
    """The solution, its second candidate the best other answer of any vote, fit or step; the rest by their votes.

    Answers of votes are compared by their shares of the votes, then come the latest one of the fit and the most
    frequent one of the steps. Where nobody had another answer, nothing is added.
    """
    asked = key_of(solution.puzzle.question)
    solution = together(solution, guesses.votes.get(asked, []))
    first = solution.candidates[:1]
    folds = guesses.folds.get(asked, [])
    if not first:  # nobody's vote was an answer
        first = tuple(dataclasses.replace(each, votes=0, found_in="fold") for each in _best(folds))
    others = _others(solution, folds, guesses.fits.get(asked, []))
    taken = {key_of(each.answer) for each in first}
    second = next((each for each in others if key_of(each.answer) not in taken), None)
    chosen = (*first, *([] if second is None else [second]))
    taken = {key_of(each.answer) for each in chosen}
    rest = (each for each in solution.candidates if key_of(each.answer) not in taken)
    return dataclasses.replace(solution, candidates=(*chosen, *rest))


def together(solution: Solution, votes: Sequence[Vote]) -> Solution:
    """The solution that its vote and these come to, counted as one."""
    if not votes:
        return solution
    found = pool([*solution.candidates, *(each for vote in votes for each in vote.candidates)])
    attempts = solution.attempts + sum(vote.attempts for vote in votes)
    if not found:
        return dataclasses.replace(solution, attempts=attempts)
    best = found[0]
    said = (step for step in solution.trace if step.halted and key_of(step.answer) == key_of(best.answer))
    return dataclasses.replace(
        solution,
        answer=best.answer,
        verdict="predicted",
        best_attempt=None,
        conflicts=None,
        attempts=attempts,
        halt_probability=best.halt_probability,
        reason="",
        facts={**solution.facts, **best.facts(attempts)},
        candidates=tuple(found),
        best_step=next(said, still(best.answer, solved=False)),
    )


def first_two(solution: Solution) -> tuple[str, ...]:
    """The answers that are handed in, as the kind writes them."""
    kind = get_kind(solution.puzzle.kind)
    return tuple(kind.format(each.answer) for each in solution.candidates[:GUESSES])


def _best(votes: Iterable[Sequence[Candidate]]) -> list[Candidate]:
    """The candidate with the largest share of any of these votes."""
    shares = [(each.votes / sum(other.votes for other in vote), each) for vote in votes for each in vote[:1]]
    return [max(shares, key=lambda pair: pair[0])[1]] if shares else []


def _others(solution: Solution, folds: Sequence[Sequence[Candidate]], fits: Sequence[Grid]) -> list[Candidate]:
    """All answers, best first; those of the vote itself keep their votes."""
    mine: Mapping[Key, Candidate] = {key_of(each.answer): each for each in solution.candidates}
    shares: dict[Key, tuple[float, Candidate]] = {}
    for vote, where in [(solution.candidates, "vote"), *((vote, "fold") for vote in folds)]:
        whole = sum(each.votes for each in vote)
        for each in vote:
            key, share = key_of(each.answer), each.votes / whole
            if share > shares.get(key, (0.0, each))[0]:
                own = mine.get(key, dataclasses.replace(each, votes=0, found_in=where))
                shares[key] = share, own
    found = [each for _, each in sorted(shares.values(), key=lambda pair: -pair[0])]
    found += [Candidate(grid, 0, 0.0, "fit") for grid in reversed(fits) if grid.size]
    steps = (step for step in solution.trace if not step.halted)
    return found + [dataclasses.replace(each, votes=0, found_in="step") for each, _ in rank(steps)]
