"""ARC-like tasks made from known rules (`rules.py`), as a challenges file.

They give a model, before it meets a task of which it has three pairs, an idea of what rules are like: a task has as
many pairs as asked for, so that it is not learned by heart.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trm_solve.config import nearest
from trm_solve.errors import InputError
from trm_solve.files import write_atomically
from trm_solve.generate.rules import FAMILIES
from trm_solve.generate.shapes import Family, Pair

RULES = 60  # drawn for a task, at most: some find no pairs
DRY = 500  # draws without a new pair that show that there are no more


def make(count: int, *, pairs: int, side: int, rules: Sequence[str] = (), seed: int = 0) -> dict[str, Any]:
    """A challenges object of `count` tasks: so many pairs, a test pair with its output, grids of at most `side`.

    The families named in `rules`, by default all, take turns. Raises `InputError` for one that is not there, or that
    finds no so many different pairs.
    """
    for name in rules:
        if name not in FAMILIES:
            raise InputError(f"no rule '{name}'", nearest(name, list(FAMILIES)))
    names = list(dict.fromkeys(rules)) or list(FAMILIES)
    tasks = {}
    for number in range(count):
        name = names[number % len(names)]
        drawn = _task(FAMILIES[name], [seed, number], pairs + 1, side)
        if drawn is None:
            raise InputError(f"rule '{name}' has no {pairs + 1:,} different pairs of grids of at most {side} a side")
        shown = [{"input": question.tolist(), "output": answer.tolist()} for question, answer in drawn]
        tasks[f"{name}-{seed}-{number}"] = {"train": shown[:-1], "test": shown[-1:]}
    return tasks


def _task(family: Family, seed: list[int], wanted: int, side: int) -> list[Pair] | None:
    """Different pairs of one rule, in which something happens; None where no rule that is drawn has so many."""
    for attempt in range(RULES):
        rng = np.random.default_rng([*seed, attempt])
        rule, found, dry = family(rng, side), dict[bytes, Pair](), 0
        while len(found) < wanted and dry < DRY:
            question, answer = rule(rng)
            same = question.shape == answer.shape and bool((question == answer).all())
            fits = not same and question.any() and max(*question.shape, *answer.shape) <= side
            key = bytes(question.shape) + question.tobytes()
            dry = 0 if fits and key not in found else dry + 1
            if fits:
                found[key] = (question, answer)
        if len(found) == wanted:
            return list(found.values())
    return None


def write(tasks: dict[str, Any], output: Path | None) -> None:
    """To a file, whole or not at all, or to stdout. Raises `InputError`."""
    text = json.dumps(tasks, separators=(",", ":")) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        write_atomically(output, text.encode())
