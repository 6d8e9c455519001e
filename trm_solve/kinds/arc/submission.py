"""Answers to ARC tasks in the official form: two attempts at every test input of every task. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from trm_solve.errors import InputError

Rows = list[list[int]]  # a grid
Entry = dict[str, Rows]  # the attempts at one test input

NOTHING: Rows = [[0]]  # stands where there is no answer at all
GRID: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "maxItems": 30,
    "items": {
        "type": "array",
        "minItems": 1,
        "maxItems": 30,
        "items": {"type": "integer", "minimum": 0, "maximum": 9},
    },
}
SCHEMA: dict[str, Any] = {  # JSON Schema, of which `fault` knows the words used here
    "type": "object",
    "additionalProperties": {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": ["attempt_1", "attempt_2"],
            "properties": {"attempt_1": GRID, "attempt_2": GRID},
            "additionalProperties": False,
        },
    },
}
TYPES: dict[str, type] = {"object": dict, "array": list, "integer": int}


def entry(answers: Sequence[Rows]) -> Entry:
    """The attempts at a test input from its answers, best first: a single one is repeated."""
    two = list(answers[:2]) or [NOTHING]
    return {"attempt_1": two[0], "attempt_2": two[-1]}


def fault(value: Any, schema: Mapping[str, Any], path: str = "") -> str:
    """`PATH: reason` of the first place where the value does not follow the schema; empty where it does."""
    where = path or "the whole"
    fits: bool = type(value) is TYPES[schema["type"]]  # True is no integer
    if not fits:
        return f"{where}: not an {schema['type']}"
    if isinstance(value, int):
        outside = not schema["minimum"] <= value <= schema["maximum"]
        return f"{where}: {value}, not {schema['minimum']} to {schema['maximum']}" if outside else ""
    if isinstance(value, list):
        least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
        if not least <= len(value) <= max(least, most):
            return f"{where}: {len(value)} items, not {least} to {most}" if value else f"{where}: empty"
        return next(filter(None, (fault(each, schema["items"], f"{path}[{n}]") for n, each in enumerate(value))), "")
    if missing := [name for name in schema.get("required", ()) if name not in value]:
        return f"{where}: no {missing[0]}"
    for name, each in value.items():
        rule = schema.get("properties", {}).get(name, schema["additionalProperties"])
        inside = f"{path}.{name}" if path else str(name)
        if found := fault(each, rule, inside) if rule else f"{inside}: does not belong there":
            return found
    return ""


def validate(content: Any, inputs: Mapping[str, int]) -> None:
    """Whether this is a submission for the tasks named in `inputs`, each with its number of test inputs.

    Raises `InputError` with the path of the first fault: of form, a ragged grid, a task or a test input too many or
    too few.
    """
    found = fault(content, SCHEMA)
    if not found and (odd := sorted(content.keys() ^ inputs.keys())):
        found = f"{odd[0]}: " + ("no such task" if odd[0] in content else "missing")
    for name in () if found else content:
        if len(content[name]) != inputs[name]:
            found = found or f"{name}: attempts at {len(content[name])} test inputs, the task has {inputs[name]}"
        for number, attempts in enumerate(content[name]):
            for which, grid in attempts.items():
                if len({len(row) for row in grid}) > 1:
                    found = found or f"{name}[{number}].{which}: rows of different lengths"
    if found:
        raise InputError(f"submission: {found}")


def to_text(content: Mapping[str, list[Entry]], inputs: Mapping[str, int]) -> str:
    """The file of a submission. Raises `InputError` where it is not one for these tasks, see `validate`."""
    validate(content, inputs)
    return json.dumps(content) + "\n"
