"""Answers as JSON lines."""

from __future__ import annotations

import json
import re
from typing import IO, Any

from trm_solve import trace
from trm_solve.errors import InputError
from trm_solve.files import AtomicFile, write
from trm_solve.kinds import get_kind
from trm_solve.output.sink import Record, finish
from trm_solve.puzzle import Grid
from trm_solve.trace import Solution

FIELDS = (
    *("kind", "source", "question", "answer", "verdict", "best_attempt", "steps", "attempts", "halt_probability"),
    *("seconds", "model", "conflicts", "overruled", "reason", "correct"),
)


class JsonLines:
    """One JSON object a puzzle; its field names are a contract. Unreadable input: nulls, and the error as `reason`."""

    def __init__(self, stream: IO[str] | AtomicFile) -> None:
        self._stream = stream

    def record(self, record: Record) -> None:
        write(self._stream, json.dumps(fields_of(record.outcome)) + "\n")

    def close(self, completed: bool) -> None:
        finish(self._stream, completed)


def fields_of(outcome: Solution | InputError) -> dict[str, Any]:
    """The JSON object of a puzzle. Grids are in the kind's own text form, or nested lists where that form is JSON."""
    fields: dict[str, Any] = {"schema": trace.SCHEMA} | dict.fromkeys(FIELDS)
    if isinstance(outcome, InputError):
        place = re.match(r"(.+?:\d+)(:\d+)?: ", outcome.message)
        return fields | {"source": place[1] if place else None, "reason": outcome.message, "hint": outcome.hint}
    kind = get_kind(outcome.puzzle.kind)

    def grid(value: Grid | None) -> Any:
        text = None if value is None else kind.format(value)
        return json.loads(text) if text is not None and text.startswith("[") else text

    if not kind.has_rules:
        fields |= {"task": outcome.puzzle.task, "place": outcome.place}
        fields["candidates"] = [
            {"answer": grid(each.answer), "votes": each.votes, "halt_probability": round(each.halt_probability, 6)}
            | ({} if each.votes else {"found_in": each.found_in})
            for each in outcome.candidates[: trace.GUESSES]
        ]
    return fields | {
        **outcome.facts,
        "kind": kind.name,
        "source": outcome.puzzle.source,
        "question": grid(outcome.puzzle.question),
        "answer": grid(outcome.answer),
        "verdict": outcome.verdict,
        "best_attempt": grid(outcome.best_attempt),
        "steps": outcome.steps,
        "attempts": outcome.attempts,
        "halt_probability": round(outcome.halt_probability, 6),
        "seconds": round(outcome.seconds, 4),
        "model": outcome.model,
        "conflicts": 0 if outcome.conflicts is None else int(outcome.conflicts.sum()),
        "overruled": outcome.overruled,
        "reason": outcome.reason,
        "correct": outcome.correct,
    }
