"""Frozen `Step` and `Solution`: plain arrays, JSON there and back. The language the rooms speak; never torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.puzzle import Grid, Mask, Puzzle

Verdict = Literal["solved", "unsolved", "unsolvable", "predicted"]
SCHEMA = 1
GUESSES = 2  # answers that are shown and handed in where votes decide: ARC allows so many


@dataclass(frozen=True, eq=False)
class Step:
    """One supervision step of one attempt at one puzzle. Arrays have the answer's shape."""

    puzzle: int  # place in input order, from 0
    attempt: int  # from 1
    step: int  # from 1
    answer: Grid
    confidence: NDArray[np.float32]  # the model's probability of each shown symbol
    changed: Mask  # cells that differ from the step before (from the question, at step 1)
    conflicts: Mask  # cells that break a rule
    overruled: int  # givens that the model wanted to change
    halt_probability: float  # sigmoid(q_halt)
    solved: bool  # the rules accept the answer
    halted: bool  # the attempt ends here

    def to_dict(self) -> dict[str, Any]:
        return {
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

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Step:
        """Raises KeyError, TypeError or ValueError on anything that `to_dict` does not write."""
        arrays = [np.array(fields[name]) for name in ("answer", "confidence", "changed", "conflicts")]
        if any(array.shape != arrays[0].shape for array in arrays):
            raise ValueError("the arrays of a step differ in shape")
        answer = grid_of(fields["answer"])
        return cls(
            puzzle=int(fields["puzzle"]),
            attempt=int(fields["attempt"]),
            step=int(fields["step"]),
            answer=answer,
            confidence=np.array(fields["confidence"], np.float32).reshape(answer.shape),
            changed=np.array(fields["changed"], np.bool_).reshape(answer.shape),
            conflicts=np.array(fields["conflicts"], np.bool_).reshape(answer.shape),
            overruled=int(fields["overruled"]),
            halt_probability=float(fields["halt_probability"]),
            solved=bool(fields["solved"]),
            halted=bool(fields["halted"]),
        )


@dataclass(frozen=True, eq=False)
class Candidate:
    """An answer that attempts have voted for, where no rules can judge."""

    answer: Grid
    votes: int
    halt_probability: float  # mean over its votes


@dataclass(frozen=True, eq=False)
class Solution:
    """What came of one puzzle. `answer` is None unless there is one to stand by."""

    puzzle: Puzzle
    answer: Grid | None
    verdict: Verdict
    best_attempt: Grid | None  # where there is no answer: the attempt with the fewest conflicts and blanks
    conflicts: Mask | None  # of the best attempt
    steps: int  # supervision steps spent, over all attempts
    attempts: int
    halt_probability: float
    overruled: int
    seconds: float  # from the first step to the last, shared with whatever ran in the same batch
    model: str
    reason: str = ""  # why there is no answer
    facts: Mapping[str, Any] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()  # by votes, most first; they are cast by `attempts`
    trace: tuple[Step, ...] = ()
    best_step: Step | None = None  # the one that has the answer, or else the best attempt


def rank(steps: Iterable[Step]) -> list[tuple[Candidate, Step]]:
    """Equal answers grouped: most votes first, then the higher mean halting probability, then the first attempt.

    With each goes the first step that gave it. An empty answer has no vote.
    """
    groups: dict[tuple[tuple[int, ...], bytes], list[Step]] = {}
    for step in sorted(steps, key=lambda step: step.attempt):
        if step.answer.size:
            groups.setdefault((step.answer.shape, step.answer.tobytes()), []).append(step)
    ranked = [(Candidate(group[0].answer, len(group), _mean_q(group)), group[0]) for group in groups.values()]
    return sorted(ranked, key=lambda each: (-each[0].votes, -each[0].halt_probability))


def _mean_q(steps: list[Step]) -> float:
    return sum(step.halt_probability for step in steps) / len(steps)


def grid_of(rows: Any) -> Grid:
    """A grid from nested lists. Raises ValueError on anything else."""
    if rows == []:
        return np.zeros((0, 0), np.uint8)
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
            fields = json.loads(line)
            if "schema" in fields:
                if fields["schema"] != SCHEMA:
                    raise InputError(f"{source}:{number}: trace schema {fields['schema']}, this version reads {SCHEMA}")
                puzzle = Puzzle(
                    str(fields["kind"]),
                    grid_of(fields["question"]),
                    source=str(fields["source"]),
                    task=str(fields.get("task", "")),
                    examples=tuple((grid_of(before), grid_of(after)) for before, after in fields.get("examples", ())),
                )
                if found:
                    yield found.pop()
                found.append((puzzle, str(fields["model"]), []))
            else:
                found[-1][2].append(Step.from_dict(fields))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            hint = "traces are written by solve --trace FILE"
            raise InputError(f"{source}:{number}: not a line of a trace ({error})", hint) from None
    if not found:
        raise InputError(f"{source}: no trace in this file", "traces are written by solve --trace FILE")
    yield found.pop()
