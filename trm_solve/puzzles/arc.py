"""ARC: tasks as JSON, tokens, the reading of an answer, and the copies by which a task is multiplied.

Symbols are the colours 0-9. A puzzle is one test input of a task; the task's demonstration pairs come with it. Tokens
are the public checkpoints': 0 PAD, 1 EOS (just below and just right of a grid), colour c is c + 2.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError
from trm_solve.puzzles.base import Check, Grid, Kind, Mask, Puzzle, Reading, Scalar
from trm_solve.puzzles.dihedral import DIHEDRAL, INVERSE, turn

SIDE = 30
CANVAS = (SIDE, SIDE)
SIDES = (6, 9, 11, 13, 17, 21, 26, SIDE)  # of cropped canvases: few shapes, each compiled and batched once
EOS, COLOR = 1, 2  # the token of the end of a grid, and that of colour 0
COLORS = 10
LARGEST = 1 << 27  # characters of JSON; all public sets together have a tenth of that
SEPARATOR = "|||"  # of an identifier: TASK|||tK|||PERMUTATION
COPY = re.compile(r"(.*)\|\|\|t([0-7])\|\|\|([0-9]{10})", re.DOTALL)
HINT = 'a task is {"train": [{"input": [[0, 1], ...], "output": ...}, ...], "test": [{"input": ...}, ...]}'
Pair = tuple[Grid, Grid | None]


@dataclass(frozen=True, eq=False)
class Task:
    """A task: demonstration pairs, and test inputs with their outputs where the file had them."""

    name: str
    train: tuple[tuple[Grid, Grid], ...]
    test: tuple[Pair, ...]
    test_first: bool = False  # the order of the keys in its file, which the public data sets follow


@dataclass(frozen=True)
class Copy:
    """A way to see a task: its colours exchanged (0 stays), then one of the eight turns and reflections."""

    transform: int = 0
    colours: tuple[int, ...] = tuple(range(COLORS))  # colour c is seen as colours[c]

    @property
    def name(self) -> str:
        """As in identifiers: `tK|||PERMUTATION`."""
        return f"t{self.transform}{SEPARATOR}{''.join(map(str, self.colours))}"

    def apply(self, grid: Grid) -> Grid:
        return turn(np.array(self.colours, np.uint8)[grid], self.transform)

    def move(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """Move values that stand in the cells (confidences, masks) as `apply` moves colours."""
        return turn(values, self.transform)

    def inverse(self, shape: tuple[int, int]) -> Copy:
        """The way back."""
        return Copy(INVERSE[self.transform], tuple(int(c) for c in np.argsort(self.colours)))


def identifier(task: str, copy: Copy | None) -> str:
    """The public name of a copy of a task; None: the task as it is."""
    return task if copy is None else f"{task}{SEPARATOR}{copy.name}"


def split_identifier(text: str) -> tuple[str, Copy]:
    """An identifier taken apart. Raises ValueError."""
    if SEPARATOR not in text:
        return text, Copy()
    found = COPY.fullmatch(text)
    if found is None or len(set(found[3])) < COLORS:
        raise ValueError(f"not a copy: {text}")
    return found[1], Copy(int(found[2]), tuple(map(int, found[3])))


class Arc(Kind):
    """Find the rule that turns inputs into outputs from a few pairs, and apply it to another input."""

    name = "arc"
    canvas = CANVAS
    vocab_size = COLORS + COLOR
    has_rules = False

    def recognises(self, head: list[str]) -> bool:
        return next((line.lstrip()[:1] for line in head if line.strip()), "") == "{"

    def parse(self, lines: Iterable[str], source: str) -> Iterator[Puzzle | InputError]:
        for task in read_tasks(lines, source):
            if isinstance(task, InputError):
                yield task
            else:
                yield from puzzles_of(task, source)

    def format(self, grid: Grid) -> str:
        return json.dumps(grid.tolist(), separators=(",", ":"))

    def encode(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        return place(puzzle.question, puzzle.offset).ravel()

    def encode_answer(self, puzzle: Puzzle) -> NDArray[np.uint8]:
        assert puzzle.answer is not None
        return place(puzzle.answer, puzzle.offset).ravel()

    def decode(self, puzzle: Puzzle, tokens: NDArray[np.uint8], confidence: NDArray[np.float32]) -> Reading:
        row, column = puzzle.offset
        said, sure = tokens.reshape(CANVAS)[row:, column:], confidence.reshape(CANVAS)[row:, column:]
        rows, columns = largest_rectangle(said)
        return Reading(said[:rows, :columns].astype(np.uint8) - np.uint8(COLOR), sure[:rows, :columns].copy())

    def check(self, puzzle: Puzzle, answer: Grid) -> Check:
        """No rules can judge."""
        return Check(False, True, np.zeros(answer.shape, np.bool_))

    def symmetry(self, puzzle: Puzzle, rng: np.random.Generator) -> Copy:
        return Copy(int(rng.integers(len(DIHEDRAL))), (0, *(int(c) for c in 1 + rng.permutation(COLORS - 1))))

    def givens(self, puzzle: Puzzle) -> Mask:
        return np.zeros(puzzle.question.shape, np.bool_)

    def crop(self, puzzle: Puzzle) -> NDArray[np.intp] | None:
        """The square that the task needs, which is that of all its questions: see `needed_side`."""
        return square(needed_side(puzzle.examples, puzzle.questions or [puzzle.question]))


def needed_side(pairs: Iterable[Pair], questions: Iterable[Grid]) -> int:
    """The side of a square canvas from (0, 0) for these grids, and for answers that grow as much as any pair does.

    One of `SIDES`, with room for an EOS where the whole canvas has it.
    """
    pairs, growth = list(pairs), 1.0
    sides = [max(grid.shape) for pair in pairs for grid in pair if grid is not None]
    for question, answer in pairs:
        if answer is not None:
            growth = max(growth, *(out / size for out, size in zip(answer.shape, question.shape, strict=True)))
    for question in questions:
        sides += [max(question.shape), round(max(question.shape) * growth)]
    return next((side for side in SIDES if side > max(sides, default=SIDE)), SIDE)


def square(side: int) -> NDArray[np.intp] | None:
    """Cells of the square of this side at the canvas's first cell; None: the whole canvas."""
    if side >= SIDE:
        return None
    return (np.arange(side)[:, None] * SIDE + np.arange(side)).ravel()


def place(grid: Grid, offset: tuple[int, int] = (0, 0)) -> Grid:
    """A grid's tokens on the canvas (30, 30), EOS below and right of it where there is room."""
    canvas = np.zeros(CANVAS, np.uint8)
    (top, left), (rows, columns) = offset, grid.shape
    bottom, right = top + rows, left + columns
    canvas[top:bottom, left:right] = grid + np.uint8(COLOR)
    canvas[bottom : bottom + 1, left:right] = EOS
    canvas[top:bottom, right : right + 1] = EOS
    return canvas


def largest_rectangle(tokens: NDArray[np.uint8]) -> tuple[int, int]:
    """Rows, columns of the largest rectangle at (0, 0) that holds colours only; of equal ones that with fewer rows."""
    widths = np.minimum.accumulate((np.cumprod(tokens >= COLOR, axis=1)).sum(1))
    areas = widths * np.arange(1, len(widths) + 1)
    rows = int(areas.argmax()) + 1
    return (rows, int(widths[rows - 1])) if areas.any() else (0, 0)


def task_of(item: Puzzle | InputError) -> tuple[str, str] | None:
    """What the test inputs of one task have in common, file and name; None for other puzzles and for errors."""
    return (item.source.rpartition(":")[0], item.task) if isinstance(item, Puzzle) and item.kind == "arc" else None


def puzzles_of(task: Task, source: str) -> Iterator[Puzzle]:
    """A puzzle for each test input; its source is the path into the JSON."""
    questions = tuple(question for question, _ in task.test)
    for number, (question, answer) in enumerate(task.test):
        where = f"{source}:{task.name}[{number}]"
        yield Puzzle("arc", question, answer, where, task=task.name, examples=task.train, questions=questions)


def read_tasks(lines: Iterable[str], source: str) -> Iterator[Task | InputError]:
    """Tasks of one task's JSON or of a challenges file, whose solutions are taken from the file beside it.

    A task at fault comes as the error that names its place; raises `InputError` where the text is no such JSON.
    """
    content = _load(lines, source)
    if "train" in content or "test" in content:
        yield _task(Path(source).stem, content, source, "", None)
        return
    if not content:
        raise InputError(f"{source}: no task in it", HINT)
    if all(isinstance(fields, list) for fields in content.values()):
        raise InputError(f"{source}: outputs without their tasks", "give the challenges file that lies beside it")
    solutions = _solutions(source)
    for number, (name, fields) in enumerate(content.items()):
        try:
            if not name.isprintable():  # and it stands in every message
                raise InputError(f"{source}: task {number + 1}: its name has characters that cannot be shown")
            yield _task(name, _object(fields, source, name), source, f"{name}.", solutions.get(name))
        except InputError as error:
            yield error


class _Object(dict[str, Any]):
    """A JSON object that remembers a key it was given twice."""

    twice: str | None = None


def _pairs(items: list[tuple[str, Any]]) -> _Object:
    found = _Object(items)
    if len(found) < len(items):
        found.twice = Counter(name for name, _ in items).most_common(1)[0][0]
    return found


def _load(lines: Iterable[str], source: str) -> _Object:
    text, size = [], 0
    for line in lines:
        text.append(line)
        size += len(line)
        if size > LARGEST:
            raise InputError(f"{source}: more than {LARGEST >> 20} MB, no ARC file is so large")
    try:
        content = json.loads("".join(text), object_pairs_hook=_pairs)
    except RecursionError:
        raise InputError(f"{source}: nested too deeply, no ARC file is", HINT) from None
    except json.JSONDecodeError as error:
        raise InputError(f"{source}:{error.lineno}:{error.colno}: not JSON ({error.msg})", HINT) from None
    except ValueError:
        raise InputError(f"{source}: a number of thousands of digits, no ARC file has one", HINT) from None
    return _object(content, source, "")


def _object(content: Any, source: str, path: str) -> _Object:
    where = f"{source}: {path}" if path else source
    if not isinstance(content, _Object):
        raise InputError(f"{where}: not a JSON object", HINT)
    if content.twice is not None:
        raise InputError(f"{where}: the key {content.twice[:40]!a} stands there twice")
    return content


def _solutions(source: str) -> dict[str, Any]:
    """The outputs of a challenges file's test inputs, from the solutions file beside it; empty where there is none."""
    other = _beside(source)
    if other == Path(source) or not other.exists():
        return {}
    try:
        with other.open(encoding="utf-8-sig") as file:
            return _load(file, str(other))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{other}: cannot be read ({error})") from None


def _beside(source: str) -> Path:
    """The place of the solutions to a challenges file."""
    path = Path(source)
    return path.with_name(path.name.replace("challenges", "solutions"))


def _task(name: str, fields: _Object, source: str, path: str, solutions: Any) -> Task:
    """`solutions` are the test outputs in order, where they come from another file."""
    for part in ("train", "test"):
        if not isinstance(fields.get(part), list) or not fields[part]:
            missing = "demonstration pair" if part == "train" else "test input"
            raise InputError(f"{source}: {path}{part}: no {missing}", HINT)
    train = [_pair(pair, source, f"{path}train[{n}]", needed=True) for n, pair in enumerate(fields["train"])]
    test = [_pair(pair, source, f"{path}test[{n}]") for n, pair in enumerate(fields["test"])]
    if solutions is not None:
        beside = str(_beside(source))
        if not isinstance(solutions, list) or len(solutions) != len(test):
            count = f"{len(solutions)} outputs" if isinstance(solutions, list) else "not a list of outputs"
            raise InputError(f"{beside}: {name}: {count}, the task's test inputs are {len(test)}")
        outputs = [_grid(grid, beside, f"{name}[{n}]") for n, grid in enumerate(solutions)]
        test = [
            (question, answer if answer is not None else output)
            for (question, answer), output in zip(test, outputs, strict=True)
        ]
    pairs = tuple((question, answer) for question, answer in train if answer is not None)
    return Task(name, pairs, tuple(test), next(key for key in fields if key in ("train", "test")) == "test")


def _pair(pair: Any, source: str, path: str, *, needed: bool = False) -> Pair:
    fields = _object(pair, source, path)
    for key in ("input", "output") if needed else ("input",):
        if key not in fields:
            raise InputError(f"{source}: {path}: no {key}", HINT)
    answer = _grid(fields["output"], source, f"{path}.output") if fields.get("output") is not None else None
    if needed and answer is None:
        raise InputError(f"{source}: {path}: no output", HINT)
    return _grid(fields["input"], source, f"{path}.input"), answer


def _grid(rows: Any, source: str, path: str) -> Grid:
    """A grid of colours, 1 to 30 a side. Raises `InputError` with the path of the first fault."""
    _side(rows, source, path, "rows")
    for number, row in enumerate(rows):
        _side(row, source, f"{path}[{number}]", "cells")
        if len(row) != len(rows[0]):
            raise InputError(f"{source}: {path}[{number}]: {len(row)} cells, the first row has {len(rows[0])}")
        for place, value in enumerate(row):
            if type(value) is not int or not 0 <= value < COLORS:
                shown = "a list" if isinstance(value, list | dict) else json.dumps(value)[:20]
                raise InputError(f"{source}: {path}[{number}][{place}]: {shown} is not a colour from 0 to 9")
    return np.array(rows, np.uint8)


def _side(items: Any, source: str, path: str, what: str) -> None:
    if not isinstance(items, list):
        raise InputError(f"{source}: {path}: not a list of {what}", HINT)
    if not 1 <= len(items) <= SIDE:
        raise InputError(f"{source}: {path}: {len(items)} {what}, a grid has 1 to {SIDE}")
