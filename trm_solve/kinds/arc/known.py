"""Known tasks: which public task a file holds, by its content.

The public sets share tasks under one name or several, and a file may have any name, so a task is its demonstration
pairs: `known_tasks.json` holds their hashes for ARC-AGI-1, ARC-AGI-2 and ConceptARC. Standard library and numpy only.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from trm_solve.errors import InputError, or_raise
from trm_solve.kinds.arc.text import Pair, read_tasks
from trm_solve.puzzle import Grid

TABLE = Path(__file__).with_name("known_tasks.json")
SCHEMA = 1
SUBSETS = {
    "training": "ARC-AGI-1 training",
    "evaluation": "ARC-AGI-1 evaluation",
    "training2": "ARC-AGI-2 training",
    "evaluation2": "ARC-AGI-2 evaluation",
    "concept": "ConceptARC",
}


@dataclass(frozen=True)
class Known:
    """The public tasks."""

    names: Mapping[str, Mapping[str, tuple[str, ...]]]  # fingerprint -> name -> the subsets that have it
    held_out: frozenset[str]  # hashes of the test inputs of the evaluation subsets

    @cached_property
    def all_names(self) -> frozenset[str]:
        return frozenset(name for names in self.names.values() for name in names)


@cache
def known() -> Known:
    """The table that is shipped."""
    content = json.loads(TABLE.read_text(encoding="utf-8"))
    names: dict[str, dict[str, tuple[str, ...]]] = {}
    for subset, tasks in content["tasks"].items():
        for name, mark in tasks.items():
            subsets = names.setdefault(mark, {})
            subsets[name] = (*subsets.get(name, ()), subset)
    return Known(names, frozenset(content["held_out"]))


def fingerprint(pairs: Iterable[Pair]) -> str:
    """A task's content as 16 hexadecimal digits, from its demonstration pairs in whatever order."""
    looks = [b"".join(b"" if grid is None else _look(grid) for grid in pair) for pair in pairs]
    return _hash(b"".join(sorted(looks)))


def held_out(grid: Grid) -> bool:
    """Whether this grid, not augmented, is a test input of a public evaluation task (ARC-AGI-1 or -2).

    Training must not learn from such a pair, wherever it stands: ARC-AGI-2's training set holds most of ARC-AGI-1's
    evaluation tasks with their answers, and a model that has seen them cannot be measured on them any more.
    """
    return _hash(_look(grid)) in known().held_out


def _look(grid: Grid) -> bytes:
    return bytes(grid.shape) + grid.astype("uint8").tobytes()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def build_table(files: Iterable[Path]) -> dict[str, Any]:
    """The content of `known_tasks.json` from challenges files named as the public ones. Raises `InputError`."""
    tasks: dict[str, dict[str, str]] = {}
    kept_back: set[str] = set()
    for path in files:
        subset = path.stem.removesuffix("_challenges").rpartition("_")[2]
        if subset not in SUBSETS:
            raise InputError(
                f"{path}: not named after a subset", f"such as arc-agi_{next(iter(SUBSETS))}_challenges.json"
            )
        with path.open(encoding="utf-8") as file:
            for task in or_raise(read_tasks(file, str(path))):
                tasks.setdefault(subset, {})[task.name] = fingerprint(task.train)
                if subset.startswith("evaluation"):
                    kept_back |= {_hash(_look(question)) for question, _ in task.test}
    return {"schema": SCHEMA, "tasks": tasks, "held_out": sorted(kept_back)}


def recognise(name: str, pairs: Sequence[Pair], tasks: Collection[str]) -> str | None:
    """The name under which a checkpoint that knows these tasks knows a task; None where it does not.

    By content first, under its fingerprint (so adapted models are named) or any name that this content has. A file's
    name alone counts only where no public task is called so: a public name over other demonstrations is another task.
    """
    mark = fingerprint(pairs)
    for each in (mark, *sorted(known().names.get(mark, {}), key=lambda each: each != name)):
        if each in tasks:
            return each
    return name if name in tasks and name not in known().all_names else None


if __name__ == "__main__":  # for maintainers: known_tasks.json anew, on stdout
    print(json.dumps(build_table(map(Path, sys.argv[1:])), separators=(",", ":")))
