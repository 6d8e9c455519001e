"""The public ARC data sets rebuilt, array for array: tasks, their augmented copies, and the encoded examples.

One legacy NumPy stream serves everything, in the order of the public builder (arXiv 2510.04871's code): the copies of
all tasks first, the offsets of the examples last. Copies are kept as (transform, permutation) and encoded as they are
written, so that the set of 1,000 copies, 9 GB of arrays, needs no gigabytes of memory.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trm_solve.config import check_seed
from trm_solve.errors import InputError, ModelError
from trm_solve.files import make_folder, write_atomically, written_atomically
from trm_solve.kinds.arc.copies import Copy, identifier
from trm_solve.kinds.arc.text import Pair, Task, open_tasks
from trm_solve.kinds.arc.tokens import COLOR, COLORS, SIDE, place
from trm_solve.kinds.dihedral import DIHEDRAL
from trm_solve.puzzle import Grid
from trm_solve.tasks.identifiers import BLANK

TRIALS = 5  # draws per copy that is wanted
MISSING: Grid = np.zeros((1, 1), np.uint8)  # stands for an output that is not known
CELLS = SIDE * SIDE
SETS = (
    ("training", "evaluation", "concept"),
    ("training2", "evaluation2", "concept"),
)  # of public checkpoints, in order


@dataclass(frozen=True, eq=False)
class Entry:
    """A task of a data set, and its copies; the first is the task as it is."""

    task: Task
    subset: int  # place among the files
    copies: tuple[Copy | None, ...]

    @property
    def names(self) -> Iterator[str]:
        return (identifier(self.task.name, copy) for copy in self.copies)

    def examples(self, *, test: bool) -> tuple[Pair, ...]:
        """Pairs to learn from: the demonstrations, with `test` the test pairs too, in the order of the file."""
        if not test:
            return self.task.train
        parts = (self.task.test, self.task.train) if self.task.test_first else (self.task.train, self.task.test)
        return tuple(pair for part in parts for pair in part)


def seeded(seed: int) -> np.random.RandomState:
    """The generator of the public builder. Raises `InputError` for a seed that it does not take."""
    check_seed(seed)
    return np.random.RandomState(seed)


def draw_entries(
    subsets: Sequence[Sequence[Task]], copies: int, random: np.random.RandomState, *, exchange: bool = True
) -> Iterator[Entry]:
    """Every task with its copies, in the public order."""
    for number, tasks in enumerate(subsets):
        shuffled = list(tasks)
        random.shuffle(shuffled)  # type: ignore[arg-type]  # a list, in place
        for task in shuffled:
            yield Entry(task, number, (None, *draw_copies(task, copies, random, exchange=exchange)))


def draw_copies(task: Task, count: int, random: np.random.RandomState, *, exchange: bool = True) -> Iterator[Copy]:
    """Up to `count` copies of a task that differ from it and from each other; a small task has fewer.

    Without `exchange` they keep its colours, and there are seven at most.
    """
    pairs = [(question, MISSING if answer is None else answer) for question, answer in (*task.train, *task.test)]
    seen = {_content(pairs, Copy())}
    drawn = _draws(TRIALS * count, random) if exchange else map(Copy, range(1, len(DIHEDRAL)))
    while len(seen) <= count and (copy := next(drawn, None)) is not None:
        if (content := _content(pairs, copy)) not in seen:
            seen.add(content)
            yield copy


def _draws(count: int, random: np.random.RandomState) -> Iterator[Copy]:
    """As the public builder draws them."""
    for _ in range(count):
        transform = int(random.randint(0, len(DIHEDRAL)))
        colours = random.permutation(np.arange(1, COLORS, dtype=np.uint8))
        yield Copy(transform, (0, *(int(colour) for colour in colours)))


def _content(pairs: Sequence[tuple[Grid, Grid]], copy: Copy) -> bytes:
    """The same for two copies with the same multiset of pairs."""
    looks = []
    for pair in pairs:
        grids = [copy.apply(grid) for grid in pair]
        looks.append(b"".join(bytes(grid.shape) + grid.tobytes() for grid in grids))
    return b"".join(sorted(looks))


def identifiers(files: Sequence[Path], copies: int, seed: int = 42) -> Iterator[str]:
    """The identifiers of a data set in order, `<blank>` first."""
    yield BLANK
    for entry in draw_entries(open_tasks(files), copies, seeded(seed)):
        yield from entry.names


def rebuild(folder: Path, copies: int, rows: int, seed: int = 42) -> list[str]:
    """The identifiers of a public checkpoint, drawn anew from the public challenges files in a folder.

    Of ARC-AGI-1 and -2 the set that gives as many identifiers as there are rows. Raises `InputError` where there are no
    such files, `ModelError` where no number fits.
    """
    sets = [[p for subset in each for p in sorted(folder.glob(f"*{subset}_challenges.json"))] for each in SETS]
    if not any(sets):
        raise InputError(f"{folder}: no ARC files", "such as arc-agi_training_challenges.json and its solutions file")
    counts = []
    for number, files in enumerate(sets):
        if not files or files in sets[:number]:
            continue
        names = list(identifiers(files, copies, seed))
        if len(names) == rows:
            return names
        counts.append(f"{len(names):,}")
    made = f"{copies} copies with seed {seed} give {' or '.join(counts)} identifiers"
    raise ModelError(f"{folder}: {made}, the puzzle table has {rows:,} rows", "other files, --copies or --seed?")


def encode(
    examples: Sequence[Pair], copy: Copy | None, random: np.random.RandomState, *, translate: bool
) -> Iterator[tuple[Grid, Grid]]:
    """Tokens (30, 30) of a copy's examples: one, drawn, stays at (0, 0); the others are moved where `translate` is."""
    still = int(random.randint(0, len(examples)))
    for number, (question, answer) in enumerate(examples):
        grids = [question, MISSING if answer is None else answer]
        if copy is not None:
            grids = [copy.apply(grid) for grid in grids]
        offset = (0, 0)
        if translate and number != still:
            rows, columns = np.max([grid.shape for grid in grids], axis=0)
            offset = int(random.randint(0, SIDE - rows + 1)), int(random.randint(0, SIDE - columns + 1))
        yield place(grids[0], offset), place(grids[1], offset)


def build(files: Sequence[Path], out: Path, copies: int, *, test: int | None = None, seed: int = 42) -> None:
    """Write the data set of challenges files as the public builder does: arrays, `identifiers.json`.

    The test pairs of file number `test` (default: none) go to the test split; **those of every other file are examples
    to learn from**. Raises `InputError`.
    """
    random = seeded(seed)
    entries = list(draw_entries(open_tasks(files), copies, random))
    make_folder(out)
    names = [BLANK, *(name for entry in entries for name in entry.names)]
    write_atomically(out / "identifiers.json", json.dumps(names).encode())
    starts = itertools.accumulate((len(entry.copies) for entry in entries), initial=1)
    first = dict(zip(map(id, entries), starts, strict=False))  # the identifier of each entry's first copy
    for split in ("train", "test"):
        chosen = [entry for entry in entries if split == "train" or entry.subset == test]
        if not chosen:
            continue
        of_split = {
            id(entry): entry.task.test if split == "test" else entry.examples(test=entry.subset != test)
            for entry in chosen
        }
        ids = np.concatenate([np.arange(len(e.copies), dtype=np.int32) + first[id(e)] for e in chosen])
        sizes = np.concatenate([np.full(len(e.copies), len(of_split[id(e)])) for e in chosen])
        folder = out / split
        make_folder(folder)
        arrays = {
            "puzzle_identifiers": ids,
            "puzzle_indices": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
            "group_indices": np.concatenate([[0], np.cumsum([len(e.copies) for e in chosen])]).astype(np.int32),
        }
        for name, array in arrays.items():
            with written_atomically(folder / f"all__{name}.npy") as file:
                np.save(file, array)
        encoded = (
            pair
            for entry in chosen
            for copy in entry.copies
            for pair in encode(of_split[id(entry)], copy, random, translate=split == "train")
        )
        _write_examples(folder, int(sizes.sum()), encoded)
        facts = _facts(len(names), len(chosen), len(ids), float(sizes.mean()))
        write_atomically(folder / "dataset.json", json.dumps(facts).encode())
    if test is not None:
        puzzles = {e.task.name: _as_json(e.task) for e in entries if e.subset == test}
        write_atomically(out / "test_puzzles.json", json.dumps(puzzles).encode())


def _write_examples(folder: Path, count: int, pairs: Iterator[tuple[Grid, Grid]]) -> None:
    """Inputs and labels (count, 900), one example at a time."""
    header: dict[str, Any] = {"descr": "|u1", "fortran_order": False, "shape": (count, CELLS)}
    with (
        written_atomically(folder / "all__inputs.npy") as inputs,
        written_atomically(folder / "all__labels.npy") as labels,
    ):
        for file in (inputs, labels):
            np.lib.format.write_array_header_1_0(file, header)
        for question, answer in pairs:
            inputs.write(question.tobytes())
            labels.write(answer.tobytes())


def _facts(identifiers: int, groups: int, puzzles: int, examples: float) -> dict[str, Any]:
    return {
        "pad_id": 0,
        "ignore_label_id": 0,
        "blank_identifier_id": 0,
        "vocab_size": COLORS + COLOR,
        "seq_len": CELLS,
        "num_puzzle_identifiers": identifiers,
        "total_groups": groups,
        "mean_puzzle_examples": examples,
        "total_puzzles": puzzles,
        "sets": ["all"],
    }


def _as_json(task: Task) -> dict[str, Any]:
    parts: dict[str, tuple[Pair, ...]] = {"train": task.train, "test": task.test}
    order = ("test", "train") if task.test_first else ("train", "test")
    return {
        part: [
            {"input": question.tolist(), "output": (MISSING if answer is None else answer).tolist()}
            for question, answer in parts[part]
        ]
        for part in order
    }
