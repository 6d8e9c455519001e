"""The rows of a checkpoint's puzzle embedding: which task, seen through which copy, each stands for.

Standard library and numpy only.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trm_solve.errors import ModelError, reason_of
from trm_solve.files import write_atomically
from trm_solve.kinds import get_kind, kinds
from trm_solve.kinds.base import Tasks
from trm_solve.puzzle import Puzzle, View
from trm_solve.untrusted import read_json

IDENTIFIERS = "identifiers.json"  # beside a checkpoint's configuration
BYTES, NAMES = 1 << 30, 20_000_000  # at most, in such a file: the largest public one has 876,406 names
BLANK = "<blank>"  # name of row 0


@dataclass(frozen=True, eq=False)
class Identifiers:
    """The names of a checkpoint's rows, `given` or read from a file when they are first asked for.

    876,406 names, those of the public ARC-AGI-1 checkpoints, are read in 0.15 s and take 80 MB while they are held;
    so all of them are looked at by `check` only, for what comes from outside.
    """

    tasks_of: Tasks  # what the kind says of them
    rows: int  # of the puzzle embedding
    path: Path = Path(IDENTIFIERS)
    given: Sequence[str] | None = None

    @classmethod
    def beside(cls, folder: Path, kind: str, rows: int) -> Identifiers | None:
        """Those of a folder with a checkpoint for this kind; None where it has none."""
        path, tasks = folder / IDENTIFIERS, get_kind(kind).tasks if kind in kinds() else None
        return cls(tasks, rows, path) if tasks is not None and path.exists() else None

    @cached_property
    def names(self) -> Sequence[str]:
        """The name of every row. Raises `ModelError` where they are not those of this table."""
        names = self._read() if self.given is None else self.given
        if len(names) != self.rows:
            hint = "these identifiers were made for another checkpoint, or with another number of copies"
            raise ModelError(f"{self.path}: {len(names)} identifiers, the puzzle table has {self.rows} rows", hint)
        if not names or names[0] != BLANK:
            raise ModelError(f"{self.path}: the first identifier is not '{BLANK}'")
        return names

    def _read(self) -> list[str]:
        try:
            names = read_json(self.path, size=BYTES, values=NAMES)
        except OSError as error:
            raise ModelError(f"{self.path}: {reason_of(error)}") from None
        except ValueError as error:
            raise ModelError(f"{self.path}: {error}") from None
        if not isinstance(names, list) or not all(type(name) is str for name in names):
            raise ModelError(f"{self.path}: not a list of names")
        return names

    @cached_property
    def tasks(self) -> frozenset[str]:
        """The tasks that have a row, whether as they are or as a copy."""
        return frozenset(map(self.tasks_of.task_of, self.names[1:]))

    def copies(self, task: str) -> list[tuple[int, View]]:
        """The rows of a task and how each sees it, in order of the rows, the task as it is first; empty: not known.

        Raises `ModelError` for a name that cannot be read or stands there twice.
        """
        # most names do not begin like it: the kind is asked about the rest
        like = [row for row, name in enumerate(self.names) if name.startswith(task)]
        rows = [row for row in like if self.tasks_of.task_of(self.names[row]) == task]
        rows.sort(key=lambda row: self.names[row] != task)
        if len({self.names[row] for row in rows}) < len(rows):
            raise ModelError(f"{self.path}: an identifier of '{task}' stands there twice")
        return [(row, self._copy(row)) for row in rows if row]

    def _copy(self, row: int) -> View:
        try:
            return self.tasks_of.split(self.names[row])[1]
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


def recognise(puzzle: Puzzle, identifiers: Identifiers) -> str | None:
    """The name under which a checkpoint knows a puzzle's task; None where it does not."""
    return identifiers.tasks_of.recognise(puzzle.task, puzzle.examples, identifiers.tasks)


def task_key(item: object) -> tuple[str, str] | None:
    """What the questions of one task have in common, file and name; None for other puzzles and for errors."""
    if isinstance(item, Puzzle) and get_kind(item.kind).tasks is not None:
        return item.source.rpartition(":")[0], item.task
    return None
