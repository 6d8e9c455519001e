"""How good a model is on puzzles with known answers, beside what the rules alone say of its answers.

Puzzles stream from the files through the scheduler into a `Tally`; none is kept.
"""

from __future__ import annotations

import csv
import glob
import io
import itertools
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trm_solve import schedule
from trm_solve.config import SolveOptions
from trm_solve.errors import ExitCode, InputError
from trm_solve.evaluate.tally import Outcome, Tally
from trm_solve.files import AtomicFile
from trm_solve.model import TRM
from trm_solve.puzzles import get_kind, read_file
from trm_solve.puzzles.base import Puzzle
from trm_solve.trace import SCHEMA, Solution, Step

SUFFIXES = {".csv", ".json", ".maze", ".sdk", ".sdm", ".ss", ".txt"}  # what is read in a folder
UNLABELLED = "eval needs answers, such as a CSV of question,answer; solve checks answers by the rules alone"


def find_files(paths: Iterable[str]) -> list[Path]:
    """Files, the puzzle files in folders, and what shell patterns match; sorted within each argument.

    Raises `InputError` where an argument stands for nothing.
    """
    found: list[Path] = []
    for text in paths:
        path = Path(text)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            if not inside:
                raise InputError(f"{text}: no puzzle files in this folder", f"looked for {', '.join(sorted(SUFFIXES))}")
            found += inside
        elif not path.exists() and (matches := sorted(map(Path, glob.glob(text, recursive=True)))):  # noqa: PTH207
            found += [match for match in matches if match.is_file()]
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def read_labelled(files: Iterable[Path], kind: str | None = None) -> Iterator[Puzzle | InputError]:
    """Puzzles with answers, lazily and in order; what cannot be read or measured comes as the error that says so."""
    for file in files:
        labelled = False
        try:
            for item in read_file(file, kind):
                if isinstance(item, Puzzle) and item.answer is None:
                    yield InputError(f"{item.source}: no answer to measure against", UNLABELLED)
                    if not labelled:
                        break  # a file without answers is one error, not one a line
                else:
                    labelled = labelled or isinstance(item, Puzzle)
                    yield item
        except InputError as error:
            yield error


def open_puzzles(
    paths: Iterable[str], kind: str | None = None
) -> tuple[list[Path], str, Iterator[Puzzle | InputError]]:
    """The files, the kind of the first puzzle in them, and all that is in them.

    Raises `InputError`, the first of the reasons, where there is no puzzle at all.
    """
    files = find_files(paths)
    items = read_labelled(files, kind)
    head: list[Puzzle | InputError] = []
    for item in items:
        head.append(item)
        if isinstance(item, Puzzle):
            return files, item.kind, itertools.chain(head, items)
    raise head[0] if head and isinstance(head[0], InputError) else InputError("no puzzles to evaluate")


def outcome_of(index: int, solution: Solution) -> Outcome:
    """A solution held against its label; where there is no answer to stand by, the best attempt is measured."""
    puzzle, label = solution.puzzle, solution.puzzle.answer
    assert label is not None
    answer = solution.answer if solution.answer is not None else solution.best_attempt
    same = answer is not None and answer.shape == label.shape
    cells = float(np.mean(answer == label)) if same else 0.0
    has_rules = get_kind(puzzle.kind).has_rules
    return Outcome(
        index=index,
        source=puzzle.source,
        rating=puzzle.rating,
        verdict=solution.verdict,
        exact=same and cells == 1.0,
        valid=solution.verdict == "solved" if has_rules else None,
        cells=cells,
        steps=solution.steps,
        attempts=solution.attempts,
        halt_probability=solution.halt_probability,
    )


@dataclass
class Evaluation:
    """The sums of an evaluation and what it cost. Two add up to the evaluation of both, by processes side by side."""

    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    errors: int = 0  # items that could not be read or had no answer
    failures: list[int] = field(default_factory=list)  # places of the puzzles whose answer is not right

    def add(self, news: Outcome | InputError) -> None:
        if isinstance(news, InputError):
            self.errors += 1
            return
        self.tally.add(news)
        if not news.right:
            self.failures.append(news.index)

    def __iadd__(self, other: Evaluation) -> Evaluation:
        self.tally += other.tally
        self.seconds = max(self.seconds, other.seconds)
        self.errors += other.errors
        self.failures = sorted(self.failures + other.failures)
        return self

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.USAGE if self.errors else ExitCode.OK

    def to_dict(self, options: SolveOptions, **where: Any) -> dict[str, Any]:
        """The object of `eval --json`; `where` holds kind, model, device and dtype."""
        figures = self.tally.figures()
        return {
            "schema": SCHEMA,
            **figures,
            "unreadable": self.errors,
            "seconds": round(self.seconds, 3),
            "puzzles_per_second": figures["puzzles"] / self.seconds if self.seconds else None,
            "halt": options.halt,
            "max_steps": options.max_steps,
            "effort": options.effort,
            "seed": options.seed,
            **where,
        }


Notice = Callable[[int, "Outcome | InputError", Evaluation], None]
"""Hears of each item: its place, what came of it, and the sums so far."""


def evaluate(
    model: TRM,
    items: Iterable[Puzzle | InputError],
    options: SolveOptions,
    *,
    name: str = "",
    so_far: Evaluation | None = None,
    done: Container[int] = (),
    share: tuple[int, int] = (0, 1),
    notice: Notice | None = None,
) -> Evaluation:
    """Run the model on the puzzles; `notice` hears of every item, in input order.

    `share` (rank, size) takes every size-th item only; `done` holds the places that `so_far` has counted already.
    """
    found = so_far or Evaluation()
    rank, size = share
    places: deque[int] = deque()  # of the items on their way; a solution does not depend on its place

    def mine() -> Iterator[Puzzle | InputError]:
        for place, item in enumerate(items):
            if place % size == rank and place not in done:
                places.append(place)
                yield item

    start = time.perf_counter() - found.seconds
    for event in schedule.run(model, mine(), options, name=name):
        assert not isinstance(event, Step)
        place = places.popleft()
        news = event if isinstance(event, InputError) else outcome_of(place, event)
        found.add(news)
        found.seconds = time.perf_counter() - start
        if notice is not None:
            notice(place, news, found)
    return found


def write_failures(path: Path, items: Iterable[Puzzle | InputError], failures: Iterable[int]) -> None:
    """Keep the puzzles at these places, sorted, as a file that `eval`, `solve` and `train` read."""
    wanted = iter(failures)
    file = AtomicFile(path)
    try:
        table = csv.writer(text := io.StringIO(newline=""), lineterminator="\n")
        table.writerow(["source", "question", "answer", "rating", "columns"])
        place = next(wanted, None)
        for index, item in enumerate(items):
            if index == place and isinstance(item, Puzzle) and item.answer is not None:
                kind, rating = get_kind(item.kind), "" if item.rating is None else f"{item.rating:g}"
                grids = [kind.format(grid).replace("\n", "") for grid in (item.question, item.answer)]
                table.writerow([item.source, *grids, rating, item.question.shape[1]])
                file.write(text.getvalue())
                text.seek(0)
                text.truncate()
                place = next(wanted, None)
        file.write(text.getvalue())
        file.commit()
    finally:
        file.discard()
