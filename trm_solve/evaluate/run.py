"""How good a model is on puzzles with known answers, beside what the rules alone say of its answers.

Puzzles stream from the files through the scheduler into a `Tally`; none is kept.
"""

from __future__ import annotations

import csv
import dataclasses
import errno
import glob
import io
import itertools
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trm_solve import schedule
from trm_solve.arc.solve import run_tasks
from trm_solve.config import AdaptOptions, SolveOptions
from trm_solve.errors import ExitCode, InputError, reason_of
from trm_solve.evaluate.tally import Outcome, Tally
from trm_solve.evaluate.tasks import pass_at
from trm_solve.files import AtomicFile
from trm_solve.model import TRM
from trm_solve.puzzles import get_kind, read_file
from trm_solve.puzzles.arc import task_of
from trm_solve.puzzles.base import Puzzle
from trm_solve.trace import SCHEMA, Solution, Step

SUFFIXES = {".csv", ".json", ".maze", ".sdk", ".sdm", ".ss", ".txt"}  # what is read in a folder
UNLABELLED = "eval needs answers, such as a CSV of question,answer; solve checks answers by the rules alone"
UNLABELLED_TASK = "the solutions file belongs beside the challenges; --submission FILE answers without it"


def find_files(paths: Iterable[str]) -> list[Path]:
    """Files, the puzzle files in folders, and what shell patterns match; sorted within each argument.

    Raises `InputError` where an argument stands for nothing.
    """
    found: list[Path] = []
    for text in paths:
        path = Path(text)
        try:
            path.stat()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # for which the questions below raise
                raise InputError(f"{text}: {reason_of(error)}") from None
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and _holds_puzzles(p))
            if not inside:
                raise InputError(f"{text}: no puzzle files in this folder", f"looked for {', '.join(sorted(SUFFIXES))}")
            found += inside
        elif not path.exists() and (matches := sorted(map(Path, glob.glob(text, recursive=True)))):  # noqa: PTH207
            found += filter(_holds_puzzles, matches)
        elif path.exists() and not path.is_file():
            raise InputError(f"{text}: not a plain file", "eval reads what it measures more than once: save it first")
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _holds_puzzles(path: Path) -> bool:
    """Not so the solutions to ARC challenges, which are read with these."""
    challenges = path.with_name(path.name.replace("solutions", "challenges"))
    return path.is_file() and (challenges.name == path.name or not challenges.exists())


def read_labelled(
    files: Iterable[Path], kind: str | None = None, *, unlabelled: bool = False
) -> Iterator[Puzzle | InputError]:
    """Puzzles with answers, lazily and in order; what cannot be read or measured comes as the error that says so.

    With `unlabelled`, those without an answer come too.
    """
    for file in files:
        labelled = False
        try:
            for item in read_file(file, kind):
                if isinstance(item, Puzzle) and item.answer is None and not unlabelled:
                    hint = UNLABELLED_TASK if item.task else UNLABELLED
                    yield InputError(f"{item.source}: no answer to measure against", hint)
                    if not labelled:
                        break  # a file without answers is one error, not one a line
                else:
                    labelled = labelled or isinstance(item, Puzzle)
                    yield item
        except InputError as error:
            yield error


def open_puzzles(
    paths: Iterable[str], kind: str | None = None, *, unlabelled: bool = False
) -> tuple[list[Path], str, Iterator[Puzzle | InputError]]:
    """The files, the kind of the first puzzle in them, and all that is in them.

    Raises `InputError`, the first of the reasons, where there is no puzzle at all.
    """
    files = find_files(paths)
    items = read_labelled(files, kind, unlabelled=unlabelled)
    head: list[Puzzle | InputError] = []
    for item in items:
        head.append(item)
        if isinstance(item, Puzzle):
            return files, item.kind, itertools.chain(head, items)
    raise head[0] if head and isinstance(head[0], InputError) else InputError("no puzzles to evaluate")


def place(items: Iterable[Puzzle | InputError], count: int, seed: int) -> Iterator[Puzzle | InputError]:
    """Every puzzle at `count` random places of its canvas (at all of them, if there are no more), one after another.

    Puzzles of one size share their places, so that places can be compared. Raises `InputError` at a puzzle that has
    one place only.
    """
    for item in items:
        if isinstance(item, InputError):
            yield item
            continue
        size, canvas = item.question.shape, get_kind(item.kind).canvas
        room = (canvas[0] - size[0] + 1, canvas[1] - size[1] + 1)
        if (places := room[0] * room[1]) == 1:
            what = f"a {item.kind} puzzle of {size[0]} x {size[1]} cells fills its canvas"
            raise InputError(f"{item.source}: {what}", "--offsets is for mazes smaller than 30 x 30")
        drawn = np.random.default_rng([seed, *size]).choice(places, min(count, places), replace=False)
        for at in np.sort(drawn).tolist():
            yield dataclasses.replace(item, offset=divmod(at, room[1]))


def outcome_of(index: int, solution: Solution, offsets: int = 0) -> Outcome:
    """A solution held against its label; where there is no answer to stand by, the best attempt is measured.

    Without a label there is nothing to hold it against: `exact` is None.
    """
    puzzle, label = solution.puzzle, solution.puzzle.answer
    answer = solution.answer if solution.answer is not None else solution.best_attempt
    same = answer is not None and label is not None and answer.shape == label.shape
    cells = float(np.mean(answer == label)) if same else 0.0
    kind = get_kind(puzzle.kind)
    ranked = [candidate.answer for candidate in solution.candidates]
    hits = (n for n, each in enumerate(ranked, 1) if label is not None and np.array_equal(each, label))
    return Outcome(
        index=index,
        source=puzzle.source,
        rating=puzzle.rating,
        verdict=solution.verdict,
        exact=None if label is None else same and cells == 1.0,
        valid=solution.verdict == "solved" if kind.has_rules else None,
        verdicts={name: fact for name, fact in solution.facts.items() if isinstance(fact, bool)},
        placement=(*puzzle.question.shape, *puzzle.offset) if offsets else (),
        cells=cells,
        steps=solution.steps,
        attempts=solution.attempts,
        halt_probability=solution.halt_probability,
        task=puzzle.task,
        rank=next(hits, None),
        votes=solution.candidates[0].votes if ranked else 0,
        confidence=solution.facts.get("confidence"),
        seconds=solution.seconds + solution.facts.get("adapt_seconds", 0.0),
        answers=tuple(map(kind.format, ranked[:2])),
    )


@dataclass
class Evaluation:
    """The sums of an evaluation and what it cost. Two add up to the evaluation of both, by processes side by side."""

    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    errors: int = 0  # items that could not be read, had no answer or are of a task that the model does not know
    exit_code: ExitCode = ExitCode.OK  # the highest that any of them calls for
    failures: list[int] = field(default_factory=list)  # places of the puzzles whose answer is not right

    def add(self, news: Outcome | InputError) -> None:
        if isinstance(news, InputError):
            self.errors += 1
            self.exit_code = max(self.exit_code, news.exit_code)
            return
        self.tally.add(news)
        if news.exact is not None and not news.right:
            self.failures.append(news.index)

    def __iadd__(self, other: Evaluation) -> Evaluation:
        self.tally += other.tally
        self.seconds = max(self.seconds, other.seconds)
        self.errors += other.errors
        self.exit_code = max(self.exit_code, other.exit_code)
        self.failures = sorted(self.failures + other.failures)
        return self

    def to_dict(self, options: SolveOptions, **where: Any) -> dict[str, Any]:
        """The object of `eval --json`; `where` holds kind, model, device and dtype."""
        figures = self.tally.figures()
        answered = figures["puzzles"] + figures["unlabelled"]
        return {
            "schema": SCHEMA,
            **figures,
            **(pass_at(self.tally.by_task) if self.tally.by_task else {}),
            "unreadable": self.errors,
            "seconds": round(self.seconds, 3),
            "puzzles_per_second": answered / self.seconds if self.seconds else None,
            "halt": options.halt,
            "max_steps": options.max_steps,
            "effort": options.effort,
            "seed": options.seed,
            **where,
        }


Runner = Callable[..., Iterator[schedule.Event]]
"""Runs a model as `schedule.run(model, items, options, name=name)`: a solution or an error for each item, in order."""

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
    offsets: int = 0,
    notice: Notice | None = None,
    adaptation: AdaptOptions | None = None,
    runner: Runner | None = None,
) -> Evaluation:
    """Run the model on the puzzles; `notice` hears of every item, in input order.

    ARC tasks that the model does not know are fitted within `adaptation`. `runner` takes the place of the model's own.

    `share` (rank, size) takes every size-th item only, or every size-th task with all its test inputs; `done` holds
    the places that `so_far` has counted already. With `offsets`, the items are those that `place` makes of the puzzles.
    """
    items = place(items, offsets, options.seed) if offsets else items
    found = so_far or Evaluation()
    rank, size = share
    places: deque[int] = deque()  # of the items on their way; a solution does not depend on its place

    def mine() -> Iterator[Puzzle | InputError]:
        number, before = -1, None
        for index, item in enumerate(items):
            task = task_of(item)
            number += task is None or task != before
            before = task
            if number % size == rank and index not in done:
                places.append(index)
                yield item

    if runner is None:
        runner = partial(run_tasks, adaptation=adaptation, go_on=True) if model.config.kind == "arc" else schedule.run
    start = time.perf_counter() - found.seconds
    for event in runner(model, mine(), options, name=name):
        assert not isinstance(event, Step)
        index = places.popleft()
        news = event if isinstance(event, InputError) else outcome_of(index, event, offsets)
        found.add(news)
        found.seconds = time.perf_counter() - start
        if notice is not None:
            notice(index, news, found)
    return found


def write_failures(file: AtomicFile, items: Iterable[Puzzle | InputError], failures: Iterable[int]) -> None:
    """Keep the puzzles at these places, sorted, as a file that `eval`, `solve` and `train` read; each of them once."""
    wanted = iter(failures)
    table = csv.writer(text := io.StringIO(newline=""), lineterminator="\n")
    table.writerow(["source", "question", "answer", "rating", "columns"])
    place, kept = next(wanted, None), None
    for index, item in enumerate(items):
        if index != place or not isinstance(item, Puzzle) or item.answer is None:
            continue
        place = next(wanted, None)
        if item.question is not kept:  # else the puzzle of the row before, at another offset
            kept = item.question
            kind, rating = get_kind(item.kind), "" if item.rating is None else f"{item.rating:g}"
            grids = [kind.format(grid).replace("\n", "") for grid in (item.question, item.answer)]
            table.writerow([item.source, *grids, rating, item.question.shape[1]])
            file.write(text.getvalue())
            text.seek(0)
            text.truncate()
    file.write(text.getvalue())
    file.commit()
