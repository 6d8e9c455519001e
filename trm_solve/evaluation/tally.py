"""Counting outcomes: the figures of an evaluation, in memory that does not grow with the puzzles.

`Outcome` is one puzzle, `Tally` is all of them. Standard library only.

A `Tally` is a sum: two of them add up to the tally of both, whatever the order, so that processes can share the work
and an interrupted evaluation can go on.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

Z95 = 1.959963984540054  # two-sided 95 % of the normal distribution
BINS = 10  # of the reliability diagram
RATING_EDGES = (0.0, *(m * 10.0**e for e in range(7) for m in (1, 2, 5)))  # 0, 1, 2, 5, 10, ...


def wilson(right: float, total: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share; (0, 1) where nothing was counted."""
    if total == 0:
        return 0.0, 1.0
    share, z2 = right / total, Z95 * Z95 / total
    centre = (share + z2 / 2) / (1 + z2)
    half = Z95 * math.sqrt(share * (1 - share) / total + z2 / total / 4) / (1 + z2)
    return (0.0 if right == 0 else centre - half), (1.0 if right == total else centre + half)


TaskKey = tuple[str, str]  # file, name


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one puzzle."""

    index: int  # place in input order, from 0
    source: str  # file:line
    rating: float | None
    verdict: str
    exact: bool | None  # equals the label; None where there is none
    valid: bool | None  # the rules accept it; None where there are none
    verdicts: Mapping[str, bool] = field(default_factory=dict)  # further ones of the kind's rules, see `Check.facts`
    placement: tuple[int, ...] = ()  # rows, columns, and where it stood on the canvas; (): not asked for
    cells: float  # share of the label's cells that are right
    steps: int
    attempts: int
    halt_probability: float
    task: str = ""  # where questions come in tasks ; the following fields are for these
    rank: int | None = None  # place of the label among the candidates, from 1
    votes: int = 0  # for the first candidate
    confidence: float | None = None  # in the first candidate, from 0 to 1
    seconds: float = 0.0
    answers: tuple[str, ...] = ()  # the first two candidates, as the kind writes them

    @property
    def right(self) -> bool:
        """The label, or another answer that the rules accept: what the halting head is held against."""
        return bool(self.exact or self.valid)

    @property
    def file(self) -> str:
        return self.source.rpartition(":")[0] or self.source


@dataclass
class Count:
    """How many of how many."""

    puzzles: int = 0
    exact: int = 0
    valid: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)  # every name that was given, also where it never held

    def add(self, outcome: Outcome) -> None:
        self.puzzles += 1
        self.exact += bool(outcome.exact)
        self.valid += bool(outcome.valid)
        self.verdicts.update(outcome.verdicts)

    def __iadd__(self, other: Self) -> Self:
        self.puzzles += other.puzzles
        self.exact += other.exact
        self.valid += other.valid
        self.verdicts.update(other.verdicts)  # `+=` would forget a count of 0
        return self


@dataclass
class Bin:
    """One bin of the reliability diagram: what the halting head said and what was true."""

    puzzles: int = 0
    said: float = 0.0  # sum of halting probabilities
    right: int = 0

    def __iadd__(self, other: Self) -> Self:
        self.puzzles += other.puzzles
        self.said += other.said
        self.right += other.right
        return self


@dataclass
class Tally:
    """The sums of an evaluation."""

    all: Count = field(default_factory=Count)  # of puzzles that have a label
    unlabelled: int = 0
    cells: float = 0.0
    judged: int = 0  # puzzles that rules could judge
    other_solutions: int = 0  # valid answers that are not the label
    steps: Counter[int] = field(default_factory=Counter)  # supervision steps, over all attempts -> puzzles
    right_steps: Counter[int] = field(default_factory=Counter)  # of those whose answer was right
    attempts: Counter[int] = field(default_factory=Counter)
    bins: list[Bin] = field(default_factory=lambda: [Bin() for _ in range(BINS)])
    by_file: dict[str, Count] = field(default_factory=dict)
    by_rating: dict[float, Count] = field(default_factory=dict)  # lower edge of the band -> its puzzles
    by_offset: dict[tuple[int, ...], Count] = field(default_factory=dict)  # `Outcome.placement` -> its puzzles
    by_task: dict[TaskKey, list[Outcome]] = field(default_factory=dict)  # kept whole: there are few tasks

    def add(self, outcome: Outcome) -> None:
        self.steps[outcome.steps] += 1
        self.attempts[outcome.attempts] += 1
        if outcome.task:
            self.by_task.setdefault((outcome.file, outcome.task), []).append(outcome)
        if outcome.exact is None:
            self.unlabelled += 1
            return
        self.all.add(outcome)
        self.right_steps[outcome.steps] += outcome.right
        self.cells += outcome.cells
        self.judged += outcome.valid is not None
        self.other_solutions += bool(outcome.valid) and not outcome.exact
        self.by_file.setdefault(outcome.file, Count()).add(outcome)
        if outcome.rating is not None:
            edge = max((e for e in RATING_EDGES if e <= outcome.rating), default=RATING_EDGES[0])
            self.by_rating.setdefault(edge, Count()).add(outcome)
        if outcome.placement:
            self.by_offset.setdefault(outcome.placement, Count()).add(outcome)
        q = outcome.halt_probability
        self.bins[min(int(q * BINS), BINS - 1)] += Bin(1, q, int(outcome.right))

    def __iadd__(self, other: Self) -> Self:
        self.all += other.all
        self.unlabelled += other.unlabelled
        self.cells += other.cells
        self.judged += other.judged
        self.other_solutions += other.other_solutions
        self.steps += other.steps
        self.right_steps += other.right_steps
        self.attempts += other.attempts
        for mine, theirs in zip(self.bins, other.bins, strict=True):
            mine += theirs
        for name, count in other.by_file.items():
            self.by_file.setdefault(name, Count()).__iadd__(count)
        for edge, count in other.by_rating.items():
            self.by_rating.setdefault(edge, Count()).__iadd__(count)
        for placement, count in other.by_offset.items():
            self.by_offset.setdefault(placement, Count()).__iadd__(count)
        for key, outcomes in other.by_task.items():
            self.by_task[key] = sorted(self.by_task.get(key, []) + outcomes, key=lambda each: each.index)
        return self

    def figures(self) -> dict[str, Any]:
        """The tally as plain JSON values; shares are fractions, None where nothing was counted."""
        n = self.all.puzzles
        return {
            "puzzles": n,
            "unlabelled": self.unlabelled,
            "exact_accuracy": _share(self.all.exact, n),
            "exact_interval": list(wilson(self.all.exact, n)),
            "cell_accuracy": _share(self.cells, n),
            "valid_accuracy": _share(self.all.valid, self.judged),
            "valid_interval": list(wilson(self.all.valid, self.judged)) if self.judged else None,
            "other_solutions": self.other_solutions,
            "verdicts": _verdicts(self.all),
            **_spread("steps", self.steps),
            **_spread("attempts", self.attempts),
            "by_steps": self.by_steps(),
            "halting": self.halting(),
            "by_file": {name: _row(count) for name, count in sorted(self.by_file.items())},
            "by_rating": [
                {"from": edge, "below": next((e for e in RATING_EDGES if e > edge), None)} | _row(count)
                for edge, count in sorted(self.by_rating.items())
            ],
            "by_offset": [
                {"size": list(placement[:2]), "offset": list(placement[2:])} | _row(count)
                for placement, count in sorted(self.by_offset.items())
            ],
        }

    def by_steps(self) -> list[dict[str, Any]]:
        """After so many supervision steps, which share of all puzzles was right already, with its interval."""
        n, right, rows = self.all.puzzles, 0, []
        for steps in sorted(steps for steps, count in self.right_steps.items() if count):
            right += self.right_steps[steps]
            rows.append({"steps": steps, "share": _share(right, n), "interval": list(wilson(right, n))})
        return rows

    def halting(self) -> dict[str, Any]:
        """How far the halting head can be trusted: reliability bins, and precision and recall where it says halt."""
        n = self.all.puzzles
        sure = self.bins[BINS // 2 :]
        said, right, all_right = (
            sum(b.puzzles for b in sure),
            sum(b.right for b in sure),
            sum(b.right for b in self.bins),
        )
        gaps = (abs(b.said - b.right) for b in self.bins)
        return {
            "threshold": 0.5,
            "precision": _share(right, said),
            "recall": _share(right, all_right),
            "calibration_error": _share(sum(gaps), n),
            "bins": [
                {
                    "from": i / BINS,
                    "to": (i + 1) / BINS,
                    "puzzles": b.puzzles,
                    "halt_probability": _share(b.said, b.puzzles),
                    "right": _share(b.right, b.puzzles),
                }
                for i, b in enumerate(self.bins)
            ],
        }


def judged(figures: Mapping[str, Any]) -> list[tuple[str, float, Sequence[float]]]:
    """(name, share, interval) of what the rules say: every verdict of the kind, or its one.

    Where there are no rules, but tasks and ranked answers: pass@1 and pass@2.
    """
    if figures.get("tasks"):
        return [(f"pass@{k}", figures[f"pass_at_{k}"], figures[f"pass_at_{k}_interval"]) for k in (1, 2)]
    if figures["verdicts"]:
        return [(name, each["share"], each["interval"]) for name, each in figures["verdicts"].items()]
    share = figures.get("valid_accuracy")  # which the rows of parts do not have
    return [] if share is None else [("valid accuracy", share, figures["valid_interval"])]


def placed(row: Mapping[str, Any]) -> str:
    """Name of a row of `by_offset`."""
    return "{} x {} at row {}, column {}".format(*row["size"], *(at + 1 for at in row["offset"]))


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


def number(value: float | None, form: str) -> str:
    """A figure in words, where there is one."""
    return "-" if value is None else f"{value:{form}}"


def middle(figures: Mapping[str, Any], name: str) -> str:
    """Mean and median of steps or of attempts, in words."""
    return f"mean {number(figures[f'mean_{name}'], '.2f')}, median {number(figures[f'median_{name}'], 'g')}"


def _share(part: float, whole: int) -> float | None:
    """Rounded to what does not depend on the order in which floating-point numbers were added."""
    return round(part / whole, 9) if whole else None


def _row(count: Count) -> dict[str, Any]:
    return {
        "puzzles": count.puzzles,
        "exact_accuracy": _share(count.exact, count.puzzles),
        "exact_interval": list(wilson(count.exact, count.puzzles)),
        "valid": count.valid,
        "verdicts": _verdicts(count),
    }


def _verdicts(count: Count) -> dict[str, Any]:
    """In the order in which the rules name them."""
    return {
        name: {
            "count": holds,
            "share": _share(holds, count.puzzles),
            "interval": list(wilson(holds, count.puzzles)),
        }
        for name, holds in count.verdicts.items()
    }


def _spread(name: str, counts: Counter[int]) -> dict[str, Any]:
    total = sum(counts.values())
    return {
        f"mean_{name}": _share(sum(value * n for value, n in counts.items()), total),
        f"median_{name}": _median(counts.items(), total),
        f"{name}_histogram": {str(value): counts[value] for value in sorted(counts)},
    }


def _median(items: Iterable[tuple[int, int]], total: int) -> float | None:
    """The median of values given with their numbers."""
    if not total:
        return None
    middle = ((total - 1) // 2, total // 2)
    found, seen = [], 0
    for value, number in sorted(items):
        found += [value] * sum(seen <= place < seen + number for place in middle)
        seen += number
    return sum(found) / 2
