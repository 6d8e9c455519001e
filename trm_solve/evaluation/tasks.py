"""Evaluation by tasks: a task has one or more test inputs, each a puzzle, and the model ranks its answers to it.

A puzzle is right at k if its label is among the first k candidates; a task's score at k is the mean over its test
inputs that have a label; pass@k is the mean over tasks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from trm_solve.errors import InputError
from trm_solve.evaluation.tally import Outcome, TaskKey, wilson
from trm_solve.files import AtomicFile
from trm_solve.kinds import get_kind
from trm_solve.puzzle import Puzzle
from trm_solve.tasks.identifiers import task_key

CUTOFFS = (1, 2, 5, 10, 100, 1000)  # the k of pass@k
Tasks = Mapping[TaskKey, Sequence[Outcome]]


@dataclass(frozen=True)
class Survey:
    """What will be measured, counted beforehand."""

    items: int  # puzzles, and what cannot be read
    unlabelled: int  # puzzles without an answer
    inputs: Mapping[TaskKey, Sequence[int]]  # places of each task's test inputs, in input order

    def ends(self) -> set[int]:
        """Places after which no task is left unfinished."""
        inside = {place for places in self.inputs.values() for place in range(places[0], places[-1])}
        return set(range(self.items)) - inside

    def names(self) -> dict[str, TaskKey]:
        """Tasks by their names alone. Raises `InputError` where two files have a task of the same name."""
        found: dict[str, TaskKey] = {}
        for key in self.inputs:
            if (other := found.setdefault(key[1], key)) != key:
                hint = "a submission names each task once: evaluate the files apart"
                raise InputError(f"task {key[1]} stands in {other[0]} and in {key[0]}", hint)
        return found


def survey(items: Iterable[Puzzle | InputError]) -> Survey:
    """Count the items."""
    number, unlabelled, inputs = 0, 0, dict[TaskKey, list[int]]()
    for place, item in enumerate(items):
        number = place + 1
        unlabelled += isinstance(item, Puzzle) and item.answer is None
        if key := task_key(item):
            inputs.setdefault(key, []).append(place)
    return Survey(number, unlabelled, inputs)


def score(inputs: Iterable[Outcome], k: int) -> float | None:
    """A task's score at k; None where none of its test inputs has a label."""
    ranks = [each.rank for each in inputs if each.exact is not None]
    return sum(rank is not None and rank <= k for rank in ranks) / len(ranks) if ranks else None


def pass_at(tasks: Tasks) -> dict[str, Any]:
    """pass@1, pass@2 with their 95 % intervals, and pass@k for each k that is not above the number of votes cast.

    The intervals are Wilson's, of as many trials as there are tasks. They are exact where every score is 0 or 1; a
    task of several test inputs enters with its mean, a fraction of a success, which makes them a little too wide.
    """
    votes = max((each.attempts for inputs in tasks.values() for each in inputs), default=1)
    labelled = sum(score(inputs, 1) is not None for inputs in tasks.values())
    figures: dict[str, Any] = {"tasks": labelled}
    at_k: dict[str, float | None] = {}
    for k in CUTOFFS:
        scores = [each for inputs in tasks.values() if (each := score(inputs, k)) is not None]
        total = math.fsum(scores)  # the same in whatever order
        share = round(total / len(scores), 9) if scores else None
        if k <= 2:
            figures |= {f"pass_at_{k}": share, f"pass_at_{k}_interval": list(wilson(total, len(scores)))}
        if k <= max(votes, 1):
            at_k[str(k)] = share
    return figures | {"pass_at_k": at_k}


def table(tasks: Tasks) -> list[dict[str, Any]]:
    """A row for each task, in input order; lists have a value for each test input.

    `ranks`: place of the right answer among the candidates, None where it is not among them or unknown; `votes`: those
    for the first candidate, out of `attempts`; `minutes`: the longest of its test inputs', which run side by side.
    """
    return [
        {
            "task": name,
            "file": file,
            "inputs": len(inputs),
            "labelled": sum(each.exact is not None for each in inputs),
            "ranks": [each.rank for each in inputs],
            "votes": [each.votes for each in inputs],
            "attempts": [each.attempts for each in inputs],
            "confidence": [each.confidence for each in inputs],
            "minutes": round(max(each.seconds for each in inputs) / 60, 4),
        }
        for (file, name), inputs in sorted(tasks.items(), key=lambda item: item[1][0].index)
    ]


class Submission:
    """The file that is handed in, opened before there is any work to lose. A context manager.

    It is there whatever ends the run, Ctrl-C too, with what was answered until then. Raises `InputError`.
    """

    def __init__(self, path: Path, kind: str, counted: Survey) -> None:
        self._kind, self._counted = kind, counted
        self._names = counted.names()
        self._file = AtomicFile(path)
        self.answers: dict[int, Sequence[str]] = {}  # by place: the first two candidates, as the kind writes them

    def __enter__(self) -> Submission:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None or issubclass(kind, KeyboardInterrupt):
                self._file.write(self.text())
                self._file.commit()
        finally:
            self._file.discard()

    def text(self) -> str:
        """Of all tasks that were counted, in the kind's own form; of what has no answer too."""
        form = get_kind(self._kind).tasks
        assert form is not None
        places = {name: self._counted.inputs[key] for name, key in self._names.items()}
        answers = {name: [self.answers.get(place, ()) for place in of_task] for name, of_task in places.items()}
        return form.submission(answers, {name: len(of_task) for name, of_task in places.items()})
