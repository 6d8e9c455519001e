"""Puzzle files, tasks, folders in the public builder's layout and data sets of the hub, read as arrays."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trm_solve.errors import InputError, first_line, reason_of
from trm_solve.kinds import get_kind, kinds
from trm_solve.kinds.base import Kind, Report
from trm_solve.puzzle import Puzzle
from trm_solve.reading import read_file
from trm_solve.reading.arrays import integers, kind_of, read_facts
from trm_solve.tasks.identifiers import BLANK, BYTES, NAMES
from trm_solve.training.data import NO_RATING, Dataset, of_examples, plain
from trm_solve.training.naming import HUB, must_exist
from trm_solve.untrusted import read_json

BLOCK = 4096  # puzzles that are held as such at once
SHOWN = 5  # refused rows that are told one by one


def read(path: str, kind: str | None, report: Report) -> Dataset:
    """One source (without share). Raises `InputError` where nothing in it can be used."""
    if path.startswith(HUB):
        return read(str(fetch(path)), kind, report)
    place = Path(path)
    if place.is_dir():
        return read_arrays(place, kind)
    must_exist([path])
    return _read_puzzles(place, kind, report)


def read_all(
    paths: list[str], kind: str | None, copies: int, max_side: int, report: Report, *, exchange: bool = True
) -> list[Dataset]:
    """Every source. Those of tasks are read together: their identifiers come from one stream of draws."""
    paths = [str(fetch(path)) if path.startswith(HUB) else path for path in paths]
    found = [_holds_tasks(path, kind) for path in paths]
    chosen = next((each for each in found if each is not None), None)
    if chosen is None:
        return _named_alike([_keep_back(read(path, kind, report), path, report) for path in paths])
    if any(each is not chosen for each in found):
        other = next(path for path, each in zip(paths, found, strict=True) if each is not chosen)
        raise InputError(f"{other}: one run trains on one kind of puzzle, not on {chosen.name.upper()} and others")
    assert chosen.tasks is not None
    examples, names = chosen.tasks.read_examples(
        [Path(path) for path in paths], copies, max_side, report, exchange=exchange
    )
    return [of_examples(chosen.name, each, names) for each in examples]


def _holds_tasks(path: str, name: str | None) -> Kind | None:
    """The kind whose tasks a source holds, if it is a file of tasks."""
    place = Path(path)
    if not place.is_file():
        return None
    asked = kinds().values() if name is None else [get_kind(name)]
    return next((kind for kind in asked if kind.tasks is not None and (name or kind.tasks.holds(place))), None)


def _keep_back(data: Dataset, path: str, report: Report) -> Dataset:
    """Encoded examples without those that are kept to measure on; data of kinds without tasks as they are."""
    tasks = get_kind(data.kind).tasks
    if tasks is None:
        return data
    if data.names[0] != BLANK:
        why = "without it nobody can tell the test pairs of public evaluation tasks, which are not learned from"
        raise InputError(f"{path}: no identifiers.json with the names of its tasks", why)
    try:
        held = tasks.held_out(data.questions, data.ids, data.names)
    except ValueError as error:
        raise InputError(f"{path}: identifiers.json: {error}") from None
    if not held.any():
        return data
    report(f"{path}: {held.sum()} examples are test pairs of public evaluation tasks and are not learned from")
    if held.all():
        raise InputError(f"{path}: nothing to learn from", "these are test pairs of public evaluation tasks")
    return data.take(~held)


def renamed(data: Dataset, names: Sequence[str]) -> Dataset:
    """Tasks with the identifiers of other names, row 0 for one that is not among them; other data as they are."""
    if get_kind(data.kind).tasks is None or list(data.names) == list(names):
        return data
    row = {name: number for number, name in enumerate(names)}
    ids = np.array([row.get(name, 0) for name in data.names], np.int64)[data.ids]
    return dataclasses.replace(data, ids=ids, names=names)


def _named_alike(parts: list[Dataset]) -> list[Dataset]:
    """Data sets of tasks with one list of names; others as they are."""
    names = list(dict.fromkeys(name for part in parts for name in part.names))
    return [renamed(part, names) for part in parts]


def fetch(address: str) -> Path:
    """A CSV of the Hugging Face hub, `hf://datasets/ORG/NAME[/FILE]`, FILE `train.csv` by default."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    parts = address.removeprefix(HUB).split("/", 2)
    if len(parts) < 2 or not all(parts):
        raise InputError(f"{address}: not a data set's address", f"write {HUB}ORG/NAME or {HUB}ORG/NAME/FILE")
    name = "/".join(parts[:2])
    try:
        return Path(hf_hub_download(name, parts[2] if len(parts) > 2 else "train.csv", repo_type="dataset"))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        hint = "is there a network? HF_TOKEN opens gated sets"
        raise InputError(f"{address}: cannot be fetched: {first_line(error)}", hint) from None


def read_arrays(folder: Path, kind: str | None) -> Dataset:
    """A folder in the public builder's layout: `[train/]all__inputs.npy`, `all__labels.npy`, `dataset.json`."""
    if not (folder / "all__inputs.npy").exists():
        folder = folder / "train"
    try:
        facts = read_facts(folder)
        names = {"inputs": 2, "labels": 2, "puzzle_identifiers": 1, "puzzle_indices": 1}
        arrays = [integers(folder / f"all__{name}.npy", axes) for name, axes in names.items()]
    except FileNotFoundError as error:
        hint = "the public builder writes all__inputs.npy, all__labels.npy, ..., dataset.json"
        raise InputError(f"{folder}: no {Path(error.filename or '').name} in this folder", hint) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: not a data set in the public builder's layout ({error})") from None
    inputs, labels, ids, starts = arrays
    if facts.ignored not in (None, 0):
        labels = np.where(labels == facts.ignored, 0, labels)
    counts = np.diff(np.asarray(starts, np.float64), prepend=-1)  # of rows, and 1 before the first
    shapes_fit = inputs.shape == labels.shape and len(ids) + 1 == len(starts) and starts[-1] == len(inputs)
    if not shapes_fit or counts[0] != 1 or counts.min() < 0:
        raise InputError(f"{folder}: its arrays do not fit each other")
    for name, array, end in zip(names, (inputs, labels, ids), (facts.vocabulary, facts.vocabulary, facts.identifiers),
                                strict=False):  # fmt: skip
        if not 0 <= array.min() <= array.max() < end:
            raise InputError(f"{folder}: all__{name}.npy holds numbers that are none of the {end}")
    found = kind_of(folder, inputs.shape[1], facts.vocabulary, kind)
    per_row = np.repeat(ids, np.diff(starts)).astype(np.int64)
    tokens = inputs.astype(np.uint8), labels.astype(np.uint8)
    return plain(found, *tokens, names=_names(folder, facts.identifiers), ids=per_row)


def _names(folder: Path, count: int) -> Sequence[str]:
    """Names of the identifiers of a folder's data, from `identifiers.json` in it or above it; numbers without one."""
    for place in (folder, folder.parent):
        if (path := place / "identifiers.json").exists():
            try:
                names = read_json(path, size=BYTES, values=NAMES)
            except OSError as error:
                raise InputError(f"{path}: {reason_of(error)}") from None
            except ValueError as error:
                raise InputError(f"{path}: {error}") from None
            if not isinstance(names, list) or len(names) != count or not all(type(name) is str for name in names):
                raise InputError(f"{path}: not the names of {count} identifiers")
            return names
    return [str(number) for number in range(count)]


def _read_puzzles(path: Path, kind: str | None, report: Report) -> Dataset:
    """Any file that `solve` reads, its answers checked by the rules of its kind. Held in memory as arrays only."""
    parts: list[tuple[NDArray[Any], ...]] = []
    refused: list[str] = []
    names = {BLANK: 0}
    rules: Kind | None = None
    count = 0
    items = read_file(path, kind)
    while block := list(itertools.islice(items, BLOCK)):
        labelled = [item for item in block if isinstance(item, Puzzle) and item.answer is not None]
        learned: list[Puzzle] = []
        if labelled:
            rules = get_kind(labelled[0].kind)
            sound = rules.learnable(labelled)
            learned = list(itertools.compress(labelled, sound))
            parts += [_encoded(learned, rules, names)] if learned else []
        if len(learned) < len(block):
            kept = {id(puzzle) for puzzle in learned}
            faults = [_fault(item) for item in block if id(item) not in kept]
            count += len(faults)
            refused += faults[: SHOWN - len(refused)]
    for message in refused:
        report(f"refused: {message}")
    if count > SHOWN:
        report(f"refused: {path}: {count - SHOWN} more rows")
    if rules is None or not parts:
        raise InputError(refused[0] if refused else f"{path}: no puzzle in it", "training needs questions with answers")
    questions, answers, ratings, ids, sides = (np.concatenate(each) for each in zip(*parts, strict=True))
    if rules.tasks is None:
        return plain(rules.name, questions, answers, ratings)
    return dataclasses.replace(plain(rules.name, questions, answers, ratings, list(names), ids), sides=sides)


def _fault(item: Puzzle | InputError) -> str:
    """Why something is not learned from."""
    if isinstance(item, InputError):
        return item.message
    if item.answer is None:
        return item.label_fault or f"{item.source}: no answer to learn from"
    return f"{item.source}: the answer breaks the rules"


def _encoded(block: list[Puzzle], rules: Kind, names: dict[str, int]) -> tuple[NDArray[Any], ...]:
    """Questions, answers, ratings, identifiers and sides of some puzzles."""
    questions, answers = rules.encode_all(block)
    ratings = np.array([NO_RATING if p.rating is None else p.rating for p in block])
    ids, sides = np.zeros(len(block), np.int64), np.zeros(len(block), np.int64)
    if (tasks := rules.tasks) is not None:
        ids[:] = [names.setdefault(p.task, len(names)) for p in block]
        sides[:] = [tasks.side((p.question, p.answer), p) for p in block if p.answer is not None]
    return questions, answers, ratings, ids, sides
