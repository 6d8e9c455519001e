"""Known tasks: which public task a file holds, by its content, and which rows of a checkpoint stand for it.

The public sets share tasks under one name or several, and a file may have any name, so a task is its demonstration
pairs: `known_tasks.json` holds their hashes for ARC-AGI-1, ARC-AGI-2 and ConceptARC. Standard library and numpy only.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from trm_solve.errors import InputError, ModelError, reason_of
from trm_solve.files import write_atomically
from trm_solve.puzzles.arc import SEPARATOR, Copy, Pair, Task, read_tasks, split_identifier
from trm_solve.puzzles.base import Grid, Puzzle

TABLE = Path(__file__).with_name("known_tasks.json")
SCHEMA = 1
IDENTIFIERS = "identifiers.json"  # beside a checkpoint's configuration
BLANK = "<blank>"  # name of row 0
SUBSETS = {
    "training": "ARC-AGI-1 training",
    "evaluation": "ARC-AGI-1 evaluation",
    "training2": "ARC-AGI-2 training",
    "evaluation2": "ARC-AGI-2 evaluation",
    "concept": "ConceptARC",
}
SETS = (
    ("training", "evaluation", "concept"),
    ("training2", "evaluation2", "concept"),
)  # of public checkpoints, in order


# ---- the table of public tasks


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
            for task in read_tasks(file, str(path)):
                if isinstance(task, InputError):
                    raise task
                tasks.setdefault(subset, {})[task.name] = fingerprint(task.train)
                if subset.startswith("evaluation"):
                    kept_back |= {_hash(_look(question)) for question, _ in task.test}
    return {"schema": SCHEMA, "tasks": tasks, "held_out": sorted(kept_back)}


# ---- the rows of a checkpoint


@dataclass(frozen=True, eq=False)
class Identifiers:
    """The names of a checkpoint's rows, `given` or read from a file when they are first asked for.

    876,406 names, those of the public ARC-AGI-1 checkpoints, are read in 0.15 s and take 80 MB while they are held;
    so all of them are looked at by `check` only, for what comes from outside.
    """

    rows: int  # of the puzzle embedding
    path: Path = Path(IDENTIFIERS)
    given: Sequence[str] | None = None

    @classmethod
    def beside(cls, folder: Path, rows: int) -> Identifiers | None:
        """Those of a checkpoint folder; None where it has none."""
        path = folder / IDENTIFIERS
        return cls(rows, path) if path.is_file() else None

    @cached_property
    def names(self) -> Sequence[str]:
        """The name of every row. Raises `ModelError` where they are not those of this table."""
        names = self._read() if self.given is None else self.given
        if len(names) != self.rows:
            hint = "these identifiers were made for another checkpoint, or with another number of copies"
            raise ModelError(f"{self.path}: {len(names)} identifiers, the puzzle table has {self.rows} rows", hint)
        if names[0] != BLANK:
            raise ModelError(f"{self.path}: the first identifier is not '{BLANK}'")
        return names

    def _read(self) -> list[str]:
        try:
            names = json.loads(self.path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ModelError(f"{self.path}: {reason_of(error)}") from None
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{self.path}: not JSON ({error})") from None
        if not isinstance(names, list) or not all(type(name) is str for name in names):
            raise ModelError(f"{self.path}: not a list of names")
        return names

    @cached_property
    def tasks(self) -> frozenset[str]:
        """The tasks that have a row, whether as they are or as a copy."""
        return frozenset(name.rsplit(SEPARATOR, 2)[0] for name in self.names[1:])

    def copies(self, task: str) -> list[tuple[int, Copy]]:
        """The rows of a task and how each sees it, in order of the rows, the task as it is first; empty: not known.

        Raises `ModelError` for a name that cannot be read or stands there twice.
        """
        start = task + SEPARATOR
        rows = [row for row, name in enumerate(self.names) if name == task or name.startswith(start)]
        rows.sort(key=lambda row: self.names[row] != task)
        if len({self.names[row] for row in rows}) < len(rows):
            raise ModelError(f"{self.path}: an identifier of '{task}' stands there twice")
        return [(row, self._copy(row)) for row in rows if row]

    def _copy(self, row: int) -> Copy:
        try:
            return split_identifier(self.names[row])[1]
        except ValueError:
            raise ModelError(f"{self.path}: entry {row}: '{self.names[row][:60]}' is no identifier") from None

    def check(self) -> None:
        """Look at every name. Raises `ModelError` for what `names` and `copies` would refuse."""
        for row in range(1, len(self.names)):
            self._copy(row)
        if len(set(self.names)) < len(self.names):
            twice = next(name for name, other in itertools.pairwise(sorted(self.names)) if name == other)
            raise ModelError(f"{self.path}: '{twice}' stands there twice")

    def write(self, folder: Path) -> None:
        """Put them beside a configuration, in the public form. Raises `InputError`."""
        path = folder / IDENTIFIERS
        if self.given is not None or not path.exists() or not path.samefile(self.path):
            write_atomically(path, json.dumps(list(self.names)).encode())


def recognise(item: Task | Puzzle, identifiers: Identifiers) -> str | None:
    """The name under which a checkpoint knows a task; None where it does not.

    By content first, under its fingerprint (so adapted models are named) or any name that this content has. A file's
    name alone counts only where no public task is called so: a public name over other demonstrations is another task.
    """
    name, pairs = (item.name, item.train) if isinstance(item, Task) else (item.task, item.examples)
    mark = fingerprint(pairs)
    for each in (mark, *sorted(known().names.get(mark, {}), key=lambda each: each != name)):
        if each in identifiers.tasks:
            return each
    return name if name in identifiers.tasks and name not in known().all_names else None


def rebuild(folder: Path, copies: int, rows: int, seed: int = 42) -> Identifiers:
    """The identifiers of a public checkpoint, drawn anew from the public challenges files in a folder.

    Of ARC-AGI-1 and -2 the set that gives as many identifiers as there are rows. Raises `InputError` where there are no
    such files, `ModelError` where no number fits.
    """
    from trm_solve.arc.dataset import identifiers

    sets = [[p for subset in each for p in sorted(folder.glob(f"*{subset}_challenges.json"))] for each in SETS]
    if not any(sets):
        raise InputError(f"{folder}: no ARC files", "such as arc-agi_training_challenges.json and its solutions file")
    counts = []
    for number, files in enumerate(sets):
        if not files or files in sets[:number]:
            continue
        names = list(identifiers(files, copies, seed))
        if len(names) == rows:
            return Identifiers(rows, given=names)
        counts.append(f"{len(names):,}")
    made = f"{copies} copies with seed {seed} give {' or '.join(counts)} identifiers"
    raise ModelError(f"{folder}: {made}, the puzzle table has {rows:,} rows", "other files, --copies or --seed?")


if __name__ == "__main__":  # for maintainers: known_tasks.json anew, on stdout
    print(json.dumps(build_table(map(Path, sys.argv[1:])), separators=(",", ":")))
