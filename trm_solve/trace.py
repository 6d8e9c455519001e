"""Frozen `Step` and `Solution`: plain arrays, JSON there and back. The language the rooms speak; never torch."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError, shown
from trm_solve.puzzle import Grid, Key, Mask, Puzzle, key_of
from trm_solve.shown import Json, Shown, told
from trm_solve.talk import printable
from trm_solve.untrusted import object_of, parse_json

if TYPE_CHECKING:
    from trm_solve.tasks.progress import Progress

Sort = TypeVar("Sort")
Verdict = Literal["solved", "unsolved", "unsolvable", "predicted"]
SCHEMA = 1
GUESSES = 2  # answers that are shown and handed in where votes decide: ARC allows so many


@dataclass(frozen=True)
class Pin:
    """A cell that an attempt took for granted, and how likely the model held its symbol when it was chosen."""

    row: int
    column: int
    symbol: int
    probability: float

    @property
    def place(self) -> tuple[int, int, int]:
        return self.row, self.column, self.symbol


@dataclass(frozen=True, eq=False)
class Step(Shown):
    """An answer read off one attempt at one puzzle, after a supervision step or within it.

    Arrays have the answer's shape.
    """

    puzzle: int  # place in input order, from 0
    attempt: int  # from 1
    step: int  # from 1
    answer: Grid
    confidence: NDArray[np.float32]  # the model's probability of each shown symbol
    changed: Mask  # cells that differ from the answer read before (from the question, at the first)
    conflicts: Mask  # cells that break a rule
    overruled: int  # givens that the model wanted to change
    halt_probability: float  # sigmoid(q_halt)
    solved: bool  # the rules accept the answer
    halted: bool  # the attempt ends here
    of: Puzzle | None = None  # the puzzle itself, where known
    pins: tuple[Pin, ...] = ()  # that the attempt stands on, the first of them first
    round: int = 0  # read after so many of the step's T rounds; 0: after all of them

    @property
    def label(self) -> str:
        """'3', or '3.2' after its second round."""
        return f"{self.step}.{self.round}" if self.round else str(self.step)

    @property
    def when(self) -> tuple[int, float]:
        """What orders the steps of an attempt in time."""
        return self.step, self.round or math.inf

    def __repr__(self) -> str:
        amiss = "solved" if self.solved else _count_of(int(self.conflicts.sum()), "conflict")
        where = f"attempt {self.attempt}, step {self.label}"
        return f"Step({where}, {int(self.changed.sum())} changed, {amiss}, halting {self.halt_probability:.3f})"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a picture; the suffix says which: .svg, .html, .png or .gif. Raises `InputError`."""
        told().save(self, os.fspath(path))

    def to_dict(self) -> dict[str, Json]:
        """The step as a line of a trace has it."""
        fields: dict[str, Json] = {
            "puzzle": self.puzzle,
            "attempt": self.attempt,
            "step": self.step,
            "answer": self.answer.tolist(),
            "confidence": [[round(float(c), 4) for c in row] for row in self.confidence],
            "changed": self.changed.astype(int).tolist(),
            "conflicts": self.conflicts.astype(int).tolist(),
            "overruled": self.overruled,
            "halt_probability": round(self.halt_probability, 6),
            "solved": self.solved,
            "halted": self.halted,
        }
        if self.round:
            fields["round"] = self.round
        if self.pins:
            fields["pins"] = [[pin.row, pin.column, pin.symbol, round(pin.probability, 4)] for pin in self.pins]
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Step:
        """Raises KeyError, TypeError or ValueError on anything that `to_dict` does not write."""
        arrays = [fields["answer"], *(_numbers(fields, name) for name in ("confidence", "changed", "conflicts"))]
        answer = grid_of(arrays[0])
        confidence, changed, conflicts = (np.array(each, np.float64) for each in arrays[1:])
        if any(each.shape != answer.shape and each.size + answer.size for each in (confidence, changed, conflicts)):
            raise ValueError("the arrays of a step differ in shape")
        if not np.isin(changed, (0, 1)).all() or not np.isin(conflicts, (0, 1)).all():
            raise ValueError("'changed' and 'conflicts' hold 0 and 1")
        chances = np.append(confidence.ravel(), _number(fields, "halt_probability"))
        if not ((chances >= 0) & (chances <= 1)).all():
            raise ValueError("'confidence' and 'halt_probability' hold numbers from 0 to 1")
        return cls(
            puzzle=_count(fields, "puzzle"),
            attempt=_count(fields, "attempt"),
            step=_count(fields, "step"),
            answer=answer,
            confidence=confidence.astype(np.float32).reshape(answer.shape),
            changed=changed.astype(np.bool_).reshape(answer.shape),
            conflicts=conflicts.astype(np.bool_).reshape(answer.shape),
            overruled=_count(fields, "overruled"),
            halt_probability=float(fields["halt_probability"]),
            solved=_field(fields, "solved", bool),
            halted=_field(fields, "halted", bool),
            pins=tuple(_pin(each, answer) for each in _field(fields, "pins", list, [])),
            round=_count(fields, "round") if "round" in fields else 0,
        )


def still(answer: Grid, *, solved: bool) -> Step:
    """An answer to be drawn that no attempt has given, such as a file's own: nothing of it is new, unsure or amiss."""
    sure, none = np.ones(answer.shape, np.float32), np.zeros(answer.shape, np.bool_)
    return Step(0, 1, 1, answer, sure, none, none, 0, float(solved), solved=solved, halted=solved)


def _count_of(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _pin(value: Any, answer: Grid) -> Pin:
    """A pin of a trace, which stands within the answer."""
    if not isinstance(value, list) or len(value) != 4 or not all(type(each) is int for each in value[:3]):
        raise ValueError("a pin is a list of row, column, symbol and probability")
    row, column, symbol, probability = value
    if type(probability) not in (int, float) or not 0 <= probability <= 1:
        raise ValueError("the probability of a pin is a number from 0 to 1")
    if not (0 <= row < answer.shape[0] and 0 <= column < answer.shape[1] and 0 < symbol < 256):
        raise ValueError("a pin stands outside of the grid")
    return Pin(row, column, symbol, float(probability))


def _number(fields: Mapping[str, Any], name: str) -> float:
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"field '{name}' cannot be {shown(value)}")
    return value


def _field(fields: Mapping[str, Any], name: str, sort: type[Sort], default: Sort | None = None) -> Sort:
    """A field of just this type; where there is none, the default, if there is one."""
    value = fields[name] if default is None else fields.get(name, default)
    if type(value) is not sort:
        raise ValueError(f"field '{name}' cannot be {shown(value)}")
    return value


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = _field(fields, name, int)
    if not 0 <= value < 2**31:
        raise ValueError(f"field '{name}' cannot be {shown(value)}")
    return value


def _numbers(fields: Mapping[str, Any], name: str) -> list[list[float]]:
    """Equally long rows of numbers."""
    rows = fields[name]
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
        raise ValueError(f"field '{name}' is no list of equally long rows")
    if not {type(value) for row in rows for value in row} <= {int, float}:
        raise ValueError(f"field '{name}' holds what is no number")
    return rows


@dataclass(frozen=True, eq=False)
class Candidate:
    """An answer that attempts have voted for, where no rules can judge."""

    answer: Grid
    votes: int
    halt_probability: float  # mean over its votes
    found_in: str = "vote"  # or "fold", "fit", "step": where one was found that has no vote, see tasks/guesses.py

    def facts(self, attempts: int) -> dict[str, Json]:
        """What a solution says of its answer's votes, of so many attempts."""
        return {"votes": self.votes, "confidence": round(self.votes / attempts, 6)}


@dataclass(frozen=True, eq=False)
class Solution(Shown):
    """What came of one puzzle. `answer` is None unless there is one to stand by.

    `verdict` is solved, unsolved, unsolvable, or predicted where no rules can judge. `trace` has every step where
    it was asked for. `print`, rich and a notebook show the board.
    """

    puzzle: Puzzle
    answer: Grid | None
    verdict: Verdict
    best_attempt: Grid | None  # where there is no answer: the attempt with the fewest conflicts and blanks
    conflicts: Mask | None  # of the best attempt
    steps: int  # supervision steps spent, over all attempts
    attempts: int
    halt_probability: float
    overruled: int
    seconds: float  # of work: its share of what the batches that it was in took, however long it waited
    model: str
    reason: str = ""  # why there is no answer
    facts: Mapping[str, Any] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()  # by votes of `attempts`, most first; the second: tasks/guesses.py
    trace: tuple[Step, ...] = ()
    best_step: Step | None = None  # the one that has the answer, or else the best attempt
    fits: tuple[Progress, ...] = ()  # moments of the adaptation that came before, where steps were asked for

    def __repr__(self) -> str:
        where = printable(self.puzzle.source) or "made here"
        return f"Solution({self.puzzle.kind}, {self.verdict}, {_count_of(self.steps, 'step')}, {where})"

    @property
    def text(self) -> str:
        """The answer in the kind's text form; empty where there is none."""
        return told().text(self)

    def to_dict(self) -> dict[str, Json]:
        """The object of `solve --json`, whose field names are a contract. Grids are in the kind's text form."""
        return told().to_dict(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a picture, which moves where the format can; the suffix says which: .svg, .html, .png or .gif.

        Raises `InputError`, also where Pillow is missing (PNG, GIF).
        """
        told().save(self, os.fspath(path))

    @property
    def correct(self) -> bool | None:
        """Whether the answer is the one that the file has, or another that the rules accept; None: it has none."""
        label = self.puzzle.answer
        if label is None:
            return None
        return self.verdict == "solved" or (self.answer is not None and np.array_equal(self.answer, label))

    @property
    def place(self) -> int | None:
        """Of the answer that the file has among the candidates, from 1."""
        label = self.puzzle.answer
        same = (
            n for n, each in enumerate(self.candidates, 1) if label is not None and np.array_equal(each.answer, label)
        )
        return next(same, None)


def pool(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Equal answers as one: most votes first, then the higher mean halting probability, then the first to come."""
    groups: dict[Key, list[Candidate]] = {}
    for each in candidates:
        groups.setdefault(key_of(each.answer), []).append(each)
    pooled = []
    for group in groups.values():
        votes = sum(each.votes for each in group)
        mean = sum(each.votes * each.halt_probability for each in group) / votes
        pooled.append(Candidate(group[0].answer, votes, mean))
    return sorted(pooled, key=lambda each: (-each.votes, -each.halt_probability))


def rank(steps: Iterable[Step]) -> list[tuple[Candidate, Step]]:
    """Each step as one vote, pooled; an empty answer has none. With each candidate goes the first step that gave it."""
    cast = [step for step in sorted(steps, key=lambda step: step.attempt) if step.answer.size]
    first = {key_of(step.answer): step for step in reversed(cast)}
    pooled = pool(Candidate(step.answer, 1, step.halt_probability) for step in cast)
    return [(each, first[key_of(each.answer)]) for each in pooled]


def grid_of(rows: Any) -> Grid:
    """A grid from nested lists. Raises ValueError on anything else."""
    if rows == []:
        return np.zeros((0, 0), np.uint8)
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
        raise ValueError("a grid is a list of equally long rows of small whole numbers")
    grid = np.array(rows)
    if grid.ndim != 2 or grid.dtype.kind != "i" or grid.min(initial=0) < 0 or grid.max(initial=0) > 255:
        raise ValueError("a grid is a list of equally long rows of small whole numbers")
    return grid.astype(np.uint8)


def dump(puzzle: Puzzle, steps: Iterable[Step], model: str, index: int = 0) -> Iterator[str]:
    """Trace lines of one puzzle: a header, then a line a step."""
    header = {"schema": SCHEMA, "kind": puzzle.kind, "puzzle": index, "source": puzzle.source, "model": model}
    if puzzle.examples:
        pairs = [[before.tolist(), after.tolist()] for before, after in puzzle.examples]
        header |= {"task": puzzle.task, "examples": pairs}
    yield json.dumps(header | {"question": puzzle.question.tolist()})
    for step in steps:
        yield json.dumps(step.to_dict())


def load(lines: Iterable[str], source: str) -> Iterator[tuple[Puzzle, str, list[Step]]]:
    """Read back what `dump` wrote: (puzzle, model, steps) for each puzzle. Raises `InputError` naming the line."""
    found: list[tuple[Puzzle, str, list[Step]]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = object_of(parse_json(line))
            if "schema" in fields:
                if fields["schema"] != SCHEMA or fields["schema"] is True:
                    schema = shown(fields["schema"])
                    raise InputError(f"{source}:{number}: trace schema {schema}, this version reads {SCHEMA}")
                pairs = _field(fields, "examples", list, [])
                puzzle = Puzzle(
                    _field(fields, "kind", str),
                    grid_of(fields["question"]),
                    source=_field(fields, "source", str),
                    task=_field(fields, "task", str, ""),
                    examples=tuple((grid_of(before), grid_of(after)) for before, after in pairs),
                )
                if found:
                    yield found.pop()
                found.append((puzzle, _field(fields, "model", str), []))
            else:
                found[-1][2].append(Step.from_dict(fields))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            hint = "traces are written by trm-solve solve --trace FILE"
            if isinstance(error, KeyError):
                error = ValueError(f"field {shown(error.args[0])} is missing")
            raise InputError(f"{source}:{number}: not a line of a trace ({error})", hint) from None
    if not found:
        raise InputError(f"{source}: no trace in this file", "traces are written by trm-solve solve --trace FILE")
    yield found.pop()
