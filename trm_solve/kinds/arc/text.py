"""Tasks as JSON: one task, or a challenges file with its solutions beside it. Standard library and numpy only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trm_solve.errors import InputError, or_raise
from trm_solve.kinds.arc.tokens import COLORS, SIDE
from trm_solve.kinds.base import Fit
from trm_solve.puzzle import Grid, Puzzle
from trm_solve.reading.container import lines_of, open_file

SAMPLE = 1 << 16  # characters that are looked at to recognise a file
LARGEST = 1 << 27  # characters of JSON; all public sets together have a tenth of that
HINT = 'a task is {"train": [{"input": [[0, 1], ...], "output": ...}, ...], "test": [{"input": ...}, ...]}'
Pair = tuple[Grid, Grid | None]


@dataclass(frozen=True, eq=False)
class Task:
    """A task: demonstration pairs, and test inputs with their outputs where the file had them."""

    name: str
    train: tuple[tuple[Grid, Grid], ...]
    test: tuple[Pair, ...]
    test_first: bool = False  # the order of the keys in its file, which the public data sets follow


def fit(head: list[str]) -> Fit:
    """By the keys of a task; any other object may be outputs, or what a person meant to be a task."""
    text = "".join(line[:SAMPLE] for line in head)[:SAMPLE].lstrip()
    if text[:1] not in ("{", "["):
        return Fit(0.0)
    known = any(f'"{key}"' in text for key in ("train", "test", "input"))
    if text[0] == "{":
        return Fit(1.0 if known else 0.4)
    return Fit(0.95 if known else 0.0)


def puzzles_of(task: Task, source: str) -> Iterator[Puzzle]:
    """A puzzle for each test input; its source is the path into the JSON."""
    questions = tuple(question for question, _ in task.test)
    for number, (question, answer) in enumerate(task.test):
        where = f"{source}:{task.name}[{number}]"
        yield Puzzle("arc", question, answer, where, task=task.name, examples=task.train, questions=questions)


def read_tasks(lines: Iterable[str], source: str, *, asked: bool = True) -> Iterator[Task | InputError]:
    """Tasks of one task's JSON or of a challenges file, whose solutions are taken from the file beside it.

    A task at fault comes as the error that names its place; raises `InputError` where the text is no such JSON. What is
    not `asked` anything, to be learned from, needs no test input.
    """
    content = _load(lines, source)
    if isinstance(content, list):
        yield from _listed(content, source, asked)
        return
    if "input" in content and "output" in content:  # the only line of a file of pairs
        yield _of_pairs([content], source, asked)
        return
    if "train" in content or "test" in content:
        yield _task(_stem(source), content, source, "", None, asked)
        return
    if not content:
        raise InputError(f"{source}: no task in it", HINT)
    if is_submission(content):
        raise InputError(f"{source}: answers to hand in, not tasks", "give the challenges file that they answer")
    if all(isinstance(fields, list) for fields in content.values()):
        raise InputError(f"{source}: outputs without their tasks", "give the challenges file that lies beside it")
    solutions = _solutions(source)
    for number, (name, fields) in enumerate(content.items()):
        try:
            if not name.isprintable():  # and it stands in every message
                raise InputError(f"{source}: task {number + 1}: its name has characters that cannot be shown")
            yield _task(name, _object(fields, source, name), source, f"{name}.", solutions.get(name), asked)
        except InputError as error:
            yield error


def is_submission(content: dict[str, Any]) -> bool:
    """Whether these are answers as they are handed in."""
    return bool(content) and all(
        isinstance(answers, list) and all(isinstance(answer, dict) and "attempt_1" in answer for answer in answers)
        for answers in content.values()
    )


def _listed(content: list[Any], source: str, asked: bool) -> Iterator[Task | InputError]:
    """Tasks in a list, which have the name that they say or that of their file and a number."""
    if content and all(isinstance(each, dict) and "input" in each for each in content):
        yield _of_pairs(content, source, asked)
        return
    if not content or not all(isinstance(each, dict) and ("train" in each or "test" in each) for each in content):
        raise InputError(f"{source}: not a JSON object", HINT)
    for number, fields in enumerate(content):
        said = next((fields[key] for key in ("id", "name", "task_id") if isinstance(fields.get(key), str)), "")
        name = said if said and said.isprintable() else f"{_stem(source)}-{number + 1}"
        try:
            yield _task(name, _object(fields, source, f"[{number}]"), source, f"[{number}].", None, asked)
        except InputError as error:
            yield error


def _of_pairs(pairs: list[Any], source: str, asked: bool) -> Task:
    """A task of pairs alone, as RE-ARC has them: there is nothing to ask, but much to learn."""
    if asked:
        what = "a list of pairs without a test input, as RE-ARC has them"
        raise InputError(f"{source}: {what}", "train learns from it; there is nothing to solve")
    found = [_pair(pair, source, f"[{n}]", needed=True) for n, pair in enumerate(pairs)]
    return Task(_stem(source), tuple((question, answer) for question, answer in found if answer is not None), ())


def _stem(source: str) -> str:
    """A file's name without its suffixes."""
    return Path(Path(source).name.removesuffix(".gz")).stem


class _Object(dict[str, Any]):
    """A JSON object that remembers a key it was given twice."""

    twice: str | None = None


def _pairs(items: list[tuple[str, Any]]) -> _Object:
    found = _Object(items)
    if len(found) < len(items):
        found.twice = Counter(name for name, _ in items).most_common(1)[0][0]
    return found


def _load(lines: Iterable[str], source: str) -> _Object | list[Any]:
    text, size = [], 0
    for line in lines:
        text.append(line)
        size += len(line)
        if size > LARGEST:
            raise InputError(f"{source}: more than {LARGEST >> 20} MB, no ARC file is so large")
    try:
        content = _by_line(text) or json.loads("".join(text), object_pairs_hook=_pairs)
    except RecursionError:
        raise InputError(f"{source}: nested too deeply, no ARC file is", HINT) from None
    except json.JSONDecodeError as error:
        raise InputError(f"{source}:{error.lineno}:{error.colno}: not JSON ({error.msg})", HINT) from None
    except ValueError:
        raise InputError(f"{source}: a number of thousands of digits, no ARC file has one", HINT) from None
    return content if isinstance(content, list) else _object(content, source, "")


def _by_line(text: list[str]) -> list[Any]:
    """The values of JSON Lines; none where the text is something else, one document above all."""
    lines = [line for line in text if line.strip()]
    if len(lines) < 2 or not all(line.strip().endswith("}") for line in lines[:2]):
        return []
    try:
        return [json.loads(line, object_pairs_hook=_pairs) for line in lines]
    except ValueError:
        return []


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
    with open_file(other) as file:
        return _object(_load(lines_of(file, str(other)), str(other)), str(other), "")


def _beside(source: str) -> Path:
    """The place of the solutions to a challenges file, either of which may be packed."""
    return other_form(Path(source).with_name(Path(source).name.replace("challenges", "solutions")))


def other_form(path: Path) -> Path:
    """The file of this name, packed or not, whichever is there; else as it was asked for."""
    plain = path.with_name(path.name.removesuffix(".gz"))
    return next((each for each in (path, plain, plain.with_name(plain.name + ".gz")) if each.exists()), path)


def _task(name: str, fields: _Object, source: str, path: str, solutions: Any, asked: bool) -> Task:
    """`solutions` are the test outputs in order, where they come from another file."""
    for part in ("train", "test"):
        if part == "test" and not asked and not fields.get(part):
            continue
        if not isinstance(fields.get(part), list) or not fields[part]:
            missing = "demonstration pair" if part == "train" else "test input"
            raise InputError(f"{source}: {path}{part}: no {missing}", HINT)
    train = [_pair(pair, source, f"{path}train[{n}]", needed=True) for n, pair in enumerate(fields["train"])]
    test = [_pair(pair, source, f"{path}test[{n}]") for n, pair in enumerate(fields.get("test") or ())]
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
    output = fields.get("output")
    if not needed and output in ([], [[]]):  # written so where it is not known
        output = None
    answer = _grid(output, source, f"{path}.output") if output is not None else None
    if needed and answer is None:
        raise InputError(f"{source}: {path}: no output", HINT)
    return _grid(fields["input"], source, f"{path}.input"), answer


def _grid(rows: Any, source: str, path: str) -> Grid:
    """A grid of colours, 1 to 30 a side. Raises `InputError` with the path of the first fault."""
    _side(rows, source, path, "rows")
    if all(type(row) is list and 0 < len(row) == len(rows[0]) <= SIDE and {*map(type, row)} == {int} for row in rows):
        fast = np.array(rows)  # as nearly all are: one look at all cells
        if fast.dtype.kind == "i" and 0 <= fast.min() <= fast.max() < COLORS:
            return fast.astype(np.uint8)
    for number, row in enumerate(rows):
        _side(row, source, f"{path}[{number}]", "cells")
        if len(row) != len(rows[0]):
            raise InputError(f"{source}: {path}[{number}]: {len(row)} cells, the first row has {len(rows[0])}")
        for place, value in enumerate(row):
            whole = type(value) is int or (isinstance(value, float) and value.is_integer())
            if not whole or not 0 <= value < COLORS:
                shown = "a list" if isinstance(value, list | dict) else json.dumps(value)[:20]
                raise InputError(f"{source}: {path}[{number}][{place}]: {shown} is not a colour from 0 to 9")
    return np.array(rows, np.uint8)


def _side(items: Any, source: str, path: str, what: str) -> None:
    if not isinstance(items, list):
        raise InputError(f"{source}: {path}: not a list of {what}", HINT)
    if not 1 <= len(items) <= SIDE:
        raise InputError(f"{source}: {path}: {len(items)} {what}, a grid has 1 to {SIDE}")


def open_tasks(files: Sequence[Path]) -> list[list[Task]]:
    """The tasks of each challenges file. Raises `InputError` at the first that cannot be read."""
    found = []
    for path in files:
        with open_file(path) as file:
            found.append(list(or_raise(read_tasks(lines_of(file, str(path)), str(path), asked=False))))
    return found
